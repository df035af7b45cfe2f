import MailMessage
import MailModel
import VarveFormat

extension Salvage {
    // MARK: The index' word

    /// Makes the account what the index says that it was at this commit, where commits before it are lost.
    func reconcile(_ tx: Transaction) throws(StoreError) {
        guard let known else { return }
        let rows = try known.mailboxes()
        let ids = Set(rows.map(\.id))
        for id in try mailboxes(tx) where !ids.contains(id) {
            try tx.index.deleteMailbox(id)
            try tx.add(.deleteMailbox(id: id))
        }
        for row in rows where try tx.index.mailbox(row.id) == nil {
            // Its making is lost, and later ones are not: it cannot have its id.
            guard row.id >= tx.index.state.nextMailbox else {
                report.remark("mailbox \(String(decoding: row.name, as: UTF8.self)) cannot be made again under its id")
                continue
            }
            try create(tx, row.id, row.uidValidity, String(decoding: row.name, as: UTF8.self))
        }
        try reconcileNames(tx, rows)
        if known.knowsAttributes { for row in rows { try reconcileAttributes(tx, row) } }
        for row in rows where try tx.index.mailbox(row.id) != nil { try reconcileMessages(tx, row, known) }
        try reconcileSubscriptions(tx, known)
    }

    private func mailboxes(_ tx: Transaction) throws(StoreError) -> [UInt32] {
        var ids: [UInt32] = []
        try [UInt8]().withBytes { start throws(StoreError) in
            _ = try tx.index.state.mailboxes.forEach(from: start, tx.index.allocator.pages) { key, _ in
                ids.append(key.reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
                return true
            }
        }
        return ids
    }

    /// Names may have gone from one to another: first all that differ get out of the way.
    private func reconcileNames(_ tx: Transaction, _ rows: [MailboxRow]) throws(StoreError) {
        var differing: [MailboxRow] = []
        for row in rows {
            if let found = try tx.index.mailbox(row.id), found.name != row.name { differing.append(row) }
        }
        for row in differing { try rename(tx, row.id, "Renamed mailbox \(row.id)") }
        for row in differing { try rename(tx, row.id, String(decoding: row.name, as: UTF8.self)) }
    }

    private func reconcileAttributes(_ tx: Transaction, _ row: MailboxRow) throws(StoreError) {
        guard let found = try tx.index.mailbox(row.id) else { return }
        if found.specialUse != row.specialUse { try apply(.setSpecialUse(mailbox: row.id, use: row.specialUse), tx) }
        if found.syncMode != row.syncMode { try apply(.setSyncMode(mailbox: row.id, mode: row.syncMode), tx) }
    }

    private func reconcileMessages(_ tx: Transaction, _ row: MailboxRow, _ known: KnownIndex) throws(StoreError) {
        try fill(tx, row.id, upTo: row.uidNext)
        let wanted = try known.messages(in: row.id)
        let uids = UIDSet(wanted.map { UID($0.uid) })
        let all = UIDSet(UIDRange(.min, .max))
        let found = try tx.index.victims(all, in: row.id, onlyDeleted: false).uids
        var misplaced: [MessageRow] = []
        for message in wanted where try !isInPlace(message, row.id, tx) { misplaced.append(message) }
        let gone = found.subtracting(uids.subtracting(UIDSet(misplaced.map { UID($0.uid) })))
        try expunge(tx, gone, in: row.id)
        var byFlags: [Flags: UIDSet] = [:]
        for message in wanted where !gone.contains(UID(message.uid)) { byFlags[known.flags(of: message), default: UIDSet()].insert(UID(message.uid)) }
        for (flags, uids) in byFlags.sorted(by: { $0.value.first! < $1.value.first! }) {
            let changed = try tx.index.changeFlags(.replace, flags, of: uids, in: row.id)
            if !changed.isEmpty {
                try tx.add(.changeFlags(mailbox: row.id, operation: .replace, flags: flags, uids: changed))
            }
        }
        for message in misplaced {
            let uid = try tx.index.mailbox(row.id)!.uidNext
            try put(
                tx, row.id, uid, message.identity, message.location, message.size,
                InternalDate(seconds: message.internalDate, zoneMinutes: message.zoneMinutes), known.flags(of: message))
            report.remark("UID \(message.uid) of \(String(decoding: row.name, as: UTF8.self)) is now UID \(uid)")
        }
        if let mailbox = try tx.index.mailbox(row.id), mailbox.firstRecent < row.firstRecent {
            let claimed = min(row.firstRecent, mailbox.uidNext)
            try tx.index.claimRecent(row.id, below: claimed)
            try tx.add(.claimRecent(mailbox: row.id, uid: claimed))
        }
    }

    /// Whether the message that the index knows under a UID is the one that stands there in the new store; also where its
    /// bytes are gone, so that there is no better one.
    private func isInPlace(_ message: MessageRow, _ mailbox: UInt32, _ tx: Transaction) throws(StoreError) -> Bool {
        guard let index = source.index(of: message.location), source.sizes[index] == message.size else { return true }
        let key = MessageRow.key(mailbox: mailbox, uid: message.uid)
        guard let (leaf, row) = try tx.index.state.uid.find(key, tx.index.allocator.pages) else { return false }
        let found = MessageRow(leaf, row)
        return found.flags & MessageRow.deadBit == 0 && found.location.rawValue == places[index]
    }

    private func reconcileSubscriptions(_ tx: Transaction, _ known: KnownIndex) throws(StoreError) {
        let wanted = try subscriptions(known.state, known.pages)
        let found = try subscriptions(tx.index.state, tx.index.allocator.pages)
        for name in found.subtracting(wanted).sorted() { try apply(.unsubscribe(name: name), tx) }
        for name in wanted.subtracting(found).sorted() { try apply(.subscribe(name: name), tx) }
    }

    private func subscriptions(_ state: IndexState, _ pages: Pages) throws(StoreError) -> Set<String> {
        var names: Set<String> = []
        try [UInt8]().withBytes { start throws(StoreError) in
            _ = try state.subscriptions.forEach(from: start, pages) { key, _ in
                names.insert(String(decoding: key, as: UTF8.self))
                return true
            }
        }
        return names
    }

    // MARK: The last commits

    /// Expunges what stands for messages that are gone, and puts those that nobody named into a mailbox of their own. These
    /// commits come behind all that any client can have been told of.
    func finish() throws {
        try expungeSubstitutes()
        try renew()
        if try store.mailboxID(MailboxName.inbox) == nil {
            try commit { tx in
                try create(tx, tx.index.state.nextMailbox, nil, MailboxName.inbox)
            }
        }
        let position = lastKnown?.position ?? LogPosition(rawValue: 0)
        // What stands before the checkpoint and is not in its index was expunged.
        let live = try livePlaces()
        let homeless = source.locations.indices.filter { index in
            if !isNamed[index] {
                return source.locations[index] >= position.rawValue
                    && source.index(of: LogPosition(rawValue: source.locations[index])) == index
            }
            // An older copy of one that is there is none of its own.
            if source.index(of: LogPosition(rawValue: source.locations[index])) != index { return false }
            return isAtRisk[index] && !live.contains(places[index])
        }
        if !homeless.isEmpty { try recover(homeless) }
        // Where nothing else changes, what the last commits made is still to be written.
        try store.flush()
    }

    /// Nobody knows which UIDs such a mailbox has given: under its old UIDVALIDITY it might give them again.
    private func renew() throws {
        guard !uncertain.isEmpty else { return }
        try commit { tx in
            let seconds = UInt32(truncatingIfNeeded: min(now / 1000, UInt64(UInt32.max / 2)))
            for id in uncertain.sorted() {
                guard let row = try tx.index.mailbox(id), tx.index.state.lastUIDValidity < UInt32.max else { continue }
                let name = String(decoding: row.name, as: UTF8.self)
                try tx.renewUIDValidity(of: MailboxID(id), to: max(seconds, tx.index.state.lastUIDValidity + 1))
                report.renewedMailboxes.append(name)
            }
        }
    }

    private func expungeSubstitutes() throws {
        guard let substitute else { return }
        var gone: [UInt32: UIDSet] = [:]
        let state = store.writer.state
        try state.uid.forEachLeaf(0, .max, store.writer.allocator.pages) { leaf, rows in
            for row in rows where MessageRow.flags(leaf, row) & MessageRow.deadBit == 0 {
                let message = MessageRow(leaf, row)
                if message.location == substitute {
                    gone[UInt32(RowTree<UIDSchema>.key(leaf, row) >> 32), default: UIDSet()].insert(UID(message.uid))
                }
            }
            return true
        }
        guard !gone.isEmpty else { return }
        try commit { tx in
            for (mailbox, uids) in gone.sorted(by: { $0.key < $1.key }) { try expunge(tx, uids, in: mailbox) }
        }
    }

    /// A commit takes so many of these at most, and so many bytes.
    private static let recoveredTogether = 500
    private static let recoveredBytes = 16 << 20

    private func recover(_ messages: [Int]) throws {
        var mailbox: UInt32 = 0
        try commit { tx in
            mailbox = tx.index.state.nextMailbox
            let name = try uniqueName("Recovered", tx)
            try create(tx, mailbox, nil, name)
            report.recoveredMailbox = name
        }
        var next = messages[...]
        while !next.isEmpty {
            try commit { tx in
                var bytes = 0
                var count = 0
                while let index = next.first, count < Salvage.recoveredTogether, bytes < Salvage.recoveredBytes {
                    let place = LogPosition(rawValue: source.locations[index])
                    let uid = try tx.index.mailbox(mailbox)!.uidNext
                    try put(
                        tx, mailbox, uid, 0, place, source.sizes[index], try date(of: place), [])
                    bytes += Int(source.sizes[index])
                    count += 1
                    next.removeFirst()
                }
            }
        }
        report.recovered = messages.count
    }

    /// The date in the message, for want of the one on which it came.
    private func date(of place: LogPosition) throws(StoreError) -> InternalDate {
        let none = InternalDate(seconds: 0, zoneMinutes: 0)
        guard let index = source.index(of: place) else { return none }
        let date = try source.body(index).withSummary { SummaryReader($0)?.sentDate }
        guard let date, -1439...1439 ~= date.zoneMinutes else { return none }
        return date
    }
}

extension Store {
    /// The id of a mailbox in the state that was built last, durable or not.
    fileprivate func mailboxID(_ name: String) throws(StoreError) -> UInt32? {
        try name.withBytes { name throws(StoreError) in
            try writer.state.mailboxID(named: name, writer.allocator.pages)
        }
    }
}
