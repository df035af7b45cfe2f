import MailMessage
import TestSupport
import Testing

/// Messages and summaries that are altered at random, from seeds that are printed with a failure.
@Suite struct MutationTests {
    /// What is done to bytes, by one seed.
    struct Mutator: RandomNumberGenerator {
        private var generator: SeededGenerator

        init(seed: UInt64) { generator = SeededGenerator(seed: seed) }
        mutating func next() -> UInt64 { generator.next() }

        /// What syntax is made of, for more to happen than by any bytes.
        static let pieces = [
            "\n", "\r\n", "\r", "\n\n", "--", "--b", "\n--b\n", "\n--b--\n", "--c--", "\"", "\\", "(", ")", "<", ">", "@",
            ",", ";", ":", "=", "\0", "\u{ff}", " ", "\n ", "*0*=", "utf-8''%41", "=?utf-8?Q?a?=",
            "Content-Type: message/rfc822\n\n",
            "Content-Type: multipart/digest; boundary=b\n", "Content-Type: multipart/mixed; boundary=\"c\"\n\n--c\n",
            "To: a: b@c;\n",
        ].map { Array($0.utf8) }

        mutating func place(_ bytes: [UInt8]) -> Int { Int.random(in: 0...bytes.count, using: &self) }

        mutating func range(_ bytes: [UInt8]) -> Range<Int> {
            let start = place(bytes)
            return start..<min(bytes.count, start + Int.random(in: 0...40, using: &self))
        }

        mutating func mutate(_ bytes: inout [UInt8], others: [[UInt8]]) {
            for _ in 0..<Int.random(in: 1...6, using: &self) {
                switch Int.random(in: 0..<7, using: &self) {
                case 0: bytes.insert(contentsOf: Mutator.pieces.randomElement(using: &self)!, at: place(bytes))
                case 1: bytes.replaceSubrange(range(bytes), with: Mutator.pieces.randomElement(using: &self)!)
                case 2: bytes.removeSubrange(range(bytes))
                case 3: bytes.removeSubrange(place(bytes)...)
                case 4: bytes.insert(contentsOf: bytes[range(bytes)], at: place(bytes))
                case 5:
                    let other = others.randomElement(using: &self)!
                    bytes.replaceSubrange(place(bytes)..., with: other[place(other)...])
                default: flip(&bytes)
                }
            }
        }

        mutating func flip(_ bytes: inout [UInt8]) {
            guard !bytes.isEmpty else { return }
            let at = Int.random(in: 0..<bytes.count, using: &self)
            bytes[at] =
                Bool.random(using: &self)
                ? UInt8.random(in: 0...255, using: &self) : bytes[at] ^ 1 << UInt8.random(in: 0..<8, using: &self)
        }
    }

    static let samples: [[UInt8]] = [
        PartNumberTests.example,
        "Date: Fri, 21 Nov 1997 09:55:06 -0600\r\nFrom: \"A\" <a@b>\r\nTo: G: c@d, E (x) <@f:g@h>;\r\n"
            + "Subject: =?utf-8?Q?a?=\r\n b\r\n\r\nx\r\n",
        "Content-Type: multipart/digest; boundary=b\n\n--b\n\nTo: a\n\nx\n--b\n\nCc: b\n"
            + "Content-Type: multipart/mixed; boundary=c\n\n--c\n\ny",
        "Content-Type: a/b; t*0*=utf-8''%C3; t*1*=%B6; u=\"v\"\nContent-Disposition: attachment; filename=\"x y\"\n"
            + "Content-Language: de, fr\nContent-ID: <a@b>\nContent-MD5: abc\nContent-Location: x\n"
            + "Content-Description: y\nContent-Transfer-Encoding: base64\n\nabcd",
    ].map { Array($0.utf8) }

    /// Every string of a summary, by every accessor.
    static func strings(_ summary: SummaryReader) -> [UnsafeRawBufferPointer] {
        var found: [UnsafeRawBufferPointer?] = []
        func add(_ envelope: EnvelopeReader) {
            found += [envelope.date, envelope.subject, envelope.inReplyTo, envelope.messageID]
            for list in [envelope.from, envelope.sender, envelope.replyTo, envelope.to, envelope.cc, envelope.bcc] {
                for address in list { found += [address.name, address.route, address.mailbox, address.host] }
            }
        }
        func add(_ part: PartReader) {
            found += [
                part.type, part.subtype, part.encoding, part.id, part.description, part.md5, part.disposition, part.location,
            ]
            for parameter in part.parameters { found += [parameter.name, parameter.value] }
            for parameter in part.dispositionParameters { found += [parameter.name, parameter.value] }
            found += Array(part.languages)
            if let envelope = part.envelope { add(envelope) }
            for index in 0..<part.childCount { add(part.child(index)) }
        }
        add(summary.envelope)
        add(summary.root)
        return found.compactMap { $0 }
    }

