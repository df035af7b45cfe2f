import MailMessage
import Testing

/// Messages made to crash, to hang or to fill memory. What they exceed is a limit with a name.
@Suite struct HostileMessageTests {
    private func repeated(_ text: String, _ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        let utf8 = Array(text.utf8)
        bytes.reserveCapacity(utf8.count * count)
        for _ in 0..<count { bytes.append(contentsOf: utf8) }
        return bytes
    }

    /// Goes down the first children.
    private func depth(_ summary: SummaryReader) -> (levels: Int, innermost: PartReader) {
        var part = summary.root
        var levels = 0
        while part.childCount > 0 {
            part = part.child(0)
            levels += 1
        }
        return (levels, part)
    }

    @Test func nestedMultiparts() throws {
        var message: [UInt8] = []
        for level in 0..<100_000 {
            message += Array("Content-Type: multipart/mixed; boundary=\(level).\n\n--\(level).\n".utf8)
        }
        let size = message.count
        try withSummary(of: message) { summary in
            let (levels, innermost) = depth(summary)
            #expect(levels == MailLimits.nesting)
            #expect(innermost.kind == .basic)
            #expect(innermost.type.shown + "/" + innermost.subtype.shown == "application/octet-stream")
            #expect(innermost.parameters.isEmpty)
            #expect(innermost.body.upperBound == size)
        }
    }

    @Test func nestedMessages() throws {
        let header = "Content-Type: message/rfc822\nSubject: x\n\n"
        try withSummary(of: repeated(header, 100_000)) { summary in
            let (levels, innermost) = depth(summary)
            #expect(levels == MailLimits.nesting)
            #expect(innermost.kind == .basic)
            #expect(innermost.type.shown == "application")
            #expect(summary.part(Array(repeating: 1, count: MailLimits.nesting + 1))?.body == innermost.body)
            #expect(summary.part(Array(repeating: 1, count: MailLimits.nesting + 2)).map { text($0) } == nil)
            #expect(innermost.body.upperBound == header.utf8.count * 100_000)
        }
    }

    @Test func digestsInDigests() throws {
        try withSummary(of: repeated("Content-Type: multipart/digest; boundary=b\n\n--b\n\n", 10_000)) { summary in
            #expect(depth(summary).levels == MailLimits.nesting)
        }
    }

    @Test func partsWithoutEnd() throws {
        let message = Array("Content-Type: multipart/mixed; boundary=b\n\n".utf8) + repeated("--b\n\nx\n", 100_000)
        let size = message.count
        try withSummary(of: message) { summary in
            #expect(summary.root.childCount == MailLimits.parts - 1)
            let last = summary.root.child(summary.root.childCount - 1)
            #expect(last.body.upperBound == size)
            #expect(summary.root.child(0).body.count == 1)
        }
    }

    /// Each part has strings that are kept: the summary is full before the parts are counted out.
    @Test func partsWithLongFields() throws {
        let part = "--b\nContent-Description: \(String(repeating: "d", count: 1000))\n\nx\n"
        let message = Array("Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n".utf8) + repeated(part, 5_000)
        let encoded = message.withUnsafeBytes { MessageSummary(parsing: $0).encode() }
        #expect((MailLimits.summaryBytes - 2_000)...MailLimits.summaryBytes ~= encoded.count)
        try withSummary(of: message) { summary in
            #expect(summary.envelope.subject?.shown == "s")
            #expect(900..<1100 ~= summary.root.childCount)
            #expect(summary.root.child(0).description?.count == 1000)
            #expect(summary.root.child(summary.root.childCount - 1).body.upperBound == message.count)
        }
    }

