/// Every command that the codec knows: its name, and what reads its arguments. A command joins by one row here and one
/// function in its family's file.
enum CommandTable {
    /// Reads what follows a command's name, the space before it included, up to the command's end.
    typealias Arguments = @Sendable (inout Cursor) throws(Refusal) -> Command

    static let commands: [String: Arguments] = [
        "CAPABILITY": { _ throws(Refusal) in .capability },
        "NOOP": { _ throws(Refusal) in .noop },
        "LOGOUT": { _ throws(Refusal) in .logout },
        "ID": SessionArguments.id,
        "STARTTLS": { _ throws(Refusal) in .startTLS },
        "AUTHENTICATE": SessionArguments.authenticate,
        "LOGIN": SessionArguments.login,
        "ENABLE": SessionArguments.enable,
        "NAMESPACE": { _ throws(Refusal) in .namespace },
        "IDLE": { _ throws(Refusal) in .idle },

        "SELECT": { cursor throws(Refusal) in try SelectArguments.select(&cursor, isReadOnly: false) },
        "EXAMINE": { cursor throws(Refusal) in try SelectArguments.select(&cursor, isReadOnly: true) },
        "CREATE": MailboxArguments.create,
        "DELETE": { cursor throws(Refusal) in .delete(try MailboxArguments.mailbox(&cursor)) },
        "RENAME": MailboxArguments.rename,
        "SUBSCRIBE": { cursor throws(Refusal) in .subscribe(try MailboxArguments.mailbox(&cursor)) },
        "UNSUBSCRIBE": { cursor throws(Refusal) in .unsubscribe(try MailboxArguments.mailbox(&cursor)) },
        "LIST": ListArguments.list,
        "LSUB": ListArguments.lsub,
        "STATUS": MailboxArguments.status,

        "CHECK": { _ throws(Refusal) in .check },
        "CLOSE": { _ throws(Refusal) in .close },
        "UNSELECT": { _ throws(Refusal) in .unselect },
        "EXPUNGE": { _ throws(Refusal) in .expunge },
        "SEARCH": { cursor throws(Refusal) in try SearchArguments.search(&cursor, uid: false) },
        "FETCH": { cursor throws(Refusal) in try FetchArguments.fetch(&cursor, uid: false) },
        "STORE": { cursor throws(Refusal) in try MessageArguments.store(&cursor, uid: false) },
        "COPY": { cursor throws(Refusal) in try MessageArguments.copy(&cursor, uid: false) },
        "MOVE": { cursor throws(Refusal) in try MessageArguments.move(&cursor, uid: false) },
    ]

    /// What may follow `UID`.
    static let uidCommands: [String: Arguments] = [
        "EXPUNGE": MessageArguments.uidExpunge,
        "SEARCH": { cursor throws(Refusal) in try SearchArguments.search(&cursor, uid: true) },
        "FETCH": { cursor throws(Refusal) in try FetchArguments.fetch(&cursor, uid: true) },
        "STORE": { cursor throws(Refusal) in try MessageArguments.store(&cursor, uid: true) },
        "COPY": { cursor throws(Refusal) in try MessageArguments.copy(&cursor, uid: true) },
        "MOVE": { cursor throws(Refusal) in try MessageArguments.move(&cursor, uid: true) },
    ]
}
