import MailModel
import NIOCore

/// What a server says: one response (RFC 3501 §7), read.
public enum Response: Hashable, Sendable {
    /// `tag OK …`, `* NO …`, the greeting.
    case status(StatusResponse)
    /// `+ …`: go on. The text is a challenge in an authentication (RFC 3501 §7.5).
    case continuation(String)
    /// RFC 3501 §7.2.1; in upper case.
    case capability([String])
    /// RFC 5161 §3.2; in upper case.
    case enabled([String])
    /// The flags that the mailbox knows (RFC 3501 §7.2.6).
    case flags([String])
    /// LIST or LSUB (RFC 3501 §7.2.2, §7.2.3).
    case list(ListResponse)
    /// STATUS (RFC 3501 §7.2.4).
    case mailboxStatus(MailboxStatusResponse)
    /// The numbers that were found in the server's order, and the highest mod-sequence among them if it was asked for
    /// (RFC 3501 §7.2.5, RFC 7162 §3.1.5).
    case search([UInt32], modSeq: ModSeq?)
    /// RFC 4731 §3.1
    case extendedSearch(ExtendedSearchResponse)
    /// RFC 3501 §7.3.1
    case exists(UInt32)
    /// RFC 3501 §7.3.2
    case recent(UInt32)
    /// RFC 3501 §7.4.1
    case expunge(UInt32)
    /// RFC 7162 §3.2.10
    case vanished(UIDSet, isEarlier: Bool)
    /// FETCH (RFC 3501 §7.4.2), or UIDFETCH (RFC 9586 §3.3).
    case fetch(FetchResponse)
    /// A response of a kind that is not known here, its name in upper case.
    case other(name: String, ByteBuffer)
    /// A response that breaks the syntax, and where.
    case unreadable(ByteBuffer, reason: String)
}

/// RFC 3501 §7.1: how a command, or something unasked, went.
public struct StatusResponse: Hashable, Sendable {
    public enum Condition: String, Sendable {
        case ok = "OK"
        case no = "NO"
        case bad = "BAD"
        case preauthenticated = "PREAUTH"
        case bye = "BYE"
    }

    /// Nil where untagged.
    public var tag: String?
    public var condition: Condition
    public var code: ResponseCode?
    /// For people.
    public var text: String

    public init(tag: String?, condition: Condition, code: ResponseCode? = nil, text: String) {
        self.tag = tag
        self.condition = condition
        self.code = code
        self.text = text
    }

    public var isOK: Bool { condition == .ok }
}

/// What stands in brackets at the head of a status response's text.
public enum ResponseCode: Hashable, Sendable {
    /// RFC 3501 §7.1
    case alert
    case capability([String])
    case permanentFlags([String])
    case readOnly
    case readWrite
    case tryCreate
    case uidNext(UInt32)
    case uidValidity(UInt32)
    case unseen(UInt32)
    /// RFC 7162 §3.1.2.1
    case highestModSeq(ModSeq)
    /// RFC 7162 §3.1.2.2
    case noModSeq
    /// RFC 7162 §3.1.3: sequence numbers or UIDs, as the command had them.
    case modified(UIDSet)
    /// RFC 7162 §3.2.11
    case closed
    /// RFC 4315 §3: ranges in the order in which the messages were given.
    case appendUID(validity: UInt32, [UIDRange])
    /// RFC 4315 §3: the n-th UID of the one list became the n-th of the other.
    case copyUID(validity: UInt32, source: [UIDRange], destination: [UIDRange])
    /// Any other, its name in upper case, and what follows it.
    case other(String, arguments: String?)

    /// The name in upper case.
    public var name: String {
        switch self {
        case .alert: "ALERT"
        case .capability: "CAPABILITY"
        case .permanentFlags: "PERMANENTFLAGS"
        case .readOnly: "READ-ONLY"
        case .readWrite: "READ-WRITE"
        case .tryCreate: "TRYCREATE"
        case .uidNext: "UIDNEXT"
        case .uidValidity: "UIDVALIDITY"
        case .unseen: "UNSEEN"
        case .highestModSeq: "HIGHESTMODSEQ"
        case .noModSeq: "NOMODSEQ"
        case .modified: "MODIFIED"
        case .closed: "CLOSED"
        case .appendUID: "APPENDUID"
        case .copyUID: "COPYUID"
        case .other(let name, _): name
        }
    }
}
