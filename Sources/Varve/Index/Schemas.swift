import VarveFormat

enum UIDSchema: RowSchema {
    typealias Key = UInt64
    static var tree: TreeID { .uid }
    static var layout: RowLayout { .uid }

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
}

enum VanishedSchema: UncountedSchema {
    typealias Key = UInt128
    static var tree: TreeID { .vanished }
    static var layout: RowLayout { .ranges }
}

enum MailboxChangesSchema: UncountedSchema {
    typealias Key = UInt128
    static var tree: TreeID { .mailboxChanges }
    static var layout: RowLayout { .mailboxChanges }
}

extension RowTree where Key == UInt128 {
    /// The last UID of a range; its first stands in the key.
    @inline(__always) static func last(_ leaf: UnsafeRawPointer, _ row: Int) -> UInt32 {
        leaf.load32(Schema.layout.hot(row))
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
