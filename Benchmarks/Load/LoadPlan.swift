/// What a load run does, and to whom.
public struct LoadPlan: Sendable {
    public var servers: [LoadServer] = []
    /// Messages of the large mailbox.
    public var messages = 20_000
    /// Mailboxes that are listed.
    public var mailboxes = 1000
    /// Connections of the rows that have many.
    public var connections = 10
    /// Sessions that idle.
    public var idlers = 100
    public var repetitions = 5
    public var seed: UInt64 = 1
    /// What the mailboxes' names begin with; those that are there already are deleted first, and all of them in the end.
    public var prefix = "load"
    /// Groups of rows, by name; empty: all.
    public var groups: [String] = []

    public static let allGroups = [
        "append", "flags", "envelopes", "body", "store-one", "store-all", "expunge", "changedsince", "qresync", "list-status", "search",
        "idle", "mixed", "memory",
    ]

    public init() {}

    func wants(_ group: String) -> Bool { groups.isEmpty || groups.contains(group) }

    /// Bytes of the messages of the large mailbox.
    static let smallMessage = 1024
    /// Of those that are appended and fetched one by one.
    static let message = 4096
    /// So many messages change, and so many vanish, in what is synchronised.
    static let changes = 100
}

/// An IMAP server, reached in the clear.
public struct LoadServer: Sendable {
    public var name: String
    public var host: String
    public var port: Int
    public var user: String
    public var password: String
    /// A process of the server's: with its descendants it is what the server takes of the memory. nil: that is not told.
    public var process: Int32?

    public init(name: String, host: String, port: Int, user: String, password: String) {
        self.name = name
        self.host = host
        self.port = port
        self.user = user
        self.password = password
    }
}

/// The server did not answer, refused, or answered wrongly.
public struct LoadError: Error, CustomStringConvertible {
    public let server: String
    public let message: String
    /// It did answer.
    public let isWrongAnswer: Bool

    public init(_ server: String, _ message: String, isWrongAnswer: Bool = false) {
        self.server = server
        self.message = message
        self.isWrongAnswer = isWrongAnswer
    }

    public var description: String { "\(server): \(message)" }
}
