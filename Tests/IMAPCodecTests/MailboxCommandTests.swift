import IMAPCodec
import Testing

@Suite struct MailboxCommandTests {
    static let transcripts: [Transcript] = [
        .command("SELECT INBOX", #"SELECT "INBOX""#),
        .command("SELECT inBox", #"SELECT "INBOX""#),
        .command("SELECT \"inbox\"", #"SELECT "INBOX""#),
        .command("SELECT inbox/", #"SELECT "INBOX"/"#),
        .command("SELECT inbox/x", #"SELECT "INBOX/x""#),
        .command("SELECT \"\"", #"SELECT """#),
        .command("SELECT /", #"SELECT "/""#),
        .command("EXAMINE a]b", #"EXAMINE "a]b""#),
        .command("CREATE owatagusiam/blurdybloop/", #"CREATE "owatagusiam/blurdybloop"/"#),
        .command("CREATE \"a b//\"", #"CREATE "a b/"/"#),
        .command("DELETE ~peter/mail/&U,BTFw-/&ZeVnLIqe-", #"DELETE "~peter/mail/台北/日本語""#),
        .command("DELETE Sales&-Co", #"DELETE "Sales&Co""#),
        .command("SELECT \"Bücher & more\"", #"SELECT "Bücher & more""#),
        .command("RENAME a \"b c\"", #"RENAME "a" "b c""#),
        .command("RENAME INBOX old-mail", #"RENAME "INBOX" "old-mail""#),
        .command("SUBSCRIBE #news.comp.mail.mime", ##"SUBSCRIBE "#news.comp.mail.mime""##),
        .command("UNSUBSCRIBE \"x\\\"y\\\\z\"", #"UNSUBSCRIBE "x\"y\\z""#),
        Transcript("a CREATE {9+}\r\nB\u{FC}cher/x\r\n", #"a CREATE "Bücher/x""#),
        Transcript("a CREATE {0+}\r\n\r\n", #"a CREATE """#),

        .command("LIST \"\" \"\"", #"LIST "" """#),
        .command("LIST \"\" *", #"LIST "" "*""#),
        .command("LIST \"\" %", #"LIST "" "%""#),
        .command("LIST inbox/ a%b*]", #"LIST "inbox/" "a%b*]""#),
        .command("LIST \"~/Mail/\" \"%/\"", #"LIST "~/Mail/" "%/""#),
        .command("LIST \"\" &ZeVnLIqe-%", #"LIST "" "日本語%""#),
        .command("LSUB \"#news.\" \"comp.mail.*\"", ##"LSUB "#news." "comp.mail.*""##),

        .command("STATUS blurdybloop (UIDNEXT MESSAGES)", #"STATUS "blurdybloop" UIDNEXT,MESSAGES"#),
        .command("status inbox (recent uidvalidity unseen)", #"STATUS "INBOX" RECENT,UIDVALIDITY,UNSEEN"#),
        .command("STATUS x (HIGHESTMODSEQ SIZE DELETED MAILBOXID APPENDLIMIT)",
            #"STATUS "x" HIGHESTMODSEQ,SIZE,DELETED,MAILBOXID,APPENDLIMIT"#),
        .command("STATUS x (SIZE SIZE UNSEEN size)", #"STATUS "x" SIZE,UNSEEN"#),

        // RFC 6154 §6, RFC 4466 §2.2
        .command("CREATE MySpecial (USE (\\Drafts \\Sent))", #"CREATE "MySpecial" \Drafts \Sent"#),
        .command("CREATE x (use ())", #"CREATE "x""#),
        .command("CREATE x/ (USE (\\X-Own))", #"CREATE "x"/ \X-Own"#),
        .command("CREATE x (USE (\\All) USE (\\Junk))", #"CREATE "x" \All \Junk"#),
    ]

    @Test(arguments: transcripts)
    func says(_ transcript: Transcript) { transcript.verify() }

    private static let items =
        "MESSAGES, RECENT, UIDNEXT, UIDVALIDITY, UNSEEN, HIGHESTMODSEQ, SIZE, DELETED, MAILBOXID, APPENDLIMIT"

    static let refused: [Transcript] = [
        .command("SELECT", "BAD SELECT: expected a space and a mailbox name, found the end of the command"),
        .command("SELECT  x", "BAD SELECT: expected a mailbox name, found a space"),
        .command("SELECT (x", "BAD SELECT: expected a mailbox name, found \"(x\""),
        .command("SELECT a b", "BAD SELECT: expected parameters in parentheses, found \"b\""),
        .command("SELECT a*", "BAD SELECT: expected the end of the command, found \"*\""),
        .command("SELECT \"a", "BAD SELECT: expected the closing quote of a quoted string, found the end of the command"),
        .command("SELECT \"a\\b\"",
            "BAD SELECT: in a quoted string a backslash stands before a quote or another backslash only"),
        .command("SELECT a\u{7F}b", "BAD SELECT: expected the end of the command, found the byte 0x7F"),
        .command("SELECT &", "BAD SELECT: a mailbox name that is not modified UTF-7 (RFC 3501 section 5.1.3)"),
        .command("SELECT &AAA-", "BAD SELECT: a mailbox name that is not modified UTF-7 (RFC 3501 section 5.1.3)"),
        Transcript(bytes: Array("a SELECT \"".utf8) + [0xFF] + Array("\"\r\n".utf8),
            ["a BAD SELECT: a string that is not UTF-8"]),
        Transcript("a SELECT {3+}\r\na\0b\r\n", "a BAD SELECT: a string with a NUL byte"),
        Transcript("a SELECT ~{3+}\r\nabc\r\n", "a BAD SELECT: expected the end of the command, found \"{3+}\""),
        .command("RENAME a", "BAD RENAME: expected a space and the new name, found the end of the command"),
        .command("LIST \"\"", "BAD LIST: expected a space and a pattern of mailbox names, found the end of the command"),
        .command("CREATE x (", "BAD CREATE: expected USE, found the end of the command"),
        .command("CREATE x ()", "BAD CREATE: expected USE, found \")\""),
        .command("CREATE x (FOO (bar))", "BAD CREATE: expected USE, found \"FOO\""),
        .command("CREATE x (USE)", "BAD CREATE: expected a space and a list of special uses, found \")\""),
        .command("CREATE x (USE (Drafts))", "BAD CREATE: expected a special use such as \\Drafts, found \"Drafts))\""),
        .command("CREATE x (USE (\\))", "BAD CREATE: expected a special use, found \"))\""),
        .command("CREATE x (USE (\\Sent)",
            "BAD CREATE: expected \")\" or a space after a parameter, found the end of the command"),
        .command("CREATE x (USE (\\Sent)) y", "BAD CREATE: expected the end of the command, found \"y\""),
        .command("STATUS x ()", "BAD STATUS: expected a status item, found \")\""),
        .command("STATUS x (FOO)",
            "BAD STATUS: expected one of \(items), found \"FOO)\""),
        .command("STATUS x (RECENT",
            "BAD STATUS: expected \")\" or a space after a status item, found the end of the command"),
    ]

    @Test(arguments: refused)
    func refuses(_ transcript: Transcript) { transcript.verify() }
}
