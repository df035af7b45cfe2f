import MailModel
import VarveFormat

extension IndexWriter {
    /// The number of the set of these keywords, which is made if it is new.
    func keywordSet(_ keywords: [String]) throws(StoreError) -> UInt32 {
        if let set = state.keywords.set(of: keywords) { return set }
        // A larger set, or a longer keyword, does not fit in a page.
        guard keywords.count <= Format.maximumKeywordsPerMessage,
            keywords.allSatisfy({ 1...Format.maximumKeywordLength ~= $0.utf8.count })
        else {
            throw StoreError(
                .limit, "a message has \(Format.maximumKeywordsPerMessage) keywords at most, each of 1 to "
                    + "\(Format.maximumKeywordLength) bytes")
        }
        let (set, cells) = try state.keywords.add(keywords)
        for cell in cells {
            try cell.key.withBytes { key throws(StoreError) in
                try cell.value.withBytes { value throws(StoreError) in
                    try state.keywordTree.set(key, to: value, allocator)
                }
            }
        }
        return set
    }

    /// Changes flags of the live messages among `uids`.
    /// - Returns: those that really changed; ranges may span UIDs that no message has.
    func changeFlags(
        _ operation: FlagOperation, _ flags: Flags, of uids: UIDSet, in mailbox: UInt32
    ) throws(StoreError) -> UIDSet {
        let opened = try openMailbox(mailbox)
        let change = FlagChangePlan(
            operation: operation, system: flags.system.rawValue,
            keywordSets: try keywordSets(operation, flags.keywords, uids, mailbox))
        let modSeq = modSeq
        var runs = ModSeqRuns(except: modSeq)
        var changed = UIDSet()
        var count: UInt32 = 0
        var unseen: Int32 = 0
        var deleted: Int32 = 0
        // A run of live messages that changed: what lies between two of them is nobody's.
        var run: (first: UID, last: UID)?
        func endRun() {
            runs.breakRun()
            guard let ended = run else { return }
            changed.insert(UIDRange(ended.first, ended.last))
            run = nil
        }
        var walk = RangeWalk(uids)
        try walk.forEachStretch { walk, first, last throws(StoreError) in
            endRun()
            try state.uid.update(
                MessageRow.key(mailbox: mailbox, uid: first), MessageRow.key(mailbox: mailbox, uid: last), allocator,
                where: { leaf, rows in
                    if walk.covers(MessageRow.uid(leaf, rows.lowerBound), MessageRow.uid(leaf, rows.upperBound - 1)) {
                        if rows.contains(where: { change.changes(leaf, $0) }) { return true }
                    } else {
                        var ahead = walk
                        if rows.contains(where: { ahead.take(MessageRow.uid(leaf, $0)) && change.changes(leaf, $0) }) { return true }
                    }
                    // Live messages of a leaf that is passed over lie between those before and those behind it.
                    if rows.contains(where: { MessageRow.flags(leaf, $0) & MessageRow.deadBit == 0 }) { endRun() }
                    return false
                }
            ) { leaf, rows in
                var weight = Weight.zero
                let all = walk.covers(MessageRow.uid(leaf, rows.lowerBound), MessageRow.uid(leaf, rows.upperBound - 1))
                for row in rows {
                    let old = MessageRow.flags(leaf, row)
                    if old & MessageRow.deadBit != 0 { continue }
                    let uid = UID(MessageRow.uid(leaf, row))
                    guard all || walk.take(uid.rawValue), change.changes(leaf, row) else {
                        endRun()
                        continue
                    }
                    let before = UIDSchema.weight(leaf, row)
                    runs.add(MessageRow.modSeq(leaf, row), uid.rawValue)
                    change.apply(leaf, row)
                    leaf.store64(modSeq, RowLayout.uid.cold(row))
                    let difference = UIDSchema.weight(leaf, row) - before
                    weight += difference
                    unseen += difference.unseen
                    let bit = SystemFlags.deleted.rawValue
                    deleted += Int32(MessageRow.flags(leaf, row) & bit != 0 ? 1 : 0) - Int32(old & bit != 0 ? 1 : 0)
                    run = (run?.first ?? uid, uid)
                    count += 1
                }
                return weight
            }
        }
        endRun()
        guard count > 0 else { return changed }
        try self.count(Int64(unseen), in: opened, \.unseen)
        try self.count(Int64(deleted), in: opened, \.deleted)
        opened.changed.formUnion(changed)
        opened.isTouched = true
        opened.isDirty = true
        try forget(runs, all: count == opened.row.messages, in: mailbox)
        return changed
    }

