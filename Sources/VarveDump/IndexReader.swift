import VarveFormat

/// Why a walk through the index ends early.
enum WalkError: Error {
    /// The superblock that the walk began from is no longer the newest: its pages may be in use again.
    case superblockChanged
    case failed(DumpError)
}

/// Reads pages that a superblock's roots reach. While that superblock is the newest nobody writes to them, so that this
/// works beside a live server; a page that fails its check while a newer superblock is there is no damage.
final class IndexReader {
    let file: InputFile
    let block: Superblock
    private let superblock: SuperblockFile
    private let buffers: UnsafeMutableRawPointer

    init(_ file: InputFile, _ superblock: SuperblockFile, _ block: Superblock) {
        self.file = file
        self.superblock = superblock
        self.block = block
        // One for each level, and one for the chain of free pages.
        buffers = .allocate(byteCount: (Int(TreeRoot.maximumHeight) + 1) * Format.pageSize, alignment: 16)
    }

    deinit { buffers.deallocate() }

    /// A page that must hold; nil with what is wrong with it. The bytes stay until another page of that level is read.
    func page(_ number: UInt32, level: UInt8, tree: TreeID) throws(WalkError) -> Result<UnsafeRawPointer, FormatError> {
        let kind: PageKind =
            RowLayout(tree: tree.rawValue) != nil ? (level > 0 ? .rowInner : .rowLeaf) : (level > 0 ? .cellInner : .cellLeaf)
        return try read(number, level, kind, tree: tree.rawValue)
    }

    func freeListPage(_ number: UInt32) throws(WalkError) -> Result<UnsafeRawPointer, FormatError> {
        try read(number, TreeRoot.maximumHeight, .freeList, tree: 0)
    }

    private func read(
        _ number: UInt32, _ level: UInt8, _ kind: PageKind, tree: UInt16
    ) throws(WalkError) -> Result<UnsafeRawPointer, FormatError> {
        guard number > 0, number < block.pageCount else {
            return try fault(.invalid("a page of \(block.pageCount) is referred to that cannot be"))
        }
        let page = buffers + Int(level) * Format.pageSize
        let bytes = UnsafeMutableRawBufferPointer(start: page, count: Format.pageSize)
        let count: Int
        do { count = try file.read(at: Int(number) * Format.pageSize, into: bytes) } catch { throw .failed(error) }
        guard count == Format.pageSize else { return try fault(.invalid("the file ends before it")) }
        do throws(FormatError) {
            try Page.validate(page, number: number, tag: block.store.tag)
        } catch {
            return try fault(error)
        }
        guard Page.birth(page) <= block.modSeq else {
            return try fault(.invalid("it was made by commit \(Page.birth(page)), after the superblock's \(block.modSeq)"))
        }
        let expected = kind == .freeList ? 0 : level
        guard page.load8(Page.kindOffset) == kind.rawValue, Page.level(page) == expected,
            page.load16(Page.treeOffset) == tree
        else {
            return try fault(
                .invalid(
                    "it is of kind \(page.load8(Page.kindOffset)), tree \(page.load16(Page.treeOffset)), level "
                        + "\(Page.level(page)); expected \(kind), tree \(tree), level \(expected)"))
        }
        return .success(UnsafeRawPointer(page))
    }

    private func fault(_ error: FormatError) throws(WalkError) -> Result<UnsafeRawPointer, FormatError> {
        let now: Superblock?
        do { now = try superblock.newestNow() } catch { throw .failed(error) }
        if let now, now.sequence != block.sequence { throw .superblockChanged }
        return .failure(error)
    }
}

/// One bit for each page of an index: which ones a walk has met.
struct PageSet {
    private var words: [UInt64]
    private let count: UInt32
    private(set) var size: UInt32 = 0

    init(pages: UInt32) {
        count = pages
        words = Array(repeating: 0, count: Int(pages) / 64 + 1)
    }

    /// - Returns: false if it was there.
    mutating func insert(_ page: UInt32) -> Bool {
        guard page < count else { return true }
        let bit: UInt64 = 1 << (UInt64(page) % 64)
        guard words[Int(page) / 64] & bit == 0 else { return false }
        words[Int(page) / 64] |= bit
        size += 1
        return true
    }
}
