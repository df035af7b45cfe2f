import Glibc
import VarveFormat

extension RowTree {
    /// What became of a node: where its copy is, how its total changed, and what was split off to its right.
    struct Outcome {
        var page: UInt32
        var change: Weight
        var split: (key: Key, page: UInt32, weight: Weight)?
    }

    /// Puts a row at `key`, or takes the one that is there; `fill` writes its fields.
    /// - Complexity: O(height) pages copied, once in a transaction.
    mutating func insert(
        _ key: Key, _ allocator: PageAllocator, fill: (UnsafeMutableRawPointer, Int) -> Void
    ) throws(StoreError) {
        if root.height == 0 {
            root = TreeRoot(page: try allocator.allocate(kind: .rowLeaf, level: 0, tree: Schema.tree), height: 1)
        }
        let outcome = try insert(root.page, root.height - 1, key, allocator, fill)
        root.page = outcome.page
        guard let split = outcome.split else { return }
        let top = try allocator.allocate(kind: .rowInner, level: root.height, tree: Schema.tree)
        let page = allocator.pointer(top)
        let left = try Self.totalWeight(outcome.page, level: root.height - 1, allocator)
        Self.setInner(page, 0, key: 0, child: outcome.page, weight: left)
        Self.setInner(page, 1, key: split.key, child: split.page, weight: split.weight)
        page.store16(2, Page.countOffset)
        root = TreeRoot(page: top, height: root.height + 1)
    }

    private func insert(
        _ number: UInt32, _ level: UInt8, _ key: Key, _ allocator: PageAllocator,
        _ fill: (UnsafeMutableRawPointer, Int) -> Void
    ) throws(StoreError) -> Outcome {
        let copy = try allocator.writable(number, level: level, tree: Schema.tree)
        if level == 0 { return try insertInLeaf(copy, key, allocator, fill) }
        let index = Self.childIndex(allocator.pointer(copy), key)
        let outcome = try insert(Self.child(allocator.pointer(copy), index), level - 1, key, allocator, fill)
        let page = allocator.pointer(copy)
        page.store32(outcome.page, Schema.layout.child(index))
        var weight = Self.innerWeight(page, index) + outcome.change
        guard let split = outcome.split else {
            Self.setWeight(page, index, weight)
            return Outcome(page: copy, change: outcome.change, split: nil)
        }
        weight = weight - split.weight
        Self.setWeight(page, index, weight)
        return try insertInInner(
            copy, level, at: index + 1, key: split.key, child: split.page, weight: split.weight,
            change: outcome.change, allocator)
    }

    /// Puts rows at `count` ascending keys, where none are yet; `fill` writes the fields of a row, given its leaf, its place
    /// there and its index among them.
    /// - Complexity: O(height) pages copied, and one way down for each leaf of rows that lie side by side.
    mutating func insertAscending(
        _ count: Int, _ allocator: PageAllocator, key: (Int) -> Key, fill: (UnsafeMutableRawPointer, Int, Int) -> Void
    ) throws(StoreError) {
        var done = 0
        while done < count {
            // One row the usual way, which makes room where there is none; then as many beside it as its leaf takes.
            try insert(key(done), allocator) { fill($0, $1, done) }
            done += 1
            guard done < count else { return }
            done += try extend(
                root.page, root.height - 1, { key(done + $0) }, upTo: count - done, before: nil, allocator
            ) { fill($0, $1, done + $2) }.count
        }
    }

