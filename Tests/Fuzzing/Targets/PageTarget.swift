import MailModel
import VarveFormat

/// Pages of an index by themselves, and slots of a superblock.
enum PageTarget {
    private static func isSuperblock(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= 8 && bytes.baseAddress!.load64(0) == Superblock.magic
    }

    private static func padded(_ input: [UInt8]) -> [UInt8] {
        input.prefix(Format.pageSize) + [UInt8](repeating: 0, count: max(0, Format.pageSize - input.count))
    }

    static func seal(_ input: inout [UInt8]) {
        input = padded(input)
        input.withUnsafeMutableBytes { bytes in
            let base = bytes.baseAddress!
            if isSuperblock(UnsafeRawBufferPointer(bytes)) {
                let end = Superblock.slotSize - 4
                base.store32(crc32c(0, UnsafeRawBufferPointer(start: base, count: end)), end)
            } else {
                base.store32(Page.checksum(base), Page.checksumOffset)
            }
        }
    }

    static func examine(_ input: [UInt8], _ met: inout Set<Int>) throws {
        var copy = padded(input)
        if copy.withBytes({ isSuperblock($0) }) {
            let block = try copy.withBytes { bytes throws(FormatError) in try Superblock(bytes) }
            met.insert(1)
            let again = block.encode().withBytes { try? Superblock($0) }
            try FuzzTarget.require(
                again?.roots == block.roots && again?.logPosition == block.logPosition, "a superblock is not what it was")
            return
        }
        try copy.withBytes { bytes in
            let page = bytes.baseAddress!
            try Page.validate(page, number: page.load32(Page.numberOffset), tag: page.load32(Page.tagOffset))
            met.insert(0x100 + Int(page.load8(Page.kindOffset)))
            try read(page, &met)
        }
        try copy.withUnsafeMutableBytes { try change($0.baseAddress!) }
    }

    /// Everything that a reader of a valid page may look at.
    private static func read(_ page: UnsafeRawPointer, _ met: inout Set<Int>) throws {
        let count = Page.count(page)
        switch PageKind(rawValue: page.load8(Page.kindOffset)) {
        case .header: _ = try IndexHeader(page)
        case .freeList:
            for i in 0..<min(count, FreeListPage.capacity) { _ = FreeListPage.entry(page, i) }
        case .rowLeaf where page.load16(Page.treeOffset) == TreeID.uid.rawValue:
            for i in 0..<count {
                var again = [UInt8](repeating: 0, count: Format.pageSize)
                let row = MessageRow(page, i)
                again.withUnsafeMutableBytes { bytes in
                    bytes.baseAddress!.store64(page.load64(RowLayout.uid.key(i)), RowLayout.uid.key(0))
                    row.store(bytes.baseAddress!, 0)
                }
                try FuzzTarget.require(
                    again.withBytes { MessageRow($0.baseAddress!, 0) } == row, "a row is not what it was")
            }
        case .cellLeaf, .cellInner:
            for i in 0..<count {
                let key = CellPage.key(page, i)
                let value = CellPage.value(page, i)
                try FuzzTarget.require(
                    page <= key.baseAddress! && value.baseAddress! + value.count <= page + Format.pageSize,
                    "a cell beyond its page")
                _ = CellPage.lowerBound(page, key)
                _ = CellPage.childIndex(page, key)
                if Page.level(page) > 0 {
                    _ = CellPage.childCount(page, i)
                } else if page.load16(Page.treeOffset) == TreeID.mailboxes.rawValue, let row = try? MailboxRow(id: 1, value) {
                    met.insert(0x400)
                    var expected = Array(value)
                    // Uses that nobody knows, and what is reserved.
                    let uses = SpecialUse(rawValue: UInt16(expected[72]) | UInt16(expected[73]) << 8).intersection(.every)
                    expected[72] = UInt8(truncatingIfNeeded: uses.rawValue)
                    expected[73] = UInt8(truncatingIfNeeded: uses.rawValue >> 8)
                    for i in 75..<80 { expected[i] = 0 }
                    try FuzzTarget.require(row.encode() == expected, "a mailbox' row is not what it was")
                } else if page.load16(Page.treeOffset) == TreeID.keywords.rawValue {
                    _ = try? KeywordCell(key: key, value: value)
                }
            }
        default: break
        }
    }

    /// A valid page of cells can be written to: cells go and come, and it is valid afterwards.
    private static func change(_ page: UnsafeMutableRawPointer) throws {
        guard page.load8(Page.kindOffset) == PageKind.cellLeaf.rawValue else { return }
        let key: [UInt8] = [7, 7, 7]
        let value = [UInt8](repeating: 9, count: 40)
        if Page.count(page) > 1 { CellPage.remove(page, at: Page.count(page) / 2) }
        while CellPage.free(page) >= CellPage.footprint(key: key.count, value: value.count) {
            key.withBytes { key in
                value.withBytes { CellPage.insert(page, at: Page.count(page) / 2, key: key, value: $0) }
            }
        }
        do { try CellPage.validateContents(page) } catch {
            throw FuzzTarget.Failure("a page that was valid is not after a change: \(error)")
        }
    }
}
