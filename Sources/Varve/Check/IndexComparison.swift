import VarveFormat

/// Compares the index on disk with one that was built from the log: all rows and cells, but not what is not in the log
/// (`Formats/index.md`, "What must hold"): which rows of expunged messages have been taken out.
struct IndexComparison {
    struct Side {
        let state: IndexState
        let pages: Pages
    }

    let index: Side
    let log: Side
    private(set) var differences: [String] = []
    /// Of mailboxes by id: up to where the index has taken rows of expunged messages out.
    private var purged: [UInt32: Purged] = [:]
    /// The same of what was built from the log: a base has no rows of expunged messages.
    private var loggedPurged: [UInt32: Purged] = [:]

    /// All expunges through a commit, and those of the one behind it that are of UIDs below another.
    private struct Purged {
        var through: UInt64
        var below: UInt32
    }

    /// More than so many of one tree are not listed.
    private static let listed = 100

    /// The segment with which the log's side began.
    private let firstSegment: UInt32

    init(index: Side, log: Side, firstSegment: UInt32 = 1) {
        self.index = index
        self.log = log
        self.firstSegment = firstSegment
    }

    mutating func run() throws(StoreError) {
        compareCounters()
        try compareMailboxes()
        try compareCells(.names, index.state.names, log.state.names)
        try compareCells(.subscriptions, index.state.subscriptions, log.state.subscriptions)
        // A base does not name segments that are about to be given up; the index has them until that is committed.
        let base = MailboxRow.key(firstSegment)
        try compareCells(
            .segments, index.state.segments, log.state.segments, unlessLogLacks: { $0.lexicographicallyPrecedes(base) })
        try compareCells(.keywords, index.state.keywordTree, log.state.keywordTree)
        try compareRows(index.state.uid, log.state.uid, { MessageRow($0, $1) }) { [purged, loggedPurged] isLogged, key, row in
            let purged = (isLogged ? purged : loggedPurged)[UInt32(key >> 32)]
            guard row.flags & MessageRow.deadBit != 0, let purged else { return false }
            return row.modSeq <= purged.through || row.modSeq == purged.through + 1 && row.uid < purged.below
        }
        // Where a range of `changed` ends depends on which dead rows were there. That the ranges are exactly what the rows
        // of `uid` say is what a check of the index by itself looks at.
        try compareRows(index.state.vanished, log.state.vanished, RowTree<VanishedSchema>.last)
        try compareRows(index.state.mailboxChanges, log.state.mailboxChanges, { _, _ in 0 })
    }

    private mutating func compareCounters() {
        let (a, b) = (index.state, log.state)
        if a.nextMailbox != b.nextMailbox { differences.append("next mailbox \(a.nextMailbox), by the log \(b.nextMailbox)") }
        if a.lastUIDValidity != b.lastUIDValidity {
            differences.append("last UIDVALIDITY \(a.lastUIDValidity), by the log \(b.lastUIDValidity)")
        }
        if a.nextIdentity != b.nextIdentity {
            differences.append("next identity \(a.nextIdentity), by the log \(b.nextIdentity)")
        }
    }

    /// Adds up what one tree has to say.
    private struct Findings {
        let tree: TreeID
        var texts: [String] = []
        var count = 0

        mutating func add(_ text: @autoclosure () -> String) {
            count += 1
            if count <= IndexComparison.listed { texts.append("tree \(tree): \(text())") }
        }

        var all: [String] { count > texts.count ? texts + ["tree \(tree): and \(count - texts.count) more of these"] : texts }
    }

    // MARK: Cells

