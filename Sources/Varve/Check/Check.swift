import MailModel
import VarveFormat

/// Looks at everything that must hold in one state of an account, and lists what does not.
///
/// What must hold: every tree is in order, its separators bound its keys and its inner nodes count what lies beneath; no
/// page is reached twice; each mailbox' counters are those of its messages; each live message lies in exactly one range of
/// `changed`, that of its modseq, and no range holds a message of another; the rows of expunged messages are just those
/// that `vanished` names and that are not purged; names and mailboxes lead to each other.
public struct Check {
    public struct Violation: Sendable, CustomStringConvertible {
        /// Which structure, and where in it.
        public let place: String
        public let what: String
        public var description: String { "\(place): \(what)" }
    }

    private let state: IndexState
    private let pages: Pages
    private(set) var violations: [Violation] = []
    private var reached: Set<UInt32> = []

    /// - Complexity: O(index).
    public static func run(_ snapshot: Snapshot) -> [Violation] {
        var check = Check(state: snapshot.root.state, pages: snapshot.root.pages)
        check.checkTrees()
        if check.violations.isEmpty { check.checkMailboxes(snapshot) }
        return check.violations
    }

    /// As `run`, for a store with nothing under way: also that each page of the index is reached, or free, and never both.
    package static func run(_ store: Store) -> [Violation] {
        store.monitor.lock()
        defer { store.monitor.unlock() }
        // Between its plan and its end a checkpoint has pages of its own.
        while store.writer.isCheckpointing { store.monitor.wait() }
        let root = store.published.load()
        var check = Check(state: root.state, pages: root.pages)
        check.checkTrees()
        if check.violations.isEmpty { check.checkMailboxes(Snapshot(root)) }
        let free = store.writer.allocator.unneeded + store.writer.freeListPages
        var seen = check.reached.union([0])
        for page in free where !seen.insert(page).inserted {
            check.report("page \(page)", "it is free, and needed or free again")
        }
        let lost = (0..<store.writer.allocator.pageCount).filter { !seen.contains($0) }
        if !lost.isEmpty { check.report("index", "pages \(lost) are neither free nor needed") }
        return check.violations
    }

    /// Looks at the trees alone: whether all pages that the state reaches are there, whole and in their place.
    /// - Complexity: O(index).
    static func firstViolation(ofTreesIn state: IndexState, _ pages: Pages) -> Violation? {
        var check = Check(state: state, pages: pages)
        check.checkTrees()
        return check.violations.first
    }

    private init(state: IndexState, pages: Pages) {
        self.state = state
        self.pages = pages
    }

    private mutating func report(_ place: String, _ what: String) {
        violations.append(Violation(place: place, what: what))
    }

    // MARK: Trees

    private mutating func checkTrees() {
        checkRows(state.uid)
        checkRows(state.changed)
        checkRows(state.vanished)
        checkRows(state.mailboxChanges)
        checkCells(state.segments)
        checkCells(state.mailboxes)
        checkCells(state.names)
        checkCells(state.subscriptions)
        checkCells(state.keywordTree)
    }

    private mutating func page(_ number: UInt32, level: UInt8, tree: TreeID) -> UnsafeRawPointer? {
        if !reached.insert(number).inserted {
            report("page \(number)", "it is reached twice")
            return nil
        }
        do {
            return try pages.page(number, level: level, tree: tree)
        } catch {
            report("page \(number)", error.message)
            return nil
        }
    }

    private mutating func checkRows<Schema>(_ tree: RowTree<Schema>) {
        guard tree.root.height > 0 else { return }
        _ = checkRowNode(Schema.self, tree.root.page, tree.root.height - 1, low: nil, high: nil)
    }

    private mutating func checkRowNode<Schema: RowSchema>(
        _ schema: Schema.Type, _ number: UInt32, _ level: UInt8, low: Schema.Key?, high: Schema.Key?
    ) -> Weight {
        typealias Tree = RowTree<Schema>
        guard let page = page(number, level: level, tree: Schema.tree) else { return .zero }
        let count = Page.count(page)
        let place = "\(Schema.tree), page \(number)"
        if count == 0 { report(place, "it is empty") }
        for row in (level == 0 ? 0 : 1)..<max(count, 1) where row < count {
            let key = Tree.key(page, row)
            if row > (level == 0 ? 0 : 1), key <= Tree.key(page, row - 1) { report(place, "row \(row) is out of order") }
            if let low, key < low { report(place, "row \(row) is below its bound") }
            if let high, key >= high { report(place, "row \(row) is above its bound") }
        }
        if level == 0 { return Tree.leafWeight(page) }
        var total = Weight.zero
        for index in 0..<count {
            let weight = checkRowNode(
                schema, Tree.child(page, index), level - 1, low: index == 0 ? low : Tree.key(page, index),
                high: index + 1 < count ? Tree.key(page, index + 1) : high)
            let counted = Tree.innerWeight(page, index)
            if counted != weight { report(place, "child \(index) counts \(counted), beneath it is \(weight)") }
            total += weight
        }
        return total
    }

