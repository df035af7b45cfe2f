import VarveFormat

/// One state of the account: the roots of its trees, and its counters. A value; copying it is cheap.
struct IndexState: Sendable {
    var modSeq: UInt64 = 0
    var mailboxes: CellTree
    var names: CellTree
    var subscriptions: CellTree
    var keywordTree: CellTree
    /// The segments that must be there.
    var segments: CellTree
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
    /// Bytes of the log that nobody needs any more: an estimate, which a look at every message puts right.
    var deadBytes: UInt64
    /// The segment in which the newest commit stands, as the tree `segments` has it; 0: none.
    var lastSegment: UInt32 = 0

    /// The state that a superblock describes; `load` is still to be called.
    init(_ block: Superblock) {
        modSeq = block.modSeq
        mailboxes = CellTree(.mailboxes, block.roots[TreeID.mailboxes.slot])
        names = CellTree(.names, block.roots[TreeID.names.slot])
        subscriptions = CellTree(.subscriptions, block.roots[TreeID.subscriptions.slot])
        keywordTree = CellTree(.keywords, block.roots[TreeID.keywords.slot])
        segments = CellTree(.segments, block.roots[TreeID.segments.slot])
        mailboxChanges = RowTree(block.roots[TreeID.mailboxChanges.slot])
        uid = RowTree(block.roots[TreeID.uid.slot])
        changed = RowTree(block.roots[TreeID.changed.slot])
        vanished = RowTree(block.roots[TreeID.vanished.slot])
        nextMailbox = block.nextMailbox
        lastUIDValidity = block.lastUIDValidity
        nextIdentity = block.nextIdentity
        deadRows = block.deadRows
        deadBytes = block.deadBytes
    }

    /// What is kept beside the trees, and read from them once.
    mutating func load(_ pages: borrowing Pages) throws(StoreError) {
        keywords = try Keywords.load(keywordTree, pages)
        lastSegment = try segmentCells(pages).last?.number ?? 0
    }

    func write(to block: inout Superblock) {
        block.modSeq = modSeq
        block.roots[TreeID.mailboxes.slot] = mailboxes.root
        block.roots[TreeID.names.slot] = names.root
        block.roots[TreeID.subscriptions.slot] = subscriptions.root
        block.roots[TreeID.keywords.slot] = keywordTree.root
        block.roots[TreeID.segments.slot] = segments.root
        block.roots[TreeID.mailboxChanges.slot] = mailboxChanges.root
        block.roots[TreeID.uid.slot] = uid.root
        block.roots[TreeID.changed.slot] = changed.root
        block.roots[TreeID.vanished.slot] = vanished.root
        block.nextMailbox = nextMailbox
        block.lastUIDValidity = lastUIDValidity
        block.nextIdentity = nextIdentity
        block.deadRows = deadRows
        block.deadBytes = deadBytes
    }

    // MARK: Dead bytes

    /// A commit's frame is needed by nobody when there is a base behind it.
    mutating func addDead(commit payload: Int) {
        deadBytes += UInt64(FrameHeader.frameLength(payload: payload))
    }

    /// Messages whose frames nobody needs: how long those are, stored, is not known here. Rather too many bytes than too
    /// few: more than there are lead to a look at every message, which puts the number right.
    mutating func addDead(messages: UInt32, bytes: UInt64) {
        deadBytes = min(deadBytes + bytes + UInt64(messages) * 1024, .max / 4)
    }

    // MARK: Mailboxes

    func mailbox(_ id: UInt32, _ pages: borrowing Pages) throws(StoreError) -> MailboxRow? {
        // Keys are ids, the highest byte first.
        let value = try withUnsafeBytes(of: id.bigEndian) { key throws(StoreError) in try mailboxes.find(key, pages) }
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

    // MARK: Segments

    /// The segments that must be there, ascending.
    func segmentCells(_ pages: borrowing Pages) throws(StoreError) -> [SegmentCell] {
        var cells: [SegmentCell] = []
        var damage: FormatError?
        try [UInt8]().withBytes { start throws(StoreError) in
            _ = try segments.forEach(from: start, pages) { key, value in
                do throws(FormatError) {
                    cells.append(try SegmentCell(key: key, value: value))
                } catch {
                    damage = error
                }
                return damage == nil
            }
        }
        if let damage { throw .corrupt("\(FileNames.index), tree segments", damage) }
        return cells
    }

    /// Bytes of the segments before the one that is written to.
    func sealedBytes(before current: LogWriter.Current, _ pages: borrowing Pages) throws(StoreError) -> Int {
        let known = try segmentCells(pages).reduce(0) { $0 + Int($1.end) }
        // The last one's end is noted with the first commit behind it.
        return lastSegment < current.number ? known + Int(current.previousEnd) : known
    }
}