    /// Fills the leaf in which the first key has its place, with as many rows as it takes, if this transaction wrote all on the
    /// way.
    private func extend(
        _ number: UInt32, _ level: UInt8, _ key: (Int) -> Key, upTo limit: Int, before bound: Key?, _ allocator: PageAllocator,
        _ fill: (UnsafeMutableRawPointer, Int, Int) -> Void
    ) throws(StoreError) -> (count: Int, weight: Weight) {
        guard allocator.isOwn(try allocator.pages.page(number, level: level, tree: Schema.tree)) else { return (0, .zero) }
        let page = allocator.pointer(number)
        let count = Page.count(page)
        if level > 0 {
            let index = Self.childIndex(page, key(0))
            let result = try extend(
                Self.child(page, index), level - 1, key, upTo: limit,
                before: index + 1 < count ? Self.key(page, index + 1) : bound, allocator, fill)
            Self.setWeight(page, index, Self.innerWeight(page, index) + result.weight)
            return result
        }
        let row = Self.lowerBound(page, key(0))
        let next = row < count ? Self.key(page, row) : bound
        var number = min(limit, Schema.layout.leafCapacity - count)
        if let next, number > 0, key(number - 1) >= next { number = (0..<number).first { key($0) >= next } ?? number }
        guard number > 0 else { return (0, .zero) }
        Self.moveRows(page, from: row, to: row + number, count: count - row)
        page.store16(UInt16(count + number), Page.countOffset)
        var weight = Weight.zero
        for i in 0..<number {
            Self.setKey(page, row + i, key(i))
            fill(page, row + i, i)
            weight += Schema.weight(page, row + i)
        }
        return (number, weight)
    }

    private func insertInLeaf(
        _ number: UInt32, _ key: Key, _ allocator: PageAllocator, _ fill: (UnsafeMutableRawPointer, Int) -> Void
    ) throws(StoreError) -> Outcome {
        let page = allocator.pointer(number)
        let count = Page.count(page)
        let row = Self.lowerBound(page, key)
        if row < count, Self.key(page, row) == key {
            let before = Schema.weight(page, row)
            fill(page, row)
            return Outcome(page: number, change: Schema.weight(page, row) - before, split: nil)
        }
        if count < Schema.layout.leafCapacity {
            Self.moveRows(page, from: row, to: row + 1, count: count - row)
            Self.setKey(page, row, key)
            page.store16(UInt16(count + 1), Page.countOffset)
            fill(page, row)
            return Outcome(page: number, change: Schema.weight(page, row), split: nil)
        }
        // A row behind all others, or all others of its mailbox, starts a new leaf or ends the old one, and leaves that as
        // full as it was: mail comes in ascending order.
        let endsGroup = row < count && row > count / 2 && Schema.group(Self.key(page, row)) != Schema.group(key)
        let keep = row == count ? count : endsGroup ? row : count / 2
        let rightNumber = try allocator.allocate(kind: .rowLeaf, level: 0, tree: Schema.tree)
        let left = allocator.pointer(number)
        let right = allocator.pointer(rightNumber)
        Self.copyRows(left, from: keep, count: count - keep, to: right, at: 0)
        left.store16(UInt16(keep), Page.countOffset)
        right.store16(UInt16(count - keep), Page.countOffset)
        let target = row < keep || (row == keep && row < count) ? left : right
        let at = target == left ? row : row - keep
        Self.moveRows(target, from: at, to: at + 1, count: Page.count(target) - at)
        Self.setKey(target, at, key)
        target.store16(UInt16(Page.count(target) + 1), Page.countOffset)
        fill(target, at)
        return Outcome(
            page: number, change: Schema.weight(target, at),
            split: (Self.key(right, 0), rightNumber, Self.leafWeight(right)))
    }

