import MailModel
import VarveFormat

extension IndexWriter {
    // MARK: The tree `changed`

    /// Takes from the tree what messages were last changed by, before this transaction.
    /// - Parameters:
    ///   - all: no message of the mailbox is left with an older change.
    ///   - areGone: they are expunged, so that a range may go on spanning them.
    func forget(_ runs: ModSeqRuns, all: Bool, areGone: Bool = false, in mailbox: UInt32) throws(StoreError) {
        if all {
            try state.changed.remove(
                RangeRow.key(mailbox: mailbox, modSeq: 0, first: 0),
                RangeRow.key(mailbox: mailbox, modSeq: .max, first: .max), allocator)
            return
        }
        // Many runs lie in one range, which stays as it is as long as they do.
        var around: ModSeqRuns.Run?
        for run in runs.sorted() {
            if areGone {
                // Where there are live messages of its range before and behind the run: ranges begin and end with one.
                if let around, around.spans(run) { continue }
                around = try range(at: run, mailbox)
                if let around, around.spans(run) { continue }
                around = nil
            }
            try forget(run.modSeq, first: run.first, last: run.last, in: mailbox)
        }
    }

    /// The range of the tree in which a run begins, if that is in one of its modseq.
    private func range(at run: ModSeqRuns.Run, _ mailbox: UInt32) throws(StoreError) -> ModSeqRuns.Run? {
        typealias Tree = RowTree<ChangedSchema>
        let start = RangeRow.key(mailbox: mailbox, modSeq: run.modSeq, first: run.first)
        guard let (leaf, row) = try state.changed.floor(start, allocator.pages) else { return nil }
        let key = Tree.key(leaf, row)
        guard RangeRow.mailbox(key) == mailbox, RangeRow.modSeq(key) == run.modSeq else { return nil }
        return ModSeqRuns.Run(modSeq: run.modSeq, first: RangeRow.first(key), last: Tree.last(leaf, row))
    }

    private func forget(_ modSeq: UInt64, first: UInt32, last: UInt32, in mailbox: UInt32) throws(StoreError) {
        typealias Tree = RowTree<ChangedSchema>
        let start = RangeRow.key(mailbox: mailbox, modSeq: modSeq, first: first)
        let end = RangeRow.key(mailbox: mailbox, modSeq: modSeq, first: last)
        // Ranges of one modseq are disjoint: only the one that starts last can reach beyond the end. What is left of a range
        // begins and ends with a live message again: of what lies between others that are gone, nothing is left.
        var head: UIDRange?
        var tail: UIDRange?
        if let (leaf, row) = try state.changed.floor(end, allocator.pages) {
            let key = Tree.key(leaf, row)
            let bound = Tree.last(leaf, row)
            if RangeRow.mailbox(key) == mailbox, RangeRow.modSeq(key) == modSeq, bound > last,
                let next = try liveUID(after: last, in: mailbox), next <= bound
            {
                tail = UIDRange(UID(next), UID(bound))
            }
        }
        if let (leaf, row) = try state.changed.floor(start, allocator.pages) {
            let key = Tree.key(leaf, row)
            let bound = RangeRow.first(key)
            if RangeRow.mailbox(key) == mailbox, RangeRow.modSeq(key) == modSeq, bound < first, Tree.last(leaf, row) >= first
            {
                let previous = try liveUID(before: first, in: mailbox) ?? 0
                if previous >= bound {
                    head = UIDRange(UID(bound), UID(previous))
                } else {
                    try state.changed.remove(key, allocator)
                }
            }
        }
        for range in [head, tail] {
            guard let range else { continue }
            try state.changed.insertRange(
                mailbox: mailbox, modSeq: modSeq, first: range.first.rawValue, last: range.last.rawValue, allocator)
        }
        try state.changed.remove(start, end, allocator)
    }

    /// The ranges without what lies at their ends and is not live.
    func trimmed(_ changed: UIDSet, in mailbox: UInt32) throws(StoreError) -> [UIDRange] {
        var result: [UIDRange] = []
        for range in changed.ranges {
            let (first, last) = (range.first.rawValue, range.last.rawValue)
            guard let low = try isLive(first, in: mailbox) ? first : liveUID(after: first, in: mailbox), low <= last,
                let high = try isLive(last, in: mailbox) ? last : liveUID(before: last, in: mailbox)
            else { continue }
            result.append(UIDRange(UID(low), UID(high)))
        }
        return result
    }

    // MARK: Neighbours

    private func isLive(_ uid: UInt32, in mailbox: UInt32) throws(StoreError) -> Bool {
        guard let (leaf, row) = try state.uid.find(MessageRow.key(mailbox: mailbox, uid: uid), allocator.pages) else {
            return false
        }
        return MessageRow.flags(leaf, row) & MessageRow.deadBit == 0
    }

    /// The live message next behind a UID. - Complexity: O(log messages).
    private func liveUID(after uid: UInt32, in mailbox: UInt32) throws(StoreError) -> UInt32? {
        guard uid < UInt32.max else { return nil }
        if try isLive(uid + 1, in: mailbox) { return uid + 1 }
        let key = MessageRow.key(mailbox: mailbox, uid: uid + 1)
        return try liveUID(ranked: state.uid.weight(below: key, allocator.pages).live, in: mailbox)
    }

    /// The live message next before a UID. - Complexity: O(log messages).
    private func liveUID(before uid: UInt32, in mailbox: UInt32) throws(StoreError) -> UInt32? {
        guard uid > 0 else { return nil }
        if try isLive(uid - 1, in: mailbox) { return uid - 1 }
        let key = MessageRow.key(mailbox: mailbox, uid: uid)
        return try liveUID(ranked: state.uid.weight(below: key, allocator.pages).live &- 1, in: mailbox)
    }

    private func liveUID(ranked rank: Int32, in mailbox: UInt32) throws(StoreError) -> UInt32? {
        guard let (leaf, row) = try state.uid.select(rank, by: .live, allocator.pages) else { return nil }
        let key = RowTree<UIDSchema>.key(leaf, row)
        return UInt32(truncatingIfNeeded: key >> 32) == mailbox ? UInt32(truncatingIfNeeded: key) : nil
    }
}

/// Runs of messages, in the order of their UIDs, that one commit changed last.
struct ModSeqRuns {
    struct Run {
        var modSeq: UInt64
        var first: UInt32
        var last: UInt32

        /// Whether it goes on on both sides of another one of the same modseq.
        func spans(_ other: Run) -> Bool { modSeq == other.modSeq && first < other.first && last > other.last }
    }

    private var runs: [Run] = []
    private var joins = false
    private let current: UInt64

    /// - Parameter current: the transaction under way, whose own changes are not in the tree yet.
    init(except current: UInt64) { self.current = current }

    /// What comes next does not follow what was added last.
    mutating func breakRun() { joins = false }

    @inline(__always) mutating func add(_ modSeq: UInt64, _ uid: UInt32) {
        guard modSeq != current else {
            joins = false
            return
        }
        if joins, runs[runs.count - 1].modSeq == modSeq {
            runs[runs.count - 1].last = uid
        } else {
            runs.append(Run(modSeq: modSeq, first: uid, last: uid))
            joins = true
        }
    }

    func sorted() -> [Run] { runs.sorted { ($0.modSeq, $0.first) < ($1.modSeq, $1.first) } }
}