    private mutating func compareMailboxes() throws(StoreError) {
        var purged: [UInt32: Purged] = [:]
        var loggedPurged: [UInt32: Purged] = [:]
        try compareCells(.mailboxes, index.state.mailboxes, log.state.mailboxes) { key, a, b in
            let id = key.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            guard var row = try? a.withBytes({ try MailboxRow(id: id, $0) }),
                var logged = try? b.withBytes({ try MailboxRow(id: id, $0) })
            else { return false }
            purged[id] = Purged(through: row.purged, below: row.purgedBelow)
            loggedPurged[id] = Purged(through: logged.purged, below: logged.purgedBelow)
            (row.dead, row.purged, row.purgedBelow) = (0, 0, 0)
            (logged.dead, logged.purged, logged.purgedBelow) = (0, 0, 0)
            return row == logged
        }
        self.purged = purged
        self.loggedPurged = loggedPurged
    }

    private mutating func compareCells(
        _ tree: TreeID, _ a: CellTree, _ b: CellTree,
        _ isEqual: (_ key: [UInt8], [UInt8], [UInt8]) -> Bool = { $1 == $2 },
        unlessLogLacks: (_ key: [UInt8]) -> Bool = { _ in false }
    ) throws(StoreError) {
        var findings = Findings(tree: tree)
        var left = CellCursor(a, index.pages)
        var right = CellCursor(b, log.pages)
        var x = try left.next()
        var y = try right.next()
        while x != nil || y != nil {
            let order = IndexComparison.order(x?.key, y?.key)
            if order < 0 {
                if !unlessLogLacks(x!.key) {
                    findings.add("a cell \(IndexComparison.text(x!.key)) that is not in the log")
                }
                x = try left.next()
            } else if order > 0 {
                findings.add("no cell \(IndexComparison.text(y!.key)), which is in the log")
                y = try right.next()
            } else {
                if !isEqual(x!.key, x!.value, y!.value) {
                    findings.add("cell \(IndexComparison.text(x!.key)) is another one by the log")
                }
                x = try left.next()
                y = try right.next()
            }
        }
        differences += findings.all
    }

    /// The end stands behind all keys.
    private static func order(_ a: [UInt8]?, _ b: [UInt8]?) -> Int {
        guard let a else { return 1 }
        guard let b else { return -1 }
        return a.withBytes { a in b.withBytes { CellPage.compare(a, $0) } }
    }

    private static func text(_ key: [UInt8]) -> String {
        if !key.isEmpty, key.allSatisfy({ $0 >= 32 && $0 != 127 }), let text = String(validating: key, as: UTF8.self) {
            return "\"\(text)\""
        }
        return key.map { String($0, radix: 16) }.joined(separator: " ")
    }

    // MARK: Rows

    private mutating func compareRows<Schema: RowSchema, Value: Equatable>(
        _ a: RowTree<Schema>, _ b: RowTree<Schema>, _ value: @escaping (UnsafeRawPointer, Int) -> Value,
        mayLack: (_ isLogged: Bool, Schema.Key, Value) -> Bool = { _, _, _ in false }
    ) throws(StoreError) {
        var findings = Findings(tree: Schema.tree)
        var left = RowCursor(a, index.pages, value)
        var right = RowCursor(b, log.pages, value)
        var x = try left.next()
        var y = try right.next()
        while x != nil || y != nil {
            if let y, x.map({ $0.key > y.key }) ?? true, mayLack(true, y.key, y.value) {
                // Not in the log is when it was taken out.
            } else if let x, y.map({ $0.key > x.key }) ?? true, mayLack(false, x.key, x.value) {
                // Nor is when it would have been.
            } else if let x, y == nil || x.key < y!.key {
                findings.add("row \(IndexComparison.text(Schema.tree, x.key)) is not in the log")
            } else if let y, x == nil || y.key < x!.key {
                findings.add("no row \(IndexComparison.text(Schema.tree, y.key)), which is in the log")
            } else if x!.value != y!.value {
                findings.add("row \(IndexComparison.text(Schema.tree, x!.key)) is another one by the log")
            }
            let (p, q) = (x?.key, y?.key)
            if let p, q == nil || p <= q! { x = try left.next() }
            if let q, p == nil || q <= p! { y = try right.next() }
        }
        differences += findings.all
    }

