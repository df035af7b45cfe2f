import TestSupport
import Testing

@testable import MailMessage

@Suite struct QuotedPrintableTests {
    @Test(arguments: [
        ("", ""), ("plain", "plain"), ("a=3Db", "a=b"), ("caf=c3=a9", "café"), ("caf=C3=A9", "café"),
        // Soft line breaks, with padding and with bare LF.
        ("one=\r\ntwo", "onetwo"), ("one=\ntwo", "onetwo"), ("one= \t \r\ntwo", "onetwo"), ("one=  \ntwo", "onetwo"),
        ("one =\r\ntwo", "one two"), ("=\r\n=\r\nx", "x"),
        // Padding of lines.
        ("one  \r\ntwo\t\n", "one\r\ntwo\n"), ("a b\tc", "a b\tc"), ("a=20\r\n", "a \r\n"), (" \r\n \r\n", "\r\n\r\n"),
        ("end  ", "end"), ("end=", "end"), ("end=  ", "end"),
        // What is no escape.
        ("a=b", "a=b"), ("a=3", "a=3"), ("a=3G", "a=3G"), ("a==3D", "a=="), ("===3D", "==="), ("a= b", "a= b"),
        ("=zz", "=zz"),
        ("http://x/?a=b&c=d1", "http://x/?a=b&c\u{D1}"), ("=3=3D", "=3="),
        // Bare CR.
        ("a\rb", "a\rb"), ("a \rb", "a \rb"), ("a=\rb", "a=\rb"), ("a\r", "a\r"), ("a\r\r\n", "a\r\r\n"),
        ("a= \r", "a"),
        ("\u{E9}", "\u{E9}"),
    ])
    func reads(text: String, plain: String) {
        // 0xD1 stands alone in one of the rows: compared as the windows-1252 that it is.
        let decoded = transferDecoded([UInt8](text), "Quoted-Printable")!
        #expect(charsetDecoded(decoded, "x-unknown")!.text == plain)
    }

    @Test func longRunOfBlanksStays() {
        let limit = DecodingLimits.linePadding
        let blanks = [UInt8](repeating: 0x20, count: limit)
        #expect(transferDecoded(blanks + [UInt8]("\r\nx"), "quoted-printable")?.text == "\r\nx")
        #expect(transferDecoded(blanks + [UInt8](" \r\nx"), "quoted-printable")?.count == limit + 3)
        #expect(transferDecoded(blanks + blanks + [UInt8]("x"), "quoted-printable")?.count == 2 * limit + 1)
    }

    @Test func inPiecesTheSame() {
        let alphabet = [UInt8]("aF3=== \t\r\n\r\n") + [0xE9]
        for seed in UInt64(1)...2000 {
            var random = SeededGenerator(seed: seed)
            let text = random.bytes(upTo: 40, of: alphabet)
            let whole = transferDecoded(text, "quoted-printable")!
            #expect(whole.count <= text.count, "seed \(seed)")
            var decoder = QuotedPrintableDecoder()
            var output = DecodedBytes()
            for piece in pieces(text, &random) { piece.withUnsafeBytes { decoder.decode($0, into: &output) } }
            decoder.finish(into: &output)
            #expect(output.array == whole, "seed \(seed): \(text.debugDescription)")
        }
    }

    /// Whatever the bytes, written by the book they come back.
    @Test func roundTrips() {
        for seed in UInt64(1)...200 {
            var random = SeededGenerator(seed: seed)
            let plain = random.bytes(upTo: 200)
            var text: [UInt8] = []
            for (i, byte) in plain.enumerated() {
                let digits = Array(String(byte, radix: 16, uppercase: seed % 2 == 0).utf8)
                text += [UInt8(ascii: "=")] + (digits.count == 1 ? [UInt8(ascii: "0")] : []) + digits
                if i % 25 == 24 { text += [UInt8]("=\r\n") }
            }
            #expect(transferDecoded(text, "quoted-printable") == plain, "seed \(seed)")
        }
    }
}

@Suite struct TransferDecodingTests {
    @Test(arguments: ["7bit", "8BIT", "Binary", " 7bit ", "8bit;", "\t8bit\r\n"])
    func identity(encoding: String) {
        let all = (0...255).map { UInt8($0) }
        #expect(transferDecoded(all, encoding) == all)
    }

    @Test(arguments: ["", " ", "x-uuencode", "base", "base644", "7-bit", String(repeating: "7bit", count: 100)])
    func unknown(encoding: String) {
        #expect(transferDecoded([UInt8]("abcd"), encoding) == nil)
    }
}
