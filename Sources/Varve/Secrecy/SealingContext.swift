import COpenSSL
import VarveFormat

/// AES-256-GCM under one key, in one direction. Made once, used for many pieces: by one thread at a time.
final class SealingContext: @unchecked Sendable {
    private let context: OpaquePointer
    private let seals: Bool

    /// - Parameter key: 32 bytes. The context keeps what it makes of them until it goes, and clears it then.
    init(_ key: Secret, seals: Bool) throws(StoreError) {
        guard let context = EVP_CIPHER_CTX_new() else { throw StoreError(.io, "no memory for a cipher") }
        self.context = context
        self.seals = seals
        let code = key.withBytes { key in
            let bytes = key.baseAddress?.assumingMemoryBound(to: UInt8.self)
            return seals
                ? EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nil, bytes, nil)
                : EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), nil, bytes, nil)
        }
        guard code == 1 else { throw SealingContext.failure() }
    }

    deinit { EVP_CIPHER_CTX_free(context) }

    private static func failure() -> StoreError {
        ERR_clear_error()
        return StoreError(.io, "libcrypto could not go on with AES-256-GCM")
    }

    /// Encrypts a piece.
    /// - Parameters:
    ///   - nonce: 12 bytes, never used before with this key but for the very same piece.
    ///   - out: gets as many bytes as the piece has. May be where the piece lies.
    ///   - tag: gets 16 bytes.
    func seal(
        _ piece: UnsafeRawBufferPointer, nonce: UnsafeRawPointer, _ associated: UnsafeRawBufferPointer,
        into out: UnsafeMutableRawPointer, tag: UnsafeMutableRawPointer
    ) throws(StoreError) {
        precondition(seals && piece.count <= Int(Int32.max))
        let target = out.assumingMemoryBound(to: UInt8.self)
        var length: Int32 = 0
        guard EVP_EncryptInit_ex(context, nil, nil, nil, nonce.assumingMemoryBound(to: UInt8.self)) == 1,
            EVP_EncryptUpdate(context, nil, &length, SealingContext.bytes(associated), Int32(associated.count)) == 1,
            piece.isEmpty
                || EVP_EncryptUpdate(context, target, &length, SealingContext.bytes(piece), Int32(piece.count)) == 1,
            EVP_EncryptFinal_ex(context, target + piece.count, &length) == 1,
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(Seal.tagSize), tag) == 1
        else { throw SealingContext.failure() }
    }

    /// Decrypts a piece.
    /// - Parameters:
    ///   - piece: as it was sealed.
    ///   - tag: the 16 bytes that `seal` gave.
    ///   - out: gets the piece. What it holds means nothing unless true is returned.
    /// - Returns: whether the tag is that of these bytes, under this key and nonce.
    func open(
        _ piece: UnsafeRawBufferPointer, tag: UnsafeRawPointer, nonce: UnsafeRawPointer,
        _ associated: UnsafeRawBufferPointer, into out: UnsafeMutableRawPointer
    ) throws(StoreError) -> Bool {
        precondition(!seals && piece.count <= Int(Int32.max))
        let count = piece.count
        let target = out.assumingMemoryBound(to: UInt8.self)
        let tag = UnsafeMutableRawPointer(mutating: tag)
        var length: Int32 = 0
        guard EVP_DecryptInit_ex(context, nil, nil, nil, nonce.assumingMemoryBound(to: UInt8.self)) == 1,
            EVP_DecryptUpdate(context, nil, &length, SealingContext.bytes(associated), Int32(associated.count)) == 1,
            count == 0 || EVP_DecryptUpdate(context, target, &length, SealingContext.bytes(piece), Int32(count)) == 1,
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(Seal.tagSize), tag) == 1
        else { throw SealingContext.failure() }
        if EVP_DecryptFinal_ex(context, target + count, &length) == 1 { return true }
        ERR_clear_error()
        return false
    }

    private static func bytes(_ buffer: UnsafeRawBufferPointer) -> UnsafePointer<UInt8>? {
        buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
    }
}
