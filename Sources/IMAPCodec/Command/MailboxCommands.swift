/// SELECT and EXAMINE: RFC 3501 §6.3.1 and §6.3.2, with the parameters of RFC 7162.
public struct SelectCommand: Sendable {
    public var mailbox: MailboxPath
    /// It was EXAMINE.
    public var isReadOnly: Bool
    /// RFC 7162 §3.1.8.
    public var condstore: Bool
    public var qresync: Resynchronisation?

    public init(
        mailbox: MailboxPath, isReadOnly: Bool, condstore: Bool = false, qresync: Resynchronisation? = nil
    ) {
        self.mailbox = mailbox
        self.isReadOnly = isReadOnly
        self.condstore = condstore
        self.qresync = qresync
    }

    /// What the client knows of the mailbox: `(QRESYNC (…))` of RFC 7162 §3.2.5.
    public struct Resynchronisation: Sendable {
        public var uidValidity: UInt32
        /// 1 … 2^63 − 1.
        public var modSeq: UInt64
        /// Without `*`; nil: all below the next UID.
        public var knownUIDs: SequenceSet?
        /// Message numbers and the UIDs that go with them, the k-th with the k-th (§3.2.5.2). Without `*`.
        public var sequenceMatch: (numbers: SequenceSet, uids: SequenceSet)?

        public init(
            uidValidity: UInt32, modSeq: UInt64, knownUIDs: SequenceSet? = nil,
            sequenceMatch: (numbers: SequenceSet, uids: SequenceSet)? = nil
        ) {
            self.uidValidity = uidValidity
            self.modSeq = modSeq
            self.knownUIDs = knownUIDs
            self.sequenceMatch = sequenceMatch
        }
    }
}

/// RFC 3501 §6.3.3; `(USE (…))` by RFC 6154 §3.
public struct CreateCommand: Sendable {
    public var mailbox: MailboxPath
    /// Attributes as the client wrote them, backslash included.
    public var uses: [String]

    public init(mailbox: MailboxPath, uses: [String] = []) {
        self.mailbox = mailbox
        self.uses = uses
    }
}

/// LIST: RFC 3501 §6.3.8, and what RFC 5258 and its followers let a client choose.
public struct ListCommand: Sendable {
    public var reference: String
    /// At least one; with `*` and `%`, decoded to UTF-8.
    public var patterns: [String]
    public var selection: Selection
    public var returns: Returns
    /// STATUS items for each mailbox that is listed (RFC 5819); empty: none.
    public var status: [StatusItem]
    /// The client used the extended syntax: selection options, several patterns or return options (RFC 5258 §3).
    public var isExtended: Bool

    /// RFC 5258 §3.1, RFC 6154 §2.
    public struct Selection: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let subscribed = Selection(rawValue: 1)
        public static let remote = Selection(rawValue: 2)
        public static let recursiveMatch = Selection(rawValue: 4)
        public static let specialUse = Selection(rawValue: 8)
    }

    /// RFC 5258 §3.2, RFC 6154 §2.
    public struct Returns: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let subscribed = Returns(rawValue: 1)
        public static let children = Returns(rawValue: 2)
        public static let specialUse = Returns(rawValue: 4)
    }

    public init(
        reference: String, patterns: [String], selection: Selection = [], returns: Returns = [],
        status: [StatusItem] = [], isExtended: Bool = false
    ) {
        self.reference = reference
        self.patterns = patterns
        self.selection = selection
        self.returns = returns
        self.status = status
        self.isExtended = isExtended
    }
}

/// RFC 3501 §6.3.10, and where its extensions say so.
public enum StatusItem: String, Sendable, CaseIterable {
    case messages = "MESSAGES"
    case recent = "RECENT"
    case uidNext = "UIDNEXT"
    case uidValidity = "UIDVALIDITY"
    case unseen = "UNSEEN"
    /// RFC 7162 §3.1.7
    case highestModSeq = "HIGHESTMODSEQ"
    /// RFC 8438
    case size = "SIZE"
    /// RFC 9051 §6.3.11
    case deleted = "DELETED"
    /// RFC 8474 §4.3
    case mailboxID = "MAILBOXID"
    /// RFC 7889 §3
    case appendLimit = "APPENDLIMIT"
}
