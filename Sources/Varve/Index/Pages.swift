import Synchronization
import VarveFormat

/// Counts how many index pages are looked at, where a caller wants to know: the measure of what an operation costs.
public final class PageTouchCounter: Sendable {
    private let touches = Atomic<Int>(0)
    public init() {}
    public var count: Int { touches.load(ordering: .relaxed) }
    public func reset() { touches.store(0, ordering: .relaxed) }
    func add() { touches.add(1, ordering: .relaxed) }
}

/// Remembers which of the pages that were in the file when the index was opened have been checked. Pages written since then
/// need no check: they come from this process.
final class PageVerifier: @unchecked Sendable {
    private let flags: UnsafeMutablePointer<Atomic<UInt8>>
    private let count: Int
    private let tag: UInt32
    private let newest: UInt64
    /// Where pages that were not looked at yet are to be had from, if they are not in memory.
    private let source: SealedIndex?

    /// - Parameters:
    ///   - newest: the modseq of the checkpoint. A page made later cannot belong to it: it was overwritten, and the
    ///     superblock is an old one.
    ///   - source: the index of an encrypted store.
    init(pageCount: UInt32, tag: UInt32, newest: UInt64, source: SealedIndex? = nil) {
        self.source = source
        count = Int(pageCount)
        self.tag = tag
        self.newest = newest
        flags = .allocate(capacity: max(count, 1))
        for i in 0..<count { (flags + i).initialize(to: Atomic(0)) }
    }

    deinit {
        flags.deinitialize(count: count)
        flags.deallocate()
    }

    @inline(__always) func needsCheck(_ number: UInt32) -> Bool {
        // Who sees the mark sees the page that was brought before it was set.
        Int(number) < count && flags[Int(number)].load(ordering: .acquiring) == 0
    }

    /// The page is made anew by this process.
    func markVerified(_ number: UInt32) {
        if Int(number) < count { flags[Int(number)].store(1, ordering: .releasing) }
    }

    func check(_ number: UInt32, _ page: UnsafeRawPointer) throws(StoreError) {
        if let source {
            return try source.load(
                number, into: UnsafeMutableRawPointer(mutating: page), isNeeded: { needsCheck(number) },
                { page throws(FormatError) in try validate(number, page) }, done: { markVerified(number) })
        }
        do throws(FormatError) { try validate(number, page) } catch {
            throw .corrupt("\(FileNames.index), page \(number)", error)
        }
        markVerified(number)
    }

    private func validate(_ number: UInt32, _ page: UnsafeRawPointer) throws(FormatError) {
        try Page.validate(page, number: number, tag: tag)
        guard Page.birth(page) <= newest else {
            throw .invalid("it was written by commit \(Page.birth(page)), after the checkpoint of commit \(newest)")
        }
    }
}

/// The pages of the index as one state of it sees them. The mapping stays as long as a copy of this does.
struct Pages: @unchecked Sendable {
    let mapping: any Mapping
    let base: UnsafeMutableRawPointer
    /// Pages that the mapping holds.
    let count: UInt32
    let verifier: PageVerifier
    let touches: PageTouchCounter?

    init(mapping: any Mapping, verifier: PageVerifier, touches: PageTouchCounter?) {
        self.mapping = mapping
        base = mapping.base
        count = UInt32(mapping.length / Format.pageSize)
        self.verifier = verifier
        self.touches = touches
    }

    /// The page, whose level must be `level`: this bounds every descent, also through damaged pages.
    @inline(__always) func page(_ number: UInt32, level: UInt8, tree: TreeID) throws(StoreError) -> UnsafeRawPointer {
        guard number < count, number > 0 else { throw outside(number) }
        let page = UnsafeRawPointer(base + Int(number) * Format.pageSize)
        if verifier.needsCheck(number) { try verifier.check(number, page) }
        if page.load8(Page.levelOffset) != level || page.load16(Page.treeOffset) != tree.rawValue {
            throw misplaced(number, page, level, tree)
        }
        touches?.add()
        return page
    }

    @inline(never) private func outside(_ number: UInt32) -> StoreError {
        .corrupt(FileNames.index, "page \(number) of \(count) is referred to")
    }

    @inline(never) private func misplaced(
        _ number: UInt32, _ page: UnsafeRawPointer, _ level: UInt8, _ tree: TreeID
    ) -> StoreError {
        .corrupt(
            "\(FileNames.index), page \(number)",
            "it is of tree \(page.load16(Page.treeOffset)), level \(Page.level(page)); expected \(tree), level \(level)")
    }
}
