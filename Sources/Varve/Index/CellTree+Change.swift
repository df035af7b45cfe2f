import VarveFormat

extension CellTree {
    /// What became of a node: where its copy is, and what was split off to its right.
    private struct Outcome {
        var page: UInt32
        var split: (key: [UInt8], page: UInt32)?
    }

    /// Sets the value of `key`. - Precondition: the cell is not larger than `CellPage.maximumCellSize`.
    mutating func set(
        _ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer, _ allocator: PageAllocator
    ) throws(StoreError) {
        precondition(
            CellPage.footprint(key: key.count, value: value.count) <= CellPage.maximumCellSize, "a cell too large for a page")
        if root.height == 0 {
            root = TreeRoot(page: try allocator.allocate(kind: .cellLeaf, level: 0, tree: tree), height: 1)
        }
        let outcome = try set(root.page, root.height - 1, key, value, allocator)
        root.page = outcome.page
        guard let split = outcome.split else { return }
        let top = try allocator.allocate(kind: .cellInner, level: root.height, tree: tree)
        let page = allocator.pointer(top)
        try insertChild(page, at: 0, key: [], child: outcome.page, level: root.height - 1, allocator)
        try insertChild(page, at: 1, key: split.key, child: split.page, level: root.height - 1, allocator)
        root = TreeRoot(page: top, height: root.height + 1)
    }

    private func set(
        _ number: UInt32, _ level: UInt8, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer,
        _ allocator: PageAllocator
    ) throws(StoreError) -> Outcome {
        let copy = try allocator.writable(number, level: level, tree: tree)
        if level == 0 {
            let page = allocator.pointer(copy)
            let (index, found) = CellPage.lowerBound(page, key)
            if found {
                if CellPage.value(page, index).count == value.count {
                    CellPage.replaceValue(page, at: index, with: value)
                    return Outcome(page: copy)
                }
                CellPage.remove(page, at: index)
            }
            return try insert(copy, 0, at: index, key, value, allocator)
        }
        let index = CellPage.childIndex(allocator.pointer(copy), key)
        let outcome = try set(CellPage.child(allocator.pointer(copy), index), level - 1, key, value, allocator)
        try setChild(allocator.pointer(copy), index, outcome.page, level: level - 1, allocator)
        guard let split = outcome.split else { return Outcome(page: copy) }
        let reference = try childReference(split.page, level: level - 1, allocator)
        return try split.key.withBytes { key throws(StoreError) in
            try reference.withBytes { value throws(StoreError) in
                try insert(copy, level, at: index + 1, key, value, allocator)
            }
        }
    }

    /// Puts a cell into a node, which splits if it is full.
    private func insert(
        _ number: UInt32, _ level: UInt8, at index: Int, _ key: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer, _ allocator: PageAllocator
    ) throws(StoreError) -> Outcome {
        let size = CellPage.footprint(key: key.count, value: value.count)
        if CellPage.free(allocator.pointer(number)) >= size {
            CellPage.insert(allocator.pointer(number), at: index, key: key, value: value)
            return Outcome(page: number)
        }
        let kind: PageKind = level == 0 ? .cellLeaf : .cellInner
        let rightNumber = try allocator.allocate(kind: kind, level: level, tree: tree)
        let page = allocator.pointer(number)
        let right = allocator.pointer(rightNumber)
        let keep = splitPoint(page, inserting: size, at: index)
        withUnsafeTemporaryAllocation(byteCount: Format.pageSize, alignment: 16) { scratch in
            let old = scratch.baseAddress!
            old.copyMemory(from: page, byteCount: Format.pageSize)
            page.store16(0, Page.countOffset)
            page.store16(UInt16(Format.pageSize), Page.heapOffset)
            page.store32(0, Page.wasteOffset)
            let count = Page.count(old)
            // `keep` counts the new cell among the others.
            for i in 0...count {
                let target = i < keep ? page : right
                if i == index {
                    CellPage.insert(target, at: Page.count(target), key: key, value: value)
                } else {
                    CellPage.append((i < index ? i : i - 1)..<((i < index ? i : i - 1) + 1), of: old, to: target)
                }
            }
        }
        return Outcome(page: number, split: (Array(CellPage.key(right, 0)), rightNumber))
    }

    /// How many cells, the new one counted, stay on the left: about half of the bytes, all if the new one is the last.
    private func splitPoint(_ page: UnsafeRawPointer, inserting size: Int, at index: Int) -> Int {
        let count = Page.count(page)
        if index == count { return count }
        func footprint(_ i: Int) -> Int {
            if i == index { return size }
            let cell = i < index ? i : i - 1
            return CellPage.footprint(key: CellPage.key(page, cell).count, value: CellPage.value(page, cell).count)
        }
        let total = (0...count).reduce(0) { $0 + footprint($1) }
        var sum = 0
        var keep = 0
        while keep < count, sum + footprint(keep) <= total / 2 {
            sum += footprint(keep)
            keep += 1
        }
        return max(keep, 1)
    }

