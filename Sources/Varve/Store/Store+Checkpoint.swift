import MailModel
import VarveFormat

extension Store {
    /// Writes the index and the superblock, so that opening need not read the log up to here.
    public func checkpoint() throws(StoreError) {
        monitor.lock()
        do {
            defer { monitor.unlock() }
            try checkUsable()
        }
        try makeCheckpoint()
    }

    /// The order is what makes it safe: pages first, synced; then the other slot of the superblock, synced. Until that is
    /// on disk the old slot holds, whose pages nobody has written to.
    /// - Parameter modSeq: the commit that is to be in it; the last one, if nil.
    func makeCheckpoint(covering modSeq: UInt64? = nil) throws(StoreError) {
        monitor.lock()
        defer { monitor.unlock() }
        // What is built while it waits need not be in it.
        try waitUntilDurable(modSeq ?? writer.state.modSeq)
        while writer.isCheckpointing { monitor.wait() }
        if let failure = writer.failure { throw failure }
        let root = published.load()
        let isNewest = writer.state.modSeq == root.state.modSeq
        // A segment that was begun since holds nothing yet: from it on nothing is missing in the index.
        let position = isNewest && writer.log.current.end == SegmentHeader.size ? writer.log.end : root.logEnd
        guard writer.superblock.modSeq != root.state.modSeq || writer.superblock.logPosition != position
            || writer.superblock.sequence == 0
        else { return }
        writer.isCheckpointing = true
        defer {
            writer.isCheckpointing = false
            monitor.signalAll()
        }
        let oldList = writer.freeListPages
        let (plan, list) = try writer.allocator.planCheckpoint(modSeq: root.state.modSeq, oldFreeList: oldList)
        var block = writer.superblock
        block.sequence += 1
        block.logPosition = position
        block.pageCount = plan.pageCount
        block.freeList = plan.freeList
        root.state.write(to: &block)
        if isNewest { block.deadBytes = writer.state.deadBytes }
        monitor.unlock()
        var outcome: Result<Void, StoreError> = .success(())
        do {
            try writeCheckpoint(plan, block)
        } catch {
            outcome = .failure(error)
        }
        monitor.lock()
        switch outcome {
        case .success:
            writer.superblock = block
            writer.freeListPages = list
            writer.allocator.finishCheckpoint(
                modSeq: root.state.modSeq, oldFreeList: oldList, pageCount: block.pageCount, oldestState: oldestState())
            // The file is as good if it stays as long as it is.
            if isIndexTooLong { try? cutIndex(leaving: Store.slack(writer.allocator.pageCount)) }
        case .failure(let error):
            poison(error)
            throw error
        }
        // Held until here: no page that the checkpoint reaches was given to anybody meanwhile.
        withExtendedLifetime(root) {}
    }

    private func writeCheckpoint(_ plan: PageAllocator.CheckpointPlan, _ block: Superblock) throws(StoreError) {
        for number in plan.dirty {
            let page = plan.pages.base + Int(number) * Format.pageSize
            page.store32(Page.checksum(page), Page.checksumOffset)
        }
        if let index = writer.indexFile as? SealedIndex { try index.store(plan.dirty, from: plan.pages.base) }
        try writer.indexFile.sync()
        try Store.write(block, to: writer.superblockFile)
    }

    static func write(_ block: Superblock, to file: any File) throws(StoreError) {
        let bytes = ByteBlock(block.encode())
        try file.write(at: Int(block.sequence % 2) * Superblock.slotSize, [UnsafeRawBufferPointer(bytes.bytes)])
        try file.sync()
        withExtendedLifetime(bytes) {}
    }
}
