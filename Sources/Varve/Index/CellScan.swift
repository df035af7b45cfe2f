import VarveFormat

/// Goes over the cells of a tree one by one, in the order of their keys: for who reads two trees side by side.
///
/// What it gives out lies in the pages, and stays as long as they do.
struct CellScan {
    private let tree: CellTree
    private let pages: Pages
    /// The way down to the leaf, and which child was taken.
    private var way: [(page: UnsafeRawPointer, child: Int)] = []
    private var leaf: UnsafeRawPointer?
    private var index = 0
    /// Nil at the end.
    private(set) var key: UnsafeRawBufferPointer?

    /// At the end: there is nothing to be had until `seek`.
    init(_ tree: CellTree, _ pages: Pages) {
        self.tree = tree
        self.pages = pages
    }

    /// - Precondition: not at the end.
    var value: UnsafeRawBufferPointer { CellPage.value(leaf!, index) }

    /// Goes to the first cell whose key is not below `low`.
    /// - Complexity: O(height) pages.
    mutating func seek(_ low: UnsafeRawBufferPointer) throws(StoreError) {
        way.removeAll(keepingCapacity: true)
        leaf = nil
        key = nil
        guard tree.root.height > 0 else { return }
        var number = tree.root.page
        var level = tree.root.height - 1
        while level > 0 {
            let page = try pages.page(number, level: level, tree: tree.tree)
            let child = CellPage.childIndex(page, low)
            way.append((page, child))
            number = CellPage.child(page, child)
            level -= 1
        }
        let leaf = try pages.page(number, level: 0, tree: tree.tree)
        self.leaf = leaf
        index = CellPage.lowerBound(leaf, low).index
        if index == Page.count(leaf) { try goToNextLeaf() } else { key = CellPage.key(leaf, index) }
    }

    /// - Complexity: O(1) pages, and none for nearly all cells.
    mutating func advance() throws(StoreError) {
        guard let leaf else { return }
        index += 1
        if index == Page.count(leaf) { try goToNextLeaf() } else { key = CellPage.key(leaf, index) }
    }

    private mutating func goToNextLeaf() throws(StoreError) {
        leaf = nil
        key = nil
        while let (page, child) = way.popLast() {
            guard child + 1 < Page.count(page) else { continue }
            way.append((page, child + 1))
            try descend(to: CellPage.child(page, child + 1), level: Page.level(page) - 1)
            return
        }
    }

    /// To the first cell below a page.
    private mutating func descend(to number: UInt32, level: UInt8) throws(StoreError) {
        var number = number
        var level = level
        while level > 0 {
            let page = try pages.page(number, level: level, tree: tree.tree)
            way.append((page, 0))
            number = CellPage.child(page, 0)
            level -= 1
        }
        let leaf = try pages.page(number, level: 0, tree: tree.tree)
        // No tree has empty pages.
        guard Page.count(leaf) > 0 else { throw .corrupt("\(FileNames.index), page \(number)", "it is empty") }
        self.leaf = leaf
        index = 0
        key = CellPage.key(leaf, 0)
    }
}
