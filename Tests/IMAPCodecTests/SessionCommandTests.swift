import IMAPCodec
import Testing

@Suite struct SessionCommandTests {
    static let transcripts: [Transcript] = [
        .command("CAPABILITY", "CAPABILITY"),
        .command("NOOP", "NOOP"),
        .command("nOoP", "NOOP"),
        .command("NOOP  ", "NOOP"),
        .command("LOGOUT", "LOGOUT"),
        .command("STARTTLS", "STARTTLS"),
        .command("NAMESPACE", "NAMESPACE"),
        .command("CHECK", "CHECK"),
        .command("CLOSE", "CLOSE"),
        .command("UNSELECT", "UNSELECT"),
        .command("EXPUNGE", "EXPUNGE"),
        Transcript("A1.]x%y NOOP\r\n", "* BAD expected a tag at the beginning of a line"),
        Transcript("A1.]x NOOP\n", "A1.]x NOOP"),

        .command("ID NIL", #"ID "#),
        .command("ID ()", #"ID "#),
        .command("id (\"name\" \"sodr\" \"x\" nil)", #"ID "name"="sodr","x"=NIL"#),
        .command("ID (\"name\" \"a\\\"b\\\\c\")", #"ID "name"="a\"b\\c""#),

        .command("LOGIN fred secret]", #"LOGIN "fred" "secret]""#),
        .command("LOGIN \"fred foo\" \"\"", #"LOGIN "fred foo" """#),
        .command("LOGIN frêd \"pässwörd\"", "BAD LOGIN: expected a space and a password"),
        .command("LOGIN \"frêd\" \"pässwörd\"", #"LOGIN "frêd" "pässwörd""#),
        Transcript("a LOGIN {11+}\r\nFRED FOOBAR {7+}\r\nfat man\r\n", #"a LOGIN "FRED FOOBAR" "fat man""#),
        Transcript("a LOGIN {11}\r\nFRED FOOBAR {7}\r\nfat man\r\n", "+", "+", #"a LOGIN "FRED FOOBAR" "fat man""#),

        Transcript("a AUTHENTICATE PLAIN\r\nAGEAYg==\r\nb NOOP\r\n",
            "a AUTHENTICATE PLAIN NIL", "line \"AGEAYg==\"", "b NOOP"),
        Transcript("a AUTHENTICATE PLAIN\r\n*\r\nb NOOP\r\n", "a AUTHENTICATE PLAIN NIL", "line \"*\"", "b NOOP"),
        .command("authenticate plain eHl6", #"AUTHENTICATE PLAIN "xyz""#),
        .command("AUTHENTICATE SCRAM-SHA-256 =", #"AUTHENTICATE SCRAM-SHA-256 """#),
        .command("AUTHENTICATE PLAIN eHl6=", "BAD AUTHENTICATE: an initial response that is not base64"),

        .command("ENABLE condstore QRESYNC", "ENABLE CONDSTORE,QRESYNC"),
        Transcript("a IDLE\r\nDONE\r\nb NOOP\r\n", "a IDLE", "line \"DONE\"", "b NOOP"),
        Transcript("a IDLE\ndone\nb NOOP\n", "a IDLE", "line \"done\"", "b NOOP"),
        Transcript("a IDLE\r\nDONE {5}\r\nb NOOP\r\n", "a IDLE", "line \"DONE {5}\"", "b NOOP"),

        .command("XYZZY (what {ever", "unknown XYZZY"),
        .command("UID XYZZY", "unknown UID XYZZY"),
        .command("UID fetch 1 UID", "UID FETCH 1 uid"),
    ]

    @Test(arguments: transcripts)
    func says(_ transcript: Transcript) { transcript.verify() }

    @Test func aFieldListHasItsLimits() {
        func fields(_ count: Int) -> String {
            "a ID (" + (0..<count).map { "\"f\($0)\" \"v\"" }.joined(separator: " ") + ")\r\n"
        }
        #expect(run(fields(30))[0].hasPrefix("a ID \"f0\"=\"v\","))
        #expect(run(fields(31)) == ["a BAD ID: more than 30 fields"])
        let name = String(repeating: "n", count: 30)
        let value = String(repeating: "v", count: 1_024)
        #expect(run("a ID (\"\(name)\" \"\(value)\")\r\n") == ["a ID \"\(name)\"=\"\(value)\""])
        #expect(run("a ID (\"\(name)n\" NIL)\r\n") == ["a BAD ID: a field's name of more than 30 bytes"])
        #expect(run("a ID (\"n\" \"\(value)v\")\r\n") == ["a BAD ID: a field's value of more than 1024 bytes"])
    }

    @Test func aPasswordIsNeverRepeated() {
        let lines = [
            "LOGIN fred hunter2 hunter2", "LOGIN fred hunt(hunter2", "LOGIN fred \"\" hunter2", "LOGIN fred\"hunter2",
            "AUTHENTICATE PLAIN hunter2", "AUTHENTICATE PLAIN = hunter2",
        ]
        for line in lines {
            let events = run("a \(line)\r\n")
            #expect(events.count == 1 && events[0].hasPrefix("a BAD "))
            #expect(!events[0].contains("hunter2"), "\(events)")
        }
    }
}