    @Test func longFieldsOfNestedMessages() throws {
        let header = "Content-Type: message/rfc822\nSubject: \(String(repeating: "s", count: 16_384))\nTo: a@b\n\n"
        let encoded = repeated(header, 101).withUnsafeBytes { MessageSummary(parsing: $0).encode() }
        #expect(encoded.count <= MailLimits.summaryBytes)
        try withSummary(of: repeated(header, 101)) { #expect(depth($0).levels == MailLimits.nesting) }
    }

    @Test func linesThatCouldBeBoundaries() throws {
        var message: [UInt8] = []
        let common = String(repeating: "b", count: 30)
        for level in 0..<99 {
            message += Array("Content-Type: multipart/mixed; boundary=\(common).\(level).\n\n--\(common).\(level).\n".utf8)
        }
        message += Array("\n".utf8)
        let start = message.count
        message += repeated("--\n", 500_000) + repeated("--\(common)\n", 50_000) + repeated("--\(common).x\n", 5_000)
        let size = message.count
        try withSummary(of: message) { summary in
            let (levels, innermost) = depth(summary)
            #expect(levels == 99)
            #expect(innermost.body == start..<size)
            #expect(innermost.lines == 555_000)
        }
    }

    @Test func boundariesThatAreTooLong() throws {
        for (count, kind) in [(MailLimits.boundaryBytes, PartReader.Kind.multipart), (MailLimits.boundaryBytes + 1, .basic)]
        {
            let boundary = String(repeating: "b", count: count)
            try withSummary(of: "Content-Type: multipart/mixed; boundary=\(boundary)\n\n--\(boundary)\n\nx") { summary in
                #expect(summary.root.kind == kind)
                #expect(summary.root.type.shown == (kind == .basic ? "application" : "multipart"))
            }
        }
    }

    @Test func aMillionAddresses() throws {
        let message =
            Array("Subject: x\nTo: ".utf8) + repeated("abcd <abc@def.example>,\n ", 1_000_000) + Array("\n\nbody".utf8)
        try withSummary(of: message) { summary in
            // So many fit in an envelope.
            let count = summary.envelope.to.count(where: { _ in true })
            #expect(5_000...MailLimits.addressesPerField ~= count)
            #expect(summary.envelope.to.allSatisfy { $0.host?.shown == "def.example" })
            #expect(summary.envelope.subject?.shown == "x")
            #expect(summary.root.body.count == 4)
        }
    }

    @Test func aMillionReceiverFields() throws {
        let message = repeated("To: a@b\n", 1_000_000) + Array("\nbody".utf8)
        try withSummary(of: message) { summary in
            #expect(summary.envelope.to.count(where: { _ in true }) == MailLimits.headerFields)
            #expect(summary.root.body.count == 4)
        }
    }

    @Test func aLineOfTenMegabytes() throws {
        let message =
            Array("Date: 4 Jul 1996\nSubject: ".utf8) + repeated("x", 10_000_000) + Array("\nFrom: a@b\n\nbody".utf8)
        try withSummary(of: message) { summary in
            #expect(summary.sentDate != nil)
            #expect(summary.envelope.subject?.count == MailLimits.stringBytes)
            // Beyond the bytes of a header in which fields are looked for.
            #expect(summary.envelope.from.isEmpty)
            #expect(summary.headerLength == message.count - 4)
        }
    }

    @Test(arguments: [
        "From", "To", "Date", "Content-Type", "Content-Disposition", "Content-Transfer-Encoding", "Content-Language",
    ])
    func nestedComments(_ field: String) throws {
        let closed = repeated("(", 100_000) + repeated(")", 100_000)
        for comment in [closed, repeated("(", 200_000), repeated("()", 100_000), repeated("(\\", 100_000)] {
            let message = Array("\(field): ".utf8) + comment + Array(" text/plain\n\nbody".utf8)
            try withSummary(of: message) { #expect($0.root.body.count == 4) }
        }
        let message = Array("From: a@b ".utf8) + closed + Array(", c@d\n\n".utf8)
        try withSummary(of: message) { #expect($0.envelope.from.compactMap { $0.host?.shown } == ["b", "d"]) }
    }

    /// Marks that have no partner are looked for once, not each time.
    @Test(arguments: [
        "\"", "\\\"", "(", "<", "<@", "@", ":", ",", ";", "=?", "=?a?Q?", "[", "\"(", "<a", "a <", "a b ", "\\",
    ])
    func marksWithoutPartner(_ mark: String) throws {
        for field in ["To", "Content-Type: a/b; x", "Content-Disposition"] {
            let message = Array("\(field): ".utf8) + repeated(mark, 100_000) + Array("\n\nbody".utf8)
            try withSummary(of: message) { #expect($0.root.body.count == 4) }
        }
    }

    @Test func parametersOfOneName() throws {
        let parameters = (0..<10_000).map { "; t*\($0)=x" }.joined()
        try withSummary(of: "Content-Type: a/b\(parameters)\n\n") { summary in
            #expect(text(summary.root.parameters) == "t=\"\(String(repeating: "x", count: MailLimits.parameters))\"")
        }
    }

    @Test func bytesOfNothing() throws {
        for byte in [0, 0x0a, 0x0d, 0x2d, 0x3a, 0xff] as [UInt8] {
            let message = [UInt8](repeating: byte, count: 1_000_000)
            try withSummary(of: message) { #expect($0.size == 1_000_000) }
        }
    }
}
