import TestSupport
import Testing

@testable import MailMessage

@Suite struct Base64Tests {
    private func encoded(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { Base64.encode($0) }.text }
    private func strict(_ text: String) -> [UInt8]? { [UInt8](text).withUnsafeBytes { Base64.decode(strict: $0) } }

    /// RFC 4648 §10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func vectors(plain: String, text: String) {
        #expect(encoded([UInt8](plain)) == text)
        #expect(strict(text) == [UInt8](plain))
        #expect(transferDecoded([UInt8](text), "base64") == [UInt8](plain))
    }

    @Test(arguments: [
        "Zg", "Zg=", "Zg===", "Z===", "=", "====", "Zh==", "Zm9=", "Zm9v\r\n", " Zm9v", "Zm9v====", "Zg==Zg==",
        "Zm-_", "Zm=v",
        "Z=9v", "Zm9vZ",
    ])
    func strictRefuses(text: String) {
        #expect(strict(text) == nil)
    }

    @Test(arguments: [
        ("Zm9v\r\nYmFy", "foobar"), ("Z m\t9\nv", "foo"), ("Zg", "f"), ("Zm8", "fo"), ("Zm9vY", "foo"),
        ("Zm9v!*YmFy", "foobar"),
        ("Zg==Zm8=Zm9v", "ffofoo"), ("Zg=\r\n=\r\nZg==", "ff"), ("Zg==\r\nZm9v", "ffoo"), ("=", ""),
        ("====Zm9v", "foo"),
        ("Zh==", "f"), ("\u{FF}Zm9v", "foo"),
    ])
    func tolerantReads(text: String, plain: String) {
        #expect(transferDecoded([UInt8](text), "BASE64")?.text == plain)
    }

    @Test func roundTrips() {
        for seed in UInt64(1)...200 {
            var random = SeededGenerator(seed: seed)
            let plain = random.bytes(upTo: 300)
            let text = encoded(plain)
            #expect(strict(text) == plain, "seed \(seed)")
            #expect(transferDecoded([UInt8](text), "base64") == plain, "seed \(seed)")
            var decoder = Base64Decoder()
            var output = DecodedBytes()
            for piece in pieces([UInt8](text), &random) { piece.withUnsafeBytes { decoder.decode($0, into: &output) } }
            #expect(output.array == plain, "seed \(seed), in pieces")
        }
    }

    @Test func randomBytesInPiecesGiveTheSame() {
        let alphabet = [UInt8]("AZaz09+/== \r\n-") + [0, 0xFF]
        for seed in UInt64(1)...500 {
            var random = SeededGenerator(seed: seed)
            let text = random.bytes(upTo: 60, of: alphabet)
            let whole = transferDecoded(text, "base64")
            #expect(whole == reference(text), "seed \(seed)")
            var decoder = Base64Decoder()
            var output = DecodedBytes()
            for piece in pieces(text, &random) { piece.withUnsafeBytes { decoder.decode($0, into: &output) } }
            #expect(output.array == whole, "seed \(seed)")
        }
    }

    /// Runs between padding, each cut to whole bytes.
    private func reference(_ text: [UInt8]) -> [UInt8] {
        let digits = [UInt8]("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        return text.split(separator: UInt8(ascii: "=")).flatMap { run -> [UInt8] in
            let bits = run.compactMap { digits.firstIndex(of: $0) }.flatMap { value in
                (0..<6).map { value >> (5 - $0) & 1 }
            }
            return (0..<(bits.count / 8)).map { byte in
                bits[(byte * 8)..<(byte * 8 + 8)].reduce(UInt8(0)) { $0 << 1 | UInt8($1) }
            }
        }
    }
}
