import Glibc
import TestSupport

/// The bytes of a file on the simulated disk: as processes see them, and as they would be after a power failure. Guarded by
/// the disk's lock, but for what a mapping shows.
final class SimulatedInode: @unchecked Sendable {
    static let sectorSize = 512

    /// As processes see it.
    private var seen = Image.empty
    /// Nobody else has `seen`, and it may be written to; from then on it stays the same one, for the sake of mappings.
    private var ownsSeen = false
    private var durable = Image.empty
    private var ownsDurable = false
    private let keepsDurable: Bool
    private(set) var size = 0
    private(set) var durableSize = 0
    private var dirty = DirtyPages()
    /// For writing: any byte may have been stored to.
    private var isMapped = false
    /// Pages that a failed sync has dropped: the system takes them for written. Their bytes as they were then. Of a mapped
    /// file they are known until it is mapped anew, or its process ends.
    private var dropped: [Int: [UInt8]] = [:]

    /// - Parameter keepsDurable: false if the disk does not model power failures.
    init(keepsDurable: Bool) { self.keepsDurable = keepsDurable }

    private init(frozen image: Image, size: Int) {
        keepsDurable = true
        seen = image
        durable = image
        self.size = size
        durableSize = size
    }

    private var extent: Int { max(size, durableSize) }

    // MARK: What processes do

    /// Only to be read.
    var bytes: UnsafeRawPointer { UnsafeRawPointer(seen.base) }

    private func own() {
        guard !ownsSeen else { return }
        seen = seen.copy(size)
        ownsSeen = true
    }

    private func ownDurable() {
        guard !ownsDurable else { return }
        durable = durable.copy(durableSize)
        ownsDurable = true
    }

    func write(_ offset: Int, _ source: UnsafeRawBufferPointer) {
        guard !source.isEmpty else { return }
        own()
        (seen.base + offset).copyMemory(from: source.baseAddress!, byteCount: source.count)
        touch(offset..<(offset + source.count))
        size = max(size, offset + source.count)
    }

    private func touch(_ range: Range<Int>) {
        dirty.insert(range)
        guard !dropped.isEmpty else { return }
        for page in (range.lowerBound / DirtyPages.pageSize)...((range.upperBound - 1) / DirtyPages.pageSize) {
            dropped[page] = nil
        }
    }

    func truncate(_ newSize: Int) {
        own()
        if newSize < size { memset(seen.base + newSize, 0, size - newSize) }
        let changed = min(newSize, size)..<max(newSize, size)
        if !changed.isEmpty { touch(changed) }
        size = newSize
    }

    func map(writable: Bool) -> Image {
        own()
        if writable {
            isMapped = true
            // From now on nobody can tell which of them are stored to again.
            dropped.removeAll()
        }
        return seen
    }

    /// Changes a byte for good, as a medium does.
    func damage(at offset: Int, _ change: (UInt8) -> UInt8) {
        let value = change(seen.base.load(fromByteOffset: offset, as: UInt8.self))
        own()
        seen.base.storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
        guard keepsDurable else { return }
        ownDurable()
        durable.base.storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }

    // MARK: What gets to the disk

    /// Pages in which what is seen may differ from what is durable.
    private var unsynced: [Range<Int>] { isMapped ? [0..<extent] : dirty.ranges }

    private func isDropped(_ at: Int) -> Bool {
        guard let bytes = dropped[at / DirtyPages.pageSize] else { return false }
        return bytes.withUnsafeBytes { memcmp($0.baseAddress!, seen.base + at, DirtyPages.pageSize) == 0 }
    }

    private func forEachUnsyncedPage(_ body: (Int) -> Void) {
        guard keepsDurable, seen !== durable else { return }
        for range in unsynced {
            for at in stride(from: range.lowerBound, to: range.upperBound, by: DirtyPages.pageSize)
            where memcmp(seen.base + at, durable.base + at, DirtyPages.pageSize) != 0 && !isDropped(at) { body(at) }
        }
    }

    private func forEachUnsyncedSector(_ body: (Int) -> Void) {
        forEachUnsyncedPage { page in
            for at in stride(from: page, to: page + DirtyPages.pageSize, by: SimulatedInode.sectorSize)
            where memcmp(seen.base + at, durable.base + at, SimulatedInode.sectorSize) != 0 { body(at) }
        }
    }

