import COpenSSL

/// Bytes of a key. They lie in one place, are copied nowhere but into libcrypto's own contexts, which clear what they held,
/// and are overwritten when the last reference goes.
final class Secret: @unchecked Sendable {
    // Written to by whoever makes it, before anybody else has it.
    private let bytes: UnsafeMutableRawBufferPointer

    var count: Int { bytes.count }

    /// - Parameter fill: gets the bytes, all zeros, to write the secret to.
    init<E: Error>(count: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(E) -> Void) throws(E) {
        bytes = .allocate(byteCount: count, alignment: 16)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        try fill(bytes)
    }

    deinit {
        OPENSSL_cleanse(bytes.baseAddress, bytes.count)
        bytes.deallocate()
    }

    func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try body(UnsafeRawBufferPointer(bytes))
    }

    /// Compares in constant time.
    static func == (a: Secret, b: Secret) -> Bool {
        a.count == b.count && CRYPTO_memcmp(a.bytes.baseAddress, b.bytes.baseAddress, a.count) == 0
    }
}

/// Random bytes that nobody can foretell.
enum Entropy {
    /// A buffer is filled with them, or an error says why not.
    typealias Source = @Sendable (UnsafeMutableRawBufferPointer) throws(StoreError) -> Void

    static let system: Source = { buffer throws(StoreError) in
        guard RAND_bytes(buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(buffer.count)) == 1 else {
            ERR_clear_error()
            throw StoreError(.io, "libcrypto has no random bytes to give")
        }
    }
}
