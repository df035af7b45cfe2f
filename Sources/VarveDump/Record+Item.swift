import MailModel
import VarveFormat

extension Record {
    /// The record as a line of a dump.
    func item(depth: Int) -> Item {
        var item = Item("record", depth: depth)
        item.bare("kind", word: "\(kind)")
        switch self {
        case .createMailbox(let id, let uidValidity, let name):
            item.add("mailbox", id)
            item.add("uidvalidity", uidValidity)
            item.add("name", .name(Array(name.utf8)))
        case .deleteMailbox(let id): item.add("mailbox", id)
        case .renameMailbox(let id, let name):
            item.add("mailbox", id)
            item.add("name", .name(Array(name.utf8)))
        case .subscribe(let name), .unsubscribe(let name): item.add("name", .name(Array(name.utf8)))
        case .append(let record):
            item.add("mailbox", record.mailbox)
            item.add("uid", record.uid)
            item.add("identity", record.identity)
            item.add("location", word: "\(record.location)")
            item.add("size", record.size)
            item.add("date", word: record.internalDate.text)
            item.add("flags", record.flags.value)
        case .changeFlags(let mailbox, let operation, let flags, let uids):
            item.add("mailbox", mailbox)
            item.add("operation", word: "\(operation)")
            item.add("flags", flags.value)
            item.add("uids", word: uids.description)
        case .expunge(let mailbox, let victims):
            item.add("mailbox", mailbox)
            item.add(victims)
        case .copy(let from, let to, let firstUID, let victims), .move(let from, let to, let firstUID, let victims):
            item.add("from", from)
            item.add("to", to)
            item.add("firstUid", firstUID)
            item.add(victims)
        case .claimRecent(let mailbox, let uid):
            item.add("mailbox", mailbox)
            item.add("below", uid)
        case .relocate(let record):
            item.add("from", word: "\(record.from)")
            item.add("location", word: "\(record.to)")
            item.add("identity", record.identity)
            item.add("messages", .list(record.rows.map { .word("\($0.mailbox):\($0.uid)") }))
        case .dropSegments(let numbers):
            item.add("segments", .list(numbers.map { .number(UInt64($0)) }))
        case .forgetVanished(let mailbox, let floor):
            item.add("mailbox", mailbox)
            item.add("floor", floor)
        case .renewUIDValidity(let mailbox, let uidValidity):
            item.add("mailbox", mailbox)
            item.add("uidvalidity", uidValidity)
        case .setSpecialUse(let mailbox, let use):
            item.add("mailbox", mailbox)
            item.add("specialUse", use.value)
        case .setSyncMode(let mailbox, let mode):
            item.add("mailbox", mailbox)
            item.add("syncMode", word: mode.name)
        }
        return item
    }
}

extension Item {
    fileprivate mutating func add(_ victims: Victims) {
        add("uids", word: victims.uids.description)
        add("count", victims.count)
        add("digest", word: hexadecimal(victims.digest))
    }
}

extension Flags {
    /// System flags as IMAP writes them, keywords quoted: somebody chose those.
    var value: Item.Value {
        .list(
            SystemFlags.names.filter { system.contains($0.flag) }.map { .word($0.name) }
                + keywords.map { .name(Array($0.utf8)) })
    }
}

extension SpecialUse {
    var value: Item.Value { .list(SpecialUse.names.filter { contains($0.use) }.map { .word($0.name) }) }
}

extension Item {
    /// What a mailbox has beside what every one has.
    mutating func add(_ use: SpecialUse, _ mode: SyncMode) {
        if !use.isEmpty { add("specialUse", use.value) }
        if mode != .full { add("syncMode", word: mode.name) }
    }
}

extension InternalDate {
    var text: String { Calendar.text(seconds: seconds, zoneMinutes: zoneMinutes) }
}

/// Eight digits, the highest first.
func hexadecimal(_ value: UInt32) -> String {
    hexadecimal([
        UInt8(truncatingIfNeeded: value >> 24), UInt8(truncatingIfNeeded: value >> 16),
        UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value),
    ])
}
