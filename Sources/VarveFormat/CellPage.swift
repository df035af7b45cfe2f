#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A page of cells of any size in the order of their keys, which compare as strings of bytes. `Formats/index.md`.
///
/// Behind the header stand 16-bit offsets of the cells in key order; the cells grow down from the page's end. A cell is:
/// key length (16 bits), value length (16 bits), key, value. In an inner page the value is the child's page number (32
/// bits) and the count of cells below it (32 bits), and the key is a lower bound of the child's keys; that of cell 0 is
/// empty.
public enum CellPage {
    public static let innerValueSize = 8
    /// Three of the largest cells fit in a page, so that a split always makes room.
    public static let maximumCellSize = (Format.pageSize - Page.headerSize) / 3 - 2

    @inlinable public static func cellOffset(_ page: UnsafeRawPointer, _ index: Int) -> Int {
        Int(page.load16(Page.headerSize + 2 * index))
    }

    @inlinable public static func key(_ page: UnsafeRawPointer, _ index: Int) -> UnsafeRawBufferPointer {
        let at = cellOffset(page, index)
        return UnsafeRawBufferPointer(start: page + at + 4, count: Int(page.load16(at)))
    }

    /// Where the value lies in the page, and its length.
    @inlinable public static func value(_ page: UnsafeRawPointer, _ index: Int) -> UnsafeRawBufferPointer {
        let at = cellOffset(page, index)
        return UnsafeRawBufferPointer(start: page + at + 4 + Int(page.load16(at)), count: Int(page.load16(at + 2)))
    }

    @inlinable public static func child(_ page: UnsafeRawPointer, _ index: Int) -> UInt32 {
        value(page, index).baseAddress!.load32(0)
    }
    @inlinable public static func childCount(_ page: UnsafeRawPointer, _ index: Int) -> UInt32 {
        value(page, index).baseAddress!.load32(4)
    }

