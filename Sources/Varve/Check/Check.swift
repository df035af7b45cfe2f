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
        /// The page of the index that it was met in; nil for what is counted over several.
        public var page: UInt32?
        public var description: String { "\(place): \(what)" }
    }

    let state: IndexState
    let pages: Pages
    private(set) var violations: [Violation] = []
    private(set) var reached: Set<UInt32> = []

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
    /// - Returns: also which pages those are.
    /// - Complexity: O(index).
    static func violations(ofTreesIn state: IndexState, _ pages: Pages) -> (violations: [Violation], reached: Set<UInt32>) {
        var check = Check(state: state, pages: pages)
        check.checkTrees()
        return (check.violations, check.reached)
    }

    /// As `violations(ofTreesIn:)`, for one who wants to know whether there is any.
    static func firstViolation(ofTreesIn state: IndexState, _ pages: Pages) -> Violation? {
        var check = Check(state: state, pages: pages)
        check.checkTrees()
        return check.violations.first
    }

    private init(state: IndexState, pages: Pages) {
        self.state = state
        self.pages = pages
    }

    mutating func report(_ place: String, _ what: String, page: UInt32? = nil) {
        violations.append(Violation(place: place, what: what, page: page))
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
            report("page \(number)", "it is reached twice", page: number)
            return nil
        }
        do {
            return try pages.page(number, level: level, tree: tree)
        } catch {
            report("page \(number)", error.message, page: number)
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
        if count == 0 { report(place, "it is empty", page: number) }
        for row in (level == 0 ? 0 : 1)..<max(count, 1) where row < count {
            let key = Tree.key(page, row)
            if row > (level == 0 ? 0 : 1), key <= Tree.key(page, row - 1) { report(place, "row \(row) is out of order", page: number) }
            if let low, key < low { report(place, "row \(row) is below its bound", page: number) }
            if let high, key >= high { report(place, "row \(row) is above its bound", page: number) }
        }
        if level == 0 { return Tree.leafWeight(page) }
        var total = Weight.zero
        for index in 0..<count {
            let weight = checkRowNode(
                schema, Tree.child(page, index), level - 1, low: index == 0 ? low : Tree.key(page, index),
                high: index + 1 < count ? Tree.key(page, index + 1) : high)
            let counted = Tree.innerWeight(page, index)
            if counted != weight { report(place, "child \(index) counts \(counted), beneath it is \(weight)", page: number) }
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
        do throws(FormatError) { try CellPage.validateContents(page) } catch { report(place, error.description, page: number) }
        for cell in (level == 0 ? 0 : 1)..<max(count, 1) where cell < count {
            let key = CellPage.key(page, cell)
            if cell > (level == 0 ? 0 : 1), CellPage.compare(CellPage.key(page, cell - 1), key) >= 0 {
                report(place, "cell \(cell) is out of order", page: number)
            }
            if let low, low.withBytes({ CellPage.compare($0, key) }) > 0 { report(place, "cell \(cell) is below its bound", page: number) }
            if let high, high.withBytes({ CellPage.compare($0, key) }) <= 0 {
                report(place, "cell \(cell) is above its bound", page: number)
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
                report(place, "child \(index) counts \(CellPage.childCount(page, index)), beneath it are \(found)", page: number)
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
        try checkMessages(row, place)
    }
}
