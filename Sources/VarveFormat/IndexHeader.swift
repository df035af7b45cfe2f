/// Page 0 of an index file: whose it is. `Formats/index.md`.
public struct IndexHeader: Hashable, Sendable {
    public static let magic: UInt64 = 0x3158_4449_5652_4156  // "VARVIDX1"

    public var store: StoreUUID
    /// Which index of the store this is: the superblock names the one that its roots belong to.
    public var number: UInt64
    /// The pages behind this one are sealed (`SealedPage`), and farther apart for it.
    public var isSealed: Bool

    /// Bytes from one page's begin to the next one's.
    public var stride: Int { isSealed ? SealedPage.stride : Format.pageSize }

    private static let flagsOffset = Page.headerSize + 40
    private static let sealedBit: UInt32 = 1

    public init(store: StoreUUID, number: UInt64, isSealed: Bool = false) {
        self.store = store
        self.number = number
        self.isSealed = isSealed
    }

    /// Makes `page` the header page, its checksum set.
    public func encode(into page: UnsafeMutableRawPointer) {
        UnsafeMutableRawBufferPointer(start: page, count: Format.pageSize).initializeMemory(as: UInt8.self, repeating: 0)
        Page.initialise(page, kind: .header, level: 0, tree: 0, number: 0, birth: 0, tag: store.tag)
        page.store64(IndexHeader.magic, Page.headerSize)
        page.store16(Format.major, Page.headerSize + 8)
        page.store16(Format.minor, Page.headerSize + 10)
        page.store32(UInt32(Format.pageSize), Page.headerSize + 12)
        page.store64(store.high, Page.headerSize + 16)
        page.store64(store.low, Page.headerSize + 24)
        page.store64(number, Page.headerSize + 32)
        page.store32(isSealed ? IndexHeader.sealedBit : 0, IndexHeader.flagsOffset)
        page.store32(Page.checksum(page), Page.checksumOffset)
    }

    /// - Parameter page: `Format.pageSize` bytes.
    public init(_ page: UnsafeRawPointer) throws(FormatError) {
        guard page.load64(Page.headerSize) == IndexHeader.magic else { throw FormatError(.foreign) }
        try Format.check(major: page.load16(Page.headerSize + 8))
        guard Page.checksum(page) == page.load32(Page.checksumOffset) else { throw FormatError(.checksum) }
        self.init(
            store: StoreUUID(high: page.load64(Page.headerSize + 16), low: page.load64(Page.headerSize + 24)),
            number: page.load64(Page.headerSize + 32),
            isSealed: page.load32(IndexHeader.flagsOffset) & IndexHeader.sealedBit != 0)
    }

    /// Makes `page` the header of the index that a superblock speaks of.
    public static func write(_ page: UnsafeMutableRawPointer, _ block: Superblock, isSealed: Bool = false) {
        IndexHeader(store: block.store, number: block.indexNumber, isSealed: isSealed).encode(into: page)
    }

    /// Whether `page` heads the index that a superblock speaks of.
    public static func matches(_ page: UnsafeRawPointer, _ block: Superblock, isSealed: Bool = false) -> Bool {
        guard let header = try? IndexHeader(page) else { return false }
        return header == IndexHeader(store: block.store, number: block.indexNumber, isSealed: isSealed)
    }
}