    public static func compare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
        let shared = min(a.count, b.count)
        if shared > 0 {
            let order = memcmp(a.baseAddress!, b.baseAddress!, shared)
            if order != 0 { return Int(order) }
        }
        return a.count - b.count
    }

    /// The first cell whose key is not below `key`, and whether it is that key.
    public static func lowerBound(_ page: UnsafeRawPointer, _ key: UnsafeRawBufferPointer) -> (index: Int, found: Bool) {
        var low = 0
        var high = Page.count(page)
        while low < high {
            let middle = (low + high) / 2
            let order = compare(self.key(page, middle), key)
            if order == 0 { return (middle, true) }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return (low, false)
    }

    /// Inner pages: the child in whose span `key` lies.
    public static func childIndex(_ page: UnsafeRawPointer, _ key: UnsafeRawBufferPointer) -> Int {
        var low = 1
        var high = Page.count(page)
        while low < high {
            let middle = (low + high) / 2
            if compare(self.key(page, middle), key) <= 0 { low = middle + 1 } else { high = middle }
        }
        return low - 1
    }

    /// Bytes that a cell takes, its offset included.
    public static func footprint(key: Int, value: Int) -> Int { 2 + 4 + key + value }

    /// Bytes free for further cells, also those that a compaction would free.
    public static func free(_ page: UnsafeRawPointer) -> Int {
        Int(page.load16(Page.heapOffset)) - Page.headerSize - 2 * Page.count(page) + Int(page.load32(Page.wasteOffset))
    }

    /// Puts a cell at `index`. - Precondition: `free` is at least its footprint.
    public static func insert(
        _ page: UnsafeMutableRawPointer, at index: Int, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    ) {
        let size = 4 + key.count + value.count
        let count = Page.count(page)
        precondition(free(page) >= size + 2, "a cell that does not fit")
        if Int(page.load16(Page.heapOffset)) - Page.headerSize - 2 * count < size + 2 { compact(page) }
        let at = Int(page.load16(Page.heapOffset)) - size
        page.store16(UInt16(key.count), at)
        page.store16(UInt16(value.count), at + 2)
        if !key.isEmpty { (page + at + 4).copyMemory(from: key.baseAddress!, byteCount: key.count) }
        if !value.isEmpty { (page + at + 4 + key.count).copyMemory(from: value.baseAddress!, byteCount: value.count) }
        let slot = page + Page.headerSize + 2 * index
        memmove(slot + 2, slot, 2 * (count - index))
        page.store16(UInt16(at), Page.headerSize + 2 * index)
        page.store16(UInt16(at), Page.heapOffset)
        page.store16(UInt16(count + 1), Page.countOffset)
    }

    public static func remove(_ page: UnsafeMutableRawPointer, at index: Int) {
        let count = Page.count(page)
        let at = cellOffset(page, index)
        let size = 4 + Int(page.load16(at)) + Int(page.load16(at + 2))
        let slot = page + Page.headerSize + 2 * index
        memmove(slot, slot + 2, 2 * (count - index - 1))
        page.store16(UInt16(count - 1), Page.countOffset)
        page.store32(page.load32(Page.wasteOffset) + UInt32(size), Page.wasteOffset)
    }

    /// Overwrites the value of a cell with one of the same length.
    public static func replaceValue(
        _ page: UnsafeMutableRawPointer, at index: Int, with value: UnsafeRawBufferPointer
    ) {
        let old = self.value(page, index)
        precondition(old.count == value.count, "a value is replaced in place only by one of its length")
        guard let source = value.baseAddress else { return }
        (page + (old.baseAddress! - UnsafeRawPointer(page))).copyMemory(from: source, byteCount: value.count)
    }

    /// Lets an inner cell lead to another page that holds the same.
    public static func setChild(_ page: UnsafeMutableRawPointer, _ index: Int, _ child: UInt32) {
        let value = self.value(page, index)
        precondition(value.count == innerValueSize, "only a cell of an inner page leads to a child")
        page.store32(child, value.baseAddress! - UnsafeRawPointer(page))
    }

    /// Appends the cells `range` of one page to another that has room for them.
    public static func append(_ range: Range<Int>, of source: UnsafeRawPointer, to page: UnsafeMutableRawPointer) {
        for i in range { insert(page, at: Page.count(page), key: key(source, i), value: value(source, i)) }
    }

    /// Moves the cells together at the page's end.
    private static func compact(_ page: UnsafeMutableRawPointer) {
        withUnsafeTemporaryAllocation(byteCount: Format.pageSize, alignment: 16) { copy in
            let old = copy.baseAddress!
            old.copyMemory(from: page, byteCount: Format.pageSize)
            var heap = Format.pageSize
            for i in 0..<Page.count(old) {
                let from = cellOffset(old, i)
                let size = 4 + Int(old.load16(from)) + Int(old.load16(from + 2))
                heap -= size
                (page + heap).copyMemory(from: old + from, byteCount: size)
                page.store16(UInt16(heap), Page.headerSize + 2 * i)
            }
            page.store16(UInt16(heap), Page.heapOffset)
            page.store32(0, Page.wasteOffset)
        }
    }

    /// Checks that all cells lie in the page and fill its heap.
    public static func validateContents(_ page: UnsafeRawPointer) throws(FormatError) {
        let count = Page.count(page)
        let inner = page.load8(Page.kindOffset) == PageKind.cellInner.rawValue
        let heap = Int(page.load16(Page.heapOffset))
        guard count > 0, (Page.level(page) > 0) == inner, Page.headerSize + 2 * count <= heap, heap <= Format.pageSize else {
            throw .invalid("\(count) cells at level \(Page.level(page)) with their heap at \(heap)")
        }
        var used = 0
        for i in 0..<count {
            let at = cellOffset(page, i)
            guard at >= heap, at + 4 <= Format.pageSize else { throw .invalid("cell \(i) at \(at)") }
            let size = 4 + Int(page.load16(at)) + Int(page.load16(at + 2))
            guard at + size <= Format.pageSize, !inner || page.load16(at + 2) == UInt16(innerValueSize) else {
                throw .invalid("cell \(i) of \(size) bytes at \(at)")
            }
            used += size
        }
        guard used + Int(page.load32(Page.wasteOffset)) == Format.pageSize - heap else {
            throw .invalid("\(used) bytes of cells in a heap of \(Format.pageSize - heap)")
        }
    }
}
