@testable import IMAPCodec
import IMAPTestSupport
import NIOCore
import TestSupport
import Testing

/// What a parser holds on to, and how much it moves about.
@Suite struct ParserMemoryTests {
    @Test func anAnnouncementCostsNothing() {
        var parser = CommandParser()
        parser.append(ByteBuffer(string: "a APPEND x {134217728}\r\n"))
        #expect(describe(parser.next()) == "+")
        #expect(parser.bytes.capacity < 1_024)
    }

    @Test func aMessageInManyPiecesIsHandedOverWithoutACopy() throws {
        let size = 1 << 20
        var parser = CommandParser()
        parser.append(ByteBuffer(string: "a APPEND x {\(size)+}\r\n"))
        var random = SeededGenerator(seed: 1)
        var message: [UInt8] = []
        // 100,000 pieces and more.
        while message.count < size {
            let count = min(size - message.count, Int.random(in: 1...20, using: &random))
            let piece = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            message += piece
            parser.append(ByteBuffer(bytes: piece))
            guard case .needMoreBytes = parser.next() else {
                Issue.record("an event within a literal")
                return
            }
        }
        let held = parser.bytes.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress!) }
        parser.append(ByteBuffer(string: "\r\n"))
        guard case .command(let tagged) = parser.next(), case .append(let append) = tagged.command else {
            Issue.record("no APPEND")
            return
        }
        #expect(Array(buffer: append.messages[0].bytes) == message)
        let place = append.messages[0].bytes.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress!) }
        #expect(place - held < 64, "the message must lie where the parser gathered it")
        #expect(parser.bytes.capacity <= CommandParser.retainedCapacity)
    }

    @Test func aPieceBehindAMessageStaysTheParsers() {
        var parser = CommandParser()
        let message = String(repeating: "m", count: 10_000)
        parser.append(ByteBuffer(string: "a APPEND x {10000+}\r\n\(message)\r\nb NO"))
        guard case .command(let tagged) = parser.next(), case .append(let append) = tagged.command else {
            Issue.record("no APPEND")
            return
        }
        parser.append(ByteBuffer(string: "OP\r\n"))
        #expect(describe(parser.next()) == "b NOOP")
        #expect(parser.bytes.capacity <= CommandParser.retainedCapacity)
        #expect(String(buffer: append.messages[0].bytes) == message, "what comes later must not touch a message handed over")
    }

    @Test func severalMessagesAreHandedOverWithoutACopy() {
        var parser = CommandParser()
        let message = String(repeating: "m", count: 10_000)
        parser.append(ByteBuffer(string: "a APPEND x {10000+}\r\n\(message)"))
        guard case .needMoreBytes = parser.next() else {
            Issue.record("an event within a command")
            return
        }
        parser.append(ByteBuffer(string: " (\\Seen) {10000+}\r\n\(message)"))
        let held = parser.bytes.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress!) }
        parser.append(ByteBuffer(string: "\r\nb NO"))
        guard case .command(let tagged) = parser.next(), case .append(let append) = tagged.command else {
            Issue.record("no APPEND")
            return
        }
        #expect(parser.bytes.capacity <= CommandParser.retainedCapacity)
        for (index, appended) in append.messages.enumerated() {
            let place = appended.bytes.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress!) }
            #expect(place - held < 64 + UInt(index) * 10_064, "a message must lie where the parser gathered it")
            #expect(String(buffer: appended.bytes) == message)
        }
        #expect(append.messages.count == 2)
    }

    @Test func aSkippedLiteralIsNotKept() {
        var limits = ParserLimits()
        limits.maximumMessageBytes = 1_000
        var parser = CommandParser(limits: limits)
        parser.append(ByteBuffer(string: "a APPEND x {10000000+}\r\n"))
        for _ in 0..<1_000 {
            guard case .needMoreBytes = parser.next() else {
                Issue.record("an event within a literal")
                return
            }
            #expect(parser.bytes.capacity <= CommandParser.retainedCapacity)
            #expect(parser.unusedBytes == 0)
            parser.append(ByteBuffer(repeating: 0x0A, count: 10_000))
        }
        parser.append(ByteBuffer(string: "\r\nb NOOP\r\n"))
        #expect(describe(parser.next()) == "a TOOLARGE a message of more than 1000 bytes")
        #expect(describe(parser.next()) == "b NOOP")
    }

    @Test func memoryIsGivenBack() {
        var parser = CommandParser()
        let set = (1...5_000).map { "\($0 * 2)" }.joined(separator: ",")
        parser.append(ByteBuffer(string: "a FETCH \(set) FLAGS\r\n"))
        #expect(describe(parser.next()).hasPrefix("a FETCH 2,4,"))
        #expect(parser.bytes.capacity <= CommandParser.retainedCapacity)
    }

    /// Every byte is moved a bounded number of times, also where many commands wait in one piece. What is moved is counted
    /// by the changes of the storage's place.
    @Test func manyCommandsInOnePieceAreMovedSeldom() {
        var parser = CommandParser()
        let command = "a APPEND x {100+}\r\n" + String(repeating: "m", count: 100) + "\r\n"
        let count = 5_000
        parser.append(ByteBuffer(string: String(repeating: command, count: count)))
        var moved = 0
        var last = UInt(0)
        for _ in 0..<count {
            guard case .command(let tagged) = parser.next(), case .append(let append) = tagged.command else {
                Issue.record("no APPEND")
                return
            }
            #expect(append.messages[0].bytes.readableBytes == 100)
            let place = parser.bytes.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
            if place < last || place > last + UInt(command.utf8.count) { moved += parser.unusedBytes }
            last = place
        }
        #expect(describe(parser.next()) == "more")
        #expect(moved < 3 * count * command.utf8.count, "\(moved) bytes moved")
    }
}
