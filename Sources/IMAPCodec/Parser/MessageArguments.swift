import MailModel
import NIOCore

/// Arguments of the commands that change messages: APPEND, STORE, COPY, MOVE, UID EXPUNGE.
enum MessageArguments {
    /// APPEND (RFC 3501 §6.3.11, RFC 3502), its messages still empty; where each one's bytes lie is told apart, for the
    /// cursor cannot hand out the buffer it reads.
    static func append(_ cursor: inout Cursor) throws(Refusal) -> (AppendCommand, messages: [Range<Int>]) {
        var append = AppendCommand(mailbox: try MailboxArguments.mailbox(&cursor), messages: [])
        var ranges: [Range<Int>] = []
        repeat {
            let what = ranges.isEmpty ? "the message as a literal" : "another message as a literal"
            try cursor.space(before: what)
            // Python's imapclient writes two spaces between messages.
            if !ranges.isEmpty { while cursor.takes(.space) {} }
            var message = AppendedMessage(flags: [], internalDate: nil, bytes: ByteBuffer())
            if cursor.next == .leftParenthesis {
                message.flags = try cursor.flagList()
                try cursor.space(before: what)
            }
            if cursor.next == .quote {
                message.internalDate = try cursor.dateTime()
                try cursor.space(before: what)
            }
            let size = try cursor.literal(what).count
            append.messages.append(message)
            ranges.append((cursor.position - size)..<cursor.position)
            // Spaces at the command's end are let pass.
        } while !cursor.hasOnlySpaces
        return (append, ranges)
    }

    static func set(_ cursor: inout Cursor) throws(Refusal) -> SequenceSet {
        try cursor.space(before: "a set of messages")
        return try cursor.sequenceSet()
    }

    static func store(_ cursor: inout Cursor, uid: Bool) throws(Refusal) -> Command {
        let set = try set(&cursor)
        try cursor.space(before: "FLAGS, +FLAGS or -FLAGS")
        let unchangedSince = try unchangedSince(&cursor)
        let start = cursor
        let operation: StoreCommand.Operation = cursor.takes(.plus) ? .add : cursor.takes(.minus) ? .remove : .replace
        let isSilent: Bool
        switch try cursor.word("FLAGS, +FLAGS or -FLAGS") {
        case "FLAGS": isSilent = false
        case "FLAGS.SILENT": isSilent = true
        default: throw start.expected("FLAGS, +FLAGS or -FLAGS, each perhaps with .SILENT")
        }
        try cursor.space(before: "flags")
        let flags = cursor.next == .leftParenthesis ? try cursor.flagList() : try cursor.flagsWithoutParentheses()
        return .store(
            StoreCommand(
                set: set, operation: operation, isSilent: isSilent, flags: flags, uid: uid, unchangedSince: unchangedSince))
    }

    /// `(UNCHANGEDSINCE n)` and the space behind it, if it is there (RFC 7162 §3.1.3).
    private static func unchangedSince(_ cursor: inout Cursor) throws(Refusal) -> UInt64? {
        guard cursor.takes(.leftParenthesis) else { return nil }
        guard cursor.takes(word: "UNCHANGEDSINCE") else { throw cursor.expected("UNCHANGEDSINCE") }
        try cursor.space(before: "a mod-sequence")
        let modSeq = try cursor.modSeq("a mod-sequence")
        try cursor.expect(.rightParenthesis, "\")\" after the mod-sequence")
        try cursor.space(before: "FLAGS, +FLAGS or -FLAGS")
        return modSeq
    }

    static func copy(_ cursor: inout Cursor, uid: Bool) throws(Refusal) -> Command {
        .copy(try set(&cursor), to: try MailboxArguments.mailbox(&cursor), uid: uid)
    }

    static func move(_ cursor: inout Cursor, uid: Bool) throws(Refusal) -> Command {
        .move(try set(&cursor), to: try MailboxArguments.mailbox(&cursor), uid: uid)
    }

    /// RFC 4315 §2.1.
    @Sendable static func uidExpunge(_ cursor: inout Cursor) throws(Refusal) -> Command {
        .uidExpunge(try set(&cursor))
    }
}
