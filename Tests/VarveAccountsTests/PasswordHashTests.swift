import Testing

@testable import VarveAccounts

@Suite struct PasswordHashTests {
    /// RFC 7914 §12, the third vector, as a line of the users file.
    @Test func rfc7914Vector() throws {
        let hash: [UInt8] = [
            0x70, 0x23, 0xbd, 0xcb, 0x3a, 0xfd, 0x73, 0x48, 0x46, 0x1c, 0x06, 0xcd, 0x81, 0xfd, 0x38, 0xeb,
            0xfd, 0xa8, 0xfb, 0xba, 0x90, 0x4f, 0x8e, 0x3e, 0xa9, 0xb5, 0x43, 0xf6, 0x54, 0x5d, 0xa1, 0xf2,
            0xd5, 0x43, 0x29, 0x55, 0x61, 0x3f, 0x0f, 0xcf, 0x62, 0xd4, 0x97, 0x05, 0x24, 0x2a, 0x9a, 0xf9,
            0xe6, 0x1e, 0x85, 0xdc, 0x0d, 0x65, 0x1e, 0x40, 0xdf, 0xcf, 0x01, 0x7b, 0x45, 0x57, 0x58, 0x87,
        ]
        // The vector's salt has 14 bytes, and the bounds ask for 16: the line has another salt, and does not match.
        let salt = Array("SodiumChloride..".utf8)
        let text = Array("$scrypt$ln=14,r=8,p=1$".utf8) + Base64.encode(salt) + Array("$".utf8) + Base64.encode(hash)
        let parsed = try #require(PasswordHash(text))
        #expect(parsed.cost == ScryptCost(logN: 14, blockSize: 8, parallelism: 1))
        #expect(parsed.salt == salt)
        #expect(parsed.hash == hash)
        #expect(parsed.text == text)
        #expect(try !parsed.matches(Array("pleaseletmein".utf8)))
        let real = try PasswordHash.scrypt(
            Array("pleaseletmein".utf8), salt: Array("SodiumChloride".utf8), parsed.cost, length: 64)
        #expect(real == hash)
    }

    @Test func standardCostIsWithinItsBoundsAndItsMemoryLimitSuffices() throws {
        #expect(ScryptCost.standard.isWithinBounds)
        let hash = try PasswordHash(Array("secret".utf8), cost: .standard)
        #expect(try hash.matches(Array("secret".utf8)))
        #expect(try !hash.matches(Array("Secret".utf8)))
        #expect(PasswordHash(hash.text) == hash)
    }

    @Test(arguments: [
        ScryptCost(logN: 10, blockSize: 1, parallelism: 16), ScryptCost(logN: 10, blockSize: 32, parallelism: 1),
        ScryptCost(logN: 16, blockSize: 8, parallelism: 2),
    ])
    func otherCostsCompute(cost: ScryptCost) throws {
        let hash = try PasswordHash(Array("x".utf8), cost: cost)
        #expect(try hash.matches(Array("x".utf8)))
    }

    @Test(arguments: [
        "", "$", "scrypt", "$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA", "$argon2$ln=15,r=8,p=1$S$H",
        "$scrypt$ln=9,r=8,p=1$S$H", "$scrypt$ln=21,r=8,p=1$S$H", "$scrypt$ln=15,r=0,p=1$S$H",
        "$scrypt$ln=15,r=33,p=1$S$H", "$scrypt$ln=15,r=8,p=17$S$H", "$scrypt$ln=15,r=8,p=0$S$H",
        "$scrypt$ln=20,r=32,p=1$S$H", "$scrypt$ln=99999999999999999999,r=8,p=1$S$H", "$scrypt$ln=-5,r=8,p=1$S$H",
        "$scrypt$r=8,ln=15,p=1$S$H", "$scrypt$ln=15,r=8,p=1$$H", "$scrypt$ln=15,r=8,p=1$S$", "$scrypt$ln=15,r=8,p=1$S$H$",
        "$scrypt$ln=15,r=8,p=1$S!$H", "$scrypt$ln=15,r=8,p=1$S$H=",
    ])
    func refusesOtherTexts(text: String) {
        let salt = String(repeating: "A", count: 22)
        let hash = String(repeating: "A", count: 43)
        let full = text.split(separator: "$", omittingEmptySubsequences: false).map { part in
            part.first == "S" ? salt + part.dropFirst() : part.first == "H" ? hash + part.dropFirst() : String(part)
        }.joined(separator: "$")
        #expect(PasswordHash(Array(full.utf8)) == nil)
        #expect(PasswordHash(Array("$scrypt$ln=15,r=8,p=1$\(salt)$\(hash)".utf8)) != nil)
    }

    /// RFC 4648 §10, without the `=`.
    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"),
        ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy"),
    ])
    func base64(plain: String, text: String) {
        #expect(String(decoding: Base64.encode(Array(plain.utf8)), as: UTF8.self) == text)
        #expect(Base64.decode(text.utf8) == Array(plain.utf8))
    }

    @Test(arguments: ["Z", "Zg==", "Zh", "Zm9", "Zm9v Yg", "Zm9-"])
    func base64IsStrict(text: String) { #expect(Base64.decode(text.utf8) == nil) }
}
