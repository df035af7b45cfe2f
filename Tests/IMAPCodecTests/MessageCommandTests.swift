import IMAPCodec
import Testing

@Suite struct MessageCommandTests {
    static let transcripts: [Transcript] = [
        .command("FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",
            #"FETCH 2:4 flags,body[|headerFields(["DATE", "FROM"])]"#),
        .command("FETCH 1 ALL", "FETCH 1 flags,internalDate,size,envelope"),
        .command("FETCH 1 fast", "FETCH 1 flags,internalDate,size"),
        .command("FETCH 1 FULL", "FETCH 1 flags,internalDate,size,envelope,body"),
        .command("FETCH *:4294967295,7,9:8 FLAGS", "FETCH *:4294967295,7,9:8 flags"),
        .command("UID FETCH 1:* (UID INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE FLAGS)",
            "UID FETCH 1:* uid,internalDate,size,envelope,body,bodyStructure,flags"),
        .command("FETCH 1 BODY", "FETCH 1 body"),
        .command("FETCH 1:* (emailid THREADID SaveDate)", "FETCH 1:* emailID,threadID,saveDate"),
        .command("UID FETCH 998 EMAILID", "UID FETCH 998 emailID"),
        .command("FETCH 998 SAVEDATE", "FETCH 998 saveDate"),
        .command("FETCH 1 BODY[]", "FETCH 1 body[|whole]"),
        .command("FETCH 1 BODY.PEEK[]", "FETCH 1 body peek[|whole]"),
        .command("FETCH 1 body.peek[header]<0.1024>", "FETCH 1 body peek[|header]<0.1024>"),
        .command("FETCH 1 BODY[TEXT]<4294967295.4294967295>", "FETCH 1 body[|text]<4294967295.4294967295>"),
        .command("FETCH 1 BODY[1]", "FETCH 1 body[1|whole]"),
        .command("FETCH 1 BODY[1.2.3]<10.1>", "FETCH 1 body[1.2.3|whole]<10.1>"),
        .command("FETCH 1 BODY[4.1.MIME]", "FETCH 1 body[4.1|mime]"),
        .command("FETCH 1 BODY[3.HEADER]", "FETCH 1 body[3|header]"),
        .command("FETCH 1 BODY[3.TEXT]", "FETCH 1 body[3|text]"),
        .command("FETCH 1 BODY.PEEK[1.2.HEADER.FIELDS.NOT (\"Date\" x-y])]",
            #"FETCH 1 body peek[1.2|headerFieldsNot(["Date", "x-y]"])]"#),
        .command("FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT)",
            "FETCH 1 rfc822[|whole],rfc822Header peek[|header],rfc822Text[|text]"),
        Transcript("a FETCH 1 BODY[HEADER.FIELDS ({4+}\r\nDate {2}\r\nTo)]\r\n", "+",
            #"a FETCH 1 body[|headerFields(["Date", "To"])]"#),

        .command("STORE 2:4 +FLAGS (\\Deleted)", #"STORE 2:4 add (\Deleted)"#),
        .command("STORE 1 flags.silent (\\sEEN \\Draft Work)", #"STORE 1 replace silent (\Seen \Draft Work)"#),
        .command("STORE 1 -FLAGS.SILENT \\Answered \\Flagged", #"STORE 1 remove silent (\Answered \Flagged)"#),
        .command("UID STORE 1:* FLAGS ()", "UID STORE 1:* replace ()"),
        .command("STORE 1 +FLAGS (\\Recent $Forwarded)", "STORE 1 add ($Forwarded)"),
        .command("STORE 1 +FLAGS (\\read-report-sent Work wORK \\Read-Report-Sent)",
            #"STORE 1 add (\read-report-sent Work)"#),

        // RFC 7162 §7
        .command("FETCH 1:3 (MODSEQ)", "FETCH 1:3 modSeq"),
        .command("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)", "UID FETCH 1:* flags changedSince(12345)"),
        .command("UID FETCH $ FLAGS (PARTIAL 5:1)", "UID FETCH $ flags partial(1:5)"),
        .command("UID FETCH 1:* FLAGS (partial -1:-30 CHANGEDSINCE 98305)",
            "UID FETCH 1:* flags changedSince(98305) partial(-1:30)"),
        .command("FETCH 1 FAST (changedsince 0)", "FETCH 1 flags,internalDate,size changedSince(0)"),
        .command("UID FETCH 300:500 (FLAGS) (VANISHED CHANGEDSINCE 9223372036854775807)",
            "UID FETCH 300:500 flags changedSince(9223372036854775807) vanished"),
        .command("UID STORE 6,4,8 (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT (\\Deleted)",
            #"UID STORE 6,4,8 add silent (\Deleted) unchangedSince(12121230045)"#),
        .command("STORE 12 (unchangedsince 0) -flags $MDNSent", "STORE 12 remove ($MDNSent) unchangedSince(0)"),

        .command("COPY 2:4 MEETING", #"COPY 2:4 "MEETING""#),
        .command("UID COPY * &AOk-", #"UID COPY * "é""#),
        .command("MOVE 1,2 inbox", #"MOVE 1,2 "INBOX""#),
        .command("UID MOVE 42:69 foo", #"UID MOVE 42:69 "foo""#),
        .command("UID EXPUNGE 3000:3002", "UID EXPUNGE 3000:3002"),

        Transcript("a APPEND saved-messages (\\Seen) {5}\r\nHello\r\n", "+",
            #"a APPEND "saved-messages" (\Seen) NIL "Hello""#),
        Transcript("a APPEND INBOX {5+}\r\na\r\n\r\n\r\n", #"a APPEND "INBOX" () NIL "a\r\n\r\n""#),
        Transcript("a APPEND x {1+}\r\na  {1+}\r\nb  (\\Seen) {1+}\r\nc\r\n",
            #"a APPEND "x" () NIL "a" () NIL "b" (\Seen) NIL "c""#),
        Transcript("a APPEND INBOX {0}\r\n\r\n", "+", #"a APPEND "INBOX" () NIL """#),
        Transcript("a append {5}\r\ninbox () \"17-Jul-1996 02:44:25 -0700\" {3}\r\n\0\r\n\r\n", "+", "+",
            #"a APPEND "INBOX" () 837596665@-420 "\0\r\n""#),
        Transcript("a APPEND x (\\Recent Old) \" 1-jan-1970 00:00:00 +0000\" {2+}\r\nhi\r\nb NOOP\r\n",
            #"a APPEND "x" (Old) 0@0 "hi""#, "b NOOP"),

        // RFC 3502: several messages, each with flags and date of its own or without.
        Transcript(
            "a APPEND saved-messages (\\Seen) {2}\r\nhi (\\Seen) \" 7-Feb-1994 22:43:04 -0800\" {3}\r\nho!\r\nb NOOP\r\n",
            "+", "+", #"a APPEND "saved-messages" (\Seen) NIL "hi" (\Seen) 760689784@-480 "ho!""#, "b NOOP"),
        Transcript(
            "a APPEND x (A) \" 1-Jan-1970 00:00:01 +0000\" {1+}\r\n1 {1}\r\n2 () {4+}\r\n\r\n{1 "
                + "\"02-Jan-1970 00:00:00 +0000\" {0}\r\n  \r\n",
            "+", "+", #"a APPEND "x" (A) 1@0 "1" () NIL "2" () NIL "\r\n{1" () 86400@0 "#  + #""""#),
        Transcript("a APPEND {1}\r\nx {2+}\r\nhi {2+}\r\nho\r\n", "+", #"a APPEND "x" () NIL "hi" () NIL "ho""#),
        // What looks like the rest of its command is a message all the same.
        Transcript("a APPEND x {12+}\r\n {3+}\r\nabc\r\n {3+}\r\nend\r\n",
            #"a APPEND "x" () NIL " {3+}\r\nabc\r\n" () NIL "end""#),
    ]

    @Test(arguments: transcripts)
    func says(_ transcript: Transcript) { transcript.verify() }

    static let refused: [Transcript] = [
        .command("FETCH 1 FLAGS (VANISHED CHANGEDSINCE 1)",
            "BAD FETCH: VANISHED belongs to UID FETCH (RFC 7162 section 3.2.6)"),
        .command("FETCH 1 FLAGS (PARTIAL 1:2)", "BAD FETCH: PARTIAL belongs to UID FETCH (RFC 9394 section 3.3)"),
        .command("UID FETCH 1 FLAGS (PARTIAL 1:2 PARTIAL 1:2)",
            "BAD UID FETCH: expected a modifier such as CHANGEDSINCE, once, found \"PARTIAL\""),
        .command("UID FETCH 1 FLAGS (VANISHED)", "BAD UID FETCH: VANISHED without CHANGEDSINCE"),
        .command("UID FETCH 1 FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 1)",
            "BAD UID FETCH: expected a modifier such as CHANGEDSINCE, once, found \"CHANGEDSINCE\""),
        .command("FETCH 1 FLAGS (CHANGEDSINCE 9223372036854775808)",
            "BAD FETCH: a mod-sequence beyond 9223372036854775807"),
        .command("FETCH 1 FLAGS CHANGEDSINCE 1", "BAD FETCH: expected modifiers in parentheses, found \"CHANGEDSINCE\""),
        .command("STORE 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 1) FLAGS ()",
            "BAD STORE: expected \")\" after the mod-sequence, found a space"),
        .command("STORE 1 (CHANGEDSINCE 1) FLAGS ()", "BAD STORE: expected UNCHANGEDSINCE, found \"CHANGEDSINCE\""),
        .command("STORE 1 (UNCHANGEDSINCE) FLAGS ()",
            "BAD STORE: expected a space and a mod-sequence, found \")\""),
        .command("FETCH 0 FLAGS", "BAD FETCH: expected a message number or *, from 1, found \"0\""),
        .command("FETCH 1:0 FLAGS", "BAD FETCH: expected a message number or *, from 1, found \"0\""),
        .command("FETCH 4294967296 FLAGS", "BAD FETCH: a number beyond 4294967295"),
        .command("FETCH 1, FLAGS", "BAD FETCH: expected a message number or *, found a space"),
        .command("FETCH 1", "BAD FETCH: expected a space and what to fetch, found the end of the command"),
        .command("FETCH 1 ()", "BAD FETCH: expected an item such as FLAGS or BODY[], found \")\""),
        .command("FETCH 1 (ALL)", "BAD FETCH: expected an item, for a macro stands alone, found \"ALL)\""),
        .command("FETCH 1 (FLAGS",
            "BAD FETCH: expected \")\" or a space after the item FLAGS, found the end of the command"),
        .command("FETCH 1 (FLAGS[])", "BAD FETCH: expected \")\" or a space after the item FLAGS, found \"[])\""),
        .command("FETCH 1 FLAGS UID", "BAD FETCH: expected modifiers in parentheses, found \"UID\""),
        .command("FETCH 1 EMAILID[]", "BAD FETCH: expected the end of the command, found \"[]\""),
        .command("FETCH 1 (THREADID (T1))",
            "BAD FETCH: expected an item such as FLAGS or BODY[], found \"(T1))\""),
        .command("FETCH 1 SAVEDATES", "BAD FETCH: expected an item such as FLAGS or BODY[], found \"SAVEDATES\""),
        .command("FETCH 1 BODY.PEEK", "BAD FETCH: expected \"[\" and a section, found the end of the command"),
        .command("FETCH 1 BODY[MIME]", "BAD FETCH: expected a part number before MIME, found \"MIME]\""),
        .command("FETCH 1 BODY[0]", "BAD FETCH: expected a part number, from 1, found \"0]\""),
        .command("FETCH 1 BODY[1.]",
            "BAD FETCH: expected a part number or one of HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT, MIME, found \"]\""),
        .command("FETCH 1 BODY[X]",
            "BAD FETCH: expected \"]\", a part number or one of HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT, "
                + "found \"X]\""),
        .command("FETCH 1 BODY[HEADER.FIELDS ()]", "BAD FETCH: expected a field name, found \")]\""),
        .command("FETCH 1 BODY[]<0.0>", "BAD FETCH: expected a count of bytes, from 1, found \"0>\""),
        .command("FETCH 1 BODY[]<0>", "BAD FETCH: expected a dot and a count of bytes, found \">\""),
        .command("FETCH 1 BODY[TEXT", "BAD FETCH: expected \"]\" after a section, found the end of the command"),
        .command("FETCH 1 RFC822<0.1>", "BAD FETCH: expected an item such as FLAGS or BODY[], found \"RFC822<0.1>\""),

        .command("STORE 1 FLAG (x)",
            "BAD STORE: expected FLAGS, +FLAGS or -FLAGS, each perhaps with .SILENT, found \"FLAG\""),
        .command("STORE 1 FLAGS", "BAD STORE: expected a space and flags, found the end of the command"),
        .command("STORE 1 FLAGS (\\)", "BAD STORE: expected a flag, found \"\\)\""),
        .command("STORE 1 FLAGS (a  b)", "BAD STORE: expected a flag, found a space"),
        .command("STORE 1 FLAGS (a", "BAD STORE: expected \")\" or a space after a flag, found the end of the command"),
        .command("COPY 1", "BAD COPY: expected a space and a mailbox name, found the end of the command"),
        .command("UID EXPUNGE", "BAD UID EXPUNGE: expected a space and a set of messages, found the end of the command"),
        .command("UID",
            "BAD UID: expected a space and one of COPY, EXPUNGE, FETCH, MOVE, SEARCH, STORE, found the end of the command"),

        .command("APPEND x", "BAD APPEND: expected a space and the message as a literal, found the end of the command"),
        .command("APPEND x hello", "BAD APPEND: expected the message as a literal, found \"hello\""),
        Transcript("a APPEND x ~{2+}\r\nhi\r\nb NOOP\r\n",
            "a BAD APPEND: expected the message as a literal, found \"~{2+}\"", "b NOOP"),
        Transcript("a APPEND x {2+}\r\nhi{2}\r\nho\r\nb NOOP\r\n", "+",
            "a BAD APPEND: expected a space and another message as a literal, found \"{2}\"", "b NOOP"),
        Transcript("a APPEND x {2+}\r\nhi (\\Seen)\r\nb NOOP\r\n",
            "a BAD APPEND: expected a space and another message as a literal, found the end of the command", "b NOOP"),
        Transcript("a APPEND x {2+}\r\nhi y {2+}\r\nho\r\nb NOOP\r\n",
            "a BAD APPEND: expected another message as a literal, found \"y\"", "b NOOP"),
        Transcript("a APPEND x {2+}\r\nhi \"30-Feb-1996 12:00:00 +0000\" {2+}\r\nho\r\nb NOOP\r\n",
            "a BAD APPEND: a date that the calendar does not have", "b NOOP"),
        Transcript("a APPEND x {2+}\r\nhi {2+}x\r\nb NOOP\r\n",
            "a BAD APPEND: expected another message as a literal, found \"{2+}x\"", "b NOOP"),
        Transcript("a APPEND x (\\Seen {2+}\r\nhi\r\nb NOOP\r\n", "a BAD APPEND: expected a flag, found \"{2+}\"",
            "b NOOP"),
        Transcript("a APPEND x \"17-Jul-1996 24:00:00 +0000\" {2+}\r\nhi\r\n",
            "a BAD APPEND: a time that the day does not have"),
        Transcript("a APPEND x \"17-Jul-1996 12:00:00 +2400\" {2+}\r\nhi\r\n",
            "a BAD APPEND: a zone beyond 23:59 hours"),
        Transcript("a APPEND x \"30-Feb-1996 12:00:00 +0000\" {2+}\r\nhi\r\n",
            "a BAD APPEND: a date that the calendar does not have"),
        Transcript("a APPEND x \"1-Feb-1996 12:00:00 +0000\" {2+}\r\nhi\r\n",
            "a BAD APPEND: expected a date-time such as \"17-Jul-1996 02:44:25 -0700\", found \"1-Feb-1996\""),
    ]

    @Test(arguments: refused)
    func refuses(_ transcript: Transcript) { transcript.verify() }

    @Test func aPartNumberHasItsLimit() {
        func fetch(_ levels: Int) -> String {
            "a FETCH 1 BODY[" + Array(repeating: "1", count: levels).joined(separator: ".") + "]\r\n"
        }
        #expect(run(fetch(64))[0].hasPrefix("a FETCH 1 body[1.1."))
        #expect(run(fetch(65)) == ["a BAD FETCH: a part number of more than 64 levels"])
    }
}
