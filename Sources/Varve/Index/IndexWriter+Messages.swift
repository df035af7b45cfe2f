import MailModel
import VarveFormat

extension IndexWriter {
    // MARK: Coming

    func append(_ record: AppendRecord) throws(StoreError) {
        guard record.identity >= state.nextIdentity else {
            throw .corrupt("mailbox \(record.mailbox)", "identity \(record.identity) is given again")
        }
        let keywordSet = try self.keywordSet(record.flags.keywords)
        state.nextIdentity = record.identity + 1
        try add(
            MessageRow(
                uid: record.uid, flags: record.flags.system.rawValue, zoneMinutes: record.internalDate.zoneMinutes,
                keywordSet: keywordSet, modSeq: modSeq, location: record.location, identity: record.identity,
                internalDate: record.internalDate.seconds, size: record.size, saveDate: saveDate),
            to: record.mailbox)
    }

    /// Puts a message behind all others of a mailbox.
    private func add(_ row: MessageRow, to mailbox: UInt32) throws(StoreError) {
        let opened = try openMailbox(mailbox)
        let next = opened.row.uidNext
        guard row.uid == next, row.uid < UInt32.max else {
            throw .corrupt("mailbox \(mailbox)", "UID \(row.uid) is given, where \(next) is the next one")
        }
        try state.uid.insert(MessageRow.key(mailbox: mailbox, uid: row.uid), allocator) { row.store($0, $1) }
        let flags = SystemFlags(rawValue: row.flags)
        opened.row.uidNext = row.uid + 1
        opened.row.messages += 1
        opened.row.bytes += UInt64(row.size)
        if !flags.contains(.seen) { opened.row.unseen += 1 }
        if flags.contains(.deleted) { opened.row.deleted += 1 }
        opened.changed.insert(UID(row.uid))
        opened.isTouched = true
        opened.isDirty = true
    }

    /// Puts copies of rows behind all others of a mailbox, under UIDs from `first` on.
    private func add(_ rows: [MessageRow], to mailbox: UInt32, from first: UInt32) throws(StoreError) {
        guard !rows.isEmpty else { return }
        let opened = try openMailbox(mailbox)
        let next = opened.row.uidNext
        guard first == next, rows.count < Int(UInt32.max - first) else {
            throw .corrupt("mailbox \(mailbox)", "UIDs from \(first) on are given, where \(next) is the next one")
        }
        let modSeq = modSeq
        let saveDate = saveDate
        let key = MessageRow.key(mailbox: mailbox, uid: first)
        try state.uid.insertAscending(rows.count, allocator) { key + UInt64($0) } fill: {
            leaf, row, index in
            var copy = rows[index]
            copy.modSeq = modSeq
            copy.saveDate = saveDate
            copy.store(leaf, row)
        }
        let last = first + UInt32(rows.count - 1)
        opened.row.uidNext = last + 1
        try count(Int64(rows.count), in: opened, \.messages)
        try count(Int64(rows.count { $0.flags & SystemFlags.seen.rawValue == 0 }), in: opened, \.unseen)
        try count(Int64(rows.count { $0.flags & SystemFlags.deleted.rawValue != 0 }), in: opened, \.deleted)
        opened.row.bytes += rows.reduce(0) { $0 + UInt64($1.size) }
        opened.changed.insert(UIDRange(UID(first), UID(last)))
        opened.isTouched = true
        opened.isDirty = true
    }

    /// Copies go in blocks of so many messages, which bounds the memory that a copy takes.
    private static var copyBlock: Int { 65_536 }

    /// - Parameter uids: exactly those to be copied.
    func copy(_ uids: UIDSet, from source: UInt32, to target: UInt32, firstUID: UInt32) throws(StoreError) {
        var next = firstUID
        for range in uids.ranges {
            var low = range.first.rawValue
            while true {
                var rows: [MessageRow] = []
                try state.uid.forEachLeaf(
                    MessageRow.key(mailbox: source, uid: low), MessageRow.key(mailbox: source, uid: range.last.rawValue),
                    allocator.pages
                ) { leaf, found in
                    for row in found where MessageRow.flags(leaf, row) & MessageRow.deadBit == 0 {
                        rows.append(MessageRow(leaf, row))
                    }
                    return rows.count < IndexWriter.copyBlock
                }
                try add(rows, to: target, from: next)
                next += UInt32(rows.count)
                guard rows.count >= IndexWriter.copyBlock, let last = rows.last, last.uid < range.last.rawValue else {
                    break
                }
                low = last.uid + 1
            }
        }
    }

