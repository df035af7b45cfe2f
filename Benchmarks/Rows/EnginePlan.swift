/// What a run of the engine bench is asked for.
public struct EnginePlan: Sendable {
    /// Messages of the large mailbox.
    public var messages = 1_000_000
    /// Mailboxes of the account that is listed.
    public var mailboxes = 10_000
    public var repetitions = 5
    /// Where all data grows from.
    public var seed: UInt64 = 1
    /// Where the stores are made; a folder of the run's own, which is removed at its end.
    public var folder = ""
    /// The program that is run for what needs a process of its own.
    public var program = ""
    /// Engines, by name.
    public var engines: [String] = []
    /// Groups of rows, by name; empty: all.
    public var groups: [String] = []

    /// What may be asked for.
    public static let allGroups = [
        "load", "open", "append", "changed", "vanished", "both", "scan", "sequence", "body", "store-one", "store-all", "expunge",
        "list-status",
    ]

    public init() {}

    func wants(_ group: String) -> Bool { groups.isEmpty || groups.contains(group) }

    /// Bytes of the messages of the large mailbox.
    static let smallMessage = 1024
    /// Of those that are appended one by one, and fetched.
    static let message = 4096
    /// Of those that are fetched in part.
    static let largeMessage = 1 << 20
    /// So many messages change, and so many vanish, in what is synchronised.
    static let changes = 100
}
