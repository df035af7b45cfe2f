/// Arguments of the commands that concern mailboxes: RFC 3501 §6.3.1 … §6.3.10.
enum MailboxArguments {
    static func mailbox(_ cursor: inout Cursor) throws(Refusal) -> MailboxPath {
        try cursor.space(before: "a mailbox name")
        return try cursor.mailbox()
    }

    @Sendable static func create(_ cursor: inout Cursor) throws(Refusal) -> Command {
        .create(CreateCommand(mailbox: try mailbox(&cursor)))
    }

    @Sendable static func rename(_ cursor: inout Cursor) throws(Refusal) -> Command {
        let from = try mailbox(&cursor)
        try cursor.space(before: "the new name")
        return .rename(from: from, to: try cursor.mailbox("the new name"))
    }

    @Sendable static func list(_ cursor: inout Cursor) throws(Refusal) -> Command {
        let (reference, pattern) = try referenceAndPattern(&cursor)
        return .list(ListCommand(reference: reference, patterns: [pattern]))
    }

    @Sendable static func lsub(_ cursor: inout Cursor) throws(Refusal) -> Command {
        let (reference, pattern) = try referenceAndPattern(&cursor)
        return .lsub(reference: reference, pattern: pattern)
    }

    /// The reference is a mailbox name of which neither delimiter nor case may be touched: it is the beginning of others.
    private static func referenceAndPattern(_ cursor: inout Cursor) throws(Refusal) -> (String, String) {
        try cursor.space(before: "a reference name")
        let reference = try cursor.withAString("a reference name, which may be \"\"") {
            bytes throws(Refusal) in try Cursor.mailboxName(bytes)
        }
        try cursor.space(before: "a pattern of mailbox names")
        return (reference, try cursor.listPattern())
    }

    @Sendable static func status(_ cursor: inout Cursor) throws(Refusal) -> Command {
        let mailbox = try mailbox(&cursor)
        try cursor.space(before: "a list of status items")
        try cursor.expect(.leftParenthesis, "a list of status items in parentheses")
        var items: [StatusItem] = []
        repeat {
            let start = cursor
            guard let item = StatusItem(rawValue: try cursor.word("a status item")) else {
                throw start.expected("one of MESSAGES, RECENT, UIDNEXT, UIDVALIDITY, UNSEEN")
            }
            items.append(item)
        } while cursor.takes(.space)
        try cursor.expect(.rightParenthesis, "\")\" or a space after a status item")
        return .status(mailbox, items)
    }
}