    // MARK: Going

    /// The live messages among `uids`, named twice.
    func victims(_ uids: UIDSet, in mailbox: UInt32, onlyDeleted: Bool) throws(StoreError) -> Victims {
        var victims = Victims(uids: UIDSet(), count: 0, digest: 0)
        let unwanted = MessageRow.deadBit
        let wanted = onlyDeleted ? SystemFlags.deleted.rawValue : 0
        var walk = RangeWalk(uids)
        try walk.forEachStretch { walk, first, last throws(StoreError) in
            try state.uid.forEachLeaf(
                MessageRow.key(mailbox: mailbox, uid: first), MessageRow.key(mailbox: mailbox, uid: last), allocator.pages
            ) { leaf, rows in
                for row in rows {
                    let flags = MessageRow.flags(leaf, row)
                    let uid = MessageRow.uid(leaf, row)
                    guard flags & unwanted == 0, flags & wanted == wanted, walk.take(uid) else { continue }
                    victims.uids.insert(UID(uid))
                    victims.count += 1
                    victims.digest = Victims.extend(victims.digest, with: MessageRow.identity(leaf, row))
                }
                return true
            }
        }
        return victims
    }

    /// Expunges exactly these live messages. Their rows stay, marked, for those who have not been told.
    /// - Parameter bodiesStay: copies of them were made just before.
    func expunge(_ victims: Victims, in mailbox: UInt32, bodiesStay: Bool = false) throws(StoreError) {
        guard victims.count > 0 else { return }
        let opened = try openMailbox(mailbox)
        var runs = ModSeqRuns(except: modSeq)
        var counts = MailboxRow(id: 0, uidValidity: 0, modSeq: 0, name: [])
        let modSeq = modSeq
        var walk = RangeWalk(victims.uids)
        try walk.forEachStretch { walk, first, last throws(StoreError) in
            try state.uid.update(
                MessageRow.key(mailbox: mailbox, uid: first), MessageRow.key(mailbox: mailbox, uid: last), allocator,
                where: { walk.reaches(MessageRow.uid($0, $1.lowerBound), MessageRow.uid($0, $1.upperBound - 1)) }
            ) { leaf, rows in
                var change = Weight.zero
                for row in rows {
                    let uid = MessageRow.uid(leaf, row)
                    guard walk.take(uid) else { continue }
                    // Between two ranges there are messages that stay.
                    if walk.isNewRange { runs.breakRun() }
                    walk.noteTaken()
                    let flags = MessageRow.flags(leaf, row)
                    guard flags & MessageRow.deadBit == 0 else { continue }
                    change = change - UIDSchema.weight(leaf, row)
                    runs.add(MessageRow.modSeq(leaf, row), uid)
                    counts.messages += 1
                    counts.bytes += UInt64(MessageRow.size(leaf, row))
                    if flags & SystemFlags.seen.rawValue == 0 { counts.unseen += 1 }
                    if flags & SystemFlags.deleted.rawValue != 0 { counts.deleted += 1 }
                    leaf.store16(flags | MessageRow.deadBit, RowLayout.uid.hot(row))
                    leaf.store64(modSeq, RowLayout.uid.cold(row))
                }
                return change
            }
        }
        let all = counts.messages == opened.row.messages
        try count(-Int64(counts.messages), in: opened, \.messages)
        try count(-Int64(counts.unseen), in: opened, \.unseen)
        try count(-Int64(counts.deleted), in: opened, \.deleted)
        try count(Int64(counts.messages), in: opened, \.dead)
        opened.row.bytes -= min(counts.bytes, opened.row.bytes)
        state.deadRows += UInt64(counts.messages)
        if !bodiesStay { state.addDead(messages: counts.messages, bytes: counts.bytes) }
        opened.changed = opened.changed.subtracting(victims.uids)
        opened.vanished.formUnion(victims.uids)
        opened.isTouched = true
        opened.isDirty = true
        try forget(runs, all: all, areGone: true, in: mailbox)
    }
}
