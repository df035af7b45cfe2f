import TestSupport
import Testing

@testable import MailMessage

@Suite struct TextSearchTests {
    private func inText(_ needle: String, _ text: [UInt8], block: Int = 64) -> Bool {
        text.withUnsafeBytes { TextSearch(needle, block: block).matches(text: $0) }
    }
    private func inHeader(_ needle: String, _ value: String) -> Bool {
        [UInt8](value).withUnsafeBytes { TextSearch(needle).matches(headerValue: $0) }
    }
    private func inBody(
        _ needle: String, _ body: [UInt8], _ encoding: String, _ charset: String?, block: Int = 64
    ) -> Bool {
        body.withUnsafeBytes { body in
            [UInt8](encoding).withUnsafeBytes { encoding in
                guard let charset else {
                    return TextSearch(needle, block: block).matches(body: body, transferEncoding: encoding, charset: nil)
                }
                return [UInt8](charset).withUnsafeBytes {
                    TextSearch(needle, block: block).matches(body: body, transferEncoding: encoding, charset: $0)
                }
            }
        }
    }

    @Test(arguments: [
        ("", "", true), ("", "x", true), ("a", "", false), ("HELLO", "say hello", true),
        ("hello", "SAY HELLO", true), ("hellp", "hello", false),
        ("ÄRGER", "großer ärger", true), ("strasse", "Straße", true), ("STRAẞE", "strasse", true),
        ("привет", "ПРИВЕТ", true),
        ("οδος", "ΟΔΟΣ", true), ("ΟΔΟΣ", "οδος", true), ("kelvin", "\u{212A}elvin", true), ("fi", "\u{FB01}", true),
        ("İ", "i\u{307}", true),
        ("@[`{", "@[`{", true), ("@", "`", false), ("[", "{", false), ("a\0b", "A\0B", true), ("e", "é", false),
        ("日本", "これは日本語", true),
        ("😀", "x😀", true), ("𐐀", "𐐨", true),
    ])
    func caseDoesNotCount(needle: String, text: String, found: Bool) {
        for block in [1, 2, 3, 7, 64, 32_768] {
            #expect(inText(needle, [UInt8](text), block: block) == found, "block \(block)")
        }
    }

    @Test func textOfNoKnownCharset() {
        #expect(inText("café", [0x63, 0x61, 0x66, 0xE9]))
        #expect(inText("CAFÉ au", [0x63, 0x61, 0x66, 0xE9, 0x20, 0x61, 0x75]))
        #expect(inText("€", [0xE2, 0x82, 0x20, 0x80]))
        #expect(!inText("é", [0xC3, 0x28]))
    }

    @Test(arguments: [
        ("foo bar", "foo\r\n bar", true), ("foo\tbar", "foo\n\tbar", true), ("foobar", "foo\r\n bar", false),
        ("café", "=?iso-8859-1?Q?CAF=E9?=", true),
        ("ab", "=?utf-8?Q?a?=\r\n =?utf-8?Q?b?=", true), ("utf-8", "=?utf-8?Q?a?=", false),
        ("utf-8", "=?utf-8?Q?a", true), ("", "", true),
        ("no-such", "=?no-such?Q?a?=", true), ("Grüße", "Gr\u{FC}sse", true), ("x y", "=?utf-8?Q?X?= Y", true),
        ("b", "a\r\n", false),
    ])
    func headerValues(needle: String, value: String, found: Bool) {
        #expect(inHeader(needle, value) == found)
    }

    @Test(arguments: [
        ("hello", [UInt8]("SGVsbG8="), "base64", nil, true), ("SGVs", [UInt8]("SGVsbG8="), "base64", nil, false),
        ("SGVs", [UInt8]("SGVsbG8="), "x-odd", nil, true),
        ("café", [UInt8]("caf=E9"), "quoted-printable", "iso-8859-1", true),
        ("café", [UInt8]("caf=C3=\r\n=A9"), "quoted-printable", "utf-8", true),
        ("café", [UInt8]("caf=E9"), "quoted-printable", "no-such", true),
        ("café", [UInt8]("caf=E9"), "8bit", "iso-8859-1", false),
        ("привет", [0xF0, 0xD2, 0xC9, 0xD7, 0xC5, 0xD4], "8bit", "KOI8-R", true),
        ("привет", [0xF0, 0xD2, 0xC9, 0xD7, 0xC5, 0xD4], "8bit", nil, false),
        ("你", [UInt8]("xOM="), "BASE64", "gb2312", true),
        ("あ", [0x1B, 0x24, 0x42, 0x24, 0x22, 0x1B, 0x28, 0x42], "7bit", "iso-2022-jp", true),
        ("", [], "7bit", nil, true),
        ("é", [0xC3, 0xA9], "8bit", "us-ascii", true), ("é", [0xE9], "8bit", "", true),
        ("<b>", [UInt8]("<B>x"), "7bit", "us-ascii", true),
        ("abc", [UInt8]("a=\r\nb= \r\nc"), "quoted-printable", nil, true), ("x", [], "base64", "gbk", false),
    ] as [(String, [UInt8], String, String?, Bool)])
    func bodies(needle: String, body: [UInt8], encoding: String, charset: String?, found: Bool) {
        for block in [1, 2, 3, 5, 64] {
            #expect(inBody(needle, body, encoding, charset, block: block) == found, "block \(block)")
        }
    }

