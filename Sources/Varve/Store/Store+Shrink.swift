import MailModel
import VarveFormat

// How an index file gets smaller again: pages at its end are moved to free ones before them; a checkpoint then has a lower
// page count; when its superblock is on disk, the file is cut.

extension Store {
    /// Makes the index file as small as what it holds allows, a little room left for what comes next.
    ///
    /// Others read and commit meanwhile: it goes in steps, each a transaction that changes nothing of the account, with
    /// checkpoints before and after. Pages that a snapshot still reaches stay where they are, so that less may be cut off than
    /// is free. Does nothing while another thread is at it.
    /// - Throws: `.closed`, `.poisoned`, `.outOfSpace`, `.io`, `.corrupt`.
    /// - Complexity: O(inner pages + pages moved), and the checkpoints.
    public func shrinkIndex() throws(StoreError) {
        monitor.lock()
        do {
            defer { monitor.unlock() }
            try checkUsable()
            if writer.isShrinking { return }
            writer.isShrinking = true
        }
        defer {
            monitor.lock()
            writer.allocator.prefer(below: .max)
            writer.isShrinking = false
            writer.shrunkAt = writer.superblock.sequence
            monitor.unlock()
        }
        // What was freed since the last checkpoint is to be had after the next one.
        try makeCheckpoint()
        for _ in 0..<Store.maximumRounds {
            let isThrough = try moveEnd()
            try makeCheckpoint()
            if isThrough { break }
        }
        monitor.lock()
        defer { monitor.unlock() }
        while writer.isCheckpointing { monitor.wait() }
        try checkUsable()
        writer.allocator.collect(oldestState: oldestState())
        writer.allocator.trim(to: writer.superblock.pageCount)
        try cutIndex(leaving: 0)
    }

    /// When the free pages at hand do not last for a pass, another one follows a checkpoint.
    private static let maximumRounds = 4
    /// Pages copied in one transaction.
    private static let pagesPerStep = 512

    /// Moves pages to the front until all lie there, or no room is left.
    /// - Returns: whether all do.
    private func moveEnd() throws(StoreError) -> Bool {
        monitor.lock()
        let allocator = writer.allocator
        allocator.collect(oldestState: oldestState())
        let needed = Int(allocator.pageCount) - allocator.unneededCount - writer.freeListPages.count
        let limit = UInt32(clamping: needed) + Store.slack(UInt32(clamping: needed))
        let isWorthIt = limit < allocator.pageCount
        if isWorthIt { allocator.prefer(below: limit) }
        monitor.unlock()
        guard isWorthIt else { return true }
        var cursor = PageMoveCursor.start
        var moved = 0
        repeat {
            var move = PageMove(limit: limit, budget: Store.pagesPerStep)
            try tidy { tx throws(StoreError) in
                try tx.index.movePages(&cursor, &move)
                tx.tidied += move.moved
            }
            moved = move.moved
        } while !cursor.isAtEnd && moved > 0
        return cursor.isAtEnd
    }

    // MARK: The file

    /// Free pages that are left in an index of so many, for what comes next.
    static func slack(_ pageCount: UInt32) -> UInt32 { pageCount / 8 + 16 }

    /// Much more of the file has never been handed out than one step of growth.
    var isIndexTooLong: Bool {
        let allocator = writer.allocator
        return UInt64(allocator.pages.count) > UInt64(allocator.pageCount) * 5 / 4 + UInt64(Store.fewPages)
    }

    /// Ends the file `slack` pages behind the last one in use. Holds the lock when it is called and when it returns, but lets
    /// others at it between steps. What the superblock on disk counts is never cut off: the allocator counts no fewer.
    func cutIndex(leaving slack: UInt32) throws(StoreError) {
        // When the store has been closed, the file may be another process'.
        while writer.failure == nil, lock != nil {
            let allocator = writer.allocator
            let wanted = max(allocator.pageCount + slack, Store.firstPages)
            guard wanted < allocator.pages.count else { return }
            try allocator.cut(to: max(wanted, allocator.pages.count - min(allocator.pages.count, Store.cutPerStep)))
            monitor.unlock()
            monitor.lock()
        }
    }

    /// 64 MiB: a file system may take its time to free blocks.
    private static let cutPerStep: UInt32 = 16_384
    /// A new index has so many.
    static let firstPages: UInt32 = 16

    // MARK: When

    /// So few free pages are not worth the trouble.
    private static let fewPages = 256

    /// Whether more than half of the index is free, and there was a checkpoint since that was last seen to.
    var isShrinkDue: Bool {
        let allocator = writer.allocator
        return !writer.isShrinking && writer.shrunkAt != writer.superblock.sequence && allocator.freeCount > Store.fewPages
            && allocator.freeCount > Int(allocator.pageCount) / 2
    }
}
