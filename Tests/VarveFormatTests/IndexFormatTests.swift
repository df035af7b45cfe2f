import Testing
import VarveFormat

/// `Formats/index.md`: a page of each kind and of each tree.
@Suite struct IndexFormatTests {
    let page = FormatPage("index.md")
    static let tag = sampleStore.tag

    /// A page made by `fill`, its checksum set.
    static func make(
        _ kind: PageKind, level: UInt8, tree: TreeID?, number: UInt32, birth: UInt64,
        _ fill: (UnsafeMutableRawPointer) -> Void
    ) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Format.pageSize)
        bytes.withUnsafeMutableBytes { bytes in
            let page = bytes.baseAddress!
            Page.initialise(
                page, kind: kind, level: level, tree: tree?.rawValue ?? 0, number: number, birth: birth, tag: tag)
            fill(page)
            page.store32(Page.checksum(page), Page.checksumOffset)
        }
        return bytes
    }

    /// Compares the encoder's page with the block, checks it as a reader does, and gives its bytes.
    private func check(_ name: String, _ encoded: [UInt8], number: UInt32) throws -> [UInt8] {
        try page.expect(name, equals: encoded)
        let bytes = try page.block(name)
        try bytes.withBytes { bytes throws(FormatError) in
            try Page.validate(bytes.baseAddress!, number: number, tag: Self.tag)
        }
        for at in stride(from: 0, to: bytes.count, by: 61) {
            var damaged = bytes
            damaged[at] ^= 1
            #expect(throws: FormatError.self, "\(name), byte \(at)") {
                try damaged.withBytes { bytes throws(FormatError) in
                    try Page.validate(bytes.baseAddress!, number: number, tag: Self.tag)
                }
            }
        }
        #expect(throws: FormatError.self) {
            try bytes.withBytes { bytes throws(FormatError) in
                try Page.validate(bytes.baseAddress!, number: number + 1, tag: Self.tag)
            }
        }
        #expect(throws: FormatError.self) {
            try bytes.withBytes { bytes throws(FormatError) in
                try Page.validate(bytes.baseAddress!, number: number, tag: Self.tag + 1)
            }
        }
        return bytes
    }

    @Test func header() throws {
        let expected = IndexHeader(store: sampleStore, number: 2)
        var encoded = [UInt8](repeating: 0xaa, count: Format.pageSize)
        encoded.withUnsafeMutableBytes { expected.encode(into: $0.baseAddress!) }
        let bytes = try check("header page", encoded, number: 0)
        #expect(try bytes.withBytes { bytes throws(FormatError) in try IndexHeader(bytes.baseAddress!) } == expected)
        var block = Superblock(store: sampleStore)
        block.indexNumber = 2
        bytes.withUnsafeBytes { #expect(IndexHeader.matches($0.baseAddress!, block)) }
        block.indexNumber = 3
        bytes.withUnsafeBytes { #expect(!IndexHeader.matches($0.baseAddress!, block)) }
    }

    @Test func freeList() throws {
        let encoded = Self.make(.freeList, level: 0, tree: nil, number: 17, birth: 0x1234) {
            FreeListPage.fill($0, next: 18, entries: [4, 9, 40])
        }
        let bytes = try check("free list page", encoded, number: 17)
        bytes.withUnsafeBytes { bytes in
            let page = bytes.baseAddress!
            #expect(Page.count(page) == 3)
            #expect(FreeListPage.next(page) == 18)
            #expect((0..<3).map { FreeListPage.entry(page, $0) } == [4, 9, 40])
        }
        #expect(FreeListPage.capacity == 1014)
    }

    // MARK: Rows

    static let messages = [
        MessageRow(
            uid: 5, flags: 0b101, zoneMinutes: 60, keywordSet: 2, modSeq: 0x1200,
            location: LogPosition(segment: 3, offset: 0x2a0), identity: 4711, internalDate: 1_699_000_000, size: 1500, saveDate: 122_422_400),
        MessageRow(
            uid: 6, flags: MessageRow.deadBit, zoneMinutes: -210, keywordSet: 0, modSeq: 0x1234,
            location: LogPosition(segment: 2, offset: 0x40), identity: 4712, internalDate: -1, size: 0, saveDate: 0),
    ]

    @Test func uidLeaf() throws {
        #expect(RowLayout.uid.leafCapacity == 72)
        let encoded = Self.make(.rowLeaf, level: 0, tree: .uid, number: 23, birth: 0x1234) { page in
            for (i, row) in Self.messages.enumerated() {
                page.store64(MessageRow.key(mailbox: 7, uid: row.uid), RowLayout.uid.key(i))
                row.store(page, i)
            }
            page.store16(2, Page.countOffset)
        }
        let bytes = try check("row leaf of uid", encoded, number: 23)
        bytes.withUnsafeBytes { bytes in
            let page = bytes.baseAddress!
            #expect(Page.count(page) == 2 && Page.level(page) == 0 && Page.birth(page) == 0x1234)
            #expect((0..<2).map { MessageRow(page, $0) } == Self.messages)
            #expect(page.load64(RowLayout.uid.key(1)) == 7 << 32 | 6)
        }
    }

    @Test func uidInner() throws {
        #expect(RowLayout.uid.innerCapacity == 203)
        let rows: [(key: UInt64, child: UInt32, live: UInt32, unseen: UInt32)] = [
            (0, 23, 71, 3), (7 << 32 | 80, 31, 72, 72), (9 << 32, 32, 10, 0),
        ]
        let layout = RowLayout.uid
        let encoded = Self.make(.rowInner, level: 1, tree: .uid, number: 24, birth: 0x1234) { page in
            for (i, row) in rows.enumerated() {
                page.store64(row.key, layout.key(i))
                page.store32(row.child, layout.child(i))
                page.store32(row.live, layout.live(i))
                page.store32(row.unseen, layout.unseen(i))
            }
            page.store16(3, Page.countOffset)
        }
        let bytes = try check("row inner of uid", encoded, number: 24)
        bytes.withUnsafeBytes { bytes in
            let page = bytes.baseAddress!
            #expect(Page.count(page) == 3 && Page.level(page) == 1)
            for (i, row) in rows.enumerated() {
                #expect(page.load64(layout.key(i)) == row.key)
                #expect(page.load32(layout.child(i)) == row.child)
                #expect(page.load32(layout.live(i)) == row.live)
                #expect(page.load32(layout.unseen(i)) == row.unseen)
            }
        }
    }

    static func store(_ key: UInt128, _ page: UnsafeMutableRawPointer, _ offset: Int) {
        page.store64(UInt64(truncatingIfNeeded: key), offset)
        page.store64(UInt64(truncatingIfNeeded: key >> 64), offset + 8)
    }

    static func key(_ page: UnsafeRawPointer, _ offset: Int) -> UInt128 {
        UInt128(page.load64(offset + 8)) << 64 | UInt128(page.load64(offset))
    }

    @Test(arguments: [TreeID.changed, .vanished]) func ranges(_ tree: TreeID) throws {
        let layout = RowLayout.ranges
        #expect((layout.leafCapacity, layout.innerCapacity) == (203, 145))
        let rows: [(mailbox: UInt32, modSeq: UInt64, first: UInt32, last: UInt32)] = [(7, 0x1200, 5, 5), (7, 0x1234, 1, 4)]
        let encoded = Self.make(.rowLeaf, level: 0, tree: tree, number: 25, birth: 0x1234) { page in
            for (i, row) in rows.enumerated() {
                Self.store(RangeRow.key(mailbox: row.mailbox, modSeq: row.modSeq, first: row.first), page, layout.key(i))
                page.store32(row.last, layout.hot(i))
            }
            page.store16(2, Page.countOffset)
        }
        let bytes = try check("row leaf of \(tree)", encoded, number: 25)
        bytes.withUnsafeBytes { bytes in
            let page = bytes.baseAddress!
            for (i, row) in rows.enumerated() {
                let key = Self.key(page, layout.key(i))
                #expect(RangeRow.mailbox(key) == row.mailbox)
                #expect(RangeRow.modSeq(key) == row.modSeq)
                #expect(RangeRow.first(key) == row.first)
                #expect(page.load32(layout.hot(i)) == row.last)
            }
        }
    }

    @Test func mailboxChanges() throws {
        let layout = RowLayout.mailboxChanges
        #expect((layout.leafCapacity, layout.innerCapacity) == (254, 145))
        let rows: [(modSeq: UInt64, mailbox: UInt32)] = [(0x1200, 9), (0x1234, 7)]
        let encoded = Self.make(.rowLeaf, level: 0, tree: .mailboxChanges, number: 22, birth: 0x1234) { page in
            for (i, row) in rows.enumerated() {
                Self.store(MailboxChangeRow.key(modSeq: row.modSeq, mailbox: row.mailbox), page, layout.key(i))
            }
            page.store16(2, Page.countOffset)
        }
        let bytes = try check("row leaf of mailboxChanges", encoded, number: 22)
        bytes.withUnsafeBytes { bytes in
            for (i, row) in rows.enumerated() {
                let key = Self.key(bytes.baseAddress!, layout.key(i))
                #expect(MailboxChangeRow.modSeq(key) == row.modSeq)
                #expect(MailboxChangeRow.mailbox(key) == row.mailbox)
            }
        }
    }

    // MARK: Cells

    /// A cell page with these cells, in the order of their keys.
    private func cells(
        _ kind: PageKind, level: UInt8, _ tree: TreeID, number: UInt32, _ cells: [(key: [UInt8], value: [UInt8])]
    ) -> [UInt8] {
        Self.make(kind, level: level, tree: tree, number: number, birth: 0x1234) { page in
            for (i, cell) in cells.enumerated() {
                cell.key.withUnsafeBytes { key in
                    cell.value.withUnsafeBytes { CellPage.insert(page, at: i, key: key, value: $0) }
                }
            }
        }
    }

    private func check(
        _ name: String, _ kind: PageKind, level: UInt8, _ tree: TreeID, number: UInt32,
        _ expected: [(key: [UInt8], value: [UInt8])]
    ) throws -> [UInt8] {
        let bytes = try check(name, cells(kind, level: level, tree, number: number, expected), number: number)
        bytes.withUnsafeBytes { bytes in
            let page = bytes.baseAddress!
            #expect(Page.count(page) == expected.count && Page.level(page) == level)
            for (i, cell) in expected.enumerated() {
                #expect(Array(CellPage.key(page, i)) == cell.key)
                #expect(Array(CellPage.value(page, i)) == cell.value)
                let found = cell.key.withUnsafeBytes { CellPage.lowerBound(page, $0) }
                #expect(found.index == i && found.found)
            }
        }
        return bytes
    }

    @Test func mailboxes() throws {
        var row = MailboxRow(id: 7, uidValidity: 1_700_000_000, modSeq: 0x0100, name: Array("Käse".utf8))
        row.uidNext = 100
        row.firstRecent = 90
        row.messages = 60
        row.unseen = 12
        row.deleted = 3
        row.dead = 4
        row.highestModSeq = 0x1234
        row.vanishedFloor = 0x0110
        row.purgedBelow = 3
        row.purged = 0x1200
        row.bytes = 123_456_789
        row.specialUse = [.drafts, .important]
        row.syncMode = .noExpungeLog
        let bytes = try check(
            "cell leaf of mailboxes", .cellLeaf, level: 0, .mailboxes, number: 20, [(MailboxRow.key(7), row.encode())])
        try bytes.withUnsafeBytes { bytes in
            let found = try MailboxRow(id: 7, CellPage.value(bytes.baseAddress!, 0))
            #expect(found == row)
        }
    }

    @Test func names() throws {
        _ = try check(
            "cell leaf of names", .cellLeaf, level: 0, .names, number: 21,
            [
                (Array("Archive".utf8), [9, 0, 0, 0]), (Array("Archive/2023".utf8), [12, 0, 0, 0]),
                (Array("INBOX".utf8), [1, 0, 0, 0]),
            ])
    }

    @Test func subscriptions() throws {
        _ = try check(
            "cell leaf of subscriptions", .cellLeaf, level: 0, .subscriptions, number: 27, [(Array("INBOX".utf8), [])])
    }

    @Test func segments() throws {
        let expected = [SegmentCell(number: 2, end: 0x0400_0128), SegmentCell(number: 0x0102, end: 0)]
        let bytes = try check(
            "cell leaf of segments", .cellLeaf, level: 0, .segments, number: 27, expected.map { ($0.key, $0.value) })
        try bytes.withUnsafeBytes { bytes in
            let page = bytes.baseAddress!
            for (i, cell) in expected.enumerated() {
                let found = try SegmentCell(key: CellPage.key(page, i), value: CellPage.value(page, i))
                #expect(found == cell)
            }
        }
        let short = [UInt8](repeating: 1, count: 15)
        #expect(throws: FormatError.self) {
            try short.withBytes { bytes throws(FormatError) in
                _ = try SegmentCell(key: UnsafeRawBufferPointer(rebasing: bytes[..<4]), value: bytes)
            }
        }
    }

    @Test func keywords() throws {
        let expected: [KeywordCell] = [
            .keyword(id: 1, name: Array("$Forwarded".utf8)), .keyword(id: 2, name: Array("work".utf8)),
            .set(number: 1, members: [1, 2]),
        ]
        let bytes = try check(
            "cell leaf of keywords", .cellLeaf, level: 0, .keywords, number: 26, expected.map { ($0.key, $0.value) })
        try bytes.withUnsafeBytes { bytes in
            let page = bytes.baseAddress!
            for (i, cell) in expected.enumerated() {
                let found = try KeywordCell(key: CellPage.key(page, i), value: CellPage.value(page, i))
                #expect(found == cell)
            }
        }
    }

    @Test func cellInner() throws {
        let bytes = try check(
            "cell inner of names", .cellInner, level: 1, .names, number: 28,
            [([], [21, 0, 0, 0, 3, 0, 0, 0]), (Array("Lists".utf8), [29, 0, 0, 0, 44, 0, 0, 0])])
        bytes.withUnsafeBytes { bytes in
            let page = bytes.baseAddress!
            #expect(CellPage.child(page, 1) == 29)
            #expect(CellPage.childCount(page, 1) == 44)
            #expect(Array("Lists".utf8).withUnsafeBytes { CellPage.childIndex(page, $0) } == 1)
            #expect(Array("Archive".utf8).withUnsafeBytes { CellPage.childIndex(page, $0) } == 0)
        }
    }

    /// The checksum holds, and yet the page is refused.
    @Test func conditions() throws {
        let names = try page.block("cell leaf of names")
        let uid = try page.block("row leaf of uid")
        func isRefused(_ bytes: [UInt8], _ number: UInt32, _ at: Int, _ value: UInt16) -> Bool {
            var bytes = bytes
            return bytes.withUnsafeMutableBytes { bytes in
                let page = bytes.baseAddress!
                page.store16(value, at)
                page.store32(Page.checksum(page), Page.checksumOffset)
                return (try? Page.validate(page, number: number, tag: Self.tag)) == nil
            }
        }
        #expect(!isRefused(names, 21, Page.countOffset, 3))
        #expect(isRefused(names, 21, Page.countOffset, 2), "cells do not fill the heap")
        #expect(isRefused(names, 21, Page.countOffset, 0), "no cells")
        #expect(isRefused(names, 21, Page.countOffset, 3000), "offsets run into the heap")
        #expect(isRefused(names, 21, Page.headerSize, 40), "a cell before the heap")
        #expect(isRefused(names, 21, Page.headerSize, 4094), "a cell beyond the page")
        #expect(isRefused(names, 21, Page.heapOffset, 5000), "a heap beyond the page")
        #expect(isRefused(names, 21, Page.levelOffset, 1), "a leaf that is no leaf")
        #expect(isRefused(names, 21, Page.kindOffset, 7), "an unknown kind")
        #expect(isRefused(names, 21, Page.kindOffset, 0), "no kind")
        #expect(isRefused(uid, 23, Page.countOffset, 73), "more rows than there is room for")
        #expect(isRefused(uid, 23, Page.countOffset, 0), "no rows")
        #expect(isRefused(uid, 23, Page.treeOffset, 1), "rows of a tree of cells")
        #expect(isRefused(uid, 23, Page.treeOffset, 99), "rows of no tree")
        #expect(isRefused(names, 21, Page.treeOffset, TreeID.uid.rawValue), "cells of a tree of rows")
        #expect(isRefused(names, 21, Page.treeOffset, 99), "cells of no tree")
        #expect(isRefused(names, 21, Page.kindOffset, UInt16(PageKind.freeList.rawValue)), "a list of free pages in a tree")
        let free = try page.block("free list page")
        #expect(!isRefused(free, 17, Page.treeOffset, 0))
        #expect(isRefused(free, 17, Page.kindOffset, UInt16(PageKind.freeList.rawValue) | 1 << 8), "a list with a level")
    }
}
