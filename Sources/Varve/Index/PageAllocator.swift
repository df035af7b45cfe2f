import VarveFormat

/// Hands out the pages of the index for writing, and takes back those that nobody needs.
///
/// What must hold: a page that a published state or the last checkpoint can reach is never written. A transaction
/// therefore writes only pages that it made itself (their `birth` is its modseq) and copies every other one first.
///
/// A page freed by transaction N with birth B is reachable from the states B ≤ s < N. It may be used again when no such
/// state is held by a reader, may still be published, or is the checkpoint that a recovery would start from.
///
/// Guarded by the writer's lock.
final class PageAllocator {
    private struct Freed {
        var page: UInt32
        var birth: UInt64
        var freedBy: UInt64
    }

    private let file: any File
    private let tag: UInt32
    private(set) var pages: Pages
    /// Pages below this have been handed out at some time.
    private(set) var pageCount: UInt32
    /// Freed last, used first: their memory is warm.
    private var reusable: [UInt32]
    /// Ascending in `freedBy`; those before `waitingStart` are done with.
    private var waiting: [Freed] = []
    private var waitingStart = 0
    private var heldByCheckpoint: [Freed] = []
    /// The state that a recovery would start from, and the one that a running checkpoint is about to make that.
    private var checkpoint: UInt64
    private var allocatedSinceCheckpoint: [UInt32] = []

    /// Modseq of the transaction under way.
    private var transaction: UInt64 = 0
    private var allocated: [UInt32] = []
    private var freed: [Freed] = []
    private var reusableInTransaction: [UInt32] = []
    /// Pointers into an older mapping may be in use until the transaction ends.
    private var retiredMappings: [Pages] = []

    /// An index file grows by a quarter, by so many pages at least.
    private static let minimumGrowth: UInt32 = 16
    /// 2^31 pages of 4 KiB: 8 TiB.
    private static let maximumPages: UInt32 = 1 << 31

    init(file: any File, pages: Pages, pageCount: UInt32, free: [UInt32], checkpoint: UInt64, tag: UInt32) {
        self.file = file
        self.pages = pages
        self.pageCount = pageCount
        self.reusable = free
        self.checkpoint = checkpoint
        self.tag = tag
    }

    /// Pages that the newest state does not need, in no order.
    var unneeded: [UInt32] { reusable + waiting[waitingStart...].map(\.page) + heldByCheckpoint.map(\.page) }

    // MARK: Transactions

    func begin(_ modSeq: UInt64, oldestState: UInt64) {
        transaction = modSeq
        while waitingStart < waiting.count, waiting[waitingStart].freedBy <= oldestState {
            let entry = waiting[waitingStart]
            waitingStart += 1
            release(entry)
        }
        if waitingStart > 1024, waitingStart * 2 > waiting.count {
            waiting.removeFirst(waitingStart)
            waitingStart = 0
        }
    }

    /// - Parameter lastBoundary: the newest state that was or will be published; states after it and before this
    ///   transaction's never are.
    func commit(lastBoundary: UInt64) {
        for entry in freed {
            if entry.birth > lastBoundary, entry.birth > checkpoint {
                reusable.append(entry.page)
            } else {
                waiting.append(entry)
            }
        }
        reusable.append(contentsOf: reusableInTransaction)
        allocatedSinceCheckpoint.append(contentsOf: allocated)
        endTransaction()
    }

    func rollback() {
        reusable.append(contentsOf: allocated)
        endTransaction()
    }

    private func endTransaction() {
        allocated.removeAll(keepingCapacity: true)
        freed.removeAll(keepingCapacity: true)
        reusableInTransaction.removeAll(keepingCapacity: true)
        retiredMappings.removeAll()
    }

    private func release(_ entry: Freed) {
        if entry.birth <= checkpoint, entry.freedBy > checkpoint {
            heldByCheckpoint.append(entry)
        } else {
            reusable.append(entry.page)
        }
    }

    // MARK: Pages

    func pointer(_ number: UInt32) -> UnsafeMutableRawPointer { pages.base + Int(number) * Format.pageSize }

    /// Whether the transaction under way made the page, and so may write it.
    func isOwn(_ page: UnsafeRawPointer) -> Bool { Page.birth(page) == transaction }

    func allocate(kind: PageKind, level: UInt8, tree: TreeID) throws(StoreError) -> UInt32 {
        let number = try take()
        Page.initialise(
            pointer(number), kind: kind, level: level, tree: tree.rawValue, number: number, birth: transaction, tag: tag)
        return number
    }

    /// A page with the same content that this transaction may write: itself if it made it, else a copy, in whose favour
    /// the page is freed.
    func writable(_ number: UInt32, level: UInt8, tree: TreeID) throws(StoreError) -> UInt32 {
        let source = try pages.page(number, level: level, tree: tree)
        if Page.birth(source) == transaction { return number }
        let copy = try take()
        let target = pointer(copy)
        target.copyMemory(from: source, byteCount: Format.pageSize)
        target.store32(copy, Page.numberOffset)
        target.store64(transaction, Page.birthOffset)
        freed.append(Freed(page: number, birth: Page.birth(source), freedBy: transaction))
        return copy
    }

    func free(_ number: UInt32, level: UInt8, tree: TreeID) throws(StoreError) {
        let birth = Page.birth(try pages.page(number, level: level, tree: tree))
        if birth == transaction {
            reusableInTransaction.append(number)
        } else {
            freed.append(Freed(page: number, birth: birth, freedBy: transaction))
        }
    }

