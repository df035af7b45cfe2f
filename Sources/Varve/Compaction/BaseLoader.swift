import MailModel
import VarveFormat

/// Builds an index from the records of a base, in one transaction. Takes nothing for granted that the records say.
final class BaseLoader {
    private var state: IndexState
    private let allocator: PageAllocator
    private let header: BaseHeader
    private var segments: Set<UInt32> = []
    private var lastSegment: UInt32 = 0
    private var hasAccount = false
    private var keywords: UInt32 = 0
    private var keywordSets: UInt32 = 0
    private var open: OpenMailbox?

    /// The mailbox that records are about; it is written when its last one has come.
    private struct OpenMailbox {
        var row: MailboxRow
        var lastUID: UInt32 = 0
        /// Messages one behind the other that one commit changed last.
        var run: (modSeq: UInt64, first: UInt32, last: UInt32)?
        var lastVanished = RangeRow.key(mailbox: 0, modSeq: 0, first: 0)
        var vanished: UInt64 = 0
    }

    init(_ state: IndexState, _ allocator: PageAllocator, _ header: BaseHeader) {
        self.state = state
        self.allocator = allocator
        self.header = header
    }

    /// - Parameters:
    ///   - records: of a frame, in the clear.
    ///   - count: how many there are by its head.
    func take(_ records: UnsafeRawBufferPointer, _ count: UInt32) throws(StoreError) {
        var reader = ByteReader(records)
        for _ in 0..<count {
            let record: BaseRecord?
            do throws(FormatError) { record = try BaseRecord.decode(&reader) } catch {
                throw StoreError(.corrupt, error.description)
            }
            if let record { try apply(record) }
        }
    }

    /// The state of the base.
    func finish() throws(StoreError) -> IndexState {
        try close()
        guard hasAccount else { throw StoreError(.corrupt, "it has no record of the account") }
        state.modSeq = header.modSeq
        return state
    }

    private func require(_ condition: Bool, _ what: @autoclosure () -> String) throws(StoreError) {
        if !condition { throw StoreError(.corrupt, what()) }
    }

    private func apply(_ record: BaseRecord) throws(StoreError) {
        if case .account = record {} else { try require(hasAccount, "a record before that of the account") }
        switch record {
        case .account(let account):
            try require(!hasAccount, "two records of the account")
            hasAccount = true
            state.nextMailbox = account.nextMailbox
            state.lastUIDValidity = account.lastUIDValidity
            state.nextIdentity = account.nextIdentity
            state.deadBytes = account.deadBytes
        case .segments(let cells): try addSegments(cells)
        case .keyword(let id, let name):
            try require(id == keywords + 1 && name.utf8.count <= Format.maximumKeywordLength, "keyword \(id)")
            keywords = id
            try set(&state.keywordTree, KeywordCell.keyword(id: id, name: Array(name.utf8)))
        case .keywordSet(let number, let members):
            try require(
                number == keywordSets + 1 && number <= Keywords.maximumSets
                    && 1...Format.maximumKeywordsPerMessage ~= members.count
                    && members.allSatisfy { 1...max(keywords, 1) ~= $0 }, "set of keywords \(number)")
            keywordSets = number
            try set(&state.keywordTree, KeywordCell.set(number: number, members: members))
        case .mailbox(let mailbox):
            try close()
            try begin(mailbox)
        case .messages(let mailbox, let rows): try add(rows, to: mailbox)
        case .vanished(let mailbox, let ranges): try add(ranges, to: mailbox)
        case .subscription(let name):
            try checkLength(name)
            try name.withBytes { key throws(StoreError) in
                try state.subscriptions.set(key, to: UnsafeRawBufferPointer(start: nil, count: 0), allocator)
            }
        }
    }

    private func set(_ tree: inout CellTree, _ cell: KeywordCell) throws(StoreError) {
        try cell.key.withBytes { key throws(StoreError) in
            try cell.value.withBytes { value throws(StoreError) in try tree.set(key, to: value, allocator) }
        }
    }

    private func checkLength(_ name: String) throws(StoreError) {
        try require(1...Format.maximumNameLength ~= name.utf8.count, "a name of \(name.utf8.count) bytes")
    }

    private func addSegments(_ cells: [SegmentCell]) throws(StoreError) {
        for cell in cells {
            try require(cell.number > lastSegment && cell.number < header.number, "segment \(cell.number)")
            lastSegment = cell.number
            segments.insert(cell.number)
            try cell.key.withBytes { key throws(StoreError) in
                try cell.value.withBytes { value throws(StoreError) in try state.segments.set(key, to: value, allocator) }
            }
        }
    }

    // MARK: Mailboxes

