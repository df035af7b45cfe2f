import TestSupport
import Testing

@testable import MailMessage

@Suite struct EncodedWordsTests {
    /// RFC 2047 §8: the header example and the table of displayed forms.
    @Test(arguments: [
        ("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"),
        ("=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.dk>", "Keld Jørn Simonsen <keld@dkuug.dk>"),
        ("=?ISO-8859-1?Q?Andr=E9?= Pirard <PIRARD@vm1.ulg.ac.be>", "André Pirard <PIRARD@vm1.ulg.ac.be>"),
        (
            "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
            "If you can read this you understand the example."
        ),
        ("=?ISO-8859-1?Q?Olle_J=E4rnefors?= <ojarnef@admin.kth.se>", "Olle Järnefors <ojarnef@admin.kth.se>"),
        ("=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?= <paf@nada.kth.se>", "Patrik Fältström <paf@nada.kth.se>"),
        (
            "Nathaniel Borenstein <nsb@thumper.bellcore.com>\r\n    (=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=)",
            "Nathaniel Borenstein <nsb@thumper.bellcore.com>    (םולש ןב ילטפנ)"
        ),
        ("(=?ISO-8859-1?Q?a?=)", "(a)"), ("(=?ISO-8859-1?Q?a?= b)", "(a b)"),
        ("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"), ("(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"),
        ("(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)"), ("(=?ISO-8859-1?Q?a_b?=)", "(a b)"),
        ("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"),
    ])
    func examplesOfTheRFC(value: String, text: String) {
        #expect(wordsDecoded(value) == text)
    }

    @Test(arguments: [
        ("", ""), ("plain", "plain"), ("a\r\n b\r\n\tc\n d", "a b\tc d"), ("=?utf-8*en-US?q?caf=c3=a9?=", "café"),
        // A character cut in two, between words of base64 and of Q.
        ("=?UTF-8?B?w6nD?= =?utf-8?B?qQ==?=", "éé"), ("=?utf-8?Q?caf=C3?=\r\n =?utf-8?Q?=A9?=", "café"),
        ("=?utf-8?Q?=C3?= x =?utf-8?Q?=A9?=", "\u{FFFD} x \u{FFFD}"),
        ("=?utf-8?Q?=C3?= =?iso-8859-1?Q?=A9?=", "\u{FFFD}©"),
        ("=?gb2312?B?xA==?= =?gb2312?B?4w==?=", "你"), ("=?utf-8?B?w6k?= =?utf-8?Q?x?=", "éx"),
        ("=?utf-7?Q?+AOk?= =?utf-7?Q?abc?=", "éabc"),
        ("=?iso-2022-jp?B?GyRCJCIbKEI=?= =?ISO-2022-JP?B?GyRCJCIbKEI=?=", "ああ"),
        // Words where none should be, and blanks, `?` and line breaks in them.
        ("x=?utf-8?Q?a?=y", "xay"), ("\"=?utf-8?Q?a?=\"", "\"a\""), ("=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"),
        ("=?utf-8?Q?a b?= c", "a b c"), ("=?utf-8?Q?What??=", "What?"), ("=?utf-8?B?Y2Fm\r\n w6k=?=", "café"),
        ("=?utf-8?Q?a\r\n b?=", "a b"),
        // Broken, or of no known charset: as they are, and so is the space around them.
        ("=?utf-8?Q?a", "=?utf-8?Q?a"), ("=?utf-8?X?a?=", "=?utf-8?X?a?="), ("=??Q?a?=", "=??Q?a?="),
        ("=?utf-8?Q?", "=?utf-8?Q?"),
        ("=?no-such?Q?a?= =?utf-8?Q?b?= =?no-such?Q?c?=", "=?no-such?Q?a?= b =?no-such?Q?c?="),
        ("=?utf-8?B?!!?=", "=?utf-8?B?!!?="),
        ("=?utf-8?Q?a?= =?utf-8?B?*?= =?utf-8?Q?b?=", "a =?utf-8?B?*?= b"), ("=?", "=?"), ("=", "="),
        ("=?=?=", "=?=?="),
        ("=?utf-8?Q?a=zz=3?=", "a=zz=3"), ("=?utf-8?Q??=", ""), ("=?utf-8?B??= x", " x"),
        ("a =?utf-8?Q?=?= b", "a = b"),
        ("=?=?utf-8?Q?a?=", "=?a"), ("=?utf-8 ?Q?a?=", "=?utf-8 ?Q?a?="), ("=?utf-8?Q?a?=  ", "a  "),
        ("=?us-ascii?Q?=E9?=", "\u{FFFD}"),
    ])
    func wild(value: String, text: String) {
        #expect(wordsDecoded(value) == text)
    }

    @Test(arguments: [
        ([0x63, 0x61, 0x66, 0xC3, 0xA9], "café"), ([0x63, 0x61, 0x66, 0xE9], "café"), ([0x80, 0x99], "€™"),
        ([0xE9, 0x20] + [UInt8]("=?utf-8?Q?a?= ") + [0xC3, 0xA9], "é a é"),
        ([UInt8]("=?utf-8?Q?") + [0xC3, 0xA9] + [UInt8]("?="), "é"),
    ] as [([UInt8], String)])
    func rawBytes(value: [UInt8], text: String) {
        #expect(wordsDecoded(value) == text)
    }

    @Test func longWords() {
        let longest = String(repeating: "a", count: DecodingLimits.encodedWord)
        #expect(wordsDecoded("=?utf-8?Q?\(longest)?=") == longest)
        let longer = "=?utf-8?Q?a\(longest)?="
        #expect(wordsDecoded(longer) == longer)
    }

    /// Many beginnings, no end: each must not be searched to the end of the value.
    @Test func manyBeginnings() {
        for value in ["=?a?Q?", "=?utf-8?B?", "=?", "=?utf-8?Q?a ", "=?no?Q?", "=?utf-8?B?!?= "] {
            let long = String(repeating: value, count: 200_000 / value.utf8.count)
            #expect(wordsDecoded(long).utf8.count == long.utf8.count)
        }
    }

    @Test func randomValues() {
        let parts = [
            "=?", "?=", "utf-8", "?Q?", "?B?", "=C3", "=A9", "w6k=", " ", "\r\n ", "_", "gbk", "iso-2022-jp",
            "GyRCJCI", "?", "=", "a", "*en",
            "=?utf-8?Q?=C3?=", "=?utf-8?B?qQ==?=", "=?gbk?B?xA==?=", "=?utf-7?Q?+AOk?=", "\u{E9}",
        ].map { [UInt8]($0) } + [[0xFF], [0xC3], [0]]
        for seed in UInt64(1)...3000 {
            var random = SeededGenerator(seed: seed)
            let value = (0..<random.below(30)).flatMap { _ in parts[random.below(parts.count)] }
            let decoded = value.withUnsafeBytes { EncodedWords.utf8($0) }
            #expect(decoded.isUTF8, "seed \(seed)")
            #expect(decoded.count <= value.count * 3, "seed \(seed)")
            #expect(decoded.text == wordsDecoded(value), "seed \(seed)")
        }
        for seed in UInt64(1)...500 {
            var random = SeededGenerator(seed: seed)
            let value = random.bytes(upTo: 200)
            #expect(value.withUnsafeBytes { EncodedWords.utf8($0) }.isUTF8, "seed \(seed)")
        }
    }
}
