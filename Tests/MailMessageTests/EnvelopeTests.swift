import MailMessage
import Testing

@Suite struct EnvelopeTests {
    private func envelope(_ message: String) throws -> String { try withSummary(of: message) { text($0.envelope) } }

    @Test func ofAPlainMessage() throws {
        let message = """
            Received: from a.example by b.example; 21 Nov 1997 09:55:06 -0600
            Date: Fri, 21 Nov 1997 09:55:06 -0600
            From: John Doe <jdoe@machine.example>
            Sender: Michael Jones <mjones@machine.example>
            Reply-To: "Mary Smith: Personal Account" <smith@home.example>
            To: Mary Smith <mary@example.net>, jdoe@test.example
            Cc: Group:a@b.example;
            Bcc: secret@example.org
            Subject: Re: Saying Hello
            In-Reply-To: <1234@local.machine.example>
            Message-ID:  <5678.21-Nov-1997@example.com> \n\

            Say goodbye.

            """
        #expect(
            try envelope(message) == """
                date "Fri, 21 Nov 1997 09:55:06 -0600"
                subject "Re: Saying Hello"
                from "John Doe" <jdoe@machine.example>
                sender "Michael Jones" <mjones@machine.example>
                reply-to "Mary Smith: Personal Account" <smith@home.example>
                to "Mary Smith" <mary@example.net>, <jdoe@test.example>
                cc <Group@NIL>, <a@b.example>, <NIL@NIL>
                bcc <secret@example.org>
                in-reply-to "<1234@local.machine.example>"
                message-id "<5678.21-Nov-1997@example.com>"
                """)
    }

    @Test func senderAndReplyToAreThoseOfFromWhereMissingOrEmpty() throws {
        let expected = "from \"A\" <a@b>\nsender \"A\" <a@b>\nreply-to \"A\" <a@b>"
        #expect(try envelope("From: A <a@b>\n\n").contains(expected))
        #expect(try envelope("From: A <a@b>\nSender: \nReply-To:,\n\n").contains(expected))
    }

    @Test func nothingIsNilAndEmptyIsEmpty() throws {
        #expect(
            try envelope("") == """
                date NIL
                subject NIL
                from \n\
                sender \n\
                reply-to \n\
                to \n\
                cc \n\
                bcc \n\
                in-reply-to NIL
                message-id NIL
                """)
        let empty = try envelope("Date:\nSubject: \nIn-Reply-To:\t\nMessage-ID:\n\n")
        for line in ["date \"\"", "subject \"\"", "in-reply-to \"\"", "message-id \"\""] { #expect(empty.contains(line)) }
    }

    /// Of a folded field the line ends go and the white space stays (RFC 5322 §2.2.3); encoded words and 8-bit stay as they
    /// are.
    @Test(arguments: [
        ("Hello", "Hello"),
        ("  Hello  ", "Hello  "),
        ("Hello\n world", "Hello world"),
        ("Hello\r\n  \tworld\n again", "Hello  \\x09world again"),
        ("\n Hello", "Hello"),
        ("=?utf-8?Q?a?=\n =?utf-8?Q?b?=", "=?utf-8?Q?a?= =?utf-8?Q?b?="),
        ("J\u{f6}rg \"quoted\\\" (no comment)", "J\\xc3\\xb6rg \"quoted\\\" (no comment)"),
        ("a\u{0}b", "a\\x00b"),
        ("a\rb", "a\\x0db"),
    ])
    func unfoldsTheSubject(_ value: String, _ expected: String) throws {
        #expect(try withSummary(of: "Subject: \(value)\n\n") { $0.envelope.subject?.shown } == expected)
    }

    @Test func ofSeveralFieldsTheFirstCountsButReceiversAreJoined() throws {
        let text = try envelope(
            "Subject: 1\nTo: a@b\nCc: e@f\nFrom: f@1\nTo: G: c@d\nsubject: 2\nCC: g@h, i@j\nFrom: f@2\nTO: k@l\n\n")
        #expect(text.contains("subject \"1\"\nfrom <f@1>\n"))
        #expect(text.contains("to <a@b>, <G@NIL>, <c@d>, <NIL@NIL>, <k@l>\ncc <e@f>, <g@h>, <i@j>\n"))
    }

    @Test func longStringsAreCutAndLongListsEnd() throws {
        let subject = String(repeating: "x", count: MailLimits.stringBytes + 1)
        try withSummary(of: "Subject: \(subject)\n\n") { summary in
            #expect(summary.envelope.subject?.count == MailLimits.stringBytes)
        }
        let addresses = (0...MailLimits.addressesPerField).map { "\($0)@b" }.joined(separator: ",\n ")
        try withSummary(of: "To: \(addresses)\n\n") { summary in
            #expect(summary.envelope.to.count(where: { _ in true }) == MailLimits.addressesPerField)
        }
    }
}
