import VarveFormat

/// Goes through trees of an index in the order of their keys, and checks what must hold (`Formats/index.md`): no page is
/// reached twice, keys ascend, separators bound them, and inner pages count what lies beneath.
final class TreeWalk {
    struct Totals {
        var pages = 0
        var entries = 0
        /// Row trees: what the inner pages count.
        var live: UInt32 = 0
        var unseen: UInt32 = 0
        var isWhole = true

        mutating func add(_ other: Totals) {
            pages += other.pages
            entries += other.entries
            live &+= other.live
            unseen &+= other.unseen
            isWhole = isWhole && other.isWhole
        }
    }

    private let reader: IndexReader
    private let output: Output
    private(set) var reached: PageSet
    private var tree = TreeID.mailboxes
    private var lastRow: UInt128?
    private var lastCell: [UInt8]?

    init(_ reader: IndexReader, _ output: Output) {
        self.reader = reader
        self.output = output
        reached = PageSet(pages: min(reader.block.pageCount, UInt32(clamping: reader.file.size / Format.pageSize + 1)))
        _ = reached.insert(0)
    }

    /// Calls `leaf` with each leaf page that holds.
    func walk(_ tree: TreeID, _ leaf: (UnsafeRawPointer) -> Void) throws(WalkError) -> Totals {
        let root = reader.block.roots[tree.slot]
        guard root.height > 0 else { return Totals() }
        self.tree = tree
        lastRow = nil
        lastCell = nil
        if let layout = RowLayout(tree: tree.rawValue) {
            return try rows(root.page, root.height - 1, nil, layout, leaf)
        }
        return try cells(root.page, root.height - 1, [], leaf)
    }

    private func damage(_ number: UInt32, _ what: String) {
        output.damage("\(reader.file.name), page \(number), tree \(tree)", what)
    }

    private func page(_ number: UInt32, _ level: UInt8) throws(WalkError) -> UnsafeRawPointer? {
        switch try reader.page(number, level: level, tree: tree) {
        case .success(let page):
            if reached.insert(number) { return page }
            damage(number, "it is reached twice")
        case .failure(let error): damage(number, error.description)
        }
        return nil
    }

    private static let broken: Totals = {
        var totals = Totals()
        totals.isWhole = false
        return totals
    }()

    // MARK: Rows

    /// - Parameter low: a bound that all keys beneath keep to.
    private func rows(
        _ number: UInt32, _ level: UInt8, _ low: UInt128?, _ layout: RowLayout, _ leaf: (UnsafeRawPointer) -> Void
    ) throws(WalkError) -> Totals {
        guard let page = try page(number, level) else { return TreeWalk.broken }
        var totals = Totals(pages: 1)
        let count = Page.count(page)
        if level == 0 {
            checkRows(number, page, low, layout)
            totals.entries = count
            if tree == .uid { addWeights(page, &totals) }
            leaf(page)
            return totals
        }
        for i in 0..<count {
            let key = i == 0 ? low : TreeWalk.key(page, layout.key(i), layout)
            if let key, i > 0, let lastRow, lastRow >= key {
                damage(number, "separator \(i) is not above what lies before it")
            }
            let child = try rows(page.load32(layout.child(i)), level - 1, key, layout, leaf)
            if child.isWhole, (child.live, child.unseen) != (page.load32(layout.live(i)), page.load32(layout.unseen(i))) {
                damage(
                    number,
                    "child \(i) counts \(page.load32(layout.live(i))) live and \(page.load32(layout.unseen(i))) unseen, "
                        + "beneath it are \(child.live) and \(child.unseen)")
            }
            totals.add(child)
        }
        return totals
    }

    private func checkRows(_ number: UInt32, _ page: UnsafeRawPointer, _ low: UInt128?, _ layout: RowLayout) {
        for row in 0..<Page.count(page) {
            let key = TreeWalk.key(page, layout.key(row), layout)
            if let lastRow, key <= lastRow { damage(number, "row \(row) is out of order") }
            if let low, key < low { damage(number, "row \(row) is below its bound") }
            lastRow = key
        }
    }

    private func addWeights(_ page: UnsafeRawPointer, _ totals: inout Totals) {
        for row in 0..<Page.count(page) {
            let flags = MessageRow.flags(page, row)
            guard flags & MessageRow.deadBit == 0 else { continue }
            totals.live &+= 1
            if flags & 1 == 0 { totals.unseen &+= 1 }
        }
    }

    static func key(_ page: UnsafeRawPointer, _ offset: Int, _ layout: RowLayout) -> UInt128 {
        layout.keySize == 8
            ? UInt128(page.load64(offset)) : UInt128(page.load64(offset + 8)) << 64 | UInt128(page.load64(offset))
    }

    // MARK: Cells

    private func cells(
        _ number: UInt32, _ level: UInt8, _ low: [UInt8], _ leaf: (UnsafeRawPointer) -> Void
    ) throws(WalkError) -> Totals {
        guard let page = try page(number, level) else { return TreeWalk.broken }
        var totals = Totals(pages: 1)
        if level == 0 {
            for cell in 0..<Page.count(page) {
                let key = Array(CellPage.key(page, cell))
                if let lastCell, !lastCell.lexicographicallyPrecedes(key) { damage(number, "cell \(cell) is out of order") }
                if key.lexicographicallyPrecedes(low) { damage(number, "cell \(cell) is below its bound") }
                lastCell = key
            }
            totals.entries = Page.count(page)
            leaf(page)
            return totals
        }
        for i in 0..<Page.count(page) {
            let key = i == 0 ? low : Array(CellPage.key(page, i))
            if i > 0, let lastCell, !lastCell.lexicographicallyPrecedes(key) {
                damage(number, "separator \(i) is not above what lies before it")
            }
            let counted = Int(CellPage.childCount(page, i))
            let child = try cells(CellPage.child(page, i), level - 1, key, leaf)
            if child.isWhole, child.entries != counted {
                damage(number, "child \(i) counts \(counted), beneath it are \(child.entries)")
            }
            totals.add(child)
        }
        return totals
    }

    // MARK: Free pages

    /// Calls `body` with each free page that the chain lists. - Returns: how many pages the chain and its entries are.
    func freePages(_ body: (UInt32) -> Void) throws(WalkError) -> (chain: Int, free: Int, isWhole: Bool) {
        var chain = 0
        var free = 0
        var number = reader.block.freeList
        while number != 0 {
            let place = "\(reader.file.name), page \(number), free list"
            let page: UnsafeRawPointer
            switch try reader.freeListPage(number) {
            case .success(let found): page = found
            case .failure(let error):
                output.damage(place, error.description)
                return (chain, free, false)
            }
            guard reached.insert(number), Page.count(page) <= FreeListPage.capacity else {
                output.damage(place, "it is reached twice, or holds more than it can")
                return (chain, free, false)
            }
            chain += 1
            for i in 0..<Page.count(page) {
                let entry = FreeListPage.entry(page, i)
                if entry == 0 || entry >= reader.block.pageCount {
                    output.damage(place, "free page \(entry) of \(reader.block.pageCount)")
                } else if !reached.insert(entry) {
                    output.damage(place, "free page \(entry) is in use, or listed twice")
                }
                free += 1
                body(entry)
            }
            number = FreeListPage.next(page)
        }
        return (chain, free, true)
    }
}
