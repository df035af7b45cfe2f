import Varve
import VarveFormat

/// Which index the superblock on a disk speaks of, and whether an opening has reason to trust it.
struct IndexOnDisk {
    let number: UInt64
    /// Both slots hold, one the successor of the other, and the index file is the one that they speak of: then nothing but
    /// damage makes an opening build it anew.
    let isTrusted: Bool

    /// nil if there is no superblock that holds.
    init?(_ disk: SimulatedDisk) {
        guard let bytes = disk.contents("\(RandomWorkload.path)/\(FileNames.superblock)") else { return nil }
        var blocks: [Superblock] = []
        for slot in 0..<2 where bytes.count >= (slot + 1) * Superblock.slotSize {
            let place = (slot * Superblock.slotSize)..<((slot + 1) * Superblock.slotSize)
            let block = bytes.withBytes { try? Superblock(UnsafeRawBufferPointer(rebasing: $0[place])) }
            if let block, block.sequence % 2 == UInt64(slot) { blocks.append(block) }
        }
        guard let newest = blocks.max(by: { $0.sequence < $1.sequence }) else { return nil }
        number = newest.indexNumber
        let isWhole = newest.sequence <= 1 || blocks.contains { $0.sequence == newest.sequence - 1 }
        let header = disk.contents(RandomWorkload.index, prefix: Format.pageSize) ?? []
        isTrusted =
            isWhole && header.count == Format.pageSize
            && header.withBytes { IndexHeader.matches(UnsafeRawPointer($0.baseAddress!), newest) }
    }
}