    /// What is behind the limit is not searched; what lies just before it is.
    @Test func endOfWhatIsSearched() {
        var body = [UInt8](repeating: 0x20, count: DecodingLimits.searchedBody - 6) + [UInt8]("needle")
        #expect(inBody("needle", body, "7bit", nil, block: 1 << 20))
        body.insert(0x20, at: 0)
        #expect(!inBody("needle", body, "7bit", nil, block: 1 << 20))
    }

    @Test func agreesWithASimpleSearch() {
        let alphabets: [[String]] = [
            ["a", "b"], ["a", "A", "b", "é", "É"], ["ß", "s", "S", "ẞ"], ["é", "è", "€", "日", "😀", "a"],
            ["σ", "ς", "Σ", "i"],
        ]
        var found = 0
        for seed in UInt64(1)...6000 {
            var random = SeededGenerator(seed: seed)
            let alphabet = alphabets[random.below(alphabets.count)]
            func word(_ longest: Int) -> String {
                (0..<(1 + random.below(longest))).map { _ in alphabet[random.below(alphabet.count)] }.joined()
            }
            let text = word(40)
            let needle = word(seed % 3 == 0 ? 12 : 4)
            let expected = simple(needle, text)
            if expected { found += 1 }
            let block = 1 + random.below(12)
            let inPlain = inText(needle, [UInt8](text), block: block)
            #expect(inPlain == expected, "seed \(seed), block \(block): \(needle) in \(text)")
            let encoded = [UInt8](text).withUnsafeBytes { Base64.encode($0) }
            let inEncoded = inBody(needle, encoded, "base64", "utf-8", block: block)
            #expect(inEncoded == expected, "seed \(seed), block \(block): \(needle) in \(text)")
        }
        #expect(found > 1000 && found < 5000)
    }

    private func simple(_ needle: String, _ text: String) -> Bool {
        let needle = folded(needle)
        let text = folded(text)
        guard needle.count <= text.count else { return false }
        return (0...(text.count - needle.count)).contains { text[$0..<($0 + needle.count)].elementsEqual(needle) }
    }

    /// The definition, by the standard library's properties alone.
    private func folded(_ string: String) -> [Unicode.Scalar] {
        func map(_ string: [Unicode.Scalar], _ mapping: (Unicode.Scalar.Properties) -> String) -> [Unicode.Scalar] {
            string.flatMap { Array(mapping($0.properties).unicodeScalars) }
        }
        let lower = map(Array(string.unicodeScalars)) { $0.lowercaseMapping }
        return map(map(lower) { $0.uppercaseMapping }) { $0.lowercaseMapping }
    }

    /// The table knows all scalars that have case, and folding twice changes nothing more.
    @Test func foldingTable() {
        for value in UInt32(0)..<0x2_0000 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let properties = scalar.properties
            guard properties.changesWhenCaseMapped || value < 0x250 else { continue }
            let string = String(scalar)
            let once = CaseFolding.folded(string)
            #expect(once == Array(String(String.UnicodeScalarView(folded(string))).utf8), "U+\(String(value, radix: 16))")
            #expect(CaseFolding.folded(once.text) == once, "U+\(String(value, radix: 16))")
            #expect(once.count <= string.utf8.count * CaseFolding.expansion, "U+\(String(value, radix: 16))")
        }
    }

    /// Text and needle that repeat themselves: a search that is not linear would not end within the hour.
    @Test func repetition() {
        let text = [UInt8](repeating: 0x61, count: 1_000_000)
        for needle in [String(repeating: "a", count: 50_000) + "b", "b" + String(repeating: "a", count: 50_000)] {
            #expect(!inText(needle, text, block: FoldedWindow.defaultBlock))
            #expect(inText(needle, text + [UInt8](needle) + text, block: FoldedWindow.defaultBlock))
        }
        #expect(!inText(String(repeating: "ab", count: 100_000), text))
    }

    @Test func randomBytesThroughEverything() {
        let encodings = ["7bit", "base64", "quoted-printable", "odd"]
        let charsets = [
            nil, "utf-8", "iso-8859-1", "gbk", "iso-2022-jp", "utf-7", "utf-16", "euc-kr", "big5-hkscs", "odd",
        ]
        for seed in UInt64(1)...1000 {
            var random = SeededGenerator(seed: seed)
            let bytes = random.bytes(upTo: 200)
            let encoding = encodings[random.below(encodings.count)]
            let charset = charsets[random.below(charsets.count)]
            let needle = random.bytes(upTo: 2).text
            let found = inBody(needle, bytes, encoding, charset, block: 1 + random.below(20))
            #expect(found == inBody(needle, bytes, encoding, charset, block: 32_768), "seed \(seed)")
            _ = bytes.withUnsafeBytes { TextSearch(needle).matches(headerValue: $0) }
        }
    }
}