    private func begin(_ mailbox: BaseMailbox) throws(StoreError) {
        try checkLength(mailbox.name)
        let known = try name(mailbox.name)
        try require(
            mailbox.id >= 1 && mailbox.id < state.nextMailbox && mailbox.uidNext >= 1 && mailbox.firstRecent >= 1
                && mailbox.firstRecent <= mailbox.uidNext && mailbox.highestModSeq <= header.modSeq
                && mailbox.vanishedFloor <= header.modSeq && mailbox.created <= mailbox.highestModSeq
                && mailbox.uidValidity <= state.lastUIDValidity && known == nil, "mailbox \(mailbox.id)")
        let there = try state.mailbox(mailbox.id, allocator.pages) != nil
        try require(!there, "mailbox \(mailbox.id) is there twice")
        var row = MailboxRow(
            id: mailbox.id, uidValidity: mailbox.uidValidity, modSeq: mailbox.highestModSeq,
            name: Array(mailbox.name.utf8))
        row.uidNext = mailbox.uidNext
        row.firstRecent = mailbox.firstRecent
        row.vanishedFloor = mailbox.vanishedFloor
        row.created = mailbox.created
        row.specialUse = mailbox.specialUse
        row.syncMode = mailbox.syncMode
        // Rows of what is expunged are not in a base.
        row.purged = header.modSeq
        open = OpenMailbox(row: row)
    }

    private func name(_ name: String) throws(StoreError) -> UInt32? {
        try name.withBytes { name throws(StoreError) in try state.mailboxID(named: name, allocator.pages) }
    }

    /// Writes the open mailbox.
    private func close() throws(StoreError) {
        guard var mailbox = open else { return }
        try endRun(&mailbox)
        open = nil
        let row = mailbox.row
        let known = UInt64(row.messages) + mailbox.vanished
        try require(
            row.vanishedFloor > 0 ? known < UInt64(row.uidNext) : known + 1 == UInt64(row.uidNext),
            "mailbox \(row.id): \(known) messages and vanished ones below UID \(row.uidNext)")
        try MailboxRow.key(row.id).withBytes { key throws(StoreError) in
            try row.encode().withBytes { value throws(StoreError) in try state.mailboxes.set(key, to: value, allocator) }
        }
        var id = [UInt8]()
        id.append32(row.id)
        try row.name.withBytes { key throws(StoreError) in
            try id.withBytes { value throws(StoreError) in try state.names.set(key, to: value, allocator) }
        }
        try state.mailboxChanges.insert(
            MailboxChangeRow.key(modSeq: row.highestModSeq, mailbox: row.id), allocator) { _, _ in }
    }

    // MARK: Messages

    private func add(_ rows: [MessageRow], to id: UInt32) throws(StoreError) {
        guard var mailbox = open, mailbox.row.id == id else {
            throw StoreError(.corrupt, "messages of mailbox \(id), which is not the one before")
        }
        for row in rows {
            try require(
                row.uid > mailbox.lastUID && row.uid < mailbox.row.uidNext && row.identity >= 1
                    && row.identity < state.nextIdentity && row.modSeq <= mailbox.row.highestModSeq
                    && segments.contains(row.location.segment) && row.location.offset >= UInt32(SegmentHeader.size)
                    && row.size <= UInt32(Format.maximumMessageSize) && row.keywordSet <= keywordSets,
                "mailbox \(id), UID \(row.uid)")
            mailbox.lastUID = row.uid
            mailbox.row.messages += 1
            mailbox.row.bytes += UInt64(row.size)
            if row.flags & SystemFlags.seen.rawValue == 0 { mailbox.row.unseen += 1 }
            if row.flags & SystemFlags.deleted.rawValue != 0 { mailbox.row.deleted += 1 }
            if mailbox.run?.modSeq == row.modSeq {
                mailbox.run!.last = row.uid
            } else {
                try endRun(&mailbox)
                mailbox.run = (row.modSeq, row.uid, row.uid)
            }
            try state.uid.insert(MessageRow.key(mailbox: id, uid: row.uid), allocator) { row.store($0, $1) }
        }
        open = mailbox
    }

    private func endRun(_ mailbox: inout OpenMailbox) throws(StoreError) {
        guard let run = mailbox.run else { return }
        mailbox.run = nil
        try state.changed.insertRange(
            mailbox: mailbox.row.id, modSeq: run.modSeq, first: run.first, last: run.last, allocator)
    }

    private func add(_ ranges: [VanishedRange], to id: UInt32) throws(StoreError) {
        guard var mailbox = open, mailbox.row.id == id else {
            throw StoreError(.corrupt, "vanished messages of mailbox \(id), which is not the one before")
        }
        for range in ranges {
            let key = RangeRow.key(mailbox: 0, modSeq: range.modSeq, first: range.first)
            try require(
                key > mailbox.lastVanished && range.modSeq <= header.modSeq && range.last < mailbox.row.uidNext,
                "mailbox \(id), vanished UIDs \(range.first) to \(range.last)")
            mailbox.lastVanished = key
            mailbox.vanished += UInt64(range.last - range.first) + 1
            try require(mailbox.vanished < UInt64(mailbox.row.uidNext), "mailbox \(id), more vanished UIDs than there were")
            try state.vanished.insertRange(
                mailbox: id, modSeq: range.modSeq, first: range.first, last: range.last, allocator)
        }
        open = mailbox
    }
}