    private mutating func checkCells(_ tree: CellTree) {
        guard tree.root.height > 0 else { return }
        _ = checkCellNode(tree.tree, tree.root.page, tree.root.height - 1, low: nil, high: nil)
    }

    private mutating func checkCellNode(
        _ tree: TreeID, _ number: UInt32, _ level: UInt8, low: [UInt8]?, high: [UInt8]?
    ) -> Int {
        guard let page = page(number, level: level, tree: tree) else { return 0 }
        let count = Page.count(page)
        let place = "\(tree), page \(number)"
        do throws(FormatError) { try CellPage.validateContents(page) } catch { report(place, error.description) }
        for cell in (level == 0 ? 0 : 1)..<max(count, 1) where cell < count {
            let key = CellPage.key(page, cell)
            if cell > (level == 0 ? 0 : 1), CellPage.compare(CellPage.key(page, cell - 1), key) >= 0 {
                report(place, "cell \(cell) is out of order")
            }
            if let low, low.withBytes({ CellPage.compare($0, key) }) > 0 { report(place, "cell \(cell) is below its bound") }
            if let high, high.withBytes({ CellPage.compare($0, key) }) <= 0 {
                report(place, "cell \(cell) is above its bound")
            }
        }
        if level == 0 { return count }
        var total = 0
        for index in 0..<count {
            let found = checkCellNode(
                tree, CellPage.child(page, index), level - 1,
                low: index == 0 ? low : Array(CellPage.key(page, index)),
                high: index + 1 < count ? Array(CellPage.key(page, index + 1)) : high)
            if found != Int(CellPage.childCount(page, index)) {
                report(place, "child \(index) counts \(CellPage.childCount(page, index)), beneath it are \(found)")
            }
            total += found
        }
        return total
    }

    // MARK: Mailboxes

    private mutating func checkMailboxes(_ snapshot: Snapshot) {
        do throws(StoreError) {
            var rows: [MailboxRow] = []
            var failure: String?
            try [UInt8]().withBytes { start throws(StoreError) in
                _ = try state.mailboxes.forEach(from: start, pages) { key, value in
                    let id = key.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                    if let row = try? MailboxRow(id: id, value) { rows.append(row) } else { failure = "mailbox \(id)" }
                    return true
                }
            }
            if let failure { report(failure, "its row is malformed") }
            var dead: UInt64 = 0
            for row in rows {
                dead += UInt64(row.dead)
                try checkMailbox(row)
            }
            if dead != state.deadRows { report("account", "\(state.deadRows) dead rows are counted, there are \(dead)") }
            let live = state.uid.root.height == 0 ? 0 : try state.uid.weight(below: .max, pages).live
            let messages = rows.reduce(0) { $0 + Int($1.messages) }
            if Int(live) != messages { report("uid", "\(live) live messages, the mailboxes count \(messages)") }
            if try state.names.count(pages) != rows.count {
                report("names", "\(try state.names.count(pages)) names for \(rows.count) mailboxes")
            }
        } catch {
            report("index", error.message)
        }
    }

    private mutating func checkMailbox(_ row: MailboxRow) throws(StoreError) {
        let place = "mailbox \(row.id) (\(String(decoding: row.name, as: UTF8.self)))"
        let named = try row.name.withBytes { name throws(StoreError) in try state.mailboxID(named: name, pages) }
        if named != row.id { report(place, "its name leads to mailbox \(named.map(String.init) ?? "none")") }
        if row.highestModSeq > state.modSeq { report(place, "its highest modseq \(row.highestModSeq) is yet to come") }
        let listed = MailboxChangeRow.key(modSeq: row.highestModSeq, mailbox: row.id)
        if try state.mailboxChanges.find(listed, pages) == nil { report(place, "mailboxChanges does not list it") }
        let messages = try messages(of: row)
        checkCounters(row, messages, place)
        try checkChanged(row, messages.filter { $0.flags & MessageRow.deadBit == 0 }, place)
        try checkVanished(row, messages, place)
    }

    private func messages(of row: MailboxRow) throws(StoreError) -> [MessageRow] {
        var messages: [MessageRow] = []
        try state.uid.forEachLeaf(
            MessageRow.key(mailbox: row.id, uid: 0), MessageRow.key(mailbox: row.id, uid: .max), pages
        ) { leaf, rows in
            for i in rows { messages.append(MessageRow(leaf, i)) }
            return true
        }
        return messages
    }

