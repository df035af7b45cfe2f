import MailModel

/// RFC 3501 §6.4.4.
public struct SearchCommand: Sendable {
    /// As the client wrote it; nil if it named none. Strings in the key are decoded by it already: the parser knows
    /// US-ASCII and UTF-8 and refuses others with `Event.badCharset`.
    public var charset: String?
    /// All of them must hold: an `.and` if there are several.
    public var key: SearchKey
    public var uid: Bool

    public init(charset: String?, key: SearchKey, uid: Bool) {
        self.charset = charset
        self.key = key
        self.uid = uid
    }
}

public indirect enum SearchKey: Hashable, Sendable {
    case all
    /// `ANSWERED`, `SEEN` …: has all these.
    case has(SystemFlags)
    /// `UNANSWERED`, `UNSEEN` …: has none of these.
    case hasNot(SystemFlags)
    case keyword(String)
    case notKeyword(String)
    case recent
    /// `OLD`; `NEW` is `.and([.recent, .hasNot(.seen)])`.
    case notRecent
    case sequenceNumbers(SequenceSet)
    case uids(SequenceSet)
    case larger(UInt32)
    case smaller(UInt32)
    /// By the internal date's day, its time and zone disregarded.
    case before(CalendarDay)
    case on(CalendarDay)
    case since(CalendarDay)
    /// By the Date field's day, its time and zone disregarded.
    case sentBefore(CalendarDay)
    case sentOn(CalendarDay)
    case sentSince(CalendarDay)
    /// `BCC`, `CC`, `FROM`, `SUBJECT`, `TO`, and `HEADER`: the field has this in its value; the empty string asks only
    /// that the field is there.
    case header(field: String, String)
    case body(String)
    case text(String)
    case not(SearchKey)
    case or(SearchKey, SearchKey)
    case and([SearchKey])
}