    private func insertInInner(
        _ number: UInt32, _ level: UInt8, at index: Int, key: Key, child: UInt32, weight: Weight, change: Weight,
        _ allocator: PageAllocator
    ) throws(StoreError) -> Outcome {
        let page = allocator.pointer(number)
        let count = Page.count(page)
        if count < Schema.layout.innerCapacity {
            Self.moveInner(page, from: index, to: index + 1, count: count - index)
            Self.setInner(page, index, key: key, child: child, weight: weight)
            page.store16(UInt16(count + 1), Page.countOffset)
            return Outcome(page: number, change: change, split: nil)
        }
        let keep = index == count ? count : count / 2
        let rightNumber = try allocator.allocate(kind: .rowInner, level: level, tree: Schema.tree)
        let left = allocator.pointer(number)
        let right = allocator.pointer(rightNumber)
        Self.copyInner(left, from: keep, count: count - keep, to: right, at: 0)
        left.store16(UInt16(keep), Page.countOffset)
        right.store16(UInt16(count - keep), Page.countOffset)
        let target = index < keep || (index == keep && index < count) ? left : right
        let at = target == left ? index : index - keep
        Self.moveInner(target, from: at, to: at + 1, count: Page.count(target) - at)
        Self.setInner(target, at, key: key, child: child, weight: weight)
        target.store16(UInt16(Page.count(target) + 1), Page.countOffset)
        return Outcome(
            page: number, change: change,
            split: (Self.key(right, 0), rightNumber, Self.innerTotal(right)))
    }

    // MARK: Weights

    static func innerWeight(_ page: UnsafeRawPointer, _ index: Int) -> Weight {
        Weight(live: live(page, index), unseen: unseen(page, index))
    }

    static func setWeight(_ page: UnsafeMutableRawPointer, _ index: Int, _ weight: Weight) {
        page.store32(UInt32(bitPattern: weight.live), Schema.layout.live(index))
        page.store32(UInt32(bitPattern: weight.unseen), Schema.layout.unseen(index))
    }

    static func innerTotal(_ page: UnsafeRawPointer) -> Weight {
        (0..<Page.count(page)).reduce(.zero) { $0 + innerWeight(page, $1) }
    }

    static func leafWeight(_ page: UnsafeRawPointer) -> Weight {
        (0..<Page.count(page)).reduce(.zero) { $0 + Schema.weight(page, $1) }
    }

    static func totalWeight(_ number: UInt32, level: UInt8, _ allocator: PageAllocator) throws(StoreError) -> Weight {
        let page = try allocator.pages.page(number, level: level, tree: Schema.tree)
        return level == 0 ? leafWeight(page) : innerTotal(page)
    }

    // MARK: Moving rows

    static func setKey(_ page: UnsafeMutableRawPointer, _ row: Int, _ key: Key) {
        page.storeBytes(of: key.littleEndian, toByteOffset: Schema.layout.key(row), as: Key.self)
    }

    static func setInner(_ page: UnsafeMutableRawPointer, _ index: Int, key: Key, child: UInt32, weight: Weight) {
        setKey(page, index, key)
        page.store32(child, Schema.layout.child(index))
        setWeight(page, index, weight)
    }

    static func moveRows(_ page: UnsafeMutableRawPointer, from: Int, to: Int, count: Int) {
        copyRows(page, from: from, count: count, to: page, at: to)
    }

    /// Copies rows of a leaf, column by column; the two places may overlap.
    static func copyRows(
        _ source: UnsafeRawPointer, from: Int, count: Int, to target: UnsafeMutableRawPointer, at: Int
    ) {
        guard count > 0 else { return }
        let layout = Schema.layout
        memmove(target + layout.key(at), source + layout.key(from), count * layout.keySize)
        memmove(target + layout.hot(at), source + layout.hot(from), count * layout.hotSize)
        memmove(target + layout.cold(at), source + layout.cold(from), count * layout.coldSize)
    }

    static func moveInner(_ page: UnsafeMutableRawPointer, from: Int, to: Int, count: Int) {
        copyInner(page, from: from, count: count, to: page, at: to)
    }

    static func copyInner(
        _ source: UnsafeRawPointer, from: Int, count: Int, to target: UnsafeMutableRawPointer, at: Int
    ) {
        guard count > 0 else { return }
        let layout = Schema.layout
        memmove(target + layout.key(at), source + layout.key(from), count * layout.keySize)
        memmove(target + layout.child(at), source + layout.child(from), count * 4)
        memmove(target + layout.live(at), source + layout.live(from), count * 4)
        memmove(target + layout.unseen(at), source + layout.unseen(from), count * 4)
    }
}
