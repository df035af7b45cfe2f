import VarveFormat

/// What a check has gathered of the log so far.
struct CheckedLog {
    struct Segment {
        var number: UInt32
        /// nil if it is not valid.
        var header: SegmentHeader?
        var size: Int
    }

    /// Places of the message frames that hold, ascending, and how many bytes each one's message has.
    var locations: [UInt64] = []
    var sizes: [UInt32] = []
    /// The account as the log says; nil when a commit was met that cannot be applied, or none at all.
    var replay: Replay?
    /// Where the replay begins: 1, or the number of the base.
    var firstSegment: UInt32 = 1
    /// The last commit that was applied.
    var lastReplayed: UInt64 = 0
    /// Modseq of the last commit that was met.
    var lastCommit: UInt64 = 0
    /// Segments that ended without a footer where nothing else is wrong with them.
    var unsealed: [UInt32] = []
    var lastSealed: UInt32 = 0
    var wasCompared = false
    /// The superblock's position is where a frame begins or the log ends.
    var hasMetCheckpoint = false

    /// Bytes of the message whose frame begins at a place; nil if there is no such frame.
    func size(at location: UInt64) -> UInt32? {
        var low = 0
        var high = locations.count
        while low < high {
            let middle = (low + high) / 2
            if locations[middle] < location { low = middle + 1 } else { high = middle }
        }
        return low < locations.count && locations[low] == location ? sizes[low] : nil
    }
}

extension Replay {
    /// A replay into an index that lies in memory, from the log's very beginning.
    static func inMemory(_ store: StoreUUID, _ cipher: StoreCipher?) throws(StoreError) -> Replay {
        let file = try MemoryFile()
        var block = Superblock(store: store)
        block.indexNumber = 1
        block.pageCount = 1
        let mapping = try file.map(16 * Format.pageSize, writable: true)
        IndexHeader.write(mapping.base, block)
        let pages = Pages(
            mapping: mapping, verifier: PageVerifier(pageCount: 0, tag: store.tag, newest: 0), touches: nil)
        let allocator = PageAllocator(file: file, pages: pages, pageCount: 1, free: [], checkpoint: 0, tag: store.tag)
        return Replay(state: IndexState(block), allocator: allocator, checkpoint: 0, cipher: cipher)
    }
}
