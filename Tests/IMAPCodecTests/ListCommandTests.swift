import IMAPCodec
import Testing

/// The syntax of extended LIST: RFC 5258 §6, RFC 5819 §4, RFC 6154 §6.
@Suite struct ListCommandTests {
    static let transcripts: [Transcript] = [
        .command("LIST () \"\" *", #"LIST "" "*" select() return()"#),
        .command("LIST (SUBSCRIBED) \"\" \"*\"", #"LIST "" "*" select(subscribed) return()"#),
        .command("list (remote Subscribed) a/ %", #"LIST "a/" "%" select(subscribed,remote) return()"#),
        .command("LIST (REMOTE) \"\" *", #"LIST "" "*" select(remote) return()"#),
        .command("LIST (RECURSIVEMATCH SUBSCRIBED) \"\" \"*2\"",
            #"LIST "" "*2" select(subscribed,recursiveMatch) return()"#),
        .command("LIST (SUBSCRIBED REMOTE RECURSIVEMATCH) \"\" %",
            #"LIST "" "%" select(subscribed,remote,recursiveMatch) return()"#),
        .command("LIST (SPECIAL-USE) \"\" *", #"LIST "" "*" select(specialUse) return()"#),
        .command("LIST (SPECIAL-USE RECURSIVEMATCH) \"\" %",
            #"LIST "" "%" select(recursiveMatch,specialUse) return()"#),
        // What is given twice counts once (RFC 5258 §3).
        .command("LIST (SUBSCRIBED SUBSCRIBED) \"\" * RETURN (CHILDREN CHILDREN)",
            #"LIST "" "*" select(subscribed) return(children)"#),

        .command("LIST \"\" (\"INBOX\" Drafts Sent/%)", #"LIST "" "INBOX","Drafts","Sent/%" select() return()"#),
        .command("LIST \"\" (\"\")", #"LIST "" "" select() return()"#),
        .command("LIST \"\" (&ZeVnLIqe-% *])", #"LIST "" "日本語%","*]" select() return()"#),
        Transcript("a LIST {0+}\r\n ({1+}\r\n% x)\r\n", #"a LIST "" "%","x" select() return()"#),

        .command("LIST \"\" \"%\" RETURN (CHILDREN)", #"LIST "" "%" select() return(children)"#),
        .command("LIST \"\" % return ()", #"LIST "" "%" select() return()"#),
        .command("LIST \"\" % RETURN (SPECIAL-USE subscribed CHILDREN)",
            #"LIST "" "%" select() return(subscribed,children,specialUse)"#),
        .command("LIST \"\" % RETURN (STATUS (MESSAGES UNSEEN))",
            #"LIST "" "%" select() return(status(MESSAGES,UNSEEN))"#),
        .command("LIST \"\" % RETURN (STATUS (SIZE SIZE) CHILDREN STATUS (UNSEEN SIZE))",
            #"LIST "" "%" select() return(children,status(SIZE,UNSEEN))"#),
        .command("LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (a b) RETURN (STATUS (MESSAGES))",
            #"LIST "" "a","b" select(subscribed,recursiveMatch) return(status(MESSAGES))"#),
        // Spaces at the end are let pass.
        .command("LIST \"\" *  ", #"LIST "" "*""#),
    ]

    @Test(arguments: transcripts)
    func says(_ transcript: Transcript) { transcript.verify() }

    private static let selections = "one of SUBSCRIBED, REMOTE, RECURSIVEMATCH, SPECIAL-USE"
    private static let returns = "one of SUBSCRIBED, CHILDREN, SPECIAL-USE, STATUS"

    static let refused: [Transcript] = [
        // RFC 5258 §3.1
        .command("LIST (RECURSIVEMATCH) \"\" *",
            "BAD LIST: expected SUBSCRIBED or SPECIAL-USE beside RECURSIVEMATCH, found \"(RECURSIVEMATCH)\""),
        .command("LIST (REMOTE RECURSIVEMATCH) \"\" *",
            "BAD LIST: expected SUBSCRIBED or SPECIAL-USE beside RECURSIVEMATCH, found \"(REMOTE\""),
        // RFC 5258 §3: options that are not known
        .command("LIST (MARKED) \"\" *", "BAD LIST: expected \(selections), found \"MARKED)\""),
        .command("LIST (CHILDREN) \"\" *", "BAD LIST: expected \(selections), found \"CHILDREN)\""),
        .command("LIST \"\" * RETURN (REMOTE)", "BAD LIST: expected \(returns), found \"REMOTE)\""),
        .command("LIST \"\" * RETURN (X-OWN (a b))", "BAD LIST: expected \(returns), found \"X-OWN\""),

        .command("LIST (SUBSCRIBED",
            "BAD LIST: expected \")\" or a space after a selection option, found the end of the command"),
        .command("LIST (SUBSCRIBED )", "BAD LIST: expected a selection option, found \")\""),
        .command("LIST ( SUBSCRIBED) \"\" *", "BAD LIST: expected a selection option, found a space"),
        .command("LIST ()\"\" *", "BAD LIST: expected a space and a reference name, found \"\"\"\""),
        .command("LIST () ", "BAD LIST: expected a reference name, which may be \"\", found the end of the command"),
        .command("LIST \"\" ()", "BAD LIST: expected a pattern of mailbox names, found \")\""),
        .command("LIST \"\" (a", "BAD LIST: expected \")\" or a space after a pattern, found the end of the command"),
        .command("LIST \"\" (a  b)", "BAD LIST: expected a pattern of mailbox names, found a space"),
        .command("LIST \"\" ((a))", "BAD LIST: expected a pattern of mailbox names, found \"(a))\""),
        .command("LIST \"\" * CHILDREN", "BAD LIST: expected RETURN, found \"CHILDREN\""),
        .command("LIST \"\" * RETURNS ()", "BAD LIST: expected RETURN, found \"RETURNS\""),
        .command("LIST \"\" * RETURN",
            "BAD LIST: expected a space and a list of return options, found the end of the command"),
        .command("LIST \"\" * RETURN CHILDREN",
            "BAD LIST: expected a list of return options in parentheses, found \"CHILDREN\""),
        .command("LIST \"\" * RETURN (CHILDREN",
            "BAD LIST: expected \")\" or a space after a return option, found the end of the command"),
        .command("LIST \"\" * RETURN (STATUS)", "BAD LIST: expected a space and a list of status items, found \")\""),
        .command("LIST \"\" * RETURN (STATUS ())", "BAD LIST: expected a status item, found \"))\""),
        .command("LIST \"\" * RETURN (STATUS (MESSAGES CHILDREN)",
            "BAD LIST: expected one of MESSAGES, RECENT, UIDNEXT, UIDVALIDITY, UNSEEN, HIGHESTMODSEQ, SIZE, DELETED, "
                + "MAILBOXID, APPENDLIMIT, found \"CHILDREN)\""),
        .command("LIST \"\" * RETURN () x", "BAD LIST: expected the end of the command, found \"x\""),
        .command("LSUB () \"\" *", "BAD LSUB: expected a reference name, which may be \"\", found \"()\""),
        .command("LSUB \"\" * RETURN ()", "BAD LSUB: expected the end of the command, found \"RETURN\""),
    ]

    @Test(arguments: refused)
    func refuses(_ transcript: Transcript) { transcript.verify() }
}
