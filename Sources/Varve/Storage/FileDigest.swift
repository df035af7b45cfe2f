import COpenSSL

/// A SHA-256 in the making.
final class FileDigest {
    private let context: OpaquePointer

    init() throws(StoreError) {
        guard let context = EVP_MD_CTX_new() else { throw StoreError(.io, "no memory for a digest") }
        self.context = context
        guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else { throw StoreError(.io, "libcrypto has no SHA-256") }
    }

    deinit { EVP_MD_CTX_free(context) }

    func update(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
        guard EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 else {
            throw StoreError(.io, "libcrypto could not go on with a digest")
        }
    }

    /// Of what came so far; more may come.
    func value() throws(StoreError) -> [UInt8] {
        let other = try FileDigest()
        var digest = [UInt8](repeating: 0, count: 32)
        guard EVP_MD_CTX_copy_ex(other.context, context) == 1, EVP_DigestFinal_ex(other.context, &digest, nil) == 1 else {
            throw StoreError(.io, "libcrypto could not end a digest")
        }
        return digest
    }

    static func of(_ bytes: [UInt8]) throws(StoreError) -> [UInt8] {
        let digest = try FileDigest()
        try bytes.withBytes { bytes throws(StoreError) in try digest.update(bytes) }
        return try digest.value()
    }

    static func hexadecimal(_ digest: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
