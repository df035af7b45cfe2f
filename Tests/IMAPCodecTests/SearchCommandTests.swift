import IMAPCodec
import Testing

@Suite struct SearchCommandTests {
    /// Each key, and what it is.
    static let keys: [(String, String)] = [
        ("ALL", "all"), ("all", "all"),
        ("ANSWERED", #"has(\Answered)"#), ("UNANSWERED", #"hasNot(\Answered)"#),
        ("DELETED", #"has(\Deleted)"#), ("UNDELETED", #"hasNot(\Deleted)"#),
        ("DRAFT", #"has(\Draft)"#), ("UNDRAFT", #"hasNot(\Draft)"#),
        ("FLAGGED", #"has(\Flagged)"#), ("UNFLAGGED", #"hasNot(\Flagged)"#),
        ("SEEN", #"has(\Seen)"#), ("UNSEEN", #"hasNot(\Seen)"#),
        ("RECENT", "recent"), ("OLD", "notRecent"), ("NEW", #"and(recent, hasNot(\Seen))"#),
        ("KEYWORD $Junk", "keyword($Junk)"), ("UNKEYWORD $Junk", "notKeyword($Junk)"),
        ("KEYWORD \\read-report-sent", #"keyword(\read-report-sent)"#), ("UNKEYWORD \\Seen", #"hasNot(\Seen)"#),
        ("BEFORE 1-Feb-1994", "before(8797)"), ("ON \"01-feb-1994\"", "on(8797)"), ("SINCE 31-DEC-1969", "since(-1)"),
        ("SENTBEFORE 29-Feb-2000", "sentBefore(11016)"), ("SENTON 1-Jan-1970", "sentOn(0)"),
        ("SENTSINCE \"31-Dec-9999\"", "sentSince(2932896)"),
        ("LARGER 0", "larger(0)"), ("SMALLER 4294967295", "smaller(4294967295)"),
        ("1", "numbers(1)"), ("*", "numbers(*)"), ("1:3,5,*:7", "numbers(1:3,5,*:7)"), ("UID 1:*", "uids(1:*)"),
        ("BCC a", #"header(BCC, "a")"#), ("CC \"a b\"", #"header(CC, "a b")"#),
        ("FROM \"é\"", #"header(FROM, "é")"#), ("SUBJECT \"\"", #"header(SUBJECT, "")"#),
        ("TO x]y", #"header(TO, "x]y")"#),
        ("HEADER Message-ID <a@b>", #"header(Message-ID, "<a@b>")"#), ("HEADER X-Y \"\"", #"header(X-Y, "")"#),
        ("BODY x", #"body("x")"#), ("TEXT \"x y\"", #"text("x y")"#),
        ("$", "numbers($)"), ("UID $", "uids($)"), ("OR $ 1,3000:3021", "or(numbers($), numbers(1,3000:3021))"),
        ("OLDER 1", "older(1)"), ("younger 4294967295", "younger(4294967295)"),
        ("MODSEQ 0", "modSeq(0)"), ("MODSEQ 9223372036854775807", "modSeq(9223372036854775807)"),
        (#"MODSEQ "/flags/\\draft" all 620162338"#, "modSeq(620162338)"),
        (#"MODSEQ "/FLAGS/$Junk" PRIV 1"#, "modSeq(1)"), (#"MODSEQ "/flags/\\Seen" shared 1"#, "modSeq(1)"),
        ("SAVEDBEFORE 1-Feb-1994", "savedBefore(8797)"), ("SAVEDON 28-Dec-2014", "savedOn(16432)"),
        ("SAVEDSINCE 28-Dec-2014", "savedSince(16432)"), ("SAVEDATESUPPORTED", "saveDateSupported"),
        ("EMAILID M6d99ac3275bb4e", "emailID(M6d99ac3275bb4e)"), ("THREADID T-_1", "threadID(T-_1)"),
        ("NOT SEEN", #"not(has(\Seen))"#), ("NOT NOT ALL", "not(not(all))"),
        ("OR SEEN FLAGGED", #"or(has(\Seen), has(\Flagged))"#),
        ("OR OR 1 2 NOT 3", "or(or(numbers(1), numbers(2)), not(numbers(3)))"),
        ("(ALL)", "all"), ("(ALL 1)", "and(all, numbers(1))"), ("(ALL (1 2)) NOT (3)",
            "and(and(all, and(numbers(1), numbers(2))), not(numbers(3)))"),
        ("FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
            #"and(has(\Flagged), since(8797), not(header(FROM, "Smith")))"#),
    ]

    static let transcripts: [Transcript] =
        keys.map { .command("SEARCH \($0)", "SEARCH NIL \($1)") }
        + keys.map { .command("UID SEARCH CHARSET utf-8 \($0) ", "UID SEARCH utf-8 \($1)") }
        + [
            .command("SEARCH CHARSET US-ASCII ALL", "SEARCH US-ASCII all"),
            .command("SEARCH CHARSET \"UTF-8\" ALL", "SEARCH UTF-8 all"),
            .command("SEARCH CHARSET KOI8-R TEXT x", "BADCHARSET"),
            .command("SEARCH RETURN (MIN) CHARSET KOI8-R TEXT x", "BADCHARSET"),
            .command("SEARCH RETURN (MIN SAVE) CHARSET KOI8-R TEXT x", "BADCHARSET saves"),
            .command("SEARCH RETURN () ALL", "SEARCH NIL all return(all)"),
            .command("SEARCH return (min Max COUNT) 1", "SEARCH NIL numbers(1) return(min,max,count)"),
            .command("UID SEARCH RETURN (ALL SAVE) CHARSET UTF-8 ALL", "UID SEARCH UTF-8 all return(all,save)"),
            .command("SEARCH RETURN (PARTIAL 1:500) ALL", "SEARCH NIL all return(partial(1:500))"),
            .command("SEARCH RETURN (PARTIAL 500:400 COUNT) ALL", "SEARCH NIL all return(count,partial(400:500))"),
            .command("SEARCH RETURN (SAVE PARTIAL -1:-100) ALL", "SEARCH NIL all return(save,partial(-1:100))"),
            .command("FETCH $ FLAGS", "FETCH $ flags"), .command("UID FETCH $ FLAGS", "UID FETCH $ flags"),
            .command("STORE $ FLAGS ()", "STORE $ replace ()"), .command("UID EXPUNGE $", "UID EXPUNGE $"),
            .command("COPY $ x", #"COPY $ "x""#), .command("UID MOVE $ x", #"UID MOVE $ "x""#),
            Transcript("a SEARCH CHARSET UTF-8 TEXT {4}\r\n日x FROM {1+}\r\ny\r\n", "+",
                #"a SEARCH UTF-8 and(text("日x"), header(FROM, "y"))"#),
            Transcript("a SEARCH CHARSET KOI8-R TEXT {4+}\r\nbeta\r\nb NOOP\r\n", "a BADCHARSET", "b NOOP"),
        ]

    @Test(arguments: transcripts)
    func says(_ transcript: Transcript) { transcript.verify() }

    static let refused: [Transcript] = [
        .command("SEARCH", "BAD SEARCH: expected a space and search keys, found the end of the command"),
        .command("SEARCH RETURN", "BAD SEARCH: expected a space and result options, found the end of the command"),
        .command("SEARCH RETURN ()", "BAD SEARCH: expected a space and search keys, found the end of the command"),
        .command("SEARCH RETURN (MIN ALL",
            "BAD SEARCH: expected \")\" or a space after a result option, found the end of the command"),
        .command("SEARCH RETURN (CONTEXT) ALL",
            "BAD SEARCH: expected one of MIN, MAX, ALL, COUNT, SAVE, PARTIAL, found \"CONTEXT)\""),
        .command("SEARCH RETURN (ALL PARTIAL 1:2) ALL",
            "BAD SEARCH: more than one of ALL and PARTIAL among the result options"),
        .command("SEARCH RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL",
            "BAD SEARCH: more than one of ALL and PARTIAL among the result options"),
        .command("SEARCH RETURN (ALL ALL) ALL", "BAD SEARCH: more than one of ALL and PARTIAL among the result options"),
        .command("SEARCH RETURN (PARTIAL 0:1) ALL",
            "BAD SEARCH: expected a range of results such as 1:500 or -1:-100, from 1, found \"0:1)\""),
        .command("SEARCH RETURN (PARTIAL 1:*) ALL",
            "BAD SEARCH: expected a range of results such as 1:500 or -1:-100, found \"*)\""),
        .command("SEARCH RETURN (PARTIAL -1:5) ALL",
            "BAD SEARCH: expected \"-\" as before the range's first number, found \"5)\""),
        .command("SEARCH RETURN (PARTIAL 1) ALL",
            "BAD SEARCH: expected a colon and the end of a range of results, found \")\""),
        .command("SEARCH $,1", "BAD SEARCH: expected the end of the command, found \",1\""),
        .command("SEARCH OLDER 0", "BAD SEARCH: expected a number of seconds, from 1, found \"0\""),
        .command("SEARCH YOUNGER x", "BAD SEARCH: expected a number of seconds, found \"x\""),
        .command("SEARCH MODSEQ 9223372036854775808", "BAD SEARCH: a mod-sequence beyond 9223372036854775807"),
        .command("SEARCH MODSEQ -1", "BAD SEARCH: expected a mod-sequence, found \"-1\""),
        .command(#"SEARCH MODSEQ "/flags/" all 1"#,
            #"BAD SEARCH: expected the name of an entry such as "/flags/\\Seen", found ""/flags/"""#),
        .command(#"SEARCH MODSEQ "/comment" all 1"#,
            #"BAD SEARCH: expected the name of an entry such as "/flags/\\Seen", found ""/comment"""#),
        .command(#"SEARCH MODSEQ "/flags/a b" all 1"#,
            #"BAD SEARCH: expected the name of an entry such as "/flags/\\Seen", found ""/flags/a""#),
        .command(#"SEARCH MODSEQ "/flags/x" any 1"#, #"BAD SEARCH: expected priv, shared or all, found "any""#),
        .command(#"SEARCH MODSEQ "/flags/x" 1"#, #"BAD SEARCH: expected priv, shared or all, found "1""#),
        .command("SEARCH EMAILID", "BAD SEARCH: expected a space and an object identifier, found the end of the command"),
        .command("SEARCH EMAILID a.b",
            #"BAD SEARCH: expected an object identifier: up to 255 letters, digits, "_" and "-", found "a.b""#),
        .command("SEARCH FOO", "BAD SEARCH: expected a search key, found \"FOO\""),
        .command("SEARCH ()", "BAD SEARCH: expected a search key, found \")\""),
        .command("SEARCH (ALL", "BAD SEARCH: expected \")\" or a space after a search key, found the end of the command"),
        .command("SEARCH ALL)", "BAD SEARCH: expected the end of the command, found \")\""),
        .command("SEARCH NOT", "BAD SEARCH: expected a space and a search key, found the end of the command"),
        .command("SEARCH OR ALL", "BAD SEARCH: expected a space and a search key, found the end of the command"),
        .command("SEARCH CHARSET UTF-8", "BAD SEARCH: expected a space and search keys, found the end of the command"),
        .command("SEARCH ON 31-Apr-2020", "BAD SEARCH: a date that the calendar does not have"),
        .command("SEARCH ON 29-Feb-1900", "BAD SEARCH: a date that the calendar does not have"),
        .command("SEARCH ON 0-Jan-2020", "BAD SEARCH: a date that the calendar does not have"),
        .command("SEARCH ON 1-Foo-2020", "BAD SEARCH: expected a date such as 1-Feb-1994, found \"1-Foo-2020\""),
        .command("SEARCH ON 1-Feb-20", "BAD SEARCH: expected a year of four digits, found \"20\""),
        .command("SEARCH ON \"1-Feb-2020",
            "BAD SEARCH: expected the closing quote of a date, found the end of the command"),
        .command("SEARCH LARGER x", "BAD SEARCH: expected a number of bytes, found \"x\""),
        .command("SEARCH UID 0", "BAD SEARCH: expected a message number or *, from 1, found \"0\""),
        .command("SEARCH FROM é", "BAD SEARCH: expected a string to search for, found the byte 0xC3"),
    ]

    @Test(arguments: refused)
    func refuses(_ transcript: Transcript) { transcript.verify() }

    @Test func nestingHasItsLimit() {
        func parentheses(_ n: Int) -> String {
            "a SEARCH \(String(repeating: "(", count: n))ALL\(String(repeating: ")", count: n))\r\n"
        }
        #expect(run(parentheses(64)) == ["a SEARCH NIL all"])
        #expect(run(parentheses(65)) == ["a BAD SEARCH: more than 64 levels of nesting"])
        #expect(run(parentheses(30_000)) == ["a BAD SEARCH: more than 64 levels of nesting"])
        for prefix in ["NOT ", "OR 1 ", "(NOT ", "OR NOT "] {
            let line = "a SEARCH " + String(repeating: prefix, count: 9_000) + "ALL\r\n"
            #expect(run(line) == ["a BAD SEARCH: more than 64 levels of nesting"], "\(prefix)")
        }
        let flat = "a SEARCH " + String(repeating: "1 ", count: 30_000) + "ALL\r\n"
        #expect(run(flat)[0].hasPrefix("a SEARCH NIL and(numbers(1), "))
    }
}
