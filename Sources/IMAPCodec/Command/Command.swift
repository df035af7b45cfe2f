import MailModel
import NIOCore

/// A client's command with all that it says, every argument decoded: mailbox names are UTF-8, flags are `Flags`.
public struct TaggedCommand: Sendable {
    public var tag: String
    public var command: Command

    public init(tag: String, command: Command) {
        self.tag = tag
        self.command = command
    }
}

/// The commands of RFC 3501 §6 and of the extensions that the codec knows. One case a command; `UID` variants carry
/// `uid: true`.
public enum Command: Sendable {
    // RFC 3501 §6.1: in any state
    case capability
    case noop
    case logout
    /// RFC 2971; an empty list where the client says NIL.
    case id([(field: String, value: String?)])

    // RFC 3501 §6.2: not authenticated
    case startTLS
    /// RFC 3501 §6.2.2; the initial response (RFC 4959) is decoded from base64, empty for `=`.
    case authenticate(mechanism: String, initialResponse: [UInt8]?)
    case login(user: String, password: String)

    // RFC 3501 §6.3: authenticated
    case enable([String])  // RFC 5161
    /// SELECT, and EXAMINE.
    case select(SelectCommand)
    case create(CreateCommand)
    case delete(MailboxPath)
    case rename(from: MailboxPath, to: MailboxPath)
    case subscribe(MailboxPath)
    case unsubscribe(MailboxPath)
    case list(ListCommand)
    case lsub(reference: String, pattern: String)
    case status(MailboxPath, [StatusItem])
    case append(AppendCommand)
    case namespace  // RFC 2342
    case idle  // RFC 2177

    // RFC 3501 §6.4: selected
    case check
    case close
    case unselect  // RFC 3691
    case expunge
    case uidExpunge(SequenceSet)  // RFC 4315 §2.1
    case search(SearchCommand)
    case fetch(FetchCommand)
    case store(StoreCommand)
    case copy(SequenceSet, to: MailboxPath, uid: Bool)
    case move(SequenceSet, to: MailboxPath, uid: Bool)  // RFC 6851

    /// A command whose name nobody knows. Its arguments have been read over.
    case unknown(String)

    /// As the client may write it, in capitals, `UID` and the command with one space between them.
    public var name: String {
        switch self {
        case .capability: "CAPABILITY"
        case .noop: "NOOP"
        case .logout: "LOGOUT"
        case .id: "ID"
        case .startTLS: "STARTTLS"
        case .authenticate: "AUTHENTICATE"
        case .login: "LOGIN"
        case .enable: "ENABLE"
        case .select(let select): select.isReadOnly ? "EXAMINE" : "SELECT"
        case .create: "CREATE"
        case .delete: "DELETE"
        case .rename: "RENAME"
        case .subscribe: "SUBSCRIBE"
        case .unsubscribe: "UNSUBSCRIBE"
        case .list: "LIST"
        case .lsub: "LSUB"
        case .status: "STATUS"
        case .append: "APPEND"
        case .namespace: "NAMESPACE"
        case .idle: "IDLE"
        case .check: "CHECK"
        case .close: "CLOSE"
        case .unselect: "UNSELECT"
        case .expunge: "EXPUNGE"
        case .uidExpunge: "UID EXPUNGE"
        case .search(let search): search.uid ? "UID SEARCH" : "SEARCH"
        case .fetch(let fetch): fetch.uid ? "UID FETCH" : "FETCH"
        case .store(let store): store.uid ? "UID STORE" : "STORE"
        case .copy(_, _, let uid): uid ? "UID COPY" : "COPY"
        case .move(_, _, let uid): uid ? "UID MOVE" : "MOVE"
        case .unknown(let name): name
        }
    }
}

/// A mailbox's name as the client gave it: decoded from modified UTF-7 (RFC 3501 §5.1.3), `INBOX` in capitals however it
/// was spelt.
public struct MailboxPath: Hashable, Sendable {
    public var name: String
    /// The client ended the name with the hierarchy delimiter (CREATE, RFC 3501 §6.3.3); `name` is without it.
    public var hasTrailingDelimiter: Bool

    public init(_ name: String, hasTrailingDelimiter: Bool = false) {
        self.name = name
        self.hasTrailingDelimiter = hasTrailingDelimiter
    }
}

/// RFC 3501 §6.4.6, RFC 7162 §3.1.3.
public struct StoreCommand: Sendable {
    public enum Operation: Sendable { case add, remove, replace }
    public var set: SequenceSet
    public var operation: Operation
    public var isSilent: Bool
    public var flags: Flags
    public var uid: Bool
    /// RFC 7162 §3.1.3: messages that changed after this are left as they are. 0 … 2^63 − 1.
    public var unchangedSince: UInt64?

    public init(
        set: SequenceSet, operation: Operation, isSilent: Bool, flags: Flags, uid: Bool, unchangedSince: UInt64? = nil
    ) {
        self.set = set
        self.operation = operation
        self.isSilent = isSilent
        self.flags = flags
        self.uid = uid
        self.unchangedSince = unchangedSince
    }
}
