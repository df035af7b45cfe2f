import IMAPCodec
import MailModel
import NIOCore
import Testing

/// What `body` writes, as text.
func written(_ body: (inout ByteBuffer) -> Void) -> String {
    var buffer = ByteBuffer()
    body(&buffer)
    return String(buffer: buffer)
}

@Suite struct ResponseWritingTests {
    @Test func statusResponses() {
        #expect(written { $0.writeStatus("a1", .ok, "NOOP completed") } == "a1 OK NOOP completed\r\n")
        #expect(written { $0.writeStatus("*", .no, code: "UIDNEXT 5", "x") } == "* NO [UIDNEXT 5] x\r\n")
        #expect(written { $0.writeStatus("*", .bye, "a\r\nb OK\nc\0") } == "* BYE a  b OK c \r\n")
        #expect(written { $0.writeStatus("*", .bad, code: "X\r\nY", "z") } == "* BAD [X  Y] z\r\n")
        #expect(written { $0.writeStatus("*", .preauth, "é") } == "* PREAUTH é\r\n")
        #expect(written { $0.writeLine("* 5 EXISTS") } == "* 5 EXISTS\r\n")
    }

    @Test(arguments: [
        ("", "\"\""), ("a b", "\"a b\""), ("a\"b\\c", #""a\"b\\c""#), ("é", "{2}\r\né"), ("a\r\nb", "{4}\r\na\r\nb"),
        ("\t", "{1}\r\n\t"),
        ("a\0b", "{3}\r\na\0b"), ("~", "\"~\""), ("\u{7F}", "{1}\r\n\u{7F}"),
    ])
    func strings(text: String, expected: String) {
        #expect(written { $0.writeIMAPString(text) } == expected)
        Array(text.utf8).withUnsafeBytes { bytes in
            #expect(written { $0.writeIMAPString(bytes) } == expected)
            #expect(written { $0.writeNString(bytes) } == expected)
        }
    }

    @Test func longStringsAreLiterals() {
        let quoted = String(repeating: "\"", count: 1_000)
        #expect(written { $0.writeIMAPString(quoted) } == "\"" + String(repeating: "\\\"", count: 1_000) + "\"")
        #expect(written { $0.writeIMAPString(quoted + "x") } == "{1001}\r\n" + quoted + "x")
        #expect(written { $0.writeNString(nil) } == "NIL")
    }

    /// A string begun in quotes that turns out to need a literal leaves nothing behind.
    @Test func aLiteralStandsWhereItWasAskedFor() {
        #expect(written { buffer in
            buffer.writeIMAPString("one")
            buffer.writeIMAPString("two\u{E9}")
            buffer.writeIMAPString("three")
        } == "\"one\"{5}\r\ntwoé\"three\"")
    }

    @Test(arguments: [
        ("abc", "abc"), ("", "\"\""), ("a]b", "a]b"), ("nil", "\"nil\""), ("a b", "\"a b\""), ("a*", "\"a*\""),
        ("(", "\"(\""), ("é", "{2}\r\né"),
        ("a\\b", #""a\\b""#),
    ])
    func astrings(text: String, expected: String) { #expect(written { $0.writeAString(text) } == expected) }

    @Test(arguments: [
        ("INBOX", "INBOX"), ("a/b", "a/b"), ("", "\"\""), ("Sent Items", "\"Sent Items\""), ("Nil", "\"Nil\""),
        ("台北", "&U,BTFw-"), ("a&b", "a&-b"),
        ("a \"é\"", #""a \"&AOk-\"""#), ("a\r\nb", "a&AA0ACg-b"), ("x%", "\"x%\""), ("{1}", "\"{1}\""), ("a]", "a]"),
    ])
    func mailboxNames(name: String, expected: String) { #expect(written { $0.writeMailboxName(name) } == expected) }

    @Test func flags() {
        #expect(written { $0.writeFlags([], keywords: [], recent: false) } == "()")
        #expect(written { $0.writeFlags([], keywords: [], recent: true) } == "(\\Recent)")
        let some = written { $0.writeFlags([.seen, .draft], keywords: ["Work", "\\x-y"], recent: true) }
        #expect(some == "(\\Seen \\Draft \\Recent Work \\x-y)")
        let all = written { $0.writeFlags(.all, keywords: [], recent: false) }
        #expect(all == "(\\Seen \\Answered \\Flagged \\Deleted \\Draft)")
        let noAtoms = ["a b", "", "\\", "c\r\n", "(", "ok", "\\\\x", "é"]
        #expect(written { $0.writeFlags([], keywords: noAtoms, recent: false) } == "(ok)")
    }

    @Test func sets() {
        #expect(written { $0.writeSet([]) } == "")
        #expect(written { $0.writeSet([3, 4, 5, 6, 7, 9, .max]) } == "3:7,9,4294967295")
    }

    @Test func decimals() {
        func text(_ value: some BinaryInteger) -> String { written { $0.writeDecimal(value) } }
        for value in [0, 9, 10, 99, 100, 12_345, Int.max, -1, -10, Int.min] { #expect(text(value) == String(value)) }
        #expect(text(UInt64.max) == "18446744073709551615")
        #expect(text(UInt8.max) == "255")
        #expect(text(Int128.min) == String(Int128.min))
    }

    @Test func decimalsOfLines() {
        var values: [UInt64] = [0, 1 << 32 - 1, 1 << 32, 1 << 32 + 1, .max]
        var power: UInt64 = 1
        for _ in 1..<20 {
            power *= 10
            values += [power - 1, power, power + 7]
        }
        for value in values { #expect(written { $0.writeLines(atMost: 20) { $0.put(value) } } == String(value)) }
    }

    @Test(arguments: [
        "BODY[]", "BODY[HEADER]", "BODY[TEXT]<0>", "BODY[1.2.3]<4294967295>", "BODY[1.MIME]",
        "BODY[2.HEADER.FIELDS (Date \"X Y\")]",
        "BODY[HEADER.FIELDS.NOT (a b)]<7>", "RFC822", "RFC822.HEADER", "RFC822.TEXT",
    ])
    func sectionNames(_ name: String) {
        // As the client asks for it, with a count behind the origin.
        let item = name.hasSuffix(">") ? name.dropLast() + ".1>" : name[...]
        var parser = CommandParser()
        parser.append(ByteBuffer(string: "a FETCH 1 \(item)\r\n"))
        guard case .command(let tagged) = parser.next(), case .fetch(let fetch) = tagged.command,
            case .section(let section) = fetch.items[0]
        else {
            Issue.record("no section")
            return
        }
        #expect(written { $0.writeSectionName(section) } == name)
    }
}