    func sync() {
        guard keepsDurable else { return dirty.removeAll() }
        forEachUnsyncedPage { at in
            ownDurable()
            (durable.base + at).copyMemory(from: seen.base + at, byteCount: DirtyPages.pageSize)
        }
        if size < durableSize {
            ownDurable()
            memset(durable.base + size, 0, durableSize - size)
        }
        durableSize = size
        dirty.removeAll()
    }

    /// The system writes some of what is dirty, unasked.
    func writeBack(_ random: inout SeededGenerator) {
        let modulus = Int.random(in: 1...4, using: &random)
        var grown = durableSize
        forEachUnsyncedSector { at in
            guard random.once(in: modulus) else { return }
            ownDurable()
            (durable.base + at).copyMemory(from: seen.base + at, byteCount: SimulatedInode.sectorSize)
            grown = max(grown, min(at + SimulatedInode.sectorSize, size))
        }
        durableSize = grown
    }

    /// A sync fails: some sectors are written, and the others are taken for written.
    func failSync(_ random: inout SeededGenerator) {
        writeBack(&random)
        forEachUnsyncedPage { at in
            dropped[at / DirtyPages.pageSize] = Array(
                UnsafeRawBufferPointer(start: seen.base + at, count: DirtyPages.pageSize))
        }
        dirty.removeAll()
    }

    /// The last process that had the file open is gone. What a failed sync has dropped may be forgotten, so that the next
    /// process reads what is on the disk; or it stays in memory, and nobody can tell.
    func processEnded(_ random: inout SeededGenerator) {
        guard !dropped.isEmpty else { return }
        if Bool.random(using: &random) {
            own()
            for at in dropped.keys.sorted().lazy.map({ $0 * DirtyPages.pageSize }) where isDropped(at) {
                let count = max(0, min(DirtyPages.pageSize, size - at))
                (seen.base + at).copyMemory(from: durable.base + at, byteCount: count)
            }
        }
        dropped.removeAll()
    }

    // MARK: After a power failure

    /// How much of what was not synced is left.
    private enum Remains: CaseIterable {
        case all, none, half, quarter, most
        /// What lies before some place, or behind it.
        case before, behind
    }

    /// What is left of the file after a power failure: of the sectors not synced some, of one of them a part.
    func survivor(_ random: inout SeededGenerator) -> SimulatedInode {
        var sectors: [Int] = []
        forEachUnsyncedSector { sectors.append($0) }
        guard !sectors.isEmpty || size != durableSize else { return frozen() }
        let target = durable.copy(durableSize)
        func write(_ at: Int, _ count: Int) { (target.base + at).copyMemory(from: seen.base + at, byteCount: count) }
        let remains = Remains.allCases.randomElement(using: &random)!
        let cut = Int.random(in: 0...sectors.count, using: &random)
        var lost: [Int] = []
        for (i, at) in sectors.enumerated() {
            let isWritten =
                switch remains {
                case .all: true
                case .none: false
                case .half: Bool.random(using: &random)
                case .quarter: random.once(in: 4)
                case .most: !random.once(in: 16)
                case .before: i < cut
                case .behind: i >= cut
                }
            if isWritten { write(at, SimulatedInode.sectorSize) } else { lost.append(at) }
        }
        // Where a row of sectors ends, or anywhere.
        if remains != .none || random.once(in: 2),
            let torn = remains == .before ? lost.first : lost.randomElement(using: &random)
        {
            write(torn, Int.random(in: 0..<SimulatedInode.sectorSize, using: &random))
            if random.once(in: 4) { fillWithNoise(target, torn, &random) }
        }
        let low = min(size, durableSize)
        let newSize =
            switch Int.random(in: 0...4, using: &random) {
            case 0...1: size
            case 2...3: durableSize
            default: Int.random(in: low...extent, using: &random)
            }
        if newSize < extent { memset(target.base + newSize, 0, extent - newSize) }
        return SimulatedInode(frozen: target, size: newSize)
    }

    /// In a sector that was being written, the bytes that were to become others may be anything.
    private func fillWithNoise(_ target: Image, _ at: Int, _ random: inout SeededGenerator) {
        for i in at..<(at + SimulatedInode.sectorSize)
        where seen.base.load(fromByteOffset: i, as: UInt8.self) != target.base.load(fromByteOffset: i, as: UInt8.self) {
            target.base.storeBytes(of: UInt8.random(in: 0...255, using: &random), toByteOffset: i, as: UInt8.self)
        }
    }

    /// The durable bytes as a file of their own; nothing is copied before one of the two is written to.
    private func frozen() -> SimulatedInode {
        ownsDurable = false
        return SimulatedInode(frozen: durable, size: durableSize)
    }
}
