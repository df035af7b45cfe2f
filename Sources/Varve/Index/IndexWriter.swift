import MailModel
import VarveFormat

/// Applies one transaction's records to the index. The same code serves a commit and the replay of the log, so that the
/// index is what the log says, whichever way it came to be.
///
/// What a record does to a mailbox's row and ranges is gathered here and written once, by `finish`.
final class IndexWriter {
    /// A mailbox that this transaction changes.
    final class OpenMailbox {
        var row: MailboxRow
        /// What the row said when the transaction began; nil for a mailbox made by it.
        let listedModSeq: UInt64?
        /// UIDs changed by this transaction, still live; may span UIDs that no message has.
        var changed = UIDSet()
        /// UIDs expunged by this transaction, exactly.
        var vanished = UIDSet()
        /// Whether the mailbox's highest modseq moves.
        var isTouched = false
        /// Whether the row is to be written.
        var isDirty = false

        init(row: MailboxRow, listedModSeq: UInt64?) {
            self.row = row
            self.listedModSeq = listedModSeq
        }
    }

    var state: IndexState
    let allocator: PageAllocator
    let modSeq: UInt64
    /// Milliseconds since 1970.
    let time: UInt64
    let place: CommitPlace
    private(set) var open: [UInt32: OpenMailbox] = [:]
    /// The one that was asked for last: a bulk load asks for the same again and again.
    private var lastOpened: OpenMailbox?
    /// Mailboxes that this transaction deleted, and, once it is finished, those whose highest modseq is its own.
    private(set) var changedMailboxes: [UInt32] = []

    init(_ state: IndexState, _ allocator: PageAllocator, modSeq: UInt64, time: UInt64, place: CommitPlace) {
        self.state = state
        self.allocator = allocator
        self.modSeq = modSeq
        self.time = time
        self.place = place
    }

    var saveDate: UInt32 {
        let seconds = time / 1000
        return seconds < MessageRow.saveDateEpoch ? 0 : UInt32(clamping: seconds - MessageRow.saveDateEpoch)
    }

    // MARK: Mailboxes

    func mailbox(_ id: UInt32) throws(StoreError) -> MailboxRow? {
        if let opened = lastOpened, opened.row.id == id { return opened.row }
        if let opened = open[id] { return opened.row }
        return try state.mailbox(id, allocator.pages)
    }

    func mailboxID(named name: String) throws(StoreError) -> UInt32? {
        try name.withBytes { name throws(StoreError) in try state.mailboxID(named: name, allocator.pages) }
    }

    /// - Throws: `.notFound`.
    @discardableResult
    func openMailbox(_ id: UInt32) throws(StoreError) -> OpenMailbox {
        if let opened = lastOpened, opened.row.id == id { return opened }
        if let opened = open[id] {
            lastOpened = opened
            return opened
        }
        guard let row = try state.mailbox(id, allocator.pages) else {
            throw StoreError(.notFound, "there is no mailbox \(id)")
        }
        let opened = OpenMailbox(row: row, listedModSeq: row.highestModSeq)
        open[id] = opened
        lastOpened = opened
        return opened
    }

    func createMailbox(_ id: UInt32, uidValidity: UInt32, name: String) throws(StoreError) {
        guard id >= state.nextMailbox, id >= 1, id < UInt32.max else {
            throw .corrupt("mailbox \(id)", "its id was given before")
        }
        try checkLength(name)
        guard try mailboxID(named: name) == nil else { throw StoreError(.alreadyExists, "mailbox \(name) exists") }
        state.nextMailbox = id + 1
        state.lastUIDValidity = max(state.lastUIDValidity, uidValidity)
        let row = MailboxRow(id: id, uidValidity: uidValidity, modSeq: modSeq, name: Array(name.utf8))
        let opened = OpenMailbox(row: row, listedModSeq: nil)
        opened.isTouched = true
        opened.isDirty = true
        open[id] = opened
        try setName(name, id)
        // The row stands in the tree at once, so that the mailbox is found in this transaction too.
        try writeRow(row)
    }

    func renameMailbox(_ id: UInt32, to name: String) throws(StoreError) {
        let opened = try openMailbox(id)
        try checkLength(name)
        guard try mailboxID(named: name) == nil else { throw StoreError(.alreadyExists, "mailbox \(name) exists") }
        try opened.row.name.withBytes { old throws(StoreError) in _ = try state.names.remove(old, allocator) }
        opened.row.name = Array(name.utf8)
        opened.isTouched = true
        opened.isDirty = true
        try setName(name, id)
        try writeRow(opened.row)
    }

    /// A longer name does not fit in a page.
    private func checkLength(_ name: String) throws(StoreError) {
        guard 1...Format.maximumNameLength ~= name.utf8.count else {
            throw StoreError(.limit, "a name of \(name.utf8.count) bytes; \(Format.maximumNameLength) are allowed")
        }
    }