    /// Adds to a counter of a mailbox, which a damaged index may have wrong.
    func count(_ change: Int64, in opened: OpenMailbox, _ counter: WritableKeyPath<MailboxRow, UInt32>) throws(StoreError) {
        guard let result = UInt32(exactly: Int64(opened.row[keyPath: counter]) + change) else {
            throw .corrupt("\(FileNames.index), mailbox \(opened.row.id)", "its counters are not those of its messages")
        }
        opened.row[keyPath: counter] = result
    }

    /// Which set of keywords takes the place of which, for the sets that messages among `uids` have.
    private func keywordSets(
        _ operation: FlagOperation, _ keywords: [String], _ uids: UIDSet, _ mailbox: UInt32
    ) throws(StoreError) -> FlagChangePlan.KeywordSets {
        // Where no message is, no set is made: the log will not tell of it.
        if operation == .replace, let set = state.keywords.set(of: keywords) { return .constant(set) }
        if keywords.isEmpty { return .unchanged }
        var found: Set<UInt32> = []
        for range in uids.ranges {
            try state.uid.forEachLeaf(
                MessageRow.key(mailbox: mailbox, uid: range.first.rawValue),
                MessageRow.key(mailbox: mailbox, uid: range.last.rawValue), allocator.pages
            ) { leaf, rows in
                for row in rows where MessageRow.flags(leaf, row) & MessageRow.deadBit == 0 {
                    found.insert(MessageRow.keywordSet(leaf, row))
                }
                return true
            }
        }
        if operation == .replace { return found.isEmpty ? .unchanged : .constant(try keywordSet(keywords)) }
        var mapping: [UInt32: UInt32] = [:]
        let folded = Set(keywords.map(Keywords.fold))
        for set in found.sorted() {
            var names = state.keywords.names(ofSet: set)
            if operation == .remove {
                names.removeAll { folded.contains(Keywords.fold($0)) }
            } else {
                let present = Set(names.map(Keywords.fold))
                names.append(contentsOf: keywords.filter { !present.contains(Keywords.fold($0)) })
                guard names.count <= Format.maximumKeywordsPerMessage else {
                    throw StoreError(.limit, "a message can have \(Format.maximumKeywordsPerMessage) keywords at most")
                }
            }
            mapping[set] = try keywordSet(names)
        }
        return .mapped(mapping)
    }
}

/// A change of flags, ready to be applied to rows.
struct FlagChangePlan {
    enum KeywordSets {
        case unchanged
        case constant(UInt32)
        case mapped([UInt32: UInt32])
    }

    let operation: FlagOperation
    let system: UInt16
    let keywordSets: KeywordSets

    @inline(__always) private func flags(_ old: UInt16) -> UInt16 {
        switch operation {
        case .add: old | system
        case .remove: old & ~system
        case .replace: system
        }
    }

    @inline(__always) private func keywordSet(_ old: UInt32) -> UInt32 {
        switch keywordSets {
        case .unchanged: old
        case .constant(let set): set
        case .mapped(let mapping): mapping[old] ?? old
        }
    }

    /// Whether a live row would become another; false for a dead one.
    @inline(__always) func changes(_ leaf: UnsafeRawPointer, _ row: Int) -> Bool {
        let old = MessageRow.flags(leaf, row)
        guard old & MessageRow.deadBit == 0 else { return false }
        let set = MessageRow.keywordSet(leaf, row)
        return flags(old) != old || keywordSet(set) != set
    }

    @inline(__always) func apply(_ leaf: UnsafeMutableRawPointer, _ row: Int) {
        leaf.store16(flags(MessageRow.flags(leaf, row)), RowLayout.uid.hot(row))
        leaf.store32(keywordSet(MessageRow.keywordSet(leaf, row)), RowLayout.uid.hot(row) + 4)
    }
}
