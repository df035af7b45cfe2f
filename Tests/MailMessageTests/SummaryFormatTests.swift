import MailMessage
import MailModel
import TestSupport
import Testing

/// `Formats/summary.md`: its blocks are the test vectors.
@Suite struct SummaryFormatTests {
    /// The lines of a block of the page, fenced by three backticks and a name.
    private static func block(_ name: String) throws -> [Substring] {
        let path = "Formats/summary.md"
        let lines = try Repository.text(path).split(separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex(of: "```\(name)"), "\(path) has no block \(name)")
        return Array(lines[(start + 1)...].prefix { $0 != "```" })
    }

    private static func message() throws -> [UInt8] {
        Array(try block("message").map { $0 + "\n" }.joined().utf8)
    }

    /// Lines of an offset and up to 16 bytes, all hexadecimal; the last one has the length alone.
    private static func summary() throws -> [UInt8] {
        var bytes: [UInt8] = []
        for line in try block("hex summary") {
            let words = line.split(separator: " ")
            let offset = words.first.flatMap { Int($0, radix: 16) }
            try #require(offset == bytes.count, "\(line)")
            for word in words.dropFirst() { bytes.append(try #require(UInt8(word, radix: 16), "\(line)")) }
        }
        try #require(bytes.count > headAndRecords)
        return bytes
    }

    /// The page's message has four parts.
    private static let headAndRecords = 24 + 4 * 28

    private static func hex(_ bytes: [UInt8]) -> String {
        func digits(_ value: Int, _ count: Int) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let lines = stride(from: 0, to: bytes.count, by: 16).map { at in
            digits(at, 4) + "  " + bytes[at..<min(at + 16, bytes.count)].map { digits(Int($0), 2) }.joined(separator: " ")
        }
        return (lines + [digits(bytes.count, 4)]).joined(separator: "\n")
    }

    @Test func thePagesMessageHasThePagesSummary() throws {
        let encoded = try SummaryFormatTests.message().withUnsafeBytes { MessageSummary(parsing: $0).encode() }
        #expect(try encoded == SummaryFormatTests.summary(), "the encoder makes\n\(SummaryFormatTests.hex(encoded))")
    }

    @Test func thePagesSummaryIsRead() throws {
        try SummaryFormatTests.summary().withUnsafeBytes { bytes in
            let summary = try #require(SummaryReader(bytes))
            #expect(summary.size == 224)
            #expect(summary.headerLength == 160)
            #expect(summary.sentDate == InternalDate(seconds: 880_127_706, zoneMinutes: -360))
            #expect(
                text(summary.envelope) == """
                    date "Fri, 21 Nov 1997 09:55:06 -0600"
                    subject "Hello there"
                    from "Jones, M" <mj@a.example>
                    sender "Jones, M" <mj@a.example>
                    reply-to "Jones, M" <mj@a.example>
                    to <Team@NIL>, <x@b.example>, <NIL@NIL>
                    cc \n\
                    bcc \n\
                    in-reply-to NIL
                    message-id NIL
                    """)
            #expect(
                text(summary.root) == """
                    multipart multipart/mixed; boundary="b" 7BIT 0..<160 160..<224
                      text text/plain; charset="us-ascii" 7BIT 164..<165 165..<168 1 lines
                      message message/rfc822 7BIT 173..<203 203..<217 3 lines subject="In"
                        text text/plain; charset="us-ascii" 7BIT 203..<216 216..<217 1 lines
                    """)
        }
    }

    /// A change of the page's summary that breaks one of the page's conditions: so many bytes at an offset get a value.
    struct Fault: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var offset: Int
        var size: Int
        var value: Int

