import VarveFormat

/// Moves pages from the end of the index to free ones before it, some at a time: by copying them, as a change would.
struct PageMove {
    /// Pages from here on are to be moved.
    let limit: UInt32
    /// How many pages may still be copied.
    var budget: Int
    /// Pages that were copied.
    private(set) var moved = 0

    init(limit: UInt32, budget: Int) {
        self.limit = limit
        self.budget = budget
    }

    func canGoOn(_ allocator: PageAllocator) -> Bool { budget > 0 && allocator.hasPreferredPages }

    /// - Returns: the number of the copy; of the page itself, if the transaction has made it.
    mutating func copy(
        _ number: UInt32, level: UInt8, tree: TreeID, _ allocator: PageAllocator
    ) throws(StoreError) -> UInt32 {
        let copy = try allocator.writable(number, level: level, tree: tree)
        if copy != number {
            moved += 1
            budget -= 1
        }
        return copy
    }
}

/// How far a pass over all trees has come.
enum PageMoveCursor {
    case rows(TreeID, from: UInt128)
    case cells(TreeID, from: [UInt8])
    case end

    static let start = begin(TreeID.allCases[0])

    private static func begin(_ tree: TreeID) -> PageMoveCursor {
        tree.hasCells ? .cells(tree, from: []) : .rows(tree, from: 0)
    }

    fileprivate static func behind(_ tree: TreeID) -> PageMoveCursor {
        let next = TreeID.allCases.firstIndex(of: tree)! + 1
        return next < TreeID.allCases.count ? begin(TreeID.allCases[next]) : .end
    }

    var isAtEnd: Bool { if case .end = self { true } else { false } }
}

extension IndexWriter {
    /// Goes on with a pass until all is done that `move` allows.
    func movePages(_ cursor: inout PageMoveCursor, _ move: inout PageMove) throws(StoreError) {
        while !cursor.isAtEnd, move.canGoOn(allocator) {
            switch cursor {
            case .cells(let tree, let key):
                let next = try moveCells(tree, key, &move)
                cursor = next.map { .cells(tree, from: $0) } ?? .behind(tree)
            case .rows(let tree, let key):
                let next = try moveRows(tree, key, &move)
                cursor = next.map { .rows(tree, from: $0) } ?? .behind(tree)
            case .end: break
            }
        }
    }

    private func moveCells(_ tree: TreeID, _ key: [UInt8], _ move: inout PageMove) throws(StoreError) -> [UInt8]? {
        switch tree {
        case .mailboxes: try state.mailboxes.movePages(from: key, &move, allocator)
        case .names: try state.names.movePages(from: key, &move, allocator)
        case .subscriptions: try state.subscriptions.movePages(from: key, &move, allocator)
        case .keywords: try state.keywordTree.movePages(from: key, &move, allocator)
        case .segments: try state.segments.movePages(from: key, &move, allocator)
        case .mailboxChanges, .uid, .changed, .vanished: nil
        }
    }

    private func moveRows(_ tree: TreeID, _ key: UInt128, _ move: inout PageMove) throws(StoreError) -> UInt128? {
        switch tree {
        case .uid: try state.uid.movePages(from: UInt64(truncatingIfNeeded: key), &move, allocator).map { UInt128($0) }
        case .changed: try state.changed.movePages(from: key, &move, allocator)
        case .vanished: try state.vanished.movePages(from: key, &move, allocator)
        case .mailboxChanges: try state.mailboxChanges.movePages(from: key, &move, allocator)
        case .mailboxes, .names, .subscriptions, .keywords, .segments: nil
        }
    }
}

extension RowTree {
    /// Moves pages that `move` is for, from that of `low` on.
    /// - Returns: the key to go on from; nil when the tree is through.
    /// - Complexity: O(inner pages from `low` on + pages moved).
    mutating func movePages(
        from low: Key, _ move: inout PageMove, _ allocator: PageAllocator
    ) throws(StoreError) -> Key? {
        guard root.height > 0 else { return nil }
        var next: Key?
        root.page = try movePages(root.page, root.height - 1, low, &move, &next, allocator)
        return next
    }

    private func movePages(
        _ number: UInt32, _ level: UInt8, _ low: Key, _ move: inout PageMove, _ next: inout Key?,
        _ allocator: PageAllocator
    ) throws(StoreError) -> UInt32 {
        var current = number
        if level > 0 {
            let page = try allocator.pages.page(number, level: level, tree: Schema.tree)
            let first = Self.childIndex(page, low)
            for index in first..<Page.count(page) {
                let node = allocator.pointer(current)
                let child = Self.child(node, index)
                // The number of a leaf says all that there is to know.
                if level == 1, child < move.limit { continue }
                guard move.canGoOn(allocator) else {
                    next = index == first ? low : Self.key(node, index)
                    return current
                }
                let copy = try movePages(child, level - 1, index == first ? low : 0, &move, &next, allocator)
                if copy != child {
                    if current == number {
                        current = try move.copy(number, level: level, tree: Schema.tree, allocator)
                    }
                    allocator.pointer(current).store32(copy, Schema.layout.child(index))
                }
                if next != nil { return current }
            }
        }
        if current == number, number >= move.limit {
            current = try move.copy(number, level: level, tree: Schema.tree, allocator)
        }
        return current
    }
}

extension CellTree {
    /// As that of `RowTree`; the empty key stands before all others.
    mutating func movePages(
        from low: [UInt8], _ move: inout PageMove, _ allocator: PageAllocator
    ) throws(StoreError) -> [UInt8]? {
        guard root.height > 0 else { return nil }
        var next: [UInt8]?
        root.page = try movePages(root.page, root.height - 1, low, &move, &next, allocator)
        return next
    }

    private func movePages(
        _ number: UInt32, _ level: UInt8, _ low: [UInt8], _ move: inout PageMove, _ next: inout [UInt8]?,
        _ allocator: PageAllocator
    ) throws(StoreError) -> UInt32 {
        var current = number
        if level > 0 {
            let page = try allocator.pages.page(number, level: level, tree: tree)
            let first = low.withBytes { CellPage.childIndex(page, $0) }
            for index in first..<Page.count(page) {
                let node = allocator.pointer(current)
                let child = CellPage.child(node, index)
                if level == 1, child < move.limit { continue }
                guard move.canGoOn(allocator) else {
                    next = index == first ? low : Array(CellPage.key(node, index))
                    return current
                }
                let copy = try movePages(child, level - 1, index == first ? low : [], &move, &next, allocator)
                if copy != child {
                    if current == number { current = try move.copy(number, level: level, tree: tree, allocator) }
                    CellPage.setChild(allocator.pointer(current), index, copy)
                }
                if next != nil { return current }
            }
        }
        if current == number, number >= move.limit {
            current = try move.copy(number, level: level, tree: tree, allocator)
        }
        return current
    }
}
