/// Bytes that stay at one address until the last reference goes: what waits to be written.
final class ByteBlock: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    init(capacity: Int) { bytes = .allocate(byteCount: capacity, alignment: 16) }

    convenience init(_ source: [UInt8]) {
        self.init(capacity: source.count)
        bytes.copyBytes(from: source)
    }

    deinit { bytes.deallocate() }
}
