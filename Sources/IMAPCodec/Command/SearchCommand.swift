import MailModel

/// RFC 3501 §6.4.4; `RETURN (…)` by RFC 4731, RFC 5182 and RFC 9394.
public struct SearchCommand: Sendable {
    /// As the client wrote it; nil if it named none. Strings in the key are decoded by it already: the parser knows
    /// US-ASCII and UTF-8 and refuses others with `Event.badCharset`.
    public var charset: String?
    /// All of them must hold: an `.and` if there are several.
    public var key: SearchKey
    public var uid: Bool
    /// nil: no RETURN, and so a SEARCH response; otherwise an ESEARCH one.
    public var returns: SearchReturns?

    public init(charset: String?, key: SearchKey, uid: Bool, returns: SearchReturns? = nil) {
        self.charset = charset
        self.key = key
        self.uid = uid
        self.returns = returns
    }
}

/// What the client wants to hear of a search's result. `RETURN ()` is `all` (RFC 4731 §3.1).
public struct SearchReturns: Sendable {
    public struct Options: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let min = Options(rawValue: 1)
        public static let max = Options(rawValue: 2)
        public static let all = Options(rawValue: 4)
        public static let count = Options(rawValue: 8)
        /// RFC 5182 §2.1: keep the result, for `$`.
        public static let save = Options(rawValue: 16)
    }
    public var options: Options
    /// RFC 9394 §3.1; not together with `all`.
    public var partial: PartialRange?

    public init(_ options: Options, partial: PartialRange? = nil) {
        self.options = options
        self.partial = partial
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
    /// RFC 7162 §3.1.5: changed at or after this. The entry's name and type, which may stand before it, mean nothing here:
    /// a message has one mod-sequence.
    case modSeq(UInt64)
    /// RFC 5032 §3: the internal date is at least, or less than, so many seconds ago; from 1.
    case older(UInt32)
    case younger(UInt32)
    /// RFC 8514 §4.3
    case savedBefore(CalendarDay)
    case savedOn(CalendarDay)
    case savedSince(CalendarDay)
    case saveDateSupported
    /// RFC 8474 §5.4
    case emailID(String)
    case threadID(String)
    /// `BCC`, `CC`, `FROM`, `SUBJECT`, `TO`, and `HEADER`: the field has this in its value; the empty string asks only
    /// that the field is there.
    case header(field: String, String)
    case body(String)
    case text(String)
    case not(SearchKey)
    case or(SearchKey, SearchKey)
    case and([SearchKey])
}

extension SearchKey {
    /// Whether messages are named by their numbers, which an expunge would shift (RFC 7162 §3.2.10.2, RFC 9586). `$`
    /// names them by no number.
    public var hasSequenceNumbers: Bool {
        contains { key in
            if case .sequenceNumbers(let set) = key { !set.isSavedResult } else { false }
        }
    }

    /// Whether a mod-sequence is asked for: such a search enables CONDSTORE (RFC 7162 §3.1).
    public var hasModSeq: Bool {
        contains { key in
            if case .modSeq = key { true } else { false }
        }
    }

    private func contains(_ isMeant: (SearchKey) -> Bool) -> Bool {
        switch self {
        case .not(let key): key.contains(isMeant)
        case .or(let a, let b): a.contains(isMeant) || b.contains(isMeant)
        case .and(let keys): keys.contains { $0.contains(isMeant) }
        default: isMeant(self)
        }
    }
}
