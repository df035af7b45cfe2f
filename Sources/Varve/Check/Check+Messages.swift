import MailModel
import VarveFormat

// A mailbox against its rows in the trees `uid`, `changed` and `vanished`. Holds ranges in memory, never rows.

extension Check {
    fileprivate struct Range {
        var first: UInt32
        var last: UInt32
        var modSeq: UInt64
    }

    /// What a walk through a mailbox' rows has met so far.
    fileprivate struct Walk {
        var live: UInt64 = 0
        var unseen: UInt64 = 0
        var deleted: UInt64 = 0
        var dead: UInt64 = 0
        var bytes: UInt64 = 0
        var lastUID: UInt32 = 0
        /// The ranges that the next row may lie in, and what was met of the one in `changed`.
        var nextChanged = 0
        var nextVanished = 0
        var firstInRange: UInt32 = 0
        var lastInRange: UInt32 = 0
        var problems: [String] = []
    }

    /// More than so many are not listed of one mailbox and kind.
    private static let listed = 20

    mutating func checkMessages(_ row: MailboxRow, _ place: String) throws(StoreError) {
        let changed = try ranges(state.changed, row.id)
        let vanished = try ranges(state.vanished, row.id)
        checkRanges(changed, "changed", row, place)
        checkRanges(vanished, "vanished", row, place)
        checkFloor(vanished, row, place)
        var walk = Walk()
        try state.uid.forEachLeaf(
            MessageRow.key(mailbox: row.id, uid: 0), MessageRow.key(mailbox: row.id, uid: .max), pages
        ) { leaf, rows in
            for i in rows { visit(MessageRow(leaf, i), row, changed, vanished, &walk) }
            return true
        }
        Check.endChanged(changed, &walk)
        for problem in walk.problems.prefix(Check.listed) { report(place, problem) }
        if walk.problems.count > Check.listed { report(place, "and \(walk.problems.count - Check.listed) more of these") }
        checkCounters(row, walk, place)
        checkVanished(row, walk, vanished, place)
    }

    private func ranges<Schema>(
        _ tree: RowTree<Schema>, _ mailbox: UInt32
    ) throws(StoreError) -> [Range] where Schema.Key == UInt128 {
        typealias Tree = RowTree<Schema>
        var ranges: [Range] = []
        try tree.forEachLeaf(
            RangeRow.key(mailbox: mailbox, modSeq: 0, first: 0), RangeRow.key(mailbox: mailbox, modSeq: .max, first: .max),
            pages
        ) { leaf, rows in
            for i in rows {
                let key = Tree.key(leaf, i)
                ranges.append(Range(first: RangeRow.first(key), last: Tree.last(leaf, i), modSeq: RangeRow.modSeq(key)))
            }
            return true
        }
        ranges.sort { $0.first < $1.first }
        return ranges
    }

    private mutating func checkRanges(_ ranges: [Range], _ tree: String, _ row: MailboxRow, _ place: String) {
        var problems: [String] = []
        for (i, range) in ranges.enumerated() {
            let text = "range \(range.first):\(range.last) of commit \(range.modSeq) in \(tree)"
            if range.first == 0 || range.first > range.last { problems.append("\(text) runs backwards") }
            if range.last >= row.uidNext { problems.append("\(text) is not below UIDNEXT \(row.uidNext)") }
            if i > 0, ranges[i - 1].last >= range.first { problems.append("\(text) overlaps the one before") }
        }
        for problem in problems.prefix(Check.listed) { report(place, problem) }
        if problems.count > Check.listed { report(place, "and \(problems.count - Check.listed) more of these") }
    }

