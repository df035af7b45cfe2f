import MailModel
import VarveFormat

// Records of the old log, applied to the new store as far as what they speak of is there.

extension Salvage {
    func apply(_ record: Record, _ tx: Transaction) throws(StoreError) {
        switch record {
        case .createMailbox(let id, let uidValidity, let name): try create(tx, id, uidValidity, name)
        case .deleteMailbox(let id):
            guard try tx.index.mailbox(id) != nil else { return }
            try tx.index.deleteMailbox(id)
            try tx.add(record)
        case .renameMailbox(let id, let name): try rename(tx, id, name)
        case .subscribe(let name):
            try tx.index.setSubscribed(name, true)
            try tx.add(record)
        case .unsubscribe(let name):
            try tx.index.setSubscribed(name, false)
            try tx.add(record)
        case .append(let append): try self.append(append, tx)
        case .changeFlags(let mailbox, let operation, let flags, let uids):
            guard try tx.index.mailbox(mailbox) != nil else { return }
            let changed = try tx.index.changeFlags(operation, flags, of: uids, in: mailbox)
            if !changed.isEmpty {
                try tx.add(.changeFlags(mailbox: mailbox, operation: operation, flags: flags, uids: changed))
            }
        case .expunge(let mailbox, let victims):
            try expunge(tx, victims.uids, in: mailbox)
        case .copy(let from, let to, let firstUID, let victims):
            try copy(tx, victims, from, to, firstUID)
        case .move(let from, let to, let firstUID, let victims):
            try copy(tx, victims, from, to, firstUID)
            try expunge(tx, victims.uids, in: from)
        // Of where bodies lay in the old log.
        case .relocate(let move):
            for place in [move.from, move.to] { if let index = source.index(of: place) { setName(index) } }
        case .dropSegments: return
        case .forgetVanished(let mailbox, let floor):
            guard let row = try tx.index.mailbox(mailbox), floor > row.vanishedFloor else { return }
            try tx.index.forgetVanished(mailbox, through: floor)
            try tx.add(record)
        case .renewUIDValidity(let mailbox, let uidValidity):
            guard try tx.index.mailbox(mailbox) != nil, uidValidity > tx.index.state.lastUIDValidity else { return }
            try tx.index.renewUIDValidity(mailbox, to: uidValidity)
            try tx.add(record)
        case .setSpecialUse(let mailbox, let use):
            guard try tx.index.mailbox(mailbox) != nil else { return }
            try tx.index.setSpecialUse(use, of: mailbox)
            try tx.add(record)
        case .setSyncMode(let mailbox, let mode):
            guard try tx.index.mailbox(mailbox) != nil else { return }
            try tx.index.setSyncMode(mode, of: mailbox)
            try tx.add(record)
        case .claimRecent(let mailbox, let uid):
            guard let row = try tx.index.mailbox(mailbox) else { return }
            let claimed = min(uid, row.uidNext)
            try tx.index.claimRecent(mailbox, below: claimed)
            try tx.add(.claimRecent(mailbox: mailbox, uid: claimed))
        }
    }

    // MARK: Mailboxes

    func create(_ tx: Transaction, _ id: UInt32, _ uidValidity: UInt32?, _ name: String) throws(StoreError) {
        guard id >= tx.index.state.nextMailbox else {
            report.remark("mailbox \(id), \(name), was made twice: the second one was left out")
            return
        }
        let name = try uniqueName(name, tx)
        // A name gets a UIDVALIDITY that no mailbox of the account has had.
        let seconds = UInt32(truncatingIfNeeded: min(now / 1000, UInt64(UInt32.max / 2)))
        let validity = uidValidity ?? max(seconds, min(tx.index.state.lastUIDValidity, .max - 1) + 1)
        try tx.index.createMailbox(id, uidValidity: validity, name: name)
        try tx.add(.createMailbox(id: id, uidValidity: validity, name: name))
    }

