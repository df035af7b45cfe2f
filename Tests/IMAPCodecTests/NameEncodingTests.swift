import IMAPCodec
import MailMessage
import TestSupport
import Testing

@Suite struct NameEncodingTests {
    static func decode(_ text: String) -> String? { Array(text.utf8).withUnsafeBytes { ModifiedUTF7.decode($0) } }
    static func encode(_ name: String) -> String { String(decoding: ModifiedUTF7.encode(name), as: UTF8.self) }

    static let pairs: [(String, String)] = [
        ("", ""), ("INBOX", "INBOX"), ("a&-b", "a&b"), ("&-&-", "&&"),
        ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
        ("&Jjo-!", "☺!"), ("Entw&APw-rfe", "Entwürfe"), ("&2D3eAA-", "😀"), ("&AAo-", "\n"), ("&AH8-", "\u{7F}"),
        ("&AOkA6Q-&-", "éé&"),
    ]

    @Test(arguments: pairs)
    func bothWays(encoded: String, name: String) {
        #expect(NameEncodingTests.decode(encoded) == name)
        #expect(NameEncodingTests.encode(name) == encoded)
    }

    @Test(arguments: [
        "&", "a&", "&A", "&A-", "&AO", "&AOk", "&AOl-", "&AOkA-", "&AGE-", "&Jjo!", "&Jjo=-", "&U/BTFw-", "&2D0-",
        "&3gA-", "&2D0AQQ-", "&2D3YPQ-",
        "&U,BTFw-&ZeVnLIqe-", "a\u{7F}", "a\nb", "é", "&AAAA",
    ])
    func refused(_ text: String) { #expect(NameEncodingTests.decode(text) == nil) }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func roundTrips(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let ranges: [ClosedRange<UInt32>] = [
            0...0x7F, 0x20...0x7E, 0x26...0x2D, 0x80...0x7FF, 0x800...0xD7FF, 0xE000...0xFFFF, 0x10000...0x10FFFF,
        ]
        for _ in 0..<2_000 {
            var name = ""
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                let range = ranges.randomElement(using: &random)!
                name.unicodeScalars.append(Unicode.Scalar(UInt32.random(in: range, using: &random))!)
            }
            let encoded = NameEncodingTests.encode(name)
            #expect(encoded.utf8.allSatisfy { 0x20...0x7E ~= $0 }, "seed \(seed)")
            #expect(NameEncodingTests.decode(encoded).map { Array($0.utf8) } == Array(name.utf8),
                "seed \(seed), \(encoded)")
        }
    }

    /// Whatever decodes is the one encoding of its name.
    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func oneSpellingEach(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let alphabet = Array("&-&-AAOk,/+2D3e".utf8)
        var decoded = 0
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 1...9, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
            guard let name = text.withUnsafeBytes({ ModifiedUTF7.decode($0) }) else { continue }
            decoded += 1
            #expect(ModifiedUTF7.encode(name) == text, "seed \(seed), \(String(decoding: text, as: UTF8.self))")
        }
        #expect(decoded > 100)
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func base64(plain: String, encoded: String) {
        let text = Array(plain.utf8).withUnsafeBytes { Base64.encode($0) }
        #expect(String(decoding: text, as: UTF8.self) == encoded)
        #expect(text.withUnsafeBytes { Base64.decode(strict: $0) } == Array(plain.utf8))
    }

    @Test(arguments: ["Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9", "=", "====", "Z===", "Zg==Zg==", "Zm 9",
        "Zm9v\n", "Zm-_"])
    func notBase64(_ text: String) { #expect(Array(text.utf8).withUnsafeBytes { Base64.decode(strict: $0) } == nil) }

    @Test func base64RoundTrips() {
        var random = SeededGenerator(seed: 1)
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            let text = bytes.withUnsafeBytes { Base64.encode($0) }
            #expect(text.withUnsafeBytes { Base64.decode(strict: $0) } == bytes)
        }
    }
}
