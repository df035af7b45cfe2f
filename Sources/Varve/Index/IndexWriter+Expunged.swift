import MailModel
import VarveFormat

/// How much of the rows of expunged messages one transaction takes out of the index: the writer's lock is held meanwhile.
struct PurgeBudget {
    /// Ranges of UIDs that are still to be taken; one that is long counts for several.
    var left: Int

    static var unlimited: PurgeBudget { PurgeBudget(left: .max) }
    /// What a commit does beside its own work: a few milliseconds at worst.
    static var commit: PurgeBudget { PurgeBudget(left: 1024) }
    /// What a transaction does that has no other work.
    static var maintenance: PurgeBudget { PurgeBudget(left: 8192) }

    /// So many rows of one range, about a leaf full, cost what a single row does.
    private static let rowsPerUnit = 64

    var isUsedUp: Bool { left <= 0 }
    /// Whether a transaction may be made for no other reason.
    var isForItself: Bool { left > PurgeBudget.commit.left }

    /// How many rows of a range of `span` there is time for: at least one, while there is any.
    mutating func take(_ span: Int) -> Int {
        guard left > 0 else { return 0 }
        let cost = 1 + span / PurgeBudget.rowsPerUnit
        if cost <= left {
            left -= cost
            return span
        }
        defer { left = 0 }
        return left * PurgeBudget.rowsPerUnit
    }
}

extension IndexWriter {
    /// Takes the rows of messages expunged at or before `bound` out of the tree, in the order in which they went: nobody is
    /// to be shown them any more. Not part of the log: it changes nothing that a view can see.
    /// - Returns: whether none is left.
    @discardableResult
    func purge(_ mailbox: UInt32, upTo bound: UInt64, _ budget: inout PurgeBudget) throws(StoreError) -> Bool {
        let opened = try openMailbox(mailbox)
        let row = opened.row
        guard row.dead > 0, bound > row.purged else { return true }
        if budget.isUsedUp { return false }
        let ranges = try purgeable(row, upTo: bound, limit: budget.left)
        if ranges.isEmpty { return true }
        var gone = 0
        var purged = bound
        var below: UInt32 = 0
        for (modSeq, range) in ranges {
            let count = budget.take(range.span)
            if count > 0 {
                gone += count
                try state.uid.remove(
                    MessageRow.key(mailbox: mailbox, uid: range.first.rawValue),
                    MessageRow.key(mailbox: mailbox, uid: range.first.rawValue + UInt32(count - 1)), allocator)
            }
            if count < range.span {
                (purged, below) = (modSeq - 1, range.first.rawValue + UInt32(count))
                break
            }
        }
        guard gone <= Int(row.dead), UInt64(gone) <= state.deadRows else {
            throw .corrupt("\(FileNames.index), mailbox \(mailbox)", "\(gone) rows to purge, \(row.dead) counted")
        }
        opened.row.dead -= UInt32(gone)
        opened.row.purged = purged
        opened.row.purgedBelow = below
        opened.isDirty = true
        state.deadRows -= UInt64(gone)
        return purged == bound
    }

    /// Expunged messages whose rows are still there, `limit` ranges and one at most.
    private func purgeable(
        _ row: MailboxRow, upTo bound: UInt64, limit: Int
    ) throws(StoreError) -> [(modSeq: UInt64, range: UIDRange)] {
        typealias Tree = RowTree<VanishedSchema>
        var result: [(modSeq: UInt64, range: UIDRange)] = []
        let start = RangeRow.key(mailbox: row.id, modSeq: row.purged + 1, first: row.purgedBelow)
        // A range of which the rows are gone in part.
        if row.purgedBelow > 0, let (leaf, i) = try state.vanished.floor(start - 1, allocator.pages) {
            let key = Tree.key(leaf, i)
            if RangeRow.mailbox(key) == row.id, RangeRow.modSeq(key) == row.purged + 1,
                Tree.last(leaf, i) >= row.purgedBelow
            {
                result.append((row.purged + 1, UIDRange(UID(row.purgedBelow), UID(Tree.last(leaf, i)))))
            }
        }
        var failure: StoreError?
        try state.vanished.forEachLeaf(
            start, RangeRow.key(mailbox: row.id, modSeq: bound, first: .max), allocator.pages
        ) { leaf, rows in
            do throws(StoreError) {
                for i in rows {
                    result.append((RangeRow.modSeq(Tree.key(leaf, i)), try Tree.range(leaf, i)))
                    // One more than are taken, so that it is known where the next begins.
                    if result.count > limit { return false }
                }
                return true
            } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
        return result
    }

    // MARK: The vanished floor

    /// Forgets which messages were expunged at or before `floor`. Their rows go first, if they are still there: after it
    /// *purged* is not below the floor.
    ///
    /// Not a change of the mailbox: what it holds stays as it is.
    func forgetVanished(_ mailbox: UInt32, through floor: UInt64) throws(StoreError) {
        let opened = try openMailbox(mailbox)
        let row = opened.row
        guard floor > row.vanishedFloor, floor < modSeq else {
            throw .corrupt(
                "mailbox \(mailbox)", "expunges through \(floor) are forgotten by commit \(modSeq), those through "
                    + "\(row.vanishedFloor) were before")
        }
        var budget = PurgeBudget.unlimited
        try purge(mailbox, upTo: floor, &budget)
        try state.vanished.remove(
            RangeRow.key(mailbox: mailbox, modSeq: 0, first: 0),
            RangeRow.key(mailbox: mailbox, modSeq: floor, first: .max), allocator)
        opened.row.vanishedFloor = floor
        if opened.row.purged < floor {
            opened.row.purged = floor
            opened.row.purgedBelow = 0
        }
        opened.isDirty = true
    }

    /// How far `forgetVanished` can go in one step: the newest commit at or before `bound` that expunged something, if what
    /// was expunged up to there stands in `limit` rows; else the first at which it is that many.
    /// - Returns: nil if nothing was expunged up to there that is still known.
    func forgettable(
        _ mailbox: UInt32, through bound: UInt64, limit: Int
    ) throws(StoreError) -> (floor: UInt64, rows: Int)? {
        var count = 0
        var last: UInt64?
        try state.vanished.forEachLeaf(
            RangeRow.key(mailbox: mailbox, modSeq: 0, first: 0),
            RangeRow.key(mailbox: mailbox, modSeq: bound, first: .max), allocator.pages
        ) { leaf, rows in
            count += rows.count
            last = RangeRow.modSeq(RowTree<VanishedSchema>.key(leaf, rows.upperBound - 1))
            return count < limit
        }
        return last.map { ($0, count) }
    }
}