        init(_ what: String, _ offset: Int, _ size: Int, _ value: Int) {
            (testDescription, self.offset, self.size, self.value) = (what, offset, size, value)
        }
    }

    static let faults = [
        Fault("1: version", 0, 1, 2),
        Fault("1: no part", 2, 2, 0),
        Fault("1: more records than fit", 2, 2, 0xffff),
        Fault("1: longer than the bytes", 4, 4, 0xffff_ffff),
        Fault("1: shorter than the records", 4, 4, 24),
        Fault("8: shorter than the strings", 4, 4, 200),
        Fault("2: unknown bit", 1, 1, 3),
        Fault("2: reserved bytes", 14, 2, 1),
        Fault("2: a date that is not there", 1, 1, 0),
        Fault("2: zone", 12, 2, 1440),
        Fault("2: zone", 12, 2, 0x8000),
        Fault("2: seconds", 16, 8, .max),
        Fault("2: seconds", 16, 8, .min),
        Fault("3: size of the message", 8, 4, 1000),
        Fault("3: begin of the message", 24, 4, 1),
        Fault("4: body before header", 24 + 28 + 4, 4, 163),
        Fault("4: end before body", 24 + 28 + 8, 4, 164),
        Fault("4: kind", 24 + 28 + 24, 4, 0),
        Fault("4: kind", 24 + 28 + 24, 4, 5),
        Fault("4: kind", 24 + 28 + 24, 4, 0x102),
        Fault("4: a text with a child", 24 + 24, 4, 2),
        Fault("4: a message with two children", 24 + 24, 4, 3),
        Fault("4: a message without child", 24 + 28 + 24, 4, 3),
        Fault("4: a multipart without child", 24 + 28 + 24, 4, 4),
        Fault("4: lines", 24 + 28 + 12, 4, 4),
        Fault("4: lines of a multipart", 24 + 12, 4, 1),
        Fault("5: first child is the part", 24 + 20, 2, 0),
        Fault("5: first child", 24 + 20, 2, 2),
        Fault("5: first child of a part without any", 24 + 28 + 20, 2, 3),
        Fault("5: too many children", 24 + 22, 2, 0xffff),
        Fault("5: too few children", 24 + 22, 2, 1),
        Fault("7: a child before its parent", 24 + 28, 4, 159),
        Fault("7: a child before its brother", 24 + 56, 4, 167),
        Fault("7: a child behind its parent", 24 + 84 + 8, 4, 218),
        Fault("8: place of strings", 24 + 16, 4, 0),
        Fault("8: place of strings", 24 + 84 + 16, 4, 0xffff_ffff),
        Fault("8: a string too long", 136, 1, 0x7f),
        Fault("8: a number not the shortest", 136, 2, 0x0080),
        Fault("8: a number too long", 136, 4, 0xffff_ffff),
    ]

    @Test(arguments: faults) func aFaultIsFound(_ fault: Fault) throws {
        var bytes = try SummaryFormatTests.summary()
        for i in 0..<fault.size { bytes[fault.offset + i] = UInt8(truncatingIfNeeded: fault.value >> (8 * i)) }
        bytes.withUnsafeBytes { #expect(SummaryReader($0) == nil) }
    }

    @Test func depthIsBounded() throws {
        // A chain of messages in messages, made by hand: one more level than there may be.
        for levels in [MailLimits.nesting, MailLimits.nesting + 1] {
            let count = levels + 1
            var bytes = [UInt8](repeating: 0, count: 24 + 28 * count)
            func put(_ value: Int, _ size: Int, at offset: Int) {
                for i in 0..<size { bytes[offset + i] = UInt8(truncatingIfNeeded: value >> (8 * i)) }
            }
            let part: [UInt8] = [1, 1, 1] + [UInt8](repeating: 0, count: 8)
            let envelope = [UInt8](repeating: 0, count: 10)
            bytes += envelope
            for index in 0..<count {
                let record = 24 + 28 * index
                let isLast = index == count - 1
                put(bytes.count, 4, at: record + 16)
                put(isLast ? 0 : index + 1, 2, at: record + 20)
                put(isLast ? 0 : 1, 2, at: record + 22)
                put(isLast ? 1 : 3, 4, at: record + 24)
                bytes += part + (isLast ? [] : envelope)
            }
            bytes[0] = 1
            put(count, 2, at: 2)
            put(bytes.count, 4, at: 4)
            bytes.withUnsafeBytes { #expect((SummaryReader($0) != nil) == (levels == MailLimits.nesting)) }
        }
    }

    @Test func aPlainMailIsSmall() throws {
        let message = """
            From: Ngozi Okafor <ngozi@example.ng>
            To: =?UTF-8?Q?Mar=C3=ADa_Jos=C3=A9?= <mj@example.es>
            Date: Mon, 1 Jan 2024 02:24:22 -0800
            Subject: Weekly status
            Message-ID: <1704104662.X7r6YfcZPA.1143@example.ng>
            Content-Type: text/plain; charset=utf-8

            Hello
            """
        let encoded = Array(message.utf8).withUnsafeBytes { MessageSummary(parsing: $0).encode() }
        #expect(encoded.count <= 300)
    }
}
