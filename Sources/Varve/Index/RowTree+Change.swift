import VarveFormat

extension RowTree {
    /// Lets `body` change the rows with keys in `low ... high`, leaf by leaf; it returns how their weight changed. Leaves
    /// for which `wanted` says no are left as they are, uncopied.
    /// - Complexity: O(height + leaves of the range).
    mutating func update(
        _ low: Key, _ high: Key, _ allocator: PageAllocator,
        where wanted: (UnsafeRawPointer, Range<Int>) -> Bool,
        _ body: (UnsafeMutableRawPointer, Range<Int>) -> Weight
    ) throws(StoreError) {
        guard root.height > 0, low <= high else { return }
        if let outcome = try update(root.page, root.height - 1, low, high, allocator, wanted, body) {
            root.page = outcome.page
        }
    }

    /// nil: nothing changed beneath this node.
    private func update(
        _ number: UInt32, _ level: UInt8, _ low: Key, _ high: Key, _ allocator: PageAllocator,
        _ wanted: (UnsafeRawPointer, Range<Int>) -> Bool, _ body: (UnsafeMutableRawPointer, Range<Int>) -> Weight
    ) throws(StoreError) -> (page: UInt32, change: Weight)? {
        let page = try allocator.pages.page(number, level: level, tree: Schema.tree)
        if level == 0 {
            let from = Self.lowerBound(page, low)
            let to = high == Key.max ? Page.count(page) : Self.lowerBound(page, high + 1)
            guard from < to, wanted(page, from..<to) else { return nil }
            let copy = try allocator.writable(number, level: 0, tree: Schema.tree)
            return (copy, body(allocator.pointer(copy), from..<to))
        }
        var copy: UInt32?
        var total = Weight.zero
        for index in Self.childIndex(page, low)...Self.childIndex(page, high) {
            // Once there is a copy, the original may be gone: it is the copy that tells the child.
            let node = copy.map { UnsafeRawPointer(allocator.pointer($0)) } ?? page
            guard let outcome = try update(Self.child(node, index), level - 1, low, high, allocator, wanted, body) else {
                continue
            }
            let target: UInt32
            if let copy { target = copy } else { target = try allocator.writable(number, level: level, tree: Schema.tree) }
            copy = target
            let changed = allocator.pointer(target)
            changed.store32(outcome.page, Schema.layout.child(index))
            Self.setWeight(changed, index, Self.innerWeight(changed, index) + outcome.change)
            total += outcome.change
        }
        return copy.map { ($0, total) }
    }

    /// Removes all rows with keys in `low ... high`.
    /// - Complexity: O(height) pages copied; O(pages of the range) freed.
    mutating func remove(_ low: Key, _ high: Key, _ allocator: PageAllocator) throws(StoreError) {
        guard root.height > 0, low <= high else { return }
        // Nothing is copied where nothing is to be removed.
        guard try hasRows(low, high, allocator) else { return }
        guard let outcome = try remove(root.page, root.height - 1, low, high, allocator) else {
            root = .empty
            return
        }
        root.page = outcome.page
        while root.height > 1 {
            let page = try allocator.pages.page(root.page, level: root.height - 1, tree: Schema.tree)
            guard Page.count(page) == 1 else { break }
            let only = Self.child(page, 0)
            try allocator.free(root.page, level: root.height - 1, tree: Schema.tree)
            root = TreeRoot(page: only, height: root.height - 1)
        }
    }

    private func hasRows(_ low: Key, _ high: Key, _ allocator: PageAllocator) throws(StoreError) -> Bool {
        guard let (leaf, row) = try floor(high, allocator.pages) else { return false }
        return Self.key(leaf, row) >= low
    }

    /// nil: the node is empty and freed.
    private func remove(
        _ number: UInt32, _ level: UInt8, _ low: Key, _ high: Key, _ allocator: PageAllocator
    ) throws(StoreError) -> (page: UInt32, change: Weight)? {
        if level == 0 { return try removeFromLeaf(number, low, high, allocator) }
        let copy = try allocator.writable(number, level: level, tree: Schema.tree)
        let first = Self.childIndex(allocator.pointer(copy), low)
        let last = Self.childIndex(allocator.pointer(copy), high)
        var change = Weight.zero
        var kept = first
        for index in first...last {
            let page = allocator.pointer(copy)
            let weight = Self.innerWeight(page, index)
            let child = Self.child(page, index)
            if index > first, index < last {
                try freeSubtree(child, level - 1, allocator)
                change = change - weight
                continue
            }
            if let outcome = try remove(child, level - 1, low, high, allocator) {
                let page = allocator.pointer(copy)
                let key = Self.key(page, index)
                Self.setInner(page, kept, key: key, child: outcome.page, weight: weight + outcome.change)
                change += outcome.change
                kept += 1
            } else {
                change = change - weight
            }
        }
        let page = allocator.pointer(copy)
        let count = Page.count(page)
        Self.moveInner(page, from: last + 1, to: kept, count: count - last - 1)
        let left = count - (last + 1 - kept)
        page.store16(UInt16(left), Page.countOffset)
        if left == 0 {
            try allocator.free(copy, level: level, tree: Schema.tree)
            return nil
        }
        // Only the nodes at the two ends of the range can have become small.
        try mergeIfSmall(copy, level, at: min(first, left - 1), allocator)
        if first + 1 < Page.count(allocator.pointer(copy)) { try mergeIfSmall(copy, level, at: first + 1, allocator) }
        return (copy, change)
    }

