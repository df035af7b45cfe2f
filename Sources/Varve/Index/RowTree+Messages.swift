import VarveFormat

extension RowTree where Schema == UIDSchema {
    /// Calls `body` with each leaf that has keys in `low ... high`, its rows there, and how many live messages the tree has
    /// before these, until it returns false. Subtrees are passed over for which `isNeeded` is false: it is given how many
    /// unseen messages are beneath one, and bounds of the keys that are.
    /// - Returns: false if `body` ended it.
    /// - Complexity: O(height × needed leaves) pages.
    @discardableResult
    func forEachLeaf(
        _ low: Key, _ high: Key, _ pages: borrowing Pages,
        isNeeded: (_ unseen: Int32, _ first: Key, _ last: Key) -> Bool,
        _ body: (_ leaf: UnsafeRawPointer, _ rows: Range<Int>, _ liveBefore: Int32) -> Bool
    ) throws(StoreError) -> Bool {
        guard root.height > 0, low <= high else { return true }
        return try visitNeeded(root.page, root.height - 1, low, high, 0, pages, isNeeded, body)
    }

    private func visitNeeded(
        _ number: UInt32, _ level: UInt8, _ low: Key, _ high: Key, _ liveBefore: Int32, _ pages: borrowing Pages,
        _ isNeeded: (Int32, Key, Key) -> Bool, _ body: (UnsafeRawPointer, Range<Int>, Int32) -> Bool
    ) throws(StoreError) -> Bool {
        let page = try pages.page(number, level: level, tree: Schema.tree)
        var live = liveBefore
        if level == 0 {
            let from = Self.lowerBound(page, low)
            let to = high == Key.max ? Page.count(page) : Self.lowerBound(page, high + 1)
            guard from < to else { return true }
            for row in 0..<from { live &+= Schema.weight(page, row).live }
            return body(page, from..<to, live)
        }
        let first = Self.childIndex(page, low)
        let last = Self.childIndex(page, high)
        for index in 0..<first { live &+= Self.live(page, index) }
        for index in first...last {
            // Keys beneath a child begin at its own and end before the next child's.
            let childLow = index == first ? low : max(low, Self.key(page, index))
            let childHigh = index == last ? high : min(high, Self.key(page, index + 1) &- 1)
            if childLow <= childHigh, isNeeded(Self.unseen(page, index), childLow, childHigh),
                !(try visitNeeded(
                    Self.child(page, index), level - 1, childLow, childHigh, live, pages, isNeeded, body))
            {
                return false
            }
            live &+= Self.live(page, index)
        }
        return true
    }
}
