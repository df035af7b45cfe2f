import VarveFormat

/// A counted B+tree whose keys and values are strings of bytes (`Formats/index.md`).
struct CellTree {
    let tree: TreeID
    var root: TreeRoot

    init(_ tree: TreeID, _ root: TreeRoot) {
        self.tree = tree
        self.root = root
    }

    /// The value of `key`, as long as the page stays.
    func find(_ key: UnsafeRawBufferPointer, _ pages: borrowing Pages) throws(StoreError) -> UnsafeRawBufferPointer? {
        guard root.height > 0 else { return nil }
        var number = root.page
        var level = root.height - 1
        while level > 0 {
            let page = try pages.page(number, level: level, tree: tree)
            number = CellPage.child(page, CellPage.childIndex(page, key))
            level -= 1
        }
        let leaf = try pages.page(number, level: 0, tree: tree)
        let (index, found) = CellPage.lowerBound(leaf, key)
        return found ? CellPage.value(leaf, index) : nil
    }

    /// Calls `body` with each cell from `low` on, in the order of the keys, until it returns false.
    /// - Returns: false if `body` ended it.
    @discardableResult
    func forEach(
        from low: UnsafeRawBufferPointer, _ pages: borrowing Pages,
        _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool
    ) throws(StoreError) -> Bool {
        guard root.height > 0 else { return true }
        return try visit(root.page, root.height - 1, low, pages, body)
    }

    private func visit(
        _ number: UInt32, _ level: UInt8, _ low: UnsafeRawBufferPointer, _ pages: borrowing Pages,
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) throws(StoreError) -> Bool {
        let page = try pages.page(number, level: level, tree: tree)
        if level == 0 {
            for index in CellPage.lowerBound(page, low).index..<Page.count(page) {
                if !body(CellPage.key(page, index), CellPage.value(page, index)) { return false }
            }
            return true
        }
        for index in CellPage.childIndex(page, low)..<Page.count(page) {
            if !(try visit(CellPage.child(page, index), level - 1, low, pages, body)) { return false }
        }
        return true
    }

    /// How many cells there are. O(1) pages.
    func count(_ pages: borrowing Pages) throws(StoreError) -> Int {
        guard root.height > 0 else { return 0 }
        let page = try pages.page(root.page, level: root.height - 1, tree: tree)
        return CellTree.total(page)
    }

    static func total(_ page: UnsafeRawPointer) -> Int {
        guard Page.level(page) > 0 else { return Page.count(page) }
        return (0..<Page.count(page)).reduce(0) { $0 + Int(CellPage.childCount(page, $1)) }
    }
}
