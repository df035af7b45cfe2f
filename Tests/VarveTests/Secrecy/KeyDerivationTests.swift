import Glibc
import TestSupport
import Testing
import VarveFormat

@testable import Varve

/// What is computed against vectors from elsewhere, and where master keys come from.
@Suite struct KeyDerivationTests {
    private func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8.filter { $0 != UInt8(ascii: " ") })
        return stride(from: 0, to: digits.count, by: 2).map {
            UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16)!
        }
    }

    private func secret(_ bytes: [UInt8]) -> Secret { Secret(count: bytes.count) { $0.copyBytes(from: bytes) } }

    private func derive(_ key: [UInt8], _ salt: [UInt8], _ info: [UInt8], _ length: Int) throws -> [UInt8] {
        try salt.withBytes { salt throws(StoreError) in
            try KeyDerivation.derive(secret(key), salt: salt, info: info, length: length)
        }.withBytes { Array($0) }
    }

    /// RFC 5869 appendix A, cases 1 and 3, as far as the first hash reaches.
    @Test func keysAreDerivedAsRFC5869Says() throws {
        let key = [UInt8](repeating: 0x0b, count: 22)
        let first = bytes("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")
        #expect(try derive(key, Array(0...0x0c), Array(0xf0...0xf9), 32) == first)
        #expect(try derive(key, Array(0...0x0c), Array(0xf0...0xf9), 16) == Array(first[..<16]))
        #expect(
            try derive(key, [], [], 32) == bytes("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"))
    }

    /// The GCM specification (McGrew, Viega), test case 16: AES-256 with associated data.
    @Test func piecesAreSealedAsTheSpecificationSays() throws {
        let key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
        let nonce = bytes("cafebabefacedbaddecaf888")
        let plain = bytes(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
        let associated = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        let sealed = bytes(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662")
        let tag = bytes("76fc6ece0f4e1768cddf8853bb2d551b")
        let context = try SealingContext(secret(key), seals: true)
        let opening = try SealingContext(secret(key), seals: false)
        // A context is used again and again.
        for _ in 0..<2 {
            var out = [UInt8](repeating: 0, count: plain.count + 16)
            try out.withUnsafeMutableBytes { out in
                try plain.withUnsafeBytes { plain in
                    try associated.withUnsafeBytes { associated in
                        try context.seal(
                            plain, nonce: nonce, associated, into: out.baseAddress!, tag: out.baseAddress! + plain.count)
                    }
                }
            }
            #expect(out == sealed + tag)
            var back = [UInt8](repeating: 0, count: plain.count)
            let isGenuine = try back.withUnsafeMutableBytes { back in
                try associated.withUnsafeBytes { associated in
                    try sealed.withUnsafeBytes {
                        try opening.open($0, tag: tag, nonce: nonce, associated, into: back.baseAddress!)
                    }
                }
            }
            #expect(isGenuine && back == plain)
        }
    }

    @Test func aMasterKeyComesFromAFileOfItsOwnersAlone() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/master"
        let made = try MasterKey.create(file: path)
        #expect { try MasterKey.create(file: path) } throws: { ($0 as? StoreError)?.kind == .alreadyExists }
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(status.st_size == 65)
        let read = try MasterKey(file: path)
        #expect(read.id == made.id && read.secret == made.secret)
        #expect(read.id.utf8.count == 32)
        chmod(path, 0o640)
        #expect { try MasterKey(file: path) } throws: {
            guard let error = $0 as? StoreError else { return false }
            return error.kind == .notPermitted && error.message.contains("chmod 600")
        }
        #expect { try MasterKey(file: "\(folder.path)/none") } throws: { ($0 as? StoreError)?.kind == .notFound }
        #expect { try MasterKey(file: folder.path) } throws: { ($0 as? StoreError)?.kind == .notPermitted }
    }

    @Test func aMasterKeysFileHasBytesOrDigits() throws {
        let folder = TemporaryFolder()
        let raw = (0..<32).map { UInt8($0 * 7 & 0xff) }
        let digits = raw.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let expected = try raw.withBytes { bytes throws(StoreError) in try MasterKey(bytes) }
        func key(_ content: [UInt8]) throws -> MasterKey {
            let path = "\(folder.path)/key"
            unlink(path)
            let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            defer { close(descriptor) }
            #expect(write(descriptor, content, content.count) == content.count)
            return try MasterKey(file: path)
        }
        for content in [raw, Array(digits.utf8), Array((digits + "\n").utf8), Array((digits.uppercased() + "\r\n").utf8)] {
            #expect(try key(content).secret == expected.secret)
        }
        let wrong: [[UInt8]] = [
            [], Array(raw.dropLast()), raw + [10], Array((digits + "0").utf8), Array(("g" + digits.dropFirst()).utf8),
            [UInt8](repeating: 48, count: 4000),
        ]
        for content in wrong {
            #expect { try key(content) } throws: { ($0 as? StoreError)?.kind == .limit }
        }
    }
}
