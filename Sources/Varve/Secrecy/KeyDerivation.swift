import COpenSSL

/// Keys from keys: HKDF with SHA-256 (RFC 5869), for results of one hash's length at most.
enum KeyDerivation {
    static let maximumLength = 32

    /// What a derived key is for; no two uses share a key.
    enum Purpose: String {
        case masterKeyID = "varve master key id"
        case wrapping = "varve wrapping"
        case session = "varve session"
    }

    static func derive(
        _ key: Secret, salt: UnsafeRawBufferPointer, _ purpose: Purpose, length: Int = maximumLength
    ) throws(StoreError) -> Secret {
        try derive(key, salt: salt, info: Array(purpose.rawValue.utf8), length: length)
    }

    static func derive(
        _ key: Secret, salt: UnsafeRawBufferPointer, info: [UInt8], length: Int
    ) throws(StoreError) -> Secret {
        precondition(1...maximumLength ~= length)
        // RFC 5869 §2.2; an empty salt stands for zeros, with which a shorter key of HMAC is filled up anyway.
        let extracted = try Secret(count: 32) { out throws(StoreError) in
            try key.withBytes { key throws(StoreError) in try authenticate(key, with: salt, into: out) }
        }
        // RFC 5869 §2.3: the first block is T(1) = HMAC(PRK, info | 0x01).
        let block = try Secret(count: 32) { out throws(StoreError) in
            try extracted.withBytes { key throws(StoreError) in
                try (info + [1]).withBytes { info throws(StoreError) in try authenticate(info, with: key, into: out) }
            }
        }
        if length == block.count { return block }
        return Secret(count: length) { out in
            block.withBytes { out.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<length])) }
        }
    }

    /// HMAC with SHA-256 (RFC 2104). - Parameter out: 32 bytes.
    private static func authenticate(
        _ message: UnsafeRawBufferPointer, with key: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer
    ) throws(StoreError) {
        var length: UInt32 = 0
        var none: UInt8 = 0
        let done = withUnsafePointer(to: &none) { none in
            // A key without an address means "the one before" to libcrypto.
            HMAC(
                EVP_sha256(), key.baseAddress ?? UnsafeRawPointer(none), Int32(key.count),
                message.baseAddress?.assumingMemoryBound(to: UInt8.self), message.count,
                out.baseAddress?.assumingMemoryBound(to: UInt8.self), &length)
        }
        guard done != nil, length == 32 else {
            ERR_clear_error()
            throw StoreError(.io, "libcrypto has no HMAC with SHA-256")
        }
    }
}