    /// Removes the cell of `key`.
    /// - Returns: whether there was one.
    @discardableResult
    mutating func remove(_ key: UnsafeRawBufferPointer, _ allocator: PageAllocator) throws(StoreError) -> Bool {
        guard try find(key, allocator.pages) != nil else { return false }
        guard let page = try remove(root.page, root.height - 1, key, allocator) else {
            root = .empty
            return true
        }
        root.page = page
        while root.height > 1 {
            let top = try allocator.pages.page(root.page, level: root.height - 1, tree: tree)
            guard Page.count(top) == 1 else { break }
            let only = CellPage.child(top, 0)
            try allocator.free(root.page, level: root.height - 1, tree: tree)
            root = TreeRoot(page: only, height: root.height - 1)
        }
        return true
    }

    /// nil: the node is empty and freed.
    private func remove(
        _ number: UInt32, _ level: UInt8, _ key: UnsafeRawBufferPointer, _ allocator: PageAllocator
    ) throws(StoreError) -> UInt32? {
        let copy = try allocator.writable(number, level: level, tree: tree)
        if level == 0 {
            let page = allocator.pointer(copy)
            let (index, found) = CellPage.lowerBound(page, key)
            if found { CellPage.remove(page, at: index) }
        } else {
            let index = CellPage.childIndex(allocator.pointer(copy), key)
            if let child = try remove(CellPage.child(allocator.pointer(copy), index), level - 1, key, allocator) {
                try setChild(allocator.pointer(copy), index, child, level: level - 1, allocator)
                try mergeIfSmall(copy, level, at: index, allocator)
            } else {
                CellPage.remove(allocator.pointer(copy), at: index)
            }
        }
        if Page.count(allocator.pointer(copy)) > 0 { return copy }
        try allocator.free(copy, level: level, tree: tree)
        return nil
    }

    /// Joins child `index` with a neighbour if it is less than a quarter full and both fit well into one page.
    private func mergeIfSmall(
        _ number: UInt32, _ level: UInt8, at index: Int, _ allocator: PageAllocator
    ) throws(StoreError) {
        let room = Format.pageSize - Page.headerSize
        let parent = allocator.pointer(number)
        let count = Page.count(parent)
        let small = try allocator.pages.page(CellPage.child(parent, index), level: level - 1, tree: tree)
        guard count > 1, CellPage.free(small) > room * 3 / 4 else { return }
        let leftIndex = index + 1 < count ? index : index - 1
        let leftNumber = CellPage.child(parent, leftIndex)
        let rightNumber = CellPage.child(parent, leftIndex + 1)
        let left = try allocator.pages.page(leftNumber, level: level - 1, tree: tree)
        let right = try allocator.pages.page(rightNumber, level: level - 1, tree: tree)
        // The right node's first key is empty if it is an inner one; behind others it must be the true bound.
        let bound = Array(CellPage.key(parent, leftIndex + 1))
        let used = (room - CellPage.free(left)) + (room - CellPage.free(right)) + bound.count
        guard used <= room * 3 / 4 else { return }
        let joined = try allocator.writable(leftNumber, level: level - 1, tree: tree)
        let source = try allocator.pages.page(rightNumber, level: level - 1, tree: tree)
        let target = allocator.pointer(joined)
        var from = 0
        if level > 1 {
            bound.withUnsafeBytes {
                CellPage.insert(target, at: Page.count(target), key: $0, value: CellPage.value(source, 0))
            }
            from = 1
        }
        CellPage.append(from..<Page.count(source), of: source, to: target)
        try allocator.free(rightNumber, level: level - 1, tree: tree)
        let page = allocator.pointer(number)
        CellPage.remove(page, at: leftIndex + 1)
        try setChild(page, leftIndex, joined, level: level - 1, allocator)
    }

    // MARK: References to children

    private func childReference(_ child: UInt32, level: UInt8, _ allocator: PageAllocator) throws(StoreError) -> [UInt8] {
        let page = try allocator.pages.page(child, level: level, tree: tree)
        var value = [UInt8]()
        value.append32(child)
        value.append32(UInt32(CellTree.total(page)))
        return value
    }

    private func setChild(
        _ page: UnsafeMutableRawPointer, _ index: Int, _ child: UInt32, level: UInt8, _ allocator: PageAllocator
    ) throws(StoreError) {
        let reference = try childReference(child, level: level, allocator)
        reference.withUnsafeBytes { CellPage.replaceValue(page, at: index, with: $0) }
    }

    private func insertChild(
        _ page: UnsafeMutableRawPointer, at index: Int, key: [UInt8], child: UInt32, level: UInt8,
        _ allocator: PageAllocator
    ) throws(StoreError) {
        let reference = try childReference(child, level: level, allocator)
        key.withUnsafeBytes { key in
            reference.withUnsafeBytes { CellPage.insert(page, at: index, key: key, value: $0) }
        }
    }
}
