/// Arguments of the commands that concern mailboxes: RFC 3501 §6.3.1 … §6.3.10.
enum MailboxArguments {
    static func mailbox(_ cursor: inout Cursor) throws(Refusal) -> MailboxPath {
        try cursor.space(before: "a mailbox name")
        return try cursor.mailbox()
    }

    @Sendable static func create(_ cursor: inout Cursor) throws(Refusal) -> Command {
        var create = CreateCommand(mailbox: try mailbox(&cursor))
        if cursor.next == .space, cursor.byte(after: 1) == .leftParenthesis {
            cursor.advance()
            try createParameters(&cursor, &create)
        }
        return .create(create)
    }

    /// create-params (RFC 4466 §2.2): USE is the only one so far (RFC 6154 §6).
    private static func createParameters(_ cursor: inout Cursor, _ create: inout CreateCommand) throws(Refusal) {
        cursor.advance()
        repeat {
            guard cursor.takes(word: "USE") else { throw cursor.expected("USE") }
            try cursor.space(before: "a list of special uses")
            try cursor.expect(.leftParenthesis, "a list of special uses in parentheses")
            if cursor.takes(.rightParenthesis) { continue }
            repeat {
                try cursor.expect(.backslash, "a special use such as \\Drafts")
                create.uses.append("\\" + String(decoding: try cursor.atom("a special use"), as: UTF8.self))
            } while cursor.takes(.space)
            try cursor.expect(.rightParenthesis, "\")\" or a space after a special use")
        } while cursor.takes(.space)
        try cursor.expect(.rightParenthesis, "\")\" or a space after a parameter")
    }

    @Sendable static func rename(_ cursor: inout Cursor) throws(Refusal) -> Command {
        let from = try mailbox(&cursor)
        try cursor.space(before: "the new name")
        return .rename(from: from, to: try cursor.mailbox("the new name"))
    }

    @Sendable static func status(_ cursor: inout Cursor) throws(Refusal) -> Command {
        let mailbox = try mailbox(&cursor)
        try cursor.space(before: "a list of status items")
        return .status(mailbox, try cursor.statusItems())
    }
}