    private func visit(
        _ message: MessageRow, _ row: MailboxRow, _ changed: [Range], _ vanished: [Range], _ walk: inout Walk
    ) {
        walk.lastUID = message.uid
        if message.keywordSet != 0, state.keywords.names(ofSet: message.keywordSet).isEmpty {
            walk.problems.append("UID \(message.uid) has an unknown set of keywords \(message.keywordSet)")
        }
        while walk.nextVanished < vanished.count, vanished[walk.nextVanished].last < message.uid { walk.nextVanished += 1 }
        guard message.flags & MessageRow.deadBit == 0 else {
            walk.dead += 1
            let range = walk.nextVanished < vanished.count ? vanished[walk.nextVanished] : nil
            if range.map({ $0.first > message.uid || $0.modSeq != message.modSeq || Check.isPurged(message.uid, $0, row) })
                ?? true
            {
                walk.problems.append("UID \(message.uid), expunged at \(message.modSeq), is not so in vanished")
            }
            return
        }
        if walk.nextVanished < vanished.count, vanished[walk.nextVanished].first <= message.uid {
            walk.problems.append("UID \(message.uid) is live, and in vanished")
        }
        walk.live += 1
        walk.bytes &+= UInt64(message.size)
        if message.flags & SystemFlags.seen.rawValue == 0 { walk.unseen += 1 }
        if message.flags & SystemFlags.deleted.rawValue != 0 { walk.deleted += 1 }
        while walk.nextChanged < changed.count, changed[walk.nextChanged].last < message.uid {
            Check.leaveRange(changed, &walk)
        }
        guard walk.nextChanged < changed.count, changed[walk.nextChanged].first <= message.uid,
            changed[walk.nextChanged].modSeq == message.modSeq
        else {
            walk.problems.append("UID \(message.uid), changed at \(message.modSeq), lies in no such range of changed")
            return
        }
        if walk.firstInRange == 0 { walk.firstInRange = message.uid }
        walk.lastInRange = message.uid
    }

    /// A range begins and ends with a message of its modseq.
    private static func leaveRange(_ changed: [Range], _ walk: inout Walk) {
        let range = changed[walk.nextChanged]
        if walk.firstInRange != range.first || walk.lastInRange != range.last {
            walk.problems.append(
                "range \(range.first):\(range.last) of changed does not begin and end with a message changed at \(range.modSeq)")
        }
        walk.firstInRange = 0
        walk.lastInRange = 0
        walk.nextChanged += 1
    }

    private static func endChanged(_ changed: [Range], _ walk: inout Walk) {
        while walk.nextChanged < changed.count { leaveRange(changed, &walk) }
    }

    private mutating func checkCounters(_ row: MailboxRow, _ walk: Walk, _ place: String) {
        func expect(_ counted: UInt64, _ found: UInt64, _ what: String) {
            if counted != found { report(place, "\(counted) \(what) are counted, there are \(found)") }
        }
        expect(UInt64(row.messages), walk.live, "messages")
        expect(UInt64(row.dead), walk.dead, "dead rows")
        expect(UInt64(row.unseen), walk.unseen, "unseen messages")
        expect(UInt64(row.deleted), walk.deleted, "deleted messages")
        expect(row.bytes, walk.bytes, "bytes")
        if walk.lastUID >= row.uidNext { report(place, "UID \(walk.lastUID) is not below UIDNEXT \(row.uidNext)") }
        if row.firstRecent > row.uidNext { report(place, "recent from \(row.firstRecent), UIDNEXT is \(row.uidNext)") }
    }

    /// Each dead row was found in its range. If there are as many as those ranges span, there is one for each UID.
    private mutating func checkVanished(_ row: MailboxRow, _ walk: Walk, _ vanished: [Range], _ place: String) {
        var total: UInt64 = 0
        var unpurged: UInt64 = 0
        for range in vanished where range.first <= range.last {
            let span = UInt64(range.last - range.first) + 1
            total += span
            if range.modSeq == row.purged + 1, range.last >= row.purgedBelow {
                // A commit's expunges are purged in parts, by UID.
                unpurged += UInt64(range.last - max(range.first, row.purgedBelow)) + 1
            } else if range.modSeq > row.purged + 1 {
                unpurged += span
            }
        }
        if unpurged != walk.dead {
            report(place, "\(unpurged) UIDs in vanished are not purged, and \(walk.dead) rows of expunged messages are there")
        }
        // Below the floor it is not known who was there: then all that can be said is that nobody is both here and gone.
        let known = total + UInt64(row.messages)
        let given = UInt64(row.uidNext) - 1
        if row.vanishedFloor > 0 ? known > given : known != given {
            report(place, "\(row.messages) messages and \(total) vanished do not make up the UIDs below \(row.uidNext)")
        }
    }

    private static func isPurged(_ uid: UInt32, _ range: Range, _ row: MailboxRow) -> Bool {
        range.modSeq <= row.purged || range.modSeq == row.purged + 1 && uid < row.purgedBelow
    }

    private mutating func checkFloor(_ vanished: [Range], _ row: MailboxRow, _ place: String) {
        if let range = vanished.first(where: { $0.modSeq <= row.vanishedFloor }) {
            report(place, "vanished holds \(range.modSeq), the floor is \(row.vanishedFloor)")
        }
        if row.vanishedFloor > row.purged {
            report(place, "expunges through \(row.vanishedFloor) are forgotten, rows purged through \(row.purged)")
        }
    }
}