    private func removeFromLeaf(
        _ number: UInt32, _ low: Key, _ high: Key, _ allocator: PageAllocator
    ) throws(StoreError) -> (page: UInt32, change: Weight)? {
        let original = try allocator.pages.page(number, level: 0, tree: Schema.tree)
        let from = Self.lowerBound(original, low)
        let to = high == Key.max ? Page.count(original) : Self.lowerBound(original, high + 1)
        if from == to { return (number, .zero) }
        if from == 0, to == Page.count(original) {
            try allocator.free(number, level: 0, tree: Schema.tree)
            return nil
        }
        let copy = try allocator.writable(number, level: 0, tree: Schema.tree)
        let page = allocator.pointer(copy)
        var change = Weight.zero
        for row in from..<to { change = change - Schema.weight(page, row) }
        let count = Page.count(page)
        Self.moveRows(page, from: to, to: from, count: count - to)
        page.store16(UInt16(count - (to - from)), Page.countOffset)
        return (copy, change)
    }

    private func freeSubtree(_ number: UInt32, _ level: UInt8, _ allocator: PageAllocator) throws(StoreError) {
        if level > 0 {
            let page = try allocator.pages.page(number, level: level, tree: Schema.tree)
            for index in 0..<Page.count(page) {
                try freeSubtree(Self.child(page, index), level - 1, allocator)
            }
        }
        try allocator.free(number, level: level, tree: Schema.tree)
    }

    /// Joins child `index` with a neighbour if it is less than a quarter full and both fit well into one page.
    private func mergeIfSmall(
        _ number: UInt32, _ level: UInt8, at index: Int, _ allocator: PageAllocator
    ) throws(StoreError) {
        let parent = allocator.pointer(number)
        let count = Page.count(parent)
        guard count > 1 else { return }
        let capacity = level == 1 ? Schema.layout.leafCapacity : Schema.layout.innerCapacity
        let small = Page.count(try allocator.pages.page(Self.child(parent, index), level: level - 1, tree: Schema.tree))
        guard small < capacity / 4 else { return }
        let leftIndex = index + 1 < count ? index : index - 1
        let left = Self.child(parent, leftIndex)
        let right = Self.child(parent, leftIndex + 1)
        let leftCount = Page.count(try allocator.pages.page(left, level: level - 1, tree: Schema.tree))
        let rightCount = Page.count(try allocator.pages.page(right, level: level - 1, tree: Schema.tree))
        guard leftCount + rightCount <= capacity * 3 / 4 else { return }
        let joined = try allocator.writable(left, level: level - 1, tree: Schema.tree)
        let source = try allocator.pages.page(right, level: level - 1, tree: Schema.tree)
        let target = allocator.pointer(joined)
        if level == 1 {
            Self.copyRows(source, from: 0, count: rightCount, to: target, at: leftCount)
        } else {
            Self.copyInner(source, from: 0, count: rightCount, to: target, at: leftCount)
            // Row 0 of a node counts as minus infinity; behind another row its key must be the true bound.
            Self.setKey(target, leftCount, Self.key(allocator.pointer(number), leftIndex + 1))
        }
        target.store16(UInt16(leftCount + rightCount), Page.countOffset)
        try allocator.free(right, level: level - 1, tree: Schema.tree)
        let page = allocator.pointer(number)
        let weight = Self.innerWeight(page, leftIndex) + Self.innerWeight(page, leftIndex + 1)
        Self.setInner(page, leftIndex, key: Self.key(page, leftIndex), child: joined, weight: weight)
        Self.moveInner(page, from: leftIndex + 2, to: leftIndex + 1, count: count - leftIndex - 2)
        page.store16(UInt16(count - 1), Page.countOffset)
    }
}