    private static func text(_ tree: TreeID, _ key: some UnsignedInteger & FixedWidthInteger) -> String {
        let wide = UInt128(key)
        switch tree {
        case .uid: return "UID \(UInt32(truncatingIfNeeded: wide)) of mailbox \(UInt32(truncatingIfNeeded: wide >> 32))"
        case .mailboxChanges:
            return "of mailbox \(MailboxChangeRow.mailbox(wide)) at commit \(MailboxChangeRow.modSeq(wide))"
        default:
            return "of mailbox \(RangeRow.mailbox(wide)) at commit \(RangeRow.modSeq(wide)) from UID \(RangeRow.first(wide)) on"
        }
    }
}

/// Goes through a tree's rows in order, a leaf at a time.
private struct RowCursor<Schema: RowSchema, Value> {
    private let tree: RowTree<Schema>
    private let pages: Pages
    private let value: (UnsafeRawPointer, Int) -> Value
    private var leaf: UnsafeRawPointer?
    private var rows = 0..<0
    private var from: Schema.Key? = Schema.Key.min

    init(_ tree: RowTree<Schema>, _ pages: Pages, _ value: @escaping (UnsafeRawPointer, Int) -> Value) {
        self.tree = tree
        self.pages = pages
        self.value = value
    }

    mutating func next() throws(StoreError) -> (key: Schema.Key, value: Value)? {
        if rows.isEmpty {
            guard let from else { return nil }
            var found: (UnsafeRawPointer, Range<Int>)?
            try tree.forEachLeaf(from, .max, pages) { leaf, rows in
                found = (leaf, rows)
                return false
            }
            guard let found else {
                self.from = nil
                return nil
            }
            (leaf, rows) = found
            let last = RowTree<Schema>.key(leaf!, rows.upperBound - 1)
            self.from = last == .max ? nil : last + 1
        }
        let row = rows.removeFirst()
        return (RowTree<Schema>.key(leaf!, row), value(leaf!, row))
    }
}

/// Goes through a tree's cells in order, some at a time.
private struct CellCursor {
    private static let batch = 256
    private let tree: CellTree
    private let pages: Pages
    private var cells: [(key: [UInt8], value: [UInt8])] = []
    private var used = 0
    private var from: [UInt8]? = []

    init(_ tree: CellTree, _ pages: Pages) {
        self.tree = tree
        self.pages = pages
    }

    mutating func next() throws(StoreError) -> (key: [UInt8], value: [UInt8])? {
        if used == cells.count {
            guard let from else { return nil }
            var found: [(key: [UInt8], value: [UInt8])] = []
            try from.withBytes { from throws(StoreError) in
                _ = try tree.forEach(from: from, pages) { key, value in
                    found.append((Array(key), Array(value)))
                    return found.count < CellCursor.batch
                }
            }
            cells = found
            used = 0
            // The next key in the order of bytes.
            self.from = found.count < CellCursor.batch ? nil : found.last!.key + [0]
            if found.isEmpty { return nil }
        }
        used += 1
        return cells[used - 1]
    }
}

extension StoreCheck {
    /// Compares the index on disk with the log, if the replay stands where the superblock does.
    func compareIfCheckpoint() {
        guard let index, let replay = log.replay, !log.wasCompared, replay.state.modSeq == superblock?.modSeq else { return }
        log.wasCompared = true
        var comparison = IndexComparison(
            index: IndexComparison.Side(state: index.state, pages: index.pages),
            log: IndexComparison.Side(state: replay.state, pages: replay.allocator.pages),
            firstSegment: base?.header.number ?? 1)
        do throws(StoreError) {
            try comparison.run()
        } catch {
            report(error, .difference, FileNames.index, .rebuildIndex)
        }
        for text in comparison.differences {
            report.add(.difference, FileNames.index, nil, text, .rebuildIndex)
        }
    }
}
