@testable import IMAPCodec
import NIOCore
import TestSupport
import Testing

/// Damaged streams of commands: never a trap, always progress, and the same events in whatever pieces the bytes come.
@Suite struct ParserMutationTests {
    static let seeds: [[UInt8]] = {
        let transcripts =
            SessionCommandTests.transcripts + MailboxCommandTests.transcripts + MessageCommandTests.transcripts
            + SearchCommandTests.transcripts + FramingTests.transcripts + MessageCommandTests.refused
        return transcripts.map(\.input).filter { $0.count < 400 }
    }()

    /// What a mutation puts in: what the grammar has a meaning for.
    static let tokens: [[UInt8]] = [
        "{5}\r\n", "{3+}\r\n", "{0}\r\n", "{99999999999999999999}\r\n", "{1073741824+}\r\n", "~{2}\r\n", "\r\n",
        "\n", "\r", "\"", "\\",
        "(", ")", "((((((((", "[", "]", "<0.1>", "*", "%", ":", ",", " ", "&", "&AGE-", "&2D3cqQ-", "4294967296",
        "0", "NOT ", "OR ",
        "NIL", "\0", "a", "APPEND", "UID ", "BODY[", "\u{FC}", "\\Seen", "1-Jan-2000", "+", "-", "=",
    ].map { Array($0.utf8) } + [[0xFF], [0xC3], [0x80]]

    static func mutated(_ random: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 1...4, using: &random) { bytes += seeds.randomElement(using: &random)! }
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            let length = min(Int.random(in: 0...8, using: &random), bytes.count - place)
            switch Int.random(in: 0...4, using: &random) {
            case 0: bytes.insert(contentsOf: tokens.randomElement(using: &random)!, at: place)
            case 1: bytes.removeSubrange(place..<(place + length))
            case 2: bytes.replaceSubrange(place..<(place + length), with: tokens.randomElement(using: &random)!)
            case 3: bytes.insert(contentsOf: bytes[place..<(place + length)], at: place)
            default: if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &random) }
            }
        }
        return bytes
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func damagedStreams(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for round in 0..<500 {
            let input = ParserMutationTests.mutated(&random)
            let limits = Bool.random(using: &random) ? ParserLimits() : FramingTests.small
            let events = run([input[...]], limits)
            #expect(events.count <= input.count, "seed \(seed), round \(round)")
            let pieces = split(input, &random)
            #expect(run(pieces, limits) == events, "seed \(seed), round \(round)")
            for event in events where event.contains(" BAD ") {
                #expect(event.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }, "seed \(seed), round \(round): \(event)")
                #expect(event.utf8.count < input.count + 200, "seed \(seed), round \(round): \(event)")
            }
        }
    }

    /// Nothing but noise, from an alphabet that makes much of it mean something.
    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func noise(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var parser = CommandParser(limits: FramingTests.small)
        for round in 0..<5_000 {
            var piece: [UInt8] = []
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                piece += ParserMutationTests.tokens.randomElement(using: &random)!
            }
            parser.append(ByteBuffer(bytes: piece))
            var events = 0
            var isDead = false
            drain(&parser) { event in
                events += 1
                if case .fatal = event { isDead = true }
            }
            if isDead { parser = CommandParser(limits: FramingTests.small) }
            // Each event uses at least one byte, and at most a command's worth can have waited.
            #expect(events <= piece.count + 1, "seed \(seed), round \(round)")
            #expect(parser.bytes.capacity <= CommandParser.retainedCapacity, "seed \(seed), round \(round)")
        }
    }
}
