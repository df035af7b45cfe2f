/// RFC 3501 §6.4.5, with the modifiers of RFC 7162 and RFC 9394.
public struct FetchCommand: Sendable {
    public var set: SequenceSet
    /// In the client's order; macros (ALL, FAST, FULL) are expanded.
    public var items: [FetchItem]
    public var uid: Bool
    /// RFC 7162 §3.1.4.1: only messages that changed after this. 0 … 2^63 − 1.
    public var changedSince: UInt64?
    /// RFC 7162 §3.2.6: tell first which of the set have vanished since. Only in UID FETCH, with `changedSince`.
    public var vanished: Bool
    /// RFC 9394 §3.3: only this part of what the set names. Only in UID FETCH.
    public var partial: PartialRange?

    public init(
        set: SequenceSet, items: [FetchItem], uid: Bool, changedSince: UInt64? = nil, vanished: Bool = false,
        partial: PartialRange? = nil
    ) {
        self.set = set
        self.items = items
        self.uid = uid
        self.changedSince = changedSince
        self.vanished = vanished
        self.partial = partial
    }
}

/// RFC 9394 §3.1: the first through the last of some results, counted from 1, from their beginning or (`-1:-100`) their end.
public struct PartialRange: Hashable, Sendable {
    /// The smaller of the two numbers, 1 …
    public var first: UInt32
    public var last: UInt32
    public var isFromEnd: Bool

    public init(first: UInt32, last: UInt32, isFromEnd: Bool) {
        self.first = first
        self.last = last
        self.isFromEnd = isFromEnd
    }
}

public enum FetchItem: Hashable, Sendable {
    case flags
    case internalDate
    case size
    case envelope
    /// `BODY` without section: BODYSTRUCTURE without extension data.
    case body
    case bodyStructure
    case uid
    /// RFC 7162 §3.1.4.2
    case modSeq
    /// RFC 8474 §5.1, §5.2
    case emailID
    case threadID
    /// RFC 8514 §4.2
    case saveDate
    case section(SectionFetch)
}

/// `BODY[…]<…>`, `BODY.PEEK[…]<…>`, and their older names.
public struct SectionFetch: Hashable, Sendable {
    public var section: BodySection
    /// Does not set \Seen.
    public var peek: Bool
    /// First byte and most bytes, `<origin.count>`; count at least 1.
    public var partial: Partial?
    /// `RFC822` and its like are answered under their own names.
    public var form: Form

    public struct Partial: Hashable, Sendable {
        public var origin: UInt32
        public var count: UInt32
        public init(origin: UInt32, count: UInt32) {
            self.origin = origin
            self.count = count
        }
    }

    public enum Form: Hashable, Sendable {
        case body
        /// `RFC822`: `BODY[]`
        case rfc822
        /// `RFC822.HEADER`: `BODY.PEEK[HEADER]`
        case rfc822Header
        /// `RFC822.TEXT`: `BODY[TEXT]`
        case rfc822Text
    }

    public init(section: BodySection, peek: Bool, partial: Partial? = nil, form: Form = .body) {
        self.section = section
        self.peek = peek
        self.partial = partial
        self.form = form
    }
}

/// What stands between the brackets: `[]`, `[TEXT]`, `[1.2.MIME]`, `[HEADER.FIELDS (DATE FROM)]`.
public struct BodySection: Hashable, Sendable {
    /// Each from 1; empty for the message itself.
    public var part: [Int]
    public var text: Text

    public enum Text: Hashable, Sendable {
        /// The whole part.
        case whole
        case header
        /// Field names as the client spelt them.
        case headerFields([String])
        case headerFieldsNot([String])
        case text
        /// Only behind a part number.
        case mime
    }

    public init(part: [Int] = [], text: Text = .whole) {
        self.part = part
        self.text = text
    }
}
