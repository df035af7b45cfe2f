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
    /// While the index is made smaller, pages from here on are handed out only when no others are left.
    private var ceiling: UInt32 = .max
    /// As `reusable`, but not below the ceiling.
    private var withheld: [UInt32] = []
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
        // The lowest first, so that the file's end gets free.
        self.reusable = free.reversed()
        self.checkpoint = checkpoint
        self.tag = tag
    }

    /// Pages that the newest state does not need, in no order.
    var unneeded: [UInt32] {
        reusable + withheld + waiting[waitingStart...].map(\.page) + heldByCheckpoint.map(\.page)
    }
    var unneededCount: Int { freeCount + waiting.count - waitingStart + heldByCheckpoint.count }
    /// Pages that may be handed out.
    var freeCount: Int { reusable.count + withheld.count }

    // MARK: Transactions

    func begin(_ modSeq: UInt64, oldestState: UInt64) {
        transaction = modSeq
        collect(oldestState: oldestState)
    }

    /// Takes back what no reader can reach any more.
    func collect(oldestState: UInt64) {
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
                makeReusable(entry.page)
            } else {
                waiting.append(entry)
            }
        }
        makeReusable(reusableInTransaction)
        allocatedSinceCheckpoint.append(contentsOf: allocated)
        endTransaction()
    }

    func rollback() {
        makeReusable(allocated)
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
            makeReusable(entry.page)
        }
    }

    private func makeReusable(_ number: UInt32) {
        if number < ceiling { reusable.append(number) } else { withheld.append(number) }
    }

    private func makeReusable(_ numbers: [UInt32]) {
        if ceiling == .max { reusable.append(contentsOf: numbers) } else { for number in numbers { makeReusable(number) } }
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
        if let number = reusable.popLast() ?? withheld.popLast() {
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

    // MARK: Fewer pages

    /// Hands out pages below the limit first, the lowest before all others; `.max`: all alike.
    func prefer(below limit: UInt32) {
        ceiling = limit
        let free = reusable + withheld
        reusable.removeAll(keepingCapacity: true)
        withheld.removeAll()
        makeReusable(limit == .max ? free : free.sorted(by: >))
    }

    /// Whether one of the preferred pages is left.
    var hasPreferredPages: Bool { !reusable.isEmpty }

    /// Lets go free pages at the end, which are then as if they had never been handed out. They must not be listed by the
    /// last checkpoint either.
    /// - Parameter bound: its page count.
    func trim(to bound: UInt32) {
        guard bound < pageCount else { return }
        var end = pageCount
        for number in (reusable + withheld).filter({ $0 >= bound }).sorted(by: >) {
            guard number == end - 1 else { break }
            end = number
        }
        guard end < pageCount else { return }
        pageCount = end
        reusable.removeAll { $0 >= end }
        withheld.removeAll { $0 >= end }
        allocatedSinceCheckpoint.removeAll { $0 >= end }
    }

    /// Ends the file behind `count` pages, of which there are not fewer. Not within a transaction.
    ///
    /// Older mappings stay as long as they are, and whoever holds one reaches no page behind the file's end: each page that
    /// a state can reach is below the page count until that state is let go.
    func cut(to count: UInt32) throws(StoreError) {
        precondition(count >= pageCount && count > 0, "pages that are in use are cut off")
        guard count < pages.count else { return }
        let length = Int(count) * Format.pageSize
        // First nobody writes there, then it goes.
        pages = Pages(
            mapping: try file.map(length, writable: true), verifier: pages.verifier, touches: pages.touches)
        try file.truncate(length)
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
        // Pages may have been taken, let go and taken again.
        var unused = Set(reusable)
        unused.formUnion(withheld)
        unused.formUnion(waiting[waitingStart...].lazy.prefix { $0.freedBy <= modSeq }.map(\.page))
        unused.formUnion(heldByCheckpoint.lazy.map(\.page))
        unused.formUnion(oldFreeList)
        unused.formUnion(taken)
        let (list, free, end) = try takeFreeList(&unused, modSeq)
        writeFreeList(free, in: list, modSeq: modSeq)
        let dirty = Set(made).subtracting(unused).union(list).sorted()
        allocatedSinceCheckpoint = taken
        return (
            CheckpointPlan(dirty: dirty, freeList: list.first ?? 0, pageCount: end, pages: pages), freeListPages: list
        )
    }

    /// Takes the pages that list the free ones out of them. Free pages behind all others are not listed, nor counted.
    /// - Returns: the pages of the list; what it lists, ascending; the page count.
    private func takeFreeList(
        _ unused: inout Set<UInt32>, _ modSeq: UInt64
    ) throws(StoreError) -> (list: [UInt32], free: [UInt32], end: UInt32) {
        transaction = modSeq
        var list: [UInt32] = []
        while true {
            var free = unused.sorted()
            var end = pageCount
            while free.last == end - 1, end > 1 {
                free.removeLast()
                end -= 1
            }
            // What is taken may lie at the end, and then more is to be listed than before.
            let wanted = (free.count + FreeListPage.capacity - 1) / FreeListPage.capacity
            if wanted <= list.count {
                allocated.removeAll(keepingCapacity: true)
                return (list, free, end)
            }
            do {
                while list.count < wanted { list.append(try take()) }
            } catch {
                rollback()
                throw error
            }
            unused.subtract(list)
        }
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
    /// - Parameter pageCount: that of the checkpoint.
    func finishCheckpoint(modSeq: UInt64, oldFreeList: [UInt32], pageCount: UInt32, oldestState: UInt64) {
        checkpoint = modSeq
        let held = heldByCheckpoint
        heldByCheckpoint.removeAll()
        for entry in held { release(entry) }
        makeReusable(oldFreeList)
        collect(oldestState: oldestState)
        trim(to: pageCount)
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
