/// Bytes that a decoder makes: memory that grows by doubling and is used again for the next piece.
///
/// Decoders write through its pointer and say afterwards how much they wrote, so that nothing is checked per byte.
struct DecodedBytes: ~Copyable {
    private var memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(capacity: Int = 0) {
        memory = .allocate(byteCount: capacity, alignment: 8)
    }

    deinit { memory.deallocate() }

    /// The bytes, valid until `body` returns. An address that outlived the call would outlive the memory too: its owner
    /// is gone after its last use.
    @inline(__always)
    borrowing func withBytes<R: ~Copyable>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        body(UnsafeRawBufferPointer(rebasing: memory[..<count]))
    }

    var array: [UInt8] { withBytes { Array($0) } }

    mutating func removeAll() { count = 0 }

    /// Room for at least `extra` more bytes: the pointer to its first one, valid until the next change.
    mutating func reserve(_ extra: Int) -> UnsafeMutablePointer<UInt8> {
        if memory.count - count < extra { grow(extra) }
        // Reserving nothing of an empty block has no address to give.
        guard let base = memory.baseAddress else { return UnsafeMutablePointer(bitPattern: 8)! }
        return (base + count).assumingMemoryBound(to: UInt8.self)
    }

    /// Room that is there without growing.
    var room: Int { memory.count - count }

    /// Says how much of what was reserved has been written.
    mutating func advance(_ written: Int) {
        precondition(written >= 0 && written <= memory.count - count, "more written than reserved")
        count += written
    }

    mutating func append(_ source: UnsafeRawBufferPointer) {
        guard let from = source.baseAddress, source.count > 0 else { return }
        UnsafeMutableRawPointer(reserve(source.count)).copyMemory(from: from, byteCount: source.count)
        count += source.count
    }

    mutating func append(_ byte: UInt8) {
        reserve(1).pointee = byte
        count += 1
    }

    /// Appends a scalar's UTF-8.
    mutating func append(scalar: UInt32) {
        let to = reserve(4)
        count += UTF8Scanner.encode(scalar, to)
    }

    private mutating func grow(_ extra: Int) {
        let capacity = Swift.max(memory.count * 2, count + extra, 64)
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 8)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
        memory.deallocate()
        memory = larger
    }
}
