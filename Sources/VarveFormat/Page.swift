/// What a page of the index is. Codes are frozen; 0 is no page.
public enum PageKind: UInt8, Sendable {
    case header = 1
    case freeList = 2
    /// Rows of fixed size, in columns.
    case rowLeaf = 3
    case rowInner = 4
    /// Cells of any size.
    case cellLeaf = 5
    case cellInner = 6
}

/// The first 32 bytes of every page of the index. `Formats/index.md`.
public enum Page {
    @inlinable public static var headerSize: Int { 32 }

    public static let checksumOffset = 0
    public static let kindOffset = 4
    @inlinable public static var levelOffset: Int { 5 }
    @inlinable public static var countOffset: Int { 6 }
    public static let treeOffset = 8
    /// Cell pages: where the lowest cell begins.
    public static let heapOffset = 10
    public static let numberOffset = 12
    @inlinable public static var birthOffset: Int { 16 }
    public static let tagOffset = 24
    /// Cell pages: bytes of cells that are no longer used.
    public static let wasteOffset = 28

    public static func checksum(_ page: UnsafeRawPointer) -> UInt32 {
        crc32c(0, UnsafeRawBufferPointer(start: page + 4, count: Format.pageSize - 4))
    }

    @inlinable public static func count(_ page: UnsafeRawPointer) -> Int { Int(page.load16(countOffset)) }
    @inlinable public static func level(_ page: UnsafeRawPointer) -> UInt8 { page.load8(levelOffset) }
    /// Modseq of the transaction that made this copy of the page.
    @inlinable public static func birth(_ page: UnsafeRawPointer) -> UInt64 { page.load64(birthOffset) }

    public static func initialise(
        _ page: UnsafeMutableRawPointer, kind: PageKind, level: UInt8, tree: UInt16, number: UInt32, birth: UInt64,
        tag: UInt32
    ) {
        page.store32(0, checksumOffset)
        page.store8(kind.rawValue, kindOffset)
        page.store8(level, levelOffset)
        page.store16(0, countOffset)
        page.store16(tree, treeOffset)
        page.store16(UInt16(Format.pageSize), heapOffset)
        page.store32(number, numberOffset)
        page.store64(birth, birthOffset)
        page.store32(tag, tagOffset)
        page.store32(0, wasteOffset)
    }

    /// Checks what every page must fulfil, then what its kind must. After this nothing in the page can lead a reader
    /// outside of it.
    public static func validate(_ page: UnsafeRawPointer, number: UInt32, tag: UInt32) throws(FormatError) {
        guard checksum(page) == page.load32(checksumOffset) else { throw FormatError(.checksum) }
        guard page.load32(tagOffset) == tag else { throw .invalid("a page of another store") }
        guard page.load32(numberOffset) == number else { throw .invalid("it says that it is page \(page.load32(numberOffset))") }
        try validateContents(page)
    }

    /// The second half of `validate`: what the page's kind must fulfil, whatever its checksum and number say.
    public static func validateContents(_ page: UnsafeRawPointer) throws(FormatError) {
        switch PageKind(rawValue: page.load8(kindOffset)) {
        case .header, .freeList:
            guard page.load16(treeOffset) == 0, level(page) == 0 else {
                throw .invalid("a page beside the trees, of tree \(page.load16(treeOffset)), level \(level(page))")
            }
        case .rowLeaf, .rowInner:
            guard let layout = RowLayout(tree: page.load16(treeOffset)) else {
                throw .invalid("rows of an unknown tree \(page.load16(treeOffset))")
            }
            let inner = page.load8(kindOffset) == PageKind.rowInner.rawValue
            guard (level(page) > 0) == inner, count(page) <= (inner ? layout.innerCapacity : layout.leafCapacity),
                count(page) > 0
            else { throw .invalid("\(count(page)) rows at level \(level(page))") }
        case .cellLeaf, .cellInner:
            guard let tree = TreeID(rawValue: page.load16(treeOffset)), tree.hasCells else {
                throw .invalid("cells of tree \(page.load16(treeOffset))")
            }
            try CellPage.validateContents(page)
        case nil: throw .invalid("a page of unknown kind \(page.load8(kindOffset))")
        }
    }
}

/// How rows of fixed size lie in a page: by columns, so that a scan of keys and hot fields reads only those.
///
/// Leaf: keys, then hot fields, then cold ones, each column as long as the leaf's capacity. Inner: keys, children, live
/// counts, unseen counts. The key of an inner row is a lower bound of its child's keys; that of row 0 counts as minus
/// infinity.
public struct RowLayout: Sendable {
    public let keySize: Int
    public let hotSize: Int
    public let coldSize: Int
    public let leafCapacity: Int
    public let innerCapacity: Int

    @inlinable public init(keySize: Int, hotSize: Int, coldSize: Int) {
        self.keySize = keySize
        self.hotSize = hotSize
        self.coldSize = coldSize
        leafCapacity = (Format.pageSize - Page.headerSize) / (keySize + hotSize + coldSize)
        innerCapacity = (Format.pageSize - Page.headerSize) / (keySize + 12)
    }

    @inlinable public func hot(_ row: Int) -> Int { Page.headerSize + leafCapacity * keySize + row * hotSize }
    @inlinable public func cold(_ row: Int) -> Int {
        Page.headerSize + leafCapacity * (keySize + hotSize) + row * coldSize
    }
    @inlinable public func key(_ row: Int) -> Int { Page.headerSize + row * keySize }
    @inlinable public func child(_ row: Int) -> Int { Page.headerSize + innerCapacity * keySize + row * 4 }
    @inlinable public func live(_ row: Int) -> Int { Page.headerSize + innerCapacity * (keySize + 4) + row * 4 }
    @inlinable public func unseen(_ row: Int) -> Int { Page.headerSize + innerCapacity * (keySize + 8) + row * 4 }

    // Computed, so that they fold into constants where they are used.
    @inlinable public static var uid: RowLayout { RowLayout(keySize: 8, hotSize: 8, coldSize: 40) }
    @inlinable public static var ranges: RowLayout { RowLayout(keySize: 16, hotSize: 4, coldSize: 0) }
    @inlinable public static var mailboxChanges: RowLayout { RowLayout(keySize: 16, hotSize: 0, coldSize: 0) }

    public init?(tree: UInt16) {
        switch TreeID(rawValue: tree) {
        case .uid: self = .uid
        case .changed, .vanished: self = .ranges
        case .mailboxChanges: self = .mailboxChanges
        default: return nil
        }
    }
}
