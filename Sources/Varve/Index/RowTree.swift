import VarveFormat

/// What inner nodes count beneath each child: totals, and differences between them.
struct Weight: Equatable {
    var live: Int32
    var unseen: Int32

    static let zero = Weight(live: 0, unseen: 0)
    @inline(__always) static func + (a: Weight, b: Weight) -> Weight {
        Weight(live: a.live &+ b.live, unseen: a.unseen &+ b.unseen)
    }
    @inline(__always) static func - (a: Weight, b: Weight) -> Weight {
        Weight(live: a.live &- b.live, unseen: a.unseen &- b.unseen)
    }
    @inline(__always) static func += (a: inout Weight, b: Weight) { a = a + b }
}

/// The shape of a tree of rows.
protocol RowSchema {
    associatedtype Key: FixedWidthInteger & UnsignedInteger & Sendable
    static var tree: TreeID { get }
    static var layout: RowLayout { get }
    /// Rows of a group come in ascending order, while others lie behind them: a mailbox' messages.
    static func group(_ key: Key) -> UInt32
    /// What a row counts in the inner nodes above it.
    static func weight(_ leaf: UnsafeRawPointer, _ row: Int) -> Weight
}

/// A counted B+tree of rows of fixed size (`Formats/index.md`). Reading: O(height) pages for a point, and the leaves of
/// the range for a scan.
struct RowTree<Schema: RowSchema> {
    typealias Key = Schema.Key
    var root: TreeRoot

    init(_ root: TreeRoot) { self.root = root }

    // MARK: In a page

    @inline(__always) static func key(_ page: UnsafeRawPointer, _ row: Int) -> Key {
        Key(littleEndian: page.loadUnaligned(fromByteOffset: Schema.layout.key(row), as: Key.self))
    }

