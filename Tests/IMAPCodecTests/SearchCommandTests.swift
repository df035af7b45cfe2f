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
            Transcript("a SEARCH CHARSET UTF-8 TEXT {4}\r\n日x FROM {1+}\r\ny\r\n", "+",
                #"a SEARCH UTF-8 and(text("日x"), header(FROM, "y"))"#),
            Transcript("a SEARCH CHARSET KOI8-R TEXT {4+}\r\nbeta\r\nb NOOP\r\n", "a BADCHARSET", "b NOOP"),
        ]

    @Test(arguments: transcripts)
    func says(_ transcript: Transcript) { transcript.verify() }

    static let refused: [Transcript] = [
        .command("SEARCH", "BAD SEARCH: expected a space and search keys, found the end of the command"),
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
        .command("SEARCH RETURN (ALL) ALL", "BAD SEARCH: expected a search key, found \"RETURN\""),
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