    func rename(_ tx: Transaction, _ id: UInt32, _ name: String) throws(StoreError) {
        guard let row = try tx.index.mailbox(id), row.name != Array(name.utf8) else { return }
        let name = try uniqueName(name, tx)
        try tx.index.renameMailbox(id, to: name)
        try tx.add(.renameMailbox(id: id, name: name))
    }

    /// The name, or one like it that no mailbox has.
    func uniqueName(_ name: String, _ tx: Transaction) throws(StoreError) -> String {
        var result = name
        var number = 1
        while try tx.index.mailboxID(named: result) != nil {
            number += 1
            let ending = "~\(number)"
            var stem = Substring(name)
            while stem.utf8.count + ending.utf8.count > Format.maximumNameLength { stem.removeLast() }
            result = stem + ending
        }
        return result
    }

    /// A mailbox whose making is lost, and of which a later record speaks.
    private func provide(_ id: UInt32, _ tx: Transaction) throws(StoreError) -> Bool {
        if try tx.index.mailbox(id) != nil { return true }
        guard id >= tx.index.state.nextMailbox, id < UInt32.max else { return false }
        if let row = try known.flatMap({ known throws(StoreError) in try known.state.mailbox(id, known.pages) }) {
            try create(tx, id, row.uidValidity, String(decoding: row.name, as: UTF8.self))
        } else {
            try create(tx, id, nil, "Recovered mailbox \(id)")
            makeUncertain(id)
        }
        return true
    }

    // MARK: Messages

    private func append(_ record: AppendRecord, _ tx: Transaction) throws(StoreError) {
        let index = source.index(of: record.location)
        guard try provide(record.mailbox, tx), let row = try tx.index.mailbox(record.mailbox), record.uid >= row.uidNext else {
            report.remark("UID \(record.uid) of mailbox \(record.mailbox) cannot be given")
            return
        }
        if let index { setName(index) }
        try fill(tx, record.mailbox, upTo: record.uid)
        try put(
            tx, record.mailbox, record.uid, record.identity, record.location, record.size, record.internalDate, record.flags)
    }

    /// Puts a message behind all others of a mailbox, or what stands for it if its bytes are gone.
    func put(
        _ tx: Transaction, _ mailbox: UInt32, _ uid: UInt32, _ identity: UInt64, _ location: LogPosition, _ size: UInt32,
        _ date: InternalDate, _ flags: Flags
    ) throws(StoreError) {
        let index = source.index(of: location).flatMap { source.sizes[$0] == size ? $0 : nil }
        let place: LogPosition
        if let index {
            place = try self.place(of: index, tx)
        } else {
            let name = try tx.index.mailbox(mailbox).map { String(decoding: $0.name, as: UTF8.self) } ?? "mailbox \(mailbox)"
            report.lose(RepairReport.LostMessage(mailbox: name, uid: uid, size: size))
            place = try substitutePlace(tx)
        }
        let record = AppendRecord(
            mailbox: mailbox, uid: uid, identity: max(identity, tx.index.state.nextIdentity), location: place,
            size: index == nil ? 0 : size, internalDate: date, flags: flags)
        try tx.index.append(record)
        try tx.add(.append(record))
    }

    /// Where a message of the source is in the new store; copies it there if it is not.
    func place(of index: Int, _ tx: Transaction) throws(StoreError) -> LogPosition {
        setName(index)
        if places[index] != 0 { return LogPosition(rawValue: places[index]) }
        let place: LogPosition
        if source.cipher == nil, store.cipher == nil, let (kind, payload, length) = try source.message(index) {
            place = try tx.addFrame(kind, payload, length: length)
        } else {
            // What was sealed with the other store's key is sealed with this one's; and a dictionary was that of a segment.
            let message = tx.fitted(try store.prepare(try source.body(index).bytes()))
            place = try tx.addFrame(message.kind, message.payload, length: message.payloadLength)
        }
        setPlace(index, place)
        return place
    }

    private func substitutePlace(_ tx: Transaction) throws(StoreError) -> LogPosition {
        if let substitute { return substitute }
        let empty = try store.prepare([])
        let place = try tx.addFrame(empty.kind, empty.payload, length: empty.payloadLength)
        substitute = place
        return place
    }