    private mutating func checkCounters(_ row: MailboxRow, _ messages: [MessageRow], _ place: String) {
        let live = messages.filter { $0.flags & MessageRow.deadBit == 0 }
        func expect(_ counted: some BinaryInteger, _ found: some BinaryInteger, _ what: String) {
            if Int(counted) != Int(found) { report(place, "\(counted) \(what) are counted, there are \(found)") }
        }
        expect(row.messages, live.count, "messages")
        expect(row.dead, messages.count - live.count, "dead rows")
        expect(row.unseen, live.filter { $0.flags & SystemFlags.seen.rawValue == 0 }.count, "unseen messages")
        expect(row.deleted, live.filter { $0.flags & SystemFlags.deleted.rawValue != 0 }.count, "deleted messages")
        expect(row.bytes, live.reduce(0) { $0 + UInt64($1.size) }, "bytes")
        if let last = messages.last, last.uid >= row.uidNext {
            report(place, "UID \(last.uid) is not below UIDNEXT \(row.uidNext)")
        }
        if row.firstRecent > row.uidNext { report(place, "recent from \(row.firstRecent), UIDNEXT is \(row.uidNext)") }
        for message in messages where state.keywords.names(ofSet: message.keywordSet).isEmpty && message.keywordSet != 0 {
            report(place, "UID \(message.uid) has an unknown set of keywords \(message.keywordSet)")
        }
    }

    private mutating func checkChanged(_ row: MailboxRow, _ live: [MessageRow], _ place: String) throws(StoreError) {
        typealias Tree = RowTree<ChangedSchema>
        var ranges: [(first: UInt32, last: UInt32, modSeq: UInt64)] = []
        try state.changed.forEachLeaf(
            RangeRow.key(mailbox: row.id, modSeq: 0, first: 0), RangeRow.key(mailbox: row.id, modSeq: .max, first: .max),
            pages
        ) { leaf, rows in
            for i in rows {
                let key = Tree.key(leaf, i)
                ranges.append((RangeRow.first(key), Tree.last(leaf, i), RangeRow.modSeq(key)))
            }
            return true
        }
        ranges.sort { $0.first < $1.first }
        var next = 0
        for message in live {
            while next < ranges.count, ranges[next].last < message.uid { next += 1 }
            guard next < ranges.count, ranges[next].first <= message.uid, ranges[next].modSeq == message.modSeq else {
                report(place, "UID \(message.uid), changed at \(message.modSeq), lies in no such range of changed")
                return
            }
        }
        for (a, b) in zip(ranges, ranges.dropFirst()) where a.last >= b.first {
            report(place, "ranges \(a) and \(b) of changed overlap")
        }
        let modSeqs = Dictionary(live.map { ($0.uid, $0.modSeq) }, uniquingKeysWith: { a, _ in a })
        for range in ranges
        where range.first > range.last || modSeqs[range.first] != range.modSeq || modSeqs[range.last] != range.modSeq {
            report(place, "range \(range) of changed does not begin and end with a message of its modseq")
        }
    }

    private mutating func checkVanished(_ row: MailboxRow, _ messages: [MessageRow], _ place: String) throws(StoreError) {
        typealias Tree = RowTree<VanishedSchema>
        var expected: [UInt32: UInt64] = [:]
        var all = UIDSet()
        var total = 0
        try state.vanished.forEachLeaf(
            RangeRow.key(mailbox: row.id, modSeq: 0, first: 0), RangeRow.key(mailbox: row.id, modSeq: .max, first: .max),
            pages
        ) { leaf, rows in
            for i in rows {
                let key = Tree.key(leaf, i)
                let first = RangeRow.first(key)
                let last = Tree.last(leaf, i)
                guard first <= last else { continue }
                all.insert(UIDRange(UID(first), UID(last)))
                total += Int(last - first) + 1
                let modSeq = RangeRow.modSeq(key)
                if modSeq <= row.vanishedFloor { report(place, "vanished holds \(modSeq), the floor is \(row.vanishedFloor)") }
                guard modSeq > row.purged else { continue }
                let unpurged = modSeq == row.purged + 1 ? max(first, row.purgedBelow) : first
                if unpurged <= last { for uid in unpurged...last { expected[uid] = modSeq } }
            }
            return true
        }
        if all.count != total { report(place, "a UID is in vanished twice") }
        for message in messages where message.flags & MessageRow.deadBit == 0 && all.contains(UID(message.uid)) {
            report(place, "UID \(message.uid) is live, and in vanished")
        }
        if all.last.map({ $0.rawValue >= row.uidNext }) ?? false { report(place, "a UID in vanished is not below UIDNEXT") }
        for message in messages where message.flags & MessageRow.deadBit != 0 {
            if expected.removeValue(forKey: message.uid) != message.modSeq {
                report(place, "UID \(message.uid), expunged at \(message.modSeq), is not so in vanished")
            }
        }
        if let uid = expected.keys.min() { report(place, "UID \(uid) is in vanished; its row is neither there nor purged") }
        if row.vanishedFloor > row.purged {
            report(place, "expunges through \(row.vanishedFloor) are forgotten, rows purged through \(row.purged)")
        }
        // Below the floor it is not known who was there: then all that can be said is that nobody is both here and gone.
        let known = UInt64(total) + UInt64(row.messages)
        let given = UInt64(row.uidNext) - 1
        if row.vanishedFloor > 0 ? known > given : known != given {
            report(place, "\(row.messages) messages and \(total) vanished do not make up the UIDs below \(row.uidNext)")
        }
    }
}
