import TestSupport
import Testing

@testable import MailMessage

@Suite struct CharsetTests {
    @Test(arguments: [
        ("us-ascii", [0x61, 0xE9], "a\u{FFFD}"), ("ANSI_X3.4-1968", [0x61], "a"), ("utf8", [0xC3, 0xA9], "é"),
        ("UTF-8", [0x61, 0xC3, 0x28], "a\u{FFFD}("), ("iso-8859-1", [0xE9, 0xFF], "éÿ"), ("latin1", [0x93, 0x94], "“”"),
        ("iso-8859-15", [0xA4, 0xBD, 0xE9], "€œé"), ("windows-1252", [0x80, 0x99, 0x81], "€™\u{81}"),
        ("cp-1252", [0x80], "€"),
        ("\"iso-8859-1\"", [0xE9], "é"), ("iso-8859-1*fr", [0xE9], "é"), ("x-unknown", [0xC3, 0xA9, 0xE9], "éé"),
        ("iso-8859-2", [0xB1], "ą"), ("iso-8859-5", [0xD0], "а"), ("iso-8859-8-i", [0xE0], "א"),
        ("windows-1251", [0xCF], "П"),
        ("koi8-r", [0xF0], "П"), ("KOI8-U", [0xA4], "є"), ("cp866", [0x8F], "П"), ("macintosh", [0x8E], "é"),
        ("gb2312", [0xC4, 0xE3, 0x80, 0x30], "你\u{FFFD}0"), ("gbk", [0x81, 0x40], "丂"),
        ("gb18030", [0x81, 0x30, 0x81, 0x30], "\u{80}"),
        ("big5", [0xA7, 0x41], "你"), ("x-sjis", [0x82, 0xA0], "あ"), ("shift_jis", [0xB1], "ｱ"),
        ("cp932", [0x87, 0x40], "①"),
        ("euc-jp", [0xA4, 0xA2], "あ"), ("iso-2022-jp", [0x1B, 0x24, 0x42, 0x24, 0x22, 0x1B, 0x28, 0x42, 0x61], "あa"),
        ("csISO2022JP", [0x1B, 0x24, 0x42, 0x24, 0x22, 0x1B, 0x28, 0x42], "あ"), ("ks_c_5601-1987", [0xC7, 0xD1], "한"),
        ("euc-kr", [0xC7, 0xD1], "한"), ("tis-620", [0xA1], "ก"), ("utf-7", [0x2B, 0x41, 0x4F, 0x6B, 0x2D], "é"),
        ("unicode-1-1-utf-7", [0x2B, 0x41, 0x4F, 0x6B, 0x2D], "é"), ("utf-16be", [0x00, 0xE9], "é"),
        ("utf-16le", [0xE9, 0x00], "é"),
        ("utf-16", [0xFE, 0xFF, 0x00, 0xE9], "é"), ("utf-16be", [0xD8, 0x00, 0x00, 0x61], "\u{FFFD}a"),
        ("utf-16be", [0x00], "\u{FFFD}"),
        ("utf-32be", [0x00, 0x01, 0xF6, 0x00], "😀"), ("windows-1255", [0xE0], "א"),
    ] as [(String, [UInt8], String)])
    func reads(charset: String, bytes: [UInt8], text: String) {
        #expect(charsetDecoded(bytes, charset)?.text.unicodeScalars.map(\.value) == text.unicodeScalars.map(\.value))
    }

    @Test(arguments: [
        "", "-", "utf-8//TRANSLIT", "UTF-8//IGNORE", "utf-8/", "EBCDIC-US", "IBM1364", "WCHAR_T", "INTERNAL",
        "no-such", "utf\0", "ütf-8",
        "utf-8\u{0}", String(repeating: "-", count: 65) + "utf8", "x", "cs", "*en", "../../etc/passwd", "%s%n",
    ])
    func unknown(charset: String) {
        #expect(charsetDecoded([UInt8]("abc"), charset) == nil)
    }

    /// Each name is tried with the library: one that it lacks, or that reads no ASCII, is a misspelling of ours.
    @Test func libraryHasAllConverters() {
        for (name, keys) in CharsetNames.converters {
            for key in keys.split(separator: " ") {
                let wide = name.hasPrefix("UTF-16") || name.hasPrefix("UTF-32")
                let decoded = charsetDecoded([UInt8]("abcd"), String(key))
                #expect(decoded != nil, "\(name), \(key)")
                #expect(wide || decoded?.text == "abcd", "\(name), \(key)")
            }
        }
    }

    @Test func illFormedUTF8IsRepairedAsTheStandardLibraryDoes() {
        let alphabet: [UInt8] = [
            0x61, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC2, 0xE0, 0xE2, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF,
        ]
        for seed in UInt64(1)...3000 {
            var random = SeededGenerator(seed: seed)
            let bytes = random.bytes(upTo: 24, of: alphabet)
            let expected = Array(String(decoding: bytes, as: UTF8.self).utf8)
            #expect(charsetDecoded(bytes, "utf-8") == expected, "seed \(seed): \(bytes)")
            #expect(inPieces(bytes, .utf8, &random) == expected, "seed \(seed), in pieces: \(bytes)")
        }
    }

    private func inPieces(_ bytes: [UInt8], _ encoding: CharsetEncoding, _ random: inout SeededGenerator) -> [UInt8]? {
        guard var decoder = CharsetDecoder(encoding) else { return nil }
        var output = DecodedBytes()
        for piece in pieces(bytes, &random) { piece.withUnsafeBytes { decoder.decode($0, into: &output) } }
        decoder.finish(into: &output)
        return output.array
    }

    @Test func randomBytesThroughAllCharsets() {
        let names = ["us-ascii", "utf-8", "x-unknown", "iso-8859-1", "iso-8859-15"]
            + CharsetNames.converters.map { $0.key }
        for name in names {
            let key = [UInt8](name)
            let encoding = key.withUnsafeBytes { CharsetNames.encoding($0) } ?? .converter(.init(name: name))
            for seed in UInt64(1)...20 {
                var random = SeededGenerator(seed: seed)
                // Escape sequences and double bytes come of small alphabets only.
                let escapes: [UInt8] = [
                    0x1B, 0x24, 0x28, 0x42, 0x4A, 0x30, 0x81, 0xA1, 0xC4, 0xFE, 0x0E, 0x0F, 0x2B, 0x2D,
                ]
                let bytes = random.bytes(upTo: 3000, of: seed % 2 == 0 ? [] : escapes)
                guard var decoder = CharsetDecoder(encoding) else {
                    Issue.record("\(name) cannot be opened")
                    continue
                }
                var output = DecodedBytes()
                bytes.withUnsafeBytes { decoder.decode($0, into: &output) }
                decoder.finish(into: &output)
                let whole = output.array
                #expect(whole.isUTF8, "\(name), seed \(seed)")
                #expect(whole.count <= bytes.count * DecodingLimits.charsetExpansion + 64, "\(name), seed \(seed)")
                #expect(inPieces(bytes, encoding, &random) == whole, "\(name), seed \(seed), in pieces")
            }
        }
    }

    @Test func tooMuchThatIsIllFormed() {
        let count = DecodingLimits.illFormedSequences + 10_000
        let bytes = [UInt8](repeating: 0xFF, count: count) + [UInt8]("needle")
        let decoded = charsetDecoded(bytes, "euc-jp")!
        #expect(decoded.count == count * 3 + 6)
        #expect(decoded.suffix(6).elementsEqual("needle".utf8))
    }
}
