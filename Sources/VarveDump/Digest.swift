import COpenSSL

enum Digest {
    /// SHA-256 of bytes of a file; nil if it ends before them, or libcrypto fails.
    static func sha256(_ file: InputFile, _ range: Range<Int>) throws(DumpError) -> [UInt8]? {
        guard let context = EVP_MD_CTX_new() else { return nil }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else { return nil }
        let window = Window(file)
        var at = range.lowerBound
        while at < range.upperBound {
            guard let bytes = try window.bytes(at: at, min(Window.size, range.upperBound - at)),
                EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1
            else { return nil }
            at += bytes.count
        }
        var digest = [UInt8](repeating: 0, count: 32)
        return EVP_DigestFinal_ex(context, &digest, nil) == 1 ? digest : nil
    }
}
