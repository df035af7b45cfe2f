import COpenSSL

/// SHA-256 of bytes that come piece by piece. Where libcrypto fails, there is none.
final class Digest {
    private let context: OpaquePointer

    init?() {
        guard let context = EVP_MD_CTX_new() else { return nil }
        guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            EVP_MD_CTX_free(context)
            return nil
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    func update(_ bytes: UnsafeRawBufferPointer) -> Bool {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1
    }

    func finish() -> [UInt8]? {
        var digest = [UInt8](repeating: 0, count: 32)
        return EVP_DigestFinal_ex(context, &digest, nil) == 1 ? digest : nil
    }

    /// SHA-256 of bytes of a file; nil if it ends before them.
    static func sha256(_ file: InputFile, _ range: Range<Int>) throws(DumpError) -> [UInt8]? {
        guard let digest = Digest() else { return nil }
        let window = Window(file)
        var at = range.lowerBound
        while at < range.upperBound {
            guard let bytes = try window.bytes(at: at, min(Window.size, range.upperBound - at)), digest.update(bytes)
            else { return nil }
            at += bytes.count
        }
        return digest.finish()
    }
}
