import Glibc

/// A file that lies in this process' memory alone: an index that must not be written to disk as it is, or cannot be.
///
/// Address space is set aside once, so that a mapping grows in place and older ones stay coherent with it.
final class MemoryFile: File, @unchecked Sendable {
    /// Bytes at most, where nothing else is said: 64 GiB of address space, of which only what is written takes memory.
    static let capacity = 64 << 30

    private let region: Region
    // Guarded by the caller, as the size of any file is: whoever grows it is alone.
    private var length = 0

    /// - Throws: `.io` where the process has no address space left.
    init(capacity: Int = MemoryFile.capacity) throws(StoreError) {
        let base = mmap(
            nil, capacity, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let base, base != MAP_FAILED else { throw failure("set aside address space for", "an index in memory") }
        region = Region(base: base, length: capacity)
    }

    /// Freed when neither the file nor a mapping of it is left.
    private final class Region: @unchecked Sendable {
        let base: UnsafeMutableRawPointer
        let length: Int

        init(base: UnsafeMutableRawPointer, length: Int) {
            self.base = base
            self.length = length
        }

        deinit { munmap(base, length) }
    }

    private final class MemoryMapping: Mapping, @unchecked Sendable {
        private let region: Region
        let length: Int
        var base: UnsafeMutableRawPointer { region.base }

        init(_ region: Region, length: Int) {
            self.region = region
            self.length = length
        }
    }

    func size() throws(StoreError) -> Int { length }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        let count = max(0, min(buffer.count, length - offset))
        if count > 0 { buffer.baseAddress!.copyMemory(from: region.base + offset, byteCount: count) }
        return count
    }

    func write(at offset: Int, _ buffers: [UnsafeRawBufferPointer]) throws(StoreError) {
        let count = buffers.reduce(0) { $0 + $1.count }
        if offset + count > length { try allocate(offset + count) }
        var at = offset
        for buffer in buffers where !buffer.isEmpty {
            (region.base + at).copyMemory(from: buffer.baseAddress!, byteCount: buffer.count)
            at += buffer.count
        }
    }

    func allocate(_ size: Int) throws(StoreError) {
        guard size > length else { return }
        guard size <= region.length else {
            throw StoreError(.limit, "an index in memory has \(region.length) bytes at most")
        }
        guard mprotect(region.base, (size + 4095) & ~4095, PROT_READ | PROT_WRITE) == 0 else {
            throw failure("grow", "an index in memory")
        }
        length = size
    }

    /// What is cut off stays mapped, as zeros: whoever still holds a mapping reads no foreign bytes and does not fault.
    func truncate(_ size: Int) throws(StoreError) {
        if size > length { return try allocate(size) }
        let whole = (size + 4095) & ~4095
        memset(region.base + size, 0, min(whole, length) - size)
        if whole < length { _ = madvise(region.base + whole, length - whole, MADV_DONTNEED) }
        length = size
    }

    func sync() throws(StoreError) {}

    func map(_ length: Int, writable: Bool) throws(StoreError) -> any Mapping {
        if length > self.length { try allocate(length) }
        return MemoryMapping(region, length: length)
    }
}
