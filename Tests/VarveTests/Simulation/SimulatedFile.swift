import Glibc

@testable import Varve
import TestSupport

/// The bytes of a file on the simulated disk: as processes see them, and as they would be after a power failure. Guarded by
/// the disk's lock, but for what a mapping shows.
final class SimulatedInode: @unchecked Sendable {
    static let sectorSize = 512
    /// Address space, not memory: a mapping grows in place, so that older ones stay coherent with it.
    static let capacity = 1 << 30

    let bytes: UnsafeMutableRawPointer
    /// nil: the disk does not model power failures.
    let durable: UnsafeMutableRawPointer?
    var size = 0
    var durableSize = 0
    /// What was written since it was last synced; all of a file that was ever mapped for writing.
    var dirty: Range<Int>?
    var isMapped = false

    init(keepsDurable: Bool) {
        bytes = SimulatedInode.reserve()
        durable = keepsDurable ? SimulatedInode.reserve() : nil
    }

    deinit {
        munmap(bytes, SimulatedInode.capacity)
        if let durable { munmap(durable, SimulatedInode.capacity) }
    }

    private static func reserve() -> UnsafeMutableRawPointer {
        let base = mmap(
            nil, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        precondition(base != MAP_FAILED, "no address space")
        return base!
    }

    func write(_ offset: Int, _ source: UnsafeRawBufferPointer) {
        guard !source.isEmpty else { return }
        (bytes + offset).copyMemory(from: source.baseAddress!, byteCount: source.count)
        let range = offset..<(offset + source.count)
        dirty = dirty.map { min($0.lowerBound, range.lowerBound)..<max($0.upperBound, range.upperBound) } ?? range
        size = max(size, range.upperBound)
    }

    func truncate(_ newSize: Int) {
        if newSize < size { memset(bytes + newSize, 0, size - newSize) }
        let low = min(newSize, size)
        let high = max(newSize, size)
        if low < high { dirty = dirty.map { min($0.lowerBound, low)..<max($0.upperBound, high) } ?? low..<high }
        size = newSize
    }

    private var unsynced: Range<Int>? { isMapped ? 0..<max(size, durableSize) : dirty }

    func sync() {
        defer { dirty = nil }
        guard let durable else { return }
        if let range = unsynced {
            (durable + range.lowerBound).copyMemory(from: bytes + range.lowerBound, byteCount: range.count)
        }
        durableSize = size
    }

    /// The sectors in which what is seen differs from what is durable.
    private func forEachUnsynced(_ body: (Int, Int) -> Void) {
        guard let durable, let range = unsynced else { return }
        var at = range.lowerBound & ~(SimulatedInode.sectorSize - 1)
        while at < range.upperBound {
            // Pages that are alike are passed over at once.
            if at % 4096 == 0, memcmp(bytes + at, durable + at, 4096) == 0 {
                at += 4096
                continue
            }
            if memcmp(bytes + at, durable + at, SimulatedInode.sectorSize) != 0 { body(at, SimulatedInode.sectorSize) }
            at += SimulatedInode.sectorSize
        }
    }

    /// The system writes some of what is dirty, unasked.
    func writeBack(_ random: inout SeededGenerator) {
        guard let durable else { return }
        let modulus = Int.random(in: 1...4, using: &random)
        var grown = durableSize
        forEachUnsynced { at, count in
            guard random.once(in: modulus) else { return }
            (durable + at).copyMemory(from: bytes + at, byteCount: count)
            grown = max(grown, min(at + count, size))
        }
        durableSize = max(durableSize, grown)
    }

    /// What is left of the file after a power failure: of the sectors not synced some, of one of them a part.
    func survivor(_ random: inout SeededGenerator) -> SimulatedInode {
        let result = SimulatedInode(keepsDurable: true)
        let target = result.durable!
        target.copyMemory(from: durable!, byteCount: max(size, durableSize))
        // All, none, or one in a few.
        let modulus = [1, 2, 2, 4, .max].randomElement(using: &random)!
        var torn: (at: Int, count: Int)?
        forEachUnsynced { at, count in
            if modulus != .max, random.once(in: modulus) {
                (target + at).copyMemory(from: bytes + at, byteCount: count)
            } else if torn == nil || random.once(in: 4) {
                torn = (at, Int.random(in: 0..<count, using: &random))
            }
        }
        if modulus != 1, let torn { (target + torn.at).copyMemory(from: bytes + torn.at, byteCount: torn.count) }
        result.size = Bool.random(using: &random) ? size : durableSize
        if result.size < max(size, durableSize) { memset(target + result.size, 0, max(size, durableSize) - result.size) }
        result.durableSize = result.size
        result.bytes.copyMemory(from: target, byteCount: result.size)
        return result
    }
}

final class SimulatedFile: File {
    private let disk: SimulatedDisk
    private let inode: SimulatedInode
    private let name: String

    init(_ disk: SimulatedDisk, _ inode: SimulatedInode, _ name: String) {
        self.disk = disk
        self.inode = inode
        self.name = name
    }

    func size() throws(StoreError) -> Int { try disk.look { inode.size } }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        try disk.look {
            let count = max(0, min(buffer.count, inode.size - offset))
            if count > 0 { buffer.baseAddress!.copyMemory(from: inode.bytes + offset, byteCount: count) }
            return count
        }
    }

    func write(at offset: Int, _ buffers: [UnsafeRawBufferPointer]) throws(StoreError) {
        let total = buffers.reduce(0) { $0 + $1.count }
        try disk.change(
            .write, name,
            partly: { fraction in
                // What an error or a crash interrupts is written in part.
                var left = Int(Double(total) * fraction)
                var at = offset
                for buffer in buffers where left > 0 {
                    let part = UnsafeRawBufferPointer(rebasing: buffer.prefix(left))
                    self.inode.write(at, part)
                    at += part.count
                    left -= part.count
                }
            })
    }

    func allocate(_ size: Int) throws(StoreError) {
        try disk.change(.allocate, name, partly: { if $0 == 1, size > self.inode.size { self.inode.truncate(size) } })
    }

    func truncate(_ size: Int) throws(StoreError) {
        try disk.change(.truncate, name, partly: { if $0 == 1 { self.inode.truncate(size) } })
    }

    func sync() throws(StoreError) { try disk.sync(inode, name) }

    func map(_ length: Int, writable: Bool) throws(StoreError) -> any Mapping {
        try disk.look {
            if writable { inode.isMapped = true }
            return SimulatedMapping(inode, length)
        }
    }
}

private final class SimulatedMapping: Mapping, @unchecked Sendable {
    private let inode: SimulatedInode
    let length: Int
    var base: UnsafeMutableRawPointer { inode.bytes }

    init(_ inode: SimulatedInode, _ length: Int) {
        precondition(length <= SimulatedInode.capacity, "a mapping larger than the simulated disk allows")
        self.inode = inode
        self.length = length
    }
}
