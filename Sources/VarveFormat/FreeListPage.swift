/// A page of the chain that lists the free pages: behind the header the number of the next page of the chain, 0 at its
/// end, a zero, and the free pages' numbers. `Formats/index.md`.
public enum FreeListPage {
    public static let nextOffset = Page.headerSize
    public static let entriesOffset = Page.headerSize + 8
    /// Numbers that one page holds.
    public static let capacity = (Format.pageSize - entriesOffset) / 4

    public static func next(_ page: UnsafeRawPointer) -> UInt32 { page.load32(nextOffset) }
    public static func entry(_ page: UnsafeRawPointer, _ index: Int) -> UInt32 { page.load32(entriesOffset + 4 * index) }

    /// Fills a page that `Page.initialise` has made. - Precondition: at most `capacity` entries.
    public static func fill(_ page: UnsafeMutableRawPointer, next: UInt32, entries: some Collection<UInt32>) {
        precondition(entries.count <= capacity, "more free pages than a page of the list holds")
        page.store16(UInt16(entries.count), Page.countOffset)
        page.store32(next, nextOffset)
        page.store32(0, nextOffset + 4)
        for (i, entry) in entries.enumerated() { page.store32(entry, entriesOffset + 4 * i) }
    }
}
