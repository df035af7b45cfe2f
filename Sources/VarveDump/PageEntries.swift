import MailModel
import VarveFormat

/// What stands in a page of the index, as lines of a dump.
enum PageEntries {
    /// - Precondition: the page's contents are valid.
    static func emit(_ page: UnsafeRawPointer, depth: Int, _ output: Output) {
        switch PageKind(rawValue: page.load8(Page.kindOffset)) {
        case .rowLeaf:
            guard let tree = TreeID(rawValue: page.load16(Page.treeOffset)) else { return }
            for row in 0..<Page.count(page) { output.emit(self.row(page, row, tree, depth)) }
        case .cellLeaf:
            let tree = TreeID(rawValue: page.load16(Page.treeOffset))
            for i in 0..<Page.count(page) {
                output.emit(cell(CellPage.key(page, i), CellPage.value(page, i), tree, depth))
            }
        case .rowInner:
            guard let layout = RowLayout(tree: page.load16(Page.treeOffset)) else { return }
            for i in 0..<Page.count(page) { output.emit(child(page, i, layout, depth)) }
        case .cellInner:
            for i in 0..<Page.count(page) {
                var item = Item("child", depth: depth)
                item.bare("page", CellPage.child(page, i))
                item.add("count", CellPage.childCount(page, i))
                item.add("from", .name(Array(CellPage.key(page, i))))
                output.emit(item)
            }
        case .freeList:
            for i in 0..<min(Page.count(page), FreeListPage.capacity) {
                output.emit(free(FreeListPage.entry(page, i), depth))
            }
        case .header, nil: break
        }
    }

    static func free(_ page: UInt32, _ depth: Int) -> Item {
        var item = Item("free", depth: depth)
        item.bare("page", page)
        return item
    }

    private static func child(_ page: UnsafeRawPointer, _ index: Int, _ layout: RowLayout, _ depth: Int) -> Item {
        var item = Item("child", depth: depth)
        item.bare("page", page.load32(layout.child(index)))
        item.add("live", page.load32(layout.live(index)))
        item.add("unseen", page.load32(layout.unseen(index)))
        let key = TreeWalk.key(page, layout.key(index), layout)
        item.add("from", word: String(key, radix: 16))
        return item
    }

    // MARK: Rows

    private static func row(_ page: UnsafeRawPointer, _ row: Int, _ tree: TreeID, _ depth: Int) -> Item {
        switch tree {
        case .uid: return message(page, row, depth)
        case .changed, .vanished:
            let layout = RowLayout.ranges
            let key = TreeWalk.key(page, layout.key(row), layout)
            var item = Item("\(tree)", depth: depth)
            item.add("mailbox", RangeRow.mailbox(key))
            item.add("modseq", RangeRow.modSeq(key))
            let (first, last) = (RangeRow.first(key), page.load32(layout.hot(row)))
            item.add("uids", word: first == last ? "\(first)" : "\(first):\(last)")
            return item
        default:
            let layout = RowLayout.mailboxChanges
            let key = TreeWalk.key(page, layout.key(row), layout)
            var item = Item("\(tree)", depth: depth)
            item.add("modseq", MailboxChangeRow.modSeq(key))
            item.add("mailbox", MailboxChangeRow.mailbox(key))
            return item
        }
    }

    private static func message(_ page: UnsafeRawPointer, _ row: Int, _ depth: Int) -> Item {
        let message = MessageRow(page, row)
        var item = Item("uid", depth: depth)
        item.add("mailbox", UInt32(truncatingIfNeeded: page.load64(RowLayout.uid.key(row)) >> 32))
        item.add("uid", message.uid)
        item.add("expunged", .flag(message.flags & MessageRow.deadBit != 0))
        let flags = Flags(SystemFlags(rawValue: message.flags).intersection(.all))
        item.add("flags", flags.value)
        item.add("keywordSet", message.keywordSet)
        item.add("modseq", message.modSeq)
        item.add("location", word: message.location.description)
        item.add("identity", message.identity)
        item.add(
            "date", word: InternalDate(seconds: message.internalDate, zoneMinutes: message.zoneMinutes).text)
        item.add("size", message.size)
        item.add(
            "saved", word: Calendar.text(seconds: Int64(MessageRow.saveDateEpoch) + Int64(message.saveDate)))
        return item
    }

    // MARK: Cells

    private static func cell(
        _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ tree: TreeID?, _ depth: Int
    ) -> Item {
        let known: Item? =
            switch tree {
            case .mailboxes: mailbox(key, value, depth)
            case .names: value.count == 4 ? name(key, value.baseAddress!.load32(0), depth) : nil
            case .subscriptions: value.isEmpty ? subscription(key, depth) : nil
            case .keywords: (try? KeywordCell(key: key, value: value)).map { keyword($0, depth) }
            case .segments: (try? SegmentCell(key: key, value: value)).map { segment($0, depth) }
            default: nil
            }
        if let known { return known }
        var item = Item("cell", depth: depth)
        item.add("key", word: hexadecimal(key))
        item.add("value", word: hexadecimal(value))
        return item
    }

    /// nil if the cell is no mailbox' row.
    static func mailbox(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ depth: Int) -> Item? {
        let id = key.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard key.count == 4, let row = try? MailboxRow(id: id, value) else { return nil }
        var item = Item("mailbox", depth: depth)
        item.bare("id", row.id)
        item.add("name", .name(row.name))
        item.add("uidvalidity", row.uidValidity)
        item.add("uidnext", row.uidNext)
        item.add("firstRecent", row.firstRecent)
        item.add("messages", row.messages)
        item.add("unseen", row.unseen)
        item.add("deleted", row.deleted)
        item.add("bytes", row.bytes)
        item.add("highestModseq", row.highestModSeq)
        item.add("created", row.created)
        item.add("vanishedFloor", row.vanishedFloor)
        item.add("dead", row.dead)
        item.add("purged", row.purged)
        if row.purgedBelow > 0 { item.add("purgedBelow", row.purgedBelow) }
        item.add(row.specialUse, row.syncMode)
        return item
    }

    private static func name(_ key: UnsafeRawBufferPointer, _ id: UInt32, _ depth: Int) -> Item {
        var item = Item("name", depth: depth)
        item.bare("name", .name(Array(key)))
        item.add("mailbox", id)
        return item
    }

    private static func subscription(_ key: UnsafeRawBufferPointer, _ depth: Int) -> Item {
        var item = Item("subscription", depth: depth)
        item.bare("name", .name(Array(key)))
        return item
    }

    private static func segment(_ cell: SegmentCell, _ depth: Int) -> Item {
        var item = Item("segment", depth: depth)
        item.bare("number", cell.number)
        item.add("end", cell.end)
        return item
    }

    private static func keyword(_ cell: KeywordCell, _ depth: Int) -> Item {
        switch cell {
        case .keyword(let id, let name):
            var item = Item("keyword", depth: depth)
            item.bare("id", id)
            item.add("name", .name(name))
            return item
        case .set(let number, let members):
            var item = Item("set", depth: depth)
            item.bare("number", number)
            item.add("keywords", .list(members.map { .number(UInt64($0)) }))
            return item
        }
    }
}
