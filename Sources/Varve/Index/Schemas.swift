import MailModel
import VarveFormat

enum UIDSchema: RowSchema {
    typealias Key = UInt64
    static var tree: TreeID { .uid }
    static var layout: RowLayout { .uid }
    static func group(_ key: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: key >> 32) }

    /// An expunged message that some view still shows counts for nothing.
    @inline(__always) static func weight(_ leaf: UnsafeRawPointer, _ row: Int) -> Weight {
        let flags = MessageRow.flags(leaf, row)
        let live: Int32 = flags & MessageRow.deadBit == 0 ? 1 : 0
        return Weight(live: live, unseen: flags & 1 == 0 ? live : 0)
    }
}

protocol UncountedSchema: RowSchema {}

extension UncountedSchema {
    @inline(__always) static func weight(_ leaf: UnsafeRawPointer, _ row: Int) -> Weight { .zero }
}

enum ChangedSchema: UncountedSchema {
    typealias Key = UInt128
    static var tree: TreeID { .changed }
    static var layout: RowLayout { .ranges }
    static func group(_ key: UInt128) -> UInt32 { RangeRow.mailbox(key) }
}

enum VanishedSchema: UncountedSchema {
    typealias Key = UInt128
    static var tree: TreeID { .vanished }
    static var layout: RowLayout { .ranges }
    static func group(_ key: UInt128) -> UInt32 { RangeRow.mailbox(key) }
}

enum MailboxChangesSchema: UncountedSchema {
    typealias Key = UInt128
    static var tree: TreeID { .mailboxChanges }
    static var layout: RowLayout { .mailboxChanges }
    static func group(_ key: UInt128) -> UInt32 { 0 }
}

extension RowTree where Key == UInt128 {
    /// The last UID of a range; its first stands in the key.
    @inline(__always) static func last(_ leaf: UnsafeRawPointer, _ row: Int) -> UInt32 {
        leaf.load32(Schema.layout.hot(row))
    }

    /// The range of a row.
    static func range(_ leaf: UnsafeRawPointer, _ row: Int) throws(StoreError) -> UIDRange {
        do {
            return try RangeRow.range(key(leaf, row), last: last(leaf, row))
        } catch {
            throw .corrupt("\(FileNames.index), tree \(Schema.tree)", error)
        }
    }

    /// The ranges of a mailbox with modseqs in `from ... through`, in the order of the tree.
    func ranges(
        of mailbox: UInt32, from: UInt64, through: UInt64, _ pages: borrowing Pages
    ) throws(StoreError) -> [UIDRange] {
        var result: [UIDRange] = []
        var failure: StoreError?
        try forEachLeaf(
            RangeRow.key(mailbox: mailbox, modSeq: from, first: 0),
            RangeRow.key(mailbox: mailbox, modSeq: through, first: .max), pages
        ) { leaf, rows in
            do throws(StoreError) {
                for row in rows { result.append(try Self.range(leaf, row)) }
            } catch {
                failure = error
            }
            return failure == nil
        }
        if let failure { throw failure }
        return result
    }

    /// - Parameter ranges: ascending.
    mutating func insertRanges(
        mailbox: UInt32, modSeq: UInt64, _ ranges: [UIDRange], _ allocator: PageAllocator
    ) throws(StoreError) {
        try insertAscending(ranges.count, allocator) {
            RangeRow.key(mailbox: mailbox, modSeq: modSeq, first: ranges[$0].first.rawValue)
        } fill: {
            $0.store32(ranges[$2].last.rawValue, Schema.layout.hot($1))
        }
    }

    mutating func insertRange(
        mailbox: UInt32, modSeq: UInt64, first: UInt32, last: UInt32, _ allocator: PageAllocator
    ) throws(StoreError) {
        try insert(RangeRow.key(mailbox: mailbox, modSeq: modSeq, first: first), allocator) {
            $0.store32(last, Schema.layout.hot($1))
        }
    }

    mutating func remove(_ key: Key, _ allocator: PageAllocator) throws(StoreError) { try remove(key, key, allocator) }
}
