import IMAPCodec
import IMAPTestSupport
import NIOCore
import TestSupport
import Testing

/// What a client sends, and all that the parser says of it.
struct Transcript: Sendable, CustomTestStringConvertible {
    var input: [UInt8]
    var events: [String]
    var limits = ParserLimits()

    init(_ input: String, _ events: String..., limits: ParserLimits = ParserLimits()) {
        self.init(bytes: Array(input.utf8), events, limits: limits)
    }

    init(bytes input: [UInt8], _ events: [String], limits: ParserLimits = ParserLimits()) {
        self.input = input
        self.events = events
        self.limits = limits
    }

    var testDescription: String { String(decoding: input.prefix(80), as: UTF8.self).debugDescription }

    /// One command, tagged `a`, and what is said of it behind the tag.
    static func command(_ line: String, _ event: String) -> Transcript { Transcript("a \(line)\r\n", "a \(event)") }

    /// Checks the events for the input in one piece, byte by byte, and split at random places.
    func verify(sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(run([input[...]], limits) == events, "in one piece", sourceLocation: sourceLocation)
        let bytewise = run(input.indices.map { input[$0...$0] }, limits)
        #expect(bytewise == events, "byte by byte", sourceLocation: sourceLocation)
        for seed in 1...4 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            #expect(run(split(input, &random), limits) == events, "split, seed \(seed)", sourceLocation: sourceLocation)
        }
    }
}

func split(_ input: [UInt8], _ random: inout SeededGenerator) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    var rest = input[...]
    while !rest.isEmpty {
        let count = Int.random(in: 1...max(1, min(rest.count, 40)), using: &random)
        pieces.append(rest.prefix(count))
        rest = rest.dropFirst(count)
    }
    return pieces
}

/// All events for these pieces. Behind AUTHENTICATE without a response and behind IDLE a line is asked for, as a session
/// does.
func run(_ pieces: [ArraySlice<UInt8>], _ limits: ParserLimits = ParserLimits()) -> [String] {
    var parser = CommandParser(limits: limits)
    var events: [String] = []
    for piece in pieces {
        parser.append(ByteBuffer(bytes: piece))
        drain(&parser) { events.append(describe($0)) }
    }
    return events
}

func drain(_ parser: inout CommandParser, _ take: (CommandParser.Event) -> Void) {
    while true {
        let event = parser.next()
        switch event {
        case .needMoreBytes: return
        case .command(let tagged):
            switch tagged.command {
            case .idle, .authenticate(_, initialResponse: nil): parser.expectLine()
            default: break
            }
        default: break
        }
        take(event)
    }
}

func run(_ input: String, _ limits: ParserLimits = ParserLimits()) -> [String] { run([Array(input.utf8)[...]], limits) }