    /// What must be true of any valid summary.
    static func checkShape(_ part: PartReader, inside outer: Range<Int>) -> Bool {
        var place = part.body.lowerBound
        guard part.header.lowerBound >= outer.lowerBound, part.header.upperBound == part.body.lowerBound,
            part.body.upperBound <= outer.upperBound
        else { return false }
        switch part.kind {
        case .basic, .text: guard part.childCount == 0 else { return false }
        case .message: guard part.childCount == 1, part.envelope != nil else { return false }
        case .multipart: guard part.childCount >= 1 else { return false }
        }
        for index in 0..<part.childCount {
            let child = part.child(index)
            guard child.header.lowerBound >= place, checkShape(child, inside: part.body) else { return false }
            place = child.body.upperBound
        }
        return true
    }

    /// The count of a part's lines, found by another way.
    static func checkLines(_ part: PartReader, _ message: [UInt8]) -> Bool {
        let body = message[part.body]
        let lines = body.count { $0 == 0x0a } + (body.isEmpty || body.last == 0x0a ? 0 : 1)
        guard part.lines == (part.kind == .text || part.kind == .message ? lines : 0) else { return false }
        return (0..<part.childCount).allSatisfy { checkLines(part.child($0), message) }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func alteredMessages(seed: UInt64) {
        var mutator = Mutator(seed: seed)
        for round in 0..<1_000 {
            var message = MutationTests.samples.randomElement(using: &mutator)!
            mutator.mutate(&message, others: MutationTests.samples)
            let encoded = message.withUnsafeBytes { MessageSummary(parsing: $0).encode() }
            encoded.withUnsafeBytes { bytes in
                guard let summary = SummaryReader(bytes) else {
                    Issue.record("seed \(seed), round \(round): the reader refuses \(encoded) of \(message)")
                    return
                }
                let isSound =
                    summary.size == message.count && summary.root.header.lowerBound == 0
                    && MutationTests.checkShape(summary.root, inside: 0..<message.count)
                    && MutationTests.checkLines(summary.root, message)
                #expect(isSound, "seed \(seed), round \(round): \(message)")
                #expect(!MutationTests.strings(summary).isEmpty)
            }
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func alteredSummaries(seed: UInt64) {
        var mutator = Mutator(seed: seed)
        let originals = MutationTests.samples.map { sample in sample.withUnsafeBytes { MessageSummary(parsing: $0).encode() }
        }
        var accepted = 0
        for round in 0..<4_000 {
            var encoded = originals.randomElement(using: &mutator)!
            if Int.random(in: 0..<4, using: &mutator) == 0 {
                mutator.mutate(&encoded, others: originals)
            } else {
                for _ in 0..<Int.random(in: 1...3, using: &mutator) { mutator.flip(&encoded) }
            }
            encoded.withUnsafeBytes { bytes in
                guard let summary = SummaryReader(bytes) else { return }
                accepted += 1
                let isInside = MutationTests.strings(summary).allSatisfy { string in
                    string.baseAddress! >= bytes.baseAddress!
                        && string.baseAddress! + string.count <= bytes.baseAddress! + bytes.count
                }
                #expect(isInside, "seed \(seed), round \(round): \(encoded)")
                #expect(
                    MutationTests.checkShape(summary.root, inside: 0..<summary.size),
                    "seed \(seed), round \(round): \(encoded)")
                if let date = summary.sentDate { #expect(-1439...1439 ~= date.zoneMinutes) }
            }
        }
        // Letters of a string may change: a summary has no checksum of its own.
        #expect(400..<3_600 ~= accepted, "seed \(seed)")
    }

    @Test func cutSummariesAreRefused() {
        for sample in MutationTests.samples {
            let encoded = sample.withUnsafeBytes { MessageSummary(parsing: $0).encode() }
            encoded.withUnsafeBytes { bytes in
                for count in 0..<bytes.count {
                    #expect(SummaryReader(UnsafeRawBufferPointer(rebasing: bytes[..<count])) == nil)
                }
            }
            (encoded + [1, 2, 3]).withUnsafeBytes { #expect(SummaryReader($0)?.size == sample.count) }
        }
    }

    @Test func cutMessagesAreParsed() throws {
        for sample in MutationTests.samples {
            for count in 0...sample.count {
                let message = Array(sample[..<count])
                try withSummary(of: message) { summary in
                    let isSound =
                        MutationTests.checkShape(summary.root, inside: 0..<count)
                        && MutationTests.checkLines(summary.root, message)
                    #expect(isSound, "\(message)")
                }
            }
        }
    }
}
