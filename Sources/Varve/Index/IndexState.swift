import VarveFormat

/// One state of the account: the roots of its trees, and its counters. A value; copying it is cheap.
struct IndexState: Sendable {
    var modSeq: UInt64 = 0
    var mailboxes: CellTree
    var names: CellTree
    var subscriptions: CellTree
    var keywordTree: CellTree
    var mailboxChanges: RowTree<MailboxChangesSchema>
    var uid: RowTree<UIDSchema>
    var changed: RowTree<ChangedSchema>
    var vanished: RowTree<VanishedSchema>
    var keywords = Keywords()
    var nextMailbox: UInt32
    var lastUIDValidity: UInt32
    var nextIdentity: UInt64
    /// Rows of expunged messages still in the tree `uid`.
    var deadRows: UInt64

    /// The state that a superblock describes; `keywords` are still to be loaded from their tree.
    init(_ block: Superblock) {
        modSeq = block.modSeq
        mailboxes = CellTree(.mailboxes, block.roots[TreeID.mailboxes.slot])
        names = CellTree(.names, block.roots[TreeID.names.slot])
        subscriptions = CellTree(.subscriptions, block.roots[TreeID.subscriptions.slot])
        keywordTree = CellTree(.keywords, block.roots[TreeID.keywords.slot])
        mailboxChanges = RowTree(block.roots[TreeID.mailboxChanges.slot])
        uid = RowTree(block.roots[TreeID.uid.slot])
        changed = RowTree(block.roots[TreeID.changed.slot])
        vanished = RowTree(block.roots[TreeID.vanished.slot])
        nextMailbox = block.nextMailbox
        lastUIDValidity = block.lastUIDValidity
        nextIdentity = block.nextIdentity
        deadRows = block.deadRows
    }

    func write(to block: inout Superblock) {
        block.modSeq = modSeq
        block.roots[TreeID.mailboxes.slot] = mailboxes.root
        block.roots[TreeID.names.slot] = names.root
        block.roots[TreeID.subscriptions.slot] = subscriptions.root
        block.roots[TreeID.keywords.slot] = keywordTree.root
        block.roots[TreeID.mailboxChanges.slot] = mailboxChanges.root
        block.roots[TreeID.uid.slot] = uid.root
        block.roots[TreeID.changed.slot] = changed.root
        block.roots[TreeID.vanished.slot] = vanished.root
        block.nextMailbox = nextMailbox
        block.lastUIDValidity = lastUIDValidity
        block.nextIdentity = nextIdentity
        block.deadRows = deadRows
    }

    // MARK: Mailboxes

    func mailbox(_ id: UInt32, _ pages: borrowing Pages) throws(StoreError) -> MailboxRow? {
        let key = (UInt8(truncatingIfNeeded: id >> 24), UInt8(truncatingIfNeeded: id >> 16),
            UInt8(truncatingIfNeeded: id >> 8), UInt8(truncatingIfNeeded: id))
        let value: UnsafeRawBufferPointer?
        do {
            value = try withUnsafeBytes(of: key) { key throws(StoreError) in try mailboxes.find(key, pages) }
        }
        guard let value else { return nil }
        do {
            return try MailboxRow(id: id, value)
        } catch {
            throw .corrupt("\(FileNames.index), mailbox \(id)", error)
        }
    }

    func mailboxID(named name: UnsafeRawBufferPointer, _ pages: borrowing Pages) throws(StoreError) -> UInt32? {
        guard let value = try names.find(name, pages) else { return nil }
        guard value.count == 4 else { throw .corrupt("\(FileNames.index), tree names", "a value of \(value.count) bytes") }
        return value.baseAddress!.load32(0)
    }
}