    private func take() throws(StoreError) -> UInt32 {
        if let number = reusableInTransaction.popLast() { return number }
        if let number = reusable.popLast() {
            allocated.append(number)
            pages.verifier.markVerified(number)
            return number
        }
        if pageCount == pages.count { try grow() }
        let number = pageCount
        pageCount += 1
        allocated.append(number)
        pages.verifier.markVerified(number)
        return number
    }

    private func grow() throws(StoreError) {
        let wanted = pages.count + max(pages.count / 4, PageAllocator.minimumGrowth)
        guard wanted <= PageAllocator.maximumPages else {
            throw StoreError(.limit, "the index has \(pages.count) pages and cannot grow further")
        }
        let length = Int(wanted) * Format.pageSize
        // Never sparse: a full disk is an error from this call, not a signal at some later store to memory.
        try file.allocate(length)
        retiredMappings.append(pages)
        pages = Pages(
            mapping: try file.map(length, writable: true), verifier: pages.verifier, touches: pages.touches)
    }
}

extension PageAllocator {
    /// What a checkpoint writes beside the trees.
    struct CheckpointPlan {
        /// Pages that were made since the last checkpoint and that the new one can reach; their checksums are not set yet.
        var dirty: [UInt32]
        /// First page of the chain that lists the free pages; 0 if there is none.
        var freeList: UInt32
        var pageCount: UInt32
        var pages: Pages
    }


    /// Writes down which pages are free in state `modSeq`, which is published. Transactions may have been built since then:
    /// what they freed is still needed, what they took is free.
    /// - Parameter oldFreeList: that of the last checkpoint, which goes with it.
    func planCheckpoint(modSeq: UInt64, oldFreeList: [UInt32]) throws(StoreError) -> (
        CheckpointPlan, freeListPages: [UInt32]
    ) {
        var taken: [UInt32] = []
        var made: [UInt32] = []
        for number in allocatedSinceCheckpoint {
            if Page.birth(pointer(number)) > modSeq { taken.append(number) } else { made.append(number) }
        }
        let freeBefore = waiting[waitingStart...].prefix { $0.freedBy <= modSeq }
        let unreachable = reusable.count + freeBefore.count + heldByCheckpoint.count + oldFreeList.count + taken.count
        let listPages = (unreachable + FreeListPage.capacity - 1) / FreeListPage.capacity
        transaction = modSeq
        var list: [UInt32] = []
        do {
            for _ in 0..<listPages { list.append(try take()) }
        } catch {
            rollback()
            throw error
        }
        allocated.removeAll(keepingCapacity: true)
        // Pages may have been taken, let go and taken again.
        var unused = Set(reusable)
        unused.formUnion(freeBefore.lazy.map(\.page))
        unused.formUnion(heldByCheckpoint.lazy.map(\.page))
        unused.formUnion(oldFreeList)
        unused.formUnion(taken)
        unused.subtract(list)
        writeFreeList(unused.sorted(), in: list, modSeq: modSeq)
        let dirty = Set(made).subtracting(unused).union(list).sorted()
        allocatedSinceCheckpoint = taken
        return (
            CheckpointPlan(dirty: dirty, freeList: list.first ?? 0, pageCount: pageCount, pages: pages),
            freeListPages: list
        )
    }

    private func writeFreeList(_ free: [UInt32], in list: [UInt32], modSeq: UInt64) {
        for (i, number) in list.enumerated() {
            let page = pointer(number)
            Page.initialise(page, kind: .freeList, level: 0, tree: 0, number: number, birth: modSeq, tag: tag)
            FreeListPage.fill(
                page, next: i + 1 < list.count ? list[i + 1] : 0,
                entries: free.dropFirst(i * FreeListPage.capacity).prefix(FreeListPage.capacity))
        }
    }

    /// The state `modSeq` is now what a recovery would start from.
    func finishCheckpoint(modSeq: UInt64, oldFreeList: [UInt32]) {
        checkpoint = modSeq
        let held = heldByCheckpoint
        heldByCheckpoint.removeAll()
        for entry in held { release(entry) }
        reusable.append(contentsOf: oldFreeList)
    }

    /// The free pages that a checkpoint's chain lists, and the pages of the chain itself.
    static func readFreeList(
        first: UInt32, pageCount: UInt32, pages: Pages
    ) throws(StoreError) -> (free: [UInt32], chain: [UInt32]) {
        var free: [UInt32] = []
        var chain: [UInt32] = []
        var number = first
        while number != 0 {
            guard number < pageCount, chain.count <= Int(pageCount) / FreeListPage.capacity + 1 else {
                throw .corrupt("\(FileNames.index), page \(number)", "the chain of free pages leads nowhere")
            }
            let page = UnsafeRawPointer(pages.base + Int(number) * Format.pageSize)
            if pages.verifier.needsCheck(number) { try pages.verifier.check(number, page) }
            guard page.load8(Page.kindOffset) == PageKind.freeList.rawValue, Page.count(page) <= FreeListPage.capacity else {
                throw .corrupt("\(FileNames.index), page \(number)", "not a list of free pages")
            }
            chain.append(number)
            for k in 0..<Page.count(page) {
                let entry = FreeListPage.entry(page, k)
                guard entry > 0, entry < pageCount else {
                    throw .corrupt("\(FileNames.index), page \(number)", "free page \(entry) of \(pageCount)")
                }
                free.append(entry)
            }
            number = FreeListPage.next(page)
        }
        return (free, chain)
    }
}
