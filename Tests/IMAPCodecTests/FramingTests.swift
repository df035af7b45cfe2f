@testable import IMAPCodec
import IMAPTestSupport
import NIOCore
import Testing

@Suite struct FramingTests {
    static let small: ParserLimits = {
        var limits = ParserLimits()
        limits.maximumLineBytes = 60
        limits.maximumLiteralBytes = 10
        limits.maximumMessageBytes = 20
        limits.maximumAppendBytes = 50
        limits.maximumAppendedMessages = 3
        return limits
    }()

    static let tight: ParserLimits = {
        var limits = small
        limits.maximumAppendBytes = 5
        return limits
    }()

    static let transcripts: [Transcript] = [
        Transcript(""),
        Transcript("\r\n", "* BAD an empty line is no command"),
        Transcript("\n\r\na NOOP\r\n", "* BAD an empty line is no command", "* BAD an empty line is no command",
            "a NOOP"),
        Transcript("a\r\n", "a BAD expected a space and a command after the tag, found the end of the command"),
        Transcript("a \r\n", "a BAD expected a command after the tag, found the end of the command"),
        Transcript(" NOOP\r\n+ NOOP\r\n", "* BAD expected a tag at the beginning of a line",
            "* BAD expected a tag at the beginning of a line"),
        Transcript("a NOOP\r\r\n", "a BAD NOOP: expected the end of the command, found a line end"),
        Transcript("a NO\0OP\r\nb NOOP\r\n", "a unknown NO", "b NOOP"),
        Transcript("a NOOP\r\nb SELECT x\r\nc FETCH 1 FLAGS\r\nd BAD(\r\ne LOGOUT\r\nf",
            "a NOOP", "b SELECT \"x\"", "c FETCH 1 flags", "d unknown BAD", "e LOGOUT"),

        // A literal is announced wherever a line ends so, whatever stands there (RFC 7888 §3).
        Transcript("a NOOP {5}\r\nb \r\n\n\r\nc NOOP\r\n", "+",
            "a BAD NOOP: expected the end of the command, found \"{5}\"", "c NOOP"),
        Transcript("a SELECT \"x{3+}\r\nb\r\n\r\nc NOOP\r\n",
            "a BAD SELECT: expected the closing quote of a quoted string, found a line end", "c NOOP"),
        Transcript("a SELECT {1}\nx\nb NOOP\n", "+", "a SELECT \"x\"", "b NOOP"),
        Transcript("a SELECT {00001}\r\nx\r\n", "+", "a SELECT \"x\""),
        Transcript("a SELECT {}\r\nb NOOP\r\n", "a BAD SELECT: expected a mailbox name, found \"{}\"", "b NOOP"),
        Transcript("a SELECT {+}\r\nb NOOP\r\n", "a BAD SELECT: expected a mailbox name, found \"{+}\"", "b NOOP"),
        Transcript("a SELECT {-1}\r\nb NOOP\r\n", "a BAD SELECT: expected a mailbox name, found \"{-1}\"", "b NOOP"),
        Transcript("a SELECT {1} \r\nb NOOP\r\n", "a BAD SELECT: expected a mailbox name, found \"{1}\"", "b NOOP"),
        Transcript("5}\r\nb NOOP\r\n",
            "5} BAD expected a space and a command after the tag, found the end of the command", "b NOOP"),
        Transcript("{1}\r\nx\r\nb NOOP\r\n", "+", "* BAD expected a tag at the beginning of a line", "b NOOP"),
        Transcript("a XYZZY {3+}\r\n\r\n\r {2}\r\n{}\r\nb NOOP\r\n", "+", "a unknown XYZZY", "b NOOP"),

        // Limits.
        Transcript("a LOGIN {10}\r\n0123456789 x\r\n", "+", "a LOGIN \"0123456789\" \"x\"", limits: small),
        Transcript("a LOGIN {11}\r\nb NOOP\r\n", "a LIMIT literals of more than 10 bytes", "b NOOP", limits: small),
        Transcript("a LOGIN {5+}\r\n01234 {6}\r\nb NOOP\r\n", "a LIMIT literals of more than 10 bytes", "b NOOP",
            limits: small),
        Transcript("a LOGIN {11+}\r\n\r\nb NOOP\r\n01 {3+}\r\nc N {1+}\r\n\n\r\nd NOOP\r\n",
            "a LIMIT literals of more than 10 bytes", "d NOOP", limits: small),
        Transcript("a LOGIN {11+}\r\n\r\nb NOOP\r\n0 {3}\r\nd NOOP\r\n",
            "a LIMIT literals of more than 10 bytes", "d NOOP", limits: small),
        Transcript("a LOGIN {99999999999999999999}\r\nb NOOP\r\n",
            "a LIMIT literals of more than 10 bytes", "b NOOP", limits: small),
        Transcript("{11}\r\nb NOOP\r\n",
            "* BAD expected a tag at the beginning of a line", "b NOOP", limits: small),
        Transcript("a APPEND x {20}\r\n01234567890123456789\r\n", "+",
            "a APPEND \"x\" () NIL \"01234567890123456789\"", limits: small),
        Transcript("a append x {21}\r\nb NOOP\r\n", "a TOOLARGE a message of more than 20 bytes", "b NOOP",
            limits: small),
        Transcript("a APPEND {11}\r\nb NOOP\r\n", "a LIMIT literals of more than 10 bytes", "b NOOP", limits: small),
        Transcript("a APPEND {10+}\r\n0123456789 {20+}\r\n01234567890123456789\r\nb NOOP\r\n",
            "a APPEND \"0123456789\" () NIL \"01234567890123456789\"", "b NOOP", limits: small),
        // 20 + 8 + 20 bytes of messages and of the line between them: within the 50 that an APPEND may have.
        Transcript("a APPEND x {20+}\r\n01234567890123456789 {20+}\r\n01234567890123456789\r\nb NOOP\r\n",
            #"a APPEND "x" () NIL "01234567890123456789" () NIL "01234567890123456789""#, "b NOOP", limits: small),
        Transcript("a APPEND x {20}\r\n01234567890123456789 (\\Seen) {20}\r\nb NOOP\r\n", "+",
            "a LIMIT messages of more than 50 bytes together", "b NOOP", limits: small),
        Transcript("a APPEND x {20+}\r\n01234567890123456789 {15+}\r\n012345678901234 {1+}\r\nx\r\nb NOOP\r\n",
            "a LIMIT messages of more than 50 bytes together", "b NOOP", limits: small),
        Transcript("a APPEND x {1+}\r\n0 {1+}\r\n1 {1+}\r\n2\r\nb NOOP\r\n",
            #"a APPEND "x" () NIL "0" () NIL "1" () NIL "2""#, "b NOOP", limits: small),
        Transcript("a APPEND x {1+}\r\n0 {1+}\r\n1 {1+}\r\n2 {1+}\r\n3 {1+}\r\n\n\r\nb NOOP\r\n",
            "a LIMIT more than 3 messages at once", "b NOOP", limits: small),
        Transcript("a APPEND x {1+}\r\n0 {1+}\r\n1 {1+}\r\n2 {1}\r\nb NOOP\r\n",
            "a LIMIT more than 3 messages at once", "b NOOP", limits: small),
        // The first thing wrong is what is said; what the client goes on to send unasked is read over.
        Transcript("a APPEND x {1+}\r\n0 {21+}\r\n012345678901234567890 {1+}\r\n1 {1+}\r\n2 {9}\r\nb NOOP\r\n",
            "a TOOLARGE a message of more than 20 bytes", "b NOOP", limits: small),
        Transcript("a APPEND {10+}\r\n0123456789 {20+}\r\n01234567890123456789 {3}\r\nabc\r\n", "+",
            #"a APPEND "0123456789" () NIL "01234567890123456789" () NIL "abc""#, limits: small),
        // Lines behind the refusal count as what is read over, not as one long line.
        Transcript(
            "a APPEND x {21+}\r\n012345678901234567890" + String(repeating: " {1+}\r\nx", count: 20) + "\r\nb NOOP\r\n",
            "a TOOLARGE a message of more than 20 bytes", "b NOOP", limits: small),
        // A single message has its own limit only, however little an APPEND of several may have.
        Transcript("a APPEND x (\\Seen) \" 7-Feb-1994 22:43:04 -0800\" {20+}\r\n01234567890123456789\r\n",
            #"a APPEND "x" (\Seen) 760689784@-480 "01234567890123456789""#, limits: tight),
        Transcript("a APPEND x {20+}\r\n01234567890123456789 {0+}\r\n\r\n",
            "a LIMIT messages of more than 5 bytes together", limits: tight),
        Transcript("a APPENDX x {20+}\r\n01234567890123456789\r\nb NOOP\r\n",
            "a LIMIT literals of more than 10 bytes", "b NOOP", limits: small),
        Transcript("a LOGIN {1073741825+}\r\nb NOOP\r\n", "FATAL a literal beyond all bounds"),
        Transcript("a APPEND x {99999999999999999999+}\r\nb NOOP\r\n", "FATAL a literal beyond all bounds"),
        Transcript("a NOOP" + String(repeating: " ", count: 52) + "\r\n", "a NOOP", limits: small),
        Transcript("a NOOP" + String(repeating: " ", count: 53) + "\r\nb NOOP\r\n",
            "FATAL a command line of more than 60 bytes", limits: small),
        Transcript("a IDLE\r\n" + String(repeating: "x", count: 61), "a IDLE",
            "FATAL a command line of more than 60 bytes", limits: small),
        Transcript("a XYZZY " + String(repeating: "{0+}\r\n", count: 8) + "\r\n", "a unknown XYZZY", limits: small),
        Transcript("a XYZZY " + String(repeating: "{0+}\r\n", count: 9) + "\r\n",
            "FATAL a command line of more than 60 bytes", limits: small),
    ]

    @Test(arguments: transcripts)
    func says(_ transcript: Transcript) { transcript.verify() }

    @Test func nothingIsUnusedBehindACommandsEnd() {
        var parser = CommandParser()
        parser.append(ByteBuffer(string: "a STARTTLS\r\n"))
        #expect(describe(parser.next()) == "a STARTTLS")
        #expect(parser.unusedBytes == 0)
        parser.append(ByteBuffer(string: "b STARTTLS\r\nc LOGIN"))
        #expect(describe(parser.next()) == "b STARTTLS")
        #expect(parser.unusedBytes == 7)
        #expect(describe(parser.next()) == "more")
        #expect(parser.unusedBytes == 7)
    }

    /// Wherever the bytes of an APPEND of several messages are cut in two, and wherever they end, what can be said is said.
    @Test func anAppendCutAnywhere() {
        let input = Array(
            ("a APPEND {3+}\r\nx/y (\\Seen) \" 7-Feb-1994 22:43:04 -0800\" {5}\r\n{9+}\r () {6+}\r\n\r\n{3}\n {2}\r\nhi\r\n"
                + "b APPEND x {1+}\r\n0 {21+}\r\n012345678901234567890 {1+}\r\n1\r\nc NOOP\r\n").utf8)
        var limits = FramingTests.small
        limits.maximumLineBytes = 1_000
        limits.maximumAppendBytes = 1_000
        let events = run([input[...]], limits)
        #expect(events == [
            "+", "+", #"a APPEND "x/y" (\Seen) 760689784@-480 "{9+}\r" () NIL "\r\n{3}\n" () NIL "hi""#,
            "b TOOLARGE a message of more than 20 bytes", "c NOOP",
        ])
        for cut in input.indices {
            #expect(run([input[..<cut], input[cut...]], limits) == events, "cut at \(cut)")
            let beginning = run([input[..<cut]], limits)
            #expect(beginning == Array(events.prefix(beginning.count)), "ends at \(cut)")
        }
    }

    /// RFC 3502, §6.3.11: an APPEND may be refused before its messages are sent.
    @Test(arguments: [
        ("a APPEND x {3}\r\n", #"a "x""#), ("a append inbox (\\Seen) {3}\r\n", #"a "INBOX""#),
        ("a APPEND {3+}\r\na/b {3}\r\n", #"a "a/b""#), ("a APPEND \"&AOk-\" {3}\r\n", #"a "é""#),
        ("a APPEND {3}\r\n", "none"), ("a APPEND (\\Seen) {3}\r\n", "none"), ("{3+}\r\nabc {3}\r\n", "none"),
        ("a SELECT {3}\r\n", "none"), ("a APPEND x {1+}\r\n0 {3}\r\n", "none"), ("a APPEND &A {3}\r\n", "none"),
    ])
    func anAnnouncedAppendIsTold(_ input: String, _ append: String) {
        var parser = CommandParser()
        parser.append(ByteBuffer(string: input))
        #expect(describe(parser.next()) == "+")
        #expect(parser.announcedAppend.map { "\($0.tag) \($0.mailbox.name.debugDescription)" } ?? "none" == append)
        parser.refuseLiteral()
        #expect(parser.announcedAppend == nil)
        parser.append(ByteBuffer(string: "b NOOP\r\n"))
        #expect(describe(parser.next()) == "b NOOP")
        #expect(describe(parser.next()) == "more")
        #expect(parser.unusedBytes == 0)
    }

    @Test func aContinuationIsAskedForOnce() {
        var parser = CommandParser()
        parser.append(ByteBuffer(string: "a SELECT {3}\r\n"))
        #expect(describe(parser.next()) == "+")
        for byte in ["x", "y"] {
            #expect(describe(parser.next()) == "more")
            parser.append(ByteBuffer(string: byte))
        }
        parser.append(ByteBuffer(string: "z\r\n"))
        #expect(describe(parser.next()) == "a SELECT \"xyz\"")
    }

    @Test func whatIsFatalIsSaidOnce() {
        var parser = CommandParser(limits: FramingTests.small)
        parser.append(ByteBuffer(repeating: 0x61, count: 100))
        #expect(describe(parser.next()).hasPrefix("FATAL"))
        #expect(describe(parser.next()) == "more")
        parser.append(ByteBuffer(string: "\r\na NOOP\r\n"))
        #expect(describe(parser.next()) == "more")
        #expect(parser.unusedBytes == 0)
    }
}