    func deleteMailbox(_ id: UInt32) throws(StoreError) {
        let entry = try openMailbox(id)
        open[id] = nil
        lastOpened = nil
        changedMailboxes.append(id)
        try entry.row.name.withBytes { name throws(StoreError) in _ = try state.names.remove(name, allocator) }
        try MailboxRow.key(id).withBytes { key throws(StoreError) in _ = try state.mailboxes.remove(key, allocator) }
        if let listed = entry.listedModSeq {
            try state.mailboxChanges.remove(MailboxChangeRow.key(modSeq: listed, mailbox: id), allocator)
        }
        try state.uid.remove(
            MessageRow.key(mailbox: id, uid: 0), MessageRow.key(mailbox: id, uid: .max), allocator)
        let low = RangeRow.key(mailbox: id, modSeq: 0, first: 0)
        let high = RangeRow.key(mailbox: id, modSeq: .max, first: .max)
        try state.changed.remove(low, high, allocator)
        try state.vanished.remove(low, high, allocator)
        state.deadRows -= min(state.deadRows, UInt64(entry.row.dead))
        state.addDead(messages: entry.row.messages, bytes: entry.row.bytes)
    }

    private func setName(_ name: String, _ id: UInt32) throws(StoreError) {
        var value = [UInt8]()
        value.append32(id)
        try name.withBytes { key throws(StoreError) in
            try value.withBytes { value throws(StoreError) in try state.names.set(key, to: value, allocator) }
        }
    }

    private func writeRow(_ row: MailboxRow) throws(StoreError) {
        try MailboxRow.key(row.id).withBytes { key throws(StoreError) in
            try row.encode().withBytes { value throws(StoreError) in
                try state.mailboxes.set(key, to: value, allocator)
            }
        }
    }

    func setSubscribed(_ name: String, _ subscribed: Bool) throws(StoreError) {
        try checkLength(name)
        try name.withBytes { key throws(StoreError) in
            if subscribed {
                try state.subscriptions.set(key, to: UnsafeRawBufferPointer(start: nil, count: 0), allocator)
            } else {
                _ = try state.subscriptions.remove(key, allocator)
            }
        }
    }

    func claimRecent(_ id: UInt32, below uid: UInt32) throws(StoreError) {
        let opened = try openMailbox(id)
        guard uid <= opened.row.uidNext else {
            throw .corrupt("mailbox \(id)", "UIDs below \(uid) are claimed as recent")
        }
        opened.row.firstRecent = max(opened.row.firstRecent, uid)
        opened.isDirty = true
    }

    /// Makes what clients know of a mailbox' messages void (RFC 3501 §2.3.1.1).
    func renewUIDValidity(_ id: UInt32, to uidValidity: UInt32) throws(StoreError) {
        let opened = try openMailbox(id)
        guard uidValidity > state.lastUIDValidity else {
            throw .corrupt("mailbox \(id)", "UIDVALIDITY \(uidValidity) is given, \(state.lastUIDValidity) was before")
        }
        state.lastUIDValidity = uidValidity
        opened.row.uidValidity = uidValidity
        opened.isTouched = true
        opened.isDirty = true
    }

    // What a mailbox is for, and how its history is kept, is nothing of what is in it: its highest modseq stays.

    func setSpecialUse(_ use: SpecialUse, of id: UInt32) throws(StoreError) {
        let opened = try openMailbox(id)
        opened.row.specialUse = use
        opened.isDirty = true
    }

    func setSyncMode(_ mode: SyncMode, of id: UInt32) throws(StoreError) {
        let opened = try openMailbox(id)
        opened.row.syncMode = mode
        opened.isDirty = true
    }

    // MARK: The end of the transaction

    /// Writes what was gathered, and gives the state after the transaction.
    func finish() throws(StoreError) -> IndexState {
        for id in open.keys.sorted() {
            guard let entry = open[id], entry.isDirty else { continue }
            if entry.isTouched {
                if let listed = entry.listedModSeq {
                    try state.mailboxChanges.remove(MailboxChangeRow.key(modSeq: listed, mailbox: id), allocator)
                }
                try state.mailboxChanges.insert(MailboxChangeRow.key(modSeq: modSeq, mailbox: id), allocator) { _, _ in }
                entry.row.highestModSeq = modSeq
                changedMailboxes.append(id)
            }
            let changed = try entry.vanished.isEmpty ? entry.changed.ranges : trimmed(entry.changed, in: id)
            try state.changed.insertRanges(mailbox: id, modSeq: modSeq, changed, allocator)
            try state.vanished.insertRanges(mailbox: id, modSeq: modSeq, entry.vanished.ranges, allocator)
            try writeRow(entry.row)
        }
        open.removeAll()
        lastOpened = nil
        try noteSegment()
        state.modSeq = modSeq
        return state
    }
}
