import IMAPClient
import NIOCore
import TestSupport
import Testing

/// A server's bytes, changed at random: nothing traps, and pieces mean what the whole means.
@Suite struct ResponseMutationTests {
    private static let corpus: [String] = [
        "* OK [CAPABILITY IMAP4rev1 LITERAL+] hello\r\n* 3 EXISTS\r\na1 OK [READ-WRITE] done\r\n",
        "* 1 FETCH (UID 4 FLAGS (\\Seen \\Recent) MODSEQ (12) RFC822.SIZE 44 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")\r\n",
        "* 2 FETCH (BODY[HEADER.FIELDS (\"X]\" B)]<5> {6}\r\nabc\r\n) BODY[] NIL ENVELOPE (NIL \"a\\\"b\" ((NIL)) {2}\r\n)()))\r\n",
        "* VANISHED (EARLIER) 41,43:116,118\r\n* VANISHED 3\r\na2 OK [MODIFIED 7,9:11] no\r\n* SEARCH 1 2 (MODSEQ 9)\r\n",
        "* ESEARCH (TAG \"a\") UID MIN 2 ALL 2,10:11 MODSEQ 7 PARTIAL (1:2 NIL)\r\n+ go on\r\na3 OK [COPYUID 1 2:4 9,7,5] x\r\n",
        "* LIST (\\A) \"/\" {3}\r\na/b (\"CHILDINFO\" (\"S\"))\r\n* STATUS \"x y\" (MESSAGES 1 MAILBOXID (F1) X (1 (2)))\r\n",
        "* 9 UIDFETCH (EMAILID (M1) THREADID NIL BINARY[1] ~{2}\r\n\r\n BINARY.SIZE[1] 3)\r\n* OK text {5}\r\n* XNEW a\r\n",
    ]
    private static let words = [
        "{5}\r\n", "{99999999999}\r\n", "~{1}\r\n", "\r\n", "\n", "\"", "\\", "(", ")", "((((((((", "[", "]", "<", "NIL", "*", "+",
        "4294967296", "9223372036854775808", "0", ":", ",", " ", "FETCH", "MODSEQ (", "BODY[", "VANISHED ", "a1 OK [", "\0",
    ]

    /// What a parser gives for these pieces: responses, then the error if there was one.
    private func outcome(_ pieces: [ArraySlice<UInt8>], _ limits: ResponseLimits) -> ([Response], String?) {
        var parser = ResponseParser(limits: limits)
        var responses: [Response] = []
        for piece in pieces {
            parser.append(ByteBuffer(bytes: piece))
            do {
                while let response = try parser.next() { responses.append(response) }
            } catch {
                return (responses, error.description)
            }
        }
        return (responses, nil)
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func nothingBreaks(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var limits = ResponseLimits()
        limits.maximumLineBytes = 400
        limits.maximumResponseBytes = 600
        limits.maximumNesting = 5
        var unreadable = 0
        var errors = 0
        for round in 0..<800 {
            var input: [UInt8] = []
            for _ in 0...Int.random(in: 0...2, using: &random) {
                input += Array(ResponseMutationTests.corpus.randomElement(using: &random)!.utf8)
            }
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let at = Int.random(in: 0..<input.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: input[at] = UInt8.random(in: 0...255, using: &random)
                case 1: input.removeSubrange(at..<min(input.count - 1, at + Int.random(in: 0...9, using: &random)))
                default: input.insert(contentsOf: Array(ResponseMutationTests.words.randomElement(using: &random)!.utf8), at: at)
                }
                if input.isEmpty { input = [13, 10] }
            }
            var pieces: [ArraySlice<UInt8>] = []
            var rest = input[...]
            while !rest.isEmpty {
                pieces.append(rest.prefix(Int.random(in: 1...30, using: &random)))
                rest = rest.dropFirst(pieces.last!.count)
            }
            let whole = outcome([input[...]], limits)
            let pieced = outcome(pieces, limits)
            try #require(whole == pieced, "seed \(seed), round \(round): \(String(decoding: input, as: UTF8.self))")
            for case .unreadable in whole.0 { unreadable += 1 }
            if whole.1 != nil { errors += 1 }
        }
        #expect(unreadable > 100 && errors > 20, "the changes reach too little: \(unreadable), \(errors)")
    }

    /// Time follows the bytes, however they come: one byte at a time is not looked at again and again.
    @Test func manySmallPieces() throws {
        let line = Array("* VANISHED 1".utf8) + Array(String(repeating: ",3", count: 8_000).utf8) + [13, 10]
        let outcome = outcome(line.indices.map { line[$0...$0] }, ResponseLimits())
        #expect(outcome.0.count == 1 && outcome.1 == nil)
    }
}