    /// UIDs that a mailbox' next record passes over were given by commits that are lost: to what the index knows under
    /// them, and else to what is gone.
    func fill(_ tx: Transaction, _ mailbox: UInt32, upTo uid: UInt32) throws(StoreError) {
        guard var next = try tx.index.mailbox(mailbox)?.uidNext, next < uid else { return }
        guard uid - next <= Salvage.maximumFill else {
            throw StoreError(.limit, "UIDs \(next) to \(uid - 1) of mailbox \(mailbox) are not known: too many to be made up for")
        }
        let rows = try known?.messages(in: mailbox, from: next, through: uid - 1) ?? []
        for row in rows {
            try fillWithSubstitutes(tx, mailbox, next, upTo: row.uid)
            try put(
                tx, mailbox, row.uid, row.identity, row.location, row.size,
                InternalDate(seconds: row.internalDate, zoneMinutes: row.zoneMinutes), known!.flags(of: row))
            next = row.uid + 1
        }
        try fillWithSubstitutes(tx, mailbox, next, upTo: uid)
    }

    /// Ten million rows of 56 bytes.
    private static let maximumFill: UInt32 = 10_000_000

    /// One message, and copies of it, each time as many as there are.
    private func fillWithSubstitutes(
        _ tx: Transaction, _ mailbox: UInt32, _ first: UInt32, upTo end: UInt32
    ) throws(StoreError) {
        guard first < end else { return }
        let record = AppendRecord(
            mailbox: mailbox, uid: first, identity: tx.index.state.nextIdentity, location: try substitutePlace(tx), size: 0,
            internalDate: InternalDate(seconds: 0, zoneMinutes: 0), flags: Flags(.seen))
        try tx.index.append(record)
        try tx.add(.append(record))
        var next = first + 1
        while next < end {
            let count = min(next - first, end - next)
            let uids = UIDSet(UIDRange(UID(first), UID(first + count - 1)))
            let victims = try tx.index.victims(uids, in: mailbox, onlyDeleted: false)
            try tx.index.copy(uids, from: mailbox, to: mailbox, firstUID: next)
            try tx.add(.copy(from: mailbox, to: mailbox, firstUID: next, victims: victims))
            next += count
        }
    }

    func expunge(_ tx: Transaction, _ uids: UIDSet, in mailbox: UInt32) throws(StoreError) {
        guard try tx.index.mailbox(mailbox) != nil else { return }
        let victims = try tx.index.victims(uids, in: mailbox, onlyDeleted: false)
        guard victims.count > 0 else { return }
        try tx.index.expunge(victims, in: mailbox)
        try tx.add(.expunge(mailbox: mailbox, victims: victims))
    }

    /// The k-th of the originals became UID `firstUID + k`, whichever of them are still known.
    private func copy(
        _ tx: Transaction, _ victims: Victims, _ from: UInt32, _ to: UInt32, _ firstUID: UInt32
    ) throws(StoreError) {
        guard try provide(to, tx), let target = try tx.index.mailbox(to), target.uidNext <= firstUID,
            firstUID > 0, victims.uids.count < Int(UInt32.max - firstUID)
        else {
            report.remark("UIDs from \(firstUID) on of mailbox \(to) cannot be given")
            return
        }
        let isKnown = try tx.index.mailbox(from) != nil
        let present = isKnown ? try tx.index.victims(victims.uids, in: from, onlyDeleted: false).uids : UIDSet()
        var before = 0
        for range in victims.uids.ranges {
            for run in present.intersection(UIDSet(range)).ranges {
                let first = firstUID + UInt32(before) + (run.first.rawValue - range.first.rawValue)
                try fill(tx, to, upTo: first)
                let uids = UIDSet(run)
                let found = try tx.index.victims(uids, in: from, onlyDeleted: false)
                try tx.index.copy(uids, from: from, to: to, firstUID: first)
                try tx.add(.copy(from: from, to: to, firstUID: first, victims: found))
            }
            before += range.span
        }
        try fill(tx, to, upTo: firstUID + UInt32(before))
    }
}
