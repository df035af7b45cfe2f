import IMAPCodec
import IMAPTestSupport
import NIOCore

/// A client's bytes, in one piece and in many.
enum CommandTarget {
    static let dictionary: [[UInt8]] = [
        "{5}\r\n", "{3+}\r\n", "{0}\r\n", "{99999999999999999999}\r\n", "{1073741824+}\r\n", "~{2}\r\n", "\r\n", "\n", "\r", "\"",
        "\\", "(", ")", "((((((((", "[", "]", "<0.1>", "*", "%", ":", ",", " ", "&", "&AGE-", "&2D3cqQ-", "4294967296", "0",
        "NOT ", "OR ", "NIL", "\0", "APPEND", "UID ", "BODY[", "\u{FC}", "\\Seen", "1-Jan-2000", "+", "-", "=", "FETCH ", "SEARCH ",
        "STORE ", "a1 ", "HEADER.FIELDS (", "1.2.3.MIME", "CHARSET UTF-8 ", "IDLE\r\n", "DONE\r\n", "AUTHENTICATE PLAIN ",
    ].map { Array($0.utf8) } + [[0xFF], [0xC3], [0x80]]

    private static let small: ParserLimits = {
        var limits = ParserLimits()
        limits.maximumLineBytes = 300
        limits.maximumLiteralBytes = 64
        limits.maximumMessageBytes = 128
        limits.maximumAppendBytes = 200
        limits.maximumAppendedMessages = 3
        limits.maximumNesting = 6
        return limits
    }()

    static func examine(_ input: [UInt8], _ met: inout Set<Int>) throws {
        for limits in [ParserLimits(), small] {
            let whole = events([input[...]], limits)
            guard whole.count <= input.count else {
                throw FuzzTarget.Failure("\(whole.count) events of \(input.count) bytes")
            }
            // Pieces of lengths that follow from the input.
            var pieces: [ArraySlice<UInt8>] = []
            var rest = input[...]
            var state = UInt64(input.count)
            while !rest.isEmpty {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let piece = rest.prefix(1 + Int(state >> 33) % 19)
                pieces.append(piece)
                rest = rest.dropFirst(piece.count)
            }
            guard events(pieces, limits) == whole else { throw FuzzTarget.Failure("other events where the bytes come in pieces") }
            for event in whole { met.insert(0x10000 + FuzzTarget.hash(event.utf8.drop { $0 != 32 }.prefix(20))) }
        }
        input.withUnsafeBytes { bytes in
            if let name = ModifiedUTF7.decode(bytes) { met.insert(ModifiedUTF7.encode(name).elementsEqual(bytes) ? 1 : 2) }
        }
        let pattern = ListPattern(reference: "", pattern: String(decoding: input.prefix(200), as: UTF8.self))
        met.insert(pattern.matches("INBOX/a b/c") ? 3 : 4)
    }

    private static func events(_ pieces: [ArraySlice<UInt8>], _ limits: ParserLimits) -> [String] {
        var parser = CommandParser(limits: limits)
        var events: [String] = []
        for piece in pieces {
            parser.append(ByteBuffer(bytes: piece))
            while true {
                let event = parser.next()
                if case .needMoreBytes = event { break }
                if case .command(let tagged) = event {
                    switch tagged.command {
                    case .idle, .authenticate(_, initialResponse: nil): parser.expectLine()
                    default: break
                    }
                }
                events.append(describe(event))
            }
        }
        return events
    }
}
