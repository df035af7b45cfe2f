import MailModel
import VarveFormat

extension BaseRecord {
    /// The record as lines of a dump: one, or one for each of its elements.
    func forEachItem(depth: Int, _ body: (Item) -> Void) {
        switch self {
        case .account(let account):
            var item = Item("account", depth: depth)
            item.add("nextMailbox", account.nextMailbox)
            item.add("lastUidvalidity", account.lastUIDValidity)
            item.add("nextIdentity", account.nextIdentity)
            item.add("deadBytes", account.deadBytes)
            body(item)
        case .keyword(let id, let name):
            var item = Item("keyword", depth: depth)
            item.bare("id", id)
            item.add("name", .name(Array(name.utf8)))
            body(item)
        case .keywordSet(let number, let members):
            var item = Item("set", depth: depth)
            item.bare("number", number)
            item.add("keywords", .list(members.map { .number(UInt64($0)) }))
            body(item)
        case .mailbox(let mailbox): body(BaseRecord.item(mailbox, depth))
        case .subscription(let name):
            var item = Item("subscription", depth: depth)
            item.bare("name", .name(Array(name.utf8)))
            body(item)
        case .messages(let mailbox, let rows):
            for row in rows { body(BaseRecord.item(row, mailbox, depth + 1)) }
        case .vanished(let mailbox, let ranges):
            for range in ranges {
                var item = Item("vanished", depth: depth + 1)
                item.add("mailbox", mailbox)
                item.add("modseq", range.modSeq)
                item.add("uids", word: range.first == range.last ? "\(range.first)" : "\(range.first):\(range.last)")
                body(item)
            }
        case .segments(let cells):
            for cell in cells {
                var item = Item("segment", depth: depth)
                item.bare("number", cell.number)
                item.add("end", cell.end)
                body(item)
            }
        }
    }

    private static func item(_ mailbox: BaseMailbox, _ depth: Int) -> Item {
        var item = Item("mailbox", depth: depth)
        item.bare("id", mailbox.id)
        item.add("name", .name(Array(mailbox.name.utf8)))
        item.add("uidvalidity", mailbox.uidValidity)
        item.add("uidnext", mailbox.uidNext)
        item.add("firstRecent", mailbox.firstRecent)
        item.add("highestModseq", mailbox.highestModSeq)
        item.add("created", mailbox.created)
        item.add("vanishedFloor", mailbox.vanishedFloor)
        item.add(mailbox.specialUse, mailbox.syncMode)
        return item
    }

    private static func item(_ message: MessageRow, _ mailbox: UInt32, _ depth: Int) -> Item {
        var item = Item("message", depth: depth)
        item.add("mailbox", mailbox)
        item.add("uid", message.uid)
        item.add("flags", Flags(SystemFlags(rawValue: message.flags).intersection(.all)).value)
        item.add("keywordSet", message.keywordSet)
        item.add("modseq", message.modSeq)
        item.add("location", word: message.location.description)
        item.add("identity", message.identity)
        item.add("date", word: InternalDate(seconds: message.internalDate, zoneMinutes: message.zoneMinutes).text)
        item.add("size", message.size)
        item.add("saved", word: Calendar.text(seconds: Int64(MessageRow.saveDateEpoch) + Int64(message.saveDate)))
        return item
    }
}
