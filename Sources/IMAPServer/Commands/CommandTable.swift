import IMAPCodec

/// A command: where it is allowed, what it means for sequence numbers, and who carries it out.
struct CommandRow: Sendable {
    typealias Handler = @Sendable (Session, TaggedCommand) async throws -> Reply

    let name: String
    let states: SessionStates
    /// Before its tagged response, EXPUNGE may be told (RFC 3501 §7.4.1).
    let mayShift: Bool
    /// Before its tagged response, what is new in the selected mailbox is told. Not for commands that select another one.
    let reportsUpdates: Bool
    /// It names messages by sequence numbers, which UIDONLY does away with (RFC 9586 §3).
    let namesByNumber: Bool
    /// It only looks, so that it may be carried out on the event loop (`SessionExecutor`); for what is otherwise in it the
    /// handler calls `Session.mayWait`.
    let isQuick: Bool
    let handler: Handler

    init(
        _ name: String, _ states: SessionStates, mayShift: Bool = true, reportsUpdates: Bool = true,
        namesByNumber: Bool = false, isQuick: Bool = false,
        _ handler: @escaping Handler
    ) {
        self.name = name
        self.states = states
        self.mayShift = mayShift
        self.reportsUpdates = reportsUpdates
        self.namesByNumber = namesByNumber
        self.isQuick = isQuick
        self.handler = handler
    }
}

/// All commands. Each family's rows stand at the head of its file.
enum CommandTable {
    static let rows: [String: CommandRow] = {
        let families = [
            sessionCommands, loginCommands, mailboxCommands, listCommands, selectCommands, appendCommands, idleCommands,
            fetchCommands, storeCommands, searchCommands, copyCommands, expungeCommands,
        ]
        return Dictionary(uniqueKeysWithValues: families.joined().map { ($0.name, $0) })
    }()
}