    /// The first row whose key is not below `key`.
    @inline(__always) static func lowerBound(_ page: UnsafeRawPointer, _ key: Key) -> Int {
        var low = 0
        var high = Page.count(page)
        while low < high {
            let middle = (low + high) >> 1
            if Self.key(page, middle) < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Inner page: the child in whose span `key` lies.
    @inline(__always) static func childIndex(_ page: UnsafeRawPointer, _ key: Key) -> Int {
        var low = 1
        var high = Page.count(page)
        while low < high {
            let middle = (low + high) >> 1
            if Self.key(page, middle) <= key { low = middle + 1 } else { high = middle }
        }
        return low - 1
    }

    @inline(__always) static func child(_ page: UnsafeRawPointer, _ index: Int) -> UInt32 {
        page.load32(Schema.layout.child(index))
    }
    @inline(__always) static func live(_ page: UnsafeRawPointer, _ index: Int) -> Int32 {
        Int32(bitPattern: page.load32(Schema.layout.live(index)))
    }
    @inline(__always) static func unseen(_ page: UnsafeRawPointer, _ index: Int) -> Int32 {
        Int32(bitPattern: page.load32(Schema.layout.unseen(index)))
    }

    // MARK: Points

    /// The leaf and row of `key`.
    func find(_ key: Key, _ pages: borrowing Pages) throws(StoreError) -> (leaf: UnsafeRawPointer, row: Int)? {
        guard root.height > 0 else { return nil }
        var number = root.page
        var level = root.height - 1
        while level > 0 {
            let page = try pages.page(number, level: level, tree: Schema.tree)
            number = Self.child(page, Self.childIndex(page, key))
            level -= 1
        }
        let leaf = try pages.page(number, level: 0, tree: Schema.tree)
        let row = Self.lowerBound(leaf, key)
        guard row < Page.count(leaf), Self.key(leaf, row) == key else { return nil }
        return (leaf, row)
    }

    /// The row with the greatest key that is not above `key`.
    func floor(_ key: Key, _ pages: borrowing Pages) throws(StoreError) -> (leaf: UnsafeRawPointer, row: Int)? {
        guard root.height > 0 else { return nil }
        return try floor(root.page, root.height - 1, key, pages)
    }

    private func floor(
        _ number: UInt32, _ level: UInt8, _ key: Key, _ pages: borrowing Pages
    ) throws(StoreError) -> (leaf: UnsafeRawPointer, row: Int)? {
        let page = try pages.page(number, level: level, tree: Schema.tree)
        if level == 0 {
            var row = Self.lowerBound(page, key)
            if row < Page.count(page), Self.key(page, row) == key { return (page, row) }
            row -= 1
            return row >= 0 ? (page, row) : nil
        }
        let index = Self.childIndex(page, key)
        if let found = try floor(Self.child(page, index), level - 1, key, pages) { return found }
        // The separator is only a lower bound: all of that child may lie above the key. The child before has a row.
        return index > 0 ? try floor(Self.child(page, index - 1), level - 1, key, pages) : nil
    }

    // MARK: Ranges

    /// Calls `body` with each leaf that has keys in `low ... high` and its rows there, until it returns false.
    /// - Returns: false if `body` ended it.
    @discardableResult @inline(__always)
    func forEachLeaf(
        _ low: Key, _ high: Key, _ pages: borrowing Pages, _ body: (UnsafeRawPointer, Range<Int>) -> Bool
    ) throws(StoreError) -> Bool {
        guard root.height > 0, low <= high else { return true }
        return try visit(root.page, root.height - 1, low, high, pages, body)
    }

    private func visit(
        _ number: UInt32, _ level: UInt8, _ low: Key, _ high: Key, _ pages: borrowing Pages,
        _ body: (UnsafeRawPointer, Range<Int>) -> Bool
    ) throws(StoreError) -> Bool {
        let page = try pages.page(number, level: level, tree: Schema.tree)
        if level == 0 {
            let from = Self.lowerBound(page, low)
            let to = high == Key.max ? Page.count(page) : Self.lowerBound(page, high + 1)
            return from < to ? body(page, from..<to) : true
        }
        for index in Self.childIndex(page, low)...Self.childIndex(page, high) {
            if !(try visit(Self.child(page, index), level - 1, low, high, pages, body)) { return false }
        }
        return true
    }

    // MARK: Counts

    /// The weight of all rows whose key is below `key`. O(height) pages.
    func weight(below key: Key, _ pages: borrowing Pages) throws(StoreError) -> Weight {
        guard root.height > 0 else { return .zero }
        var sum = Weight.zero
        var number = root.page
        var level = root.height - 1
        while level > 0 {
            let page = try pages.page(number, level: level, tree: Schema.tree)
            let index = Self.childIndex(page, key)
            for i in 0..<index { sum += Weight(live: Self.live(page, i), unseen: Self.unseen(page, i)) }
            number = Self.child(page, index)
            level -= 1
        }
        let leaf = try pages.page(number, level: 0, tree: Schema.tree)
        for row in 0..<Self.lowerBound(leaf, key) { sum += Schema.weight(leaf, row) }
        return sum
    }

    /// Which of the two counts a selection goes by.
    enum Measure { case live, unseen }

    /// The row before which rows of weight `rank` lie, and which itself counts. O(height) pages.
    func select(
        _ rank: Int32, by measure: Measure, _ pages: borrowing Pages
    ) throws(StoreError) -> (leaf: UnsafeRawPointer, row: Int)? {
        guard root.height > 0, rank >= 0 else { return nil }
        var left = rank
        var number = root.page
        var level = root.height - 1
        while level > 0 {
            let page = try pages.page(number, level: level, tree: Schema.tree)
            var index = 0
            let count = Page.count(page)
            while index < count {
                let weight = measure == .live ? Self.live(page, index) : Self.unseen(page, index)
                if left < weight { break }
                left &-= weight
                index += 1
            }
            guard index < count else { return nil }
            number = Self.child(page, index)
            level -= 1
        }
        let leaf = try pages.page(number, level: 0, tree: Schema.tree)
        for row in 0..<Page.count(leaf) {
            let weight = Schema.weight(leaf, row)
            let counts = measure == .live ? weight.live : weight.unseen
            if left < counts { return (leaf, row) }
            left &-= counts
        }
        return nil
    }
}
