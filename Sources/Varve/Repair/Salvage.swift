import MailMessage
import MailModel
import Synchronization
import VarveFormat

/// Makes a new store of what was found in a damaged one. One use.
final class Salvage {
    let source: SalvageSource
    /// What is known of the account beside its commits, ascending.
    private let states: [KnownIndex]
    let store: Store
    var report = RepairReport()
    /// Places in the new store, by the messages' numbers in the source; 0: not there.
    private(set) var places: [UInt64]
    /// Messages that a record or the index has named, whatever became of them.
    private(set) var isNamed: [Bool]
    /// The empty message that stands for those whose bytes are gone.
    var substitute: LogPosition?
    /// Mailboxes that may have given UIDs of which nothing is known.
    private(set) var uncertain: Set<UInt32> = []
    let now: UInt64
    private let clock: Clock

    /// What the commits of the new store say of their time: what those of the old one said.
    private final class Clock: Sendable {
        private let time: Mutex<UInt64>
        init(_ now: UInt64) { time = Mutex(now) }
        var now: UInt64 { time.withLock { $0 } }
        func set(_ value: UInt64) { time.withLock { $0 = value } }
    }

    /// Commits lost one behind the other beyond this are no gap, but a superblock or header that is wrong.
    private static let maximumGap: UInt64 = 50_000_000

    init(
        _ source: SalvageSource, _ states: [KnownIndex], _ target: String, _ options: StoreOptions
    ) throws(StoreError) {
        self.source = source
        self.states = states
        places = [UInt64](repeating: 0, count: source.locations.count)
        isNamed = [Bool](repeating: false, count: source.locations.count)
        isAtRisk = isNamed
        let now = options.clock()
        let clock = Clock(now)
        self.now = now
        self.clock = clock
        var options = options
        options.create = true
        options.access = .readWrite
        // Between its commits it reads the writer's state, without the lock: no other thread may be at work.
        options.backgroundMaintenance = false
        options.backgroundFlushing = false
        options.makesInbox = false
        // Encrypted as the old one is.
        if source.cipher == nil { options.masterKey = nil }
        options.clock = { clock.now }
        report.lostBytes = source.lostBytes
        store = try Store.open(at: target, options)
    }

    /// The next known state, that of the commit under way included.
    var known: KnownIndex? { states.first { $0.state.modSeq > store.writer.state.modSeq } }
    var lastKnown: KnownIndex? { states.last }
    /// Commits up to here were given up, not lost.
    private var horizon: UInt64 { states.first { $0.isBase }?.state.modSeq ?? 0 }

    func run() throws -> RepairReport {
        do {
            for commit in source.commits {
                try fillGap(before: commit.modSeq)
                try redo(commit)
            }
            try fillGap(before: source.highestModSeq + 1)
            if source.isEndLost { try markUncertain() }
            clock.set(now)
            try finish()
            try count()
            try store.close()
        } catch {
            try? store.close()
            throw error
        }
        report.check = try StoreCheck.run(at: store.path, store.options)
        return report
    }

    // MARK: Commits

    private func forEachRecord(
        of commit: SalvageSource.Commit, _ body: (Record) throws(StoreError) -> Void
    ) throws(StoreError) {
        let (payload, length) = try source.payload(at: commit.place)
        let bytes = UnsafeRawBufferPointer(rebasing: payload.bytes[..<length])
        let head = try Salvage.decode { () throws(FormatError) in try CommitHeader(bytes) }
        let records = try Replay.records(of: bytes, head, source.cipher)
        defer { withExtendedLifetime((payload, records.block)) {} }
        var reader = ByteReader(records.bytes)
        for _ in 0..<head.records {
            if let record = try Salvage.decode({ () throws(FormatError) in try Record.decode(&reader) }) { try body(record) }
        }
    }

    private static func decode<T>(_ body: () throws(FormatError) -> T) throws(StoreError) -> T {
        do { return try body() } catch { throw StoreError(.corrupt, error.description) }
    }

    /// Makes a commit. - Parameter body: if it throws, nothing of it has happened, here neither.
    func commit(_ body: (Transaction) throws -> Void) throws {
        let substitute = substitute
        let before = report
        copiedInCommit = []
        namedInCommit = []
        do {
            try store.commit(.relaxed) { tx in
                tx.isPlaceholder = true
                try body(tx)
            }
        } catch {
            for index in copiedInCommit { places[index] = 0 }
            for index in namedInCommit { isNamed[index] = false }
            report = before
            self.substitute = substitute
            throw error
        }
        if store.writer.log.queuedBytes > Salvage.flushBytes {
            try store.flush()
            store.maintain()
        }
    }

    private static let flushBytes = 16 << 20
    /// What is to be taken back if the commit under way fails.
    private var copiedInCommit: [Int] = []
    private var namedInCommit: [Int] = []

    func setName(_ index: Int) {
        if isNamed[index] { return }
        isNamed[index] = true
        namedInCommit.append(index)
    }

    /// Messages that a lost commit may have copied, so that they may have been in a mailbox after they were expunged from
    /// those where they are known to have been.
    private(set) var isAtRisk: [Bool]
    private var hasGap = false
    private var sinceGap: [Int] = []

    /// Commits are lost here, and no index knows what they did.
    private func markAtRisk() throws(StoreError) {
        try markUncertain()
        if hasGap {
            for index in sinceGap { isAtRisk[index] = true }
        } else {
            let live = try livePlaces()
            for index in places.indices where places[index] != 0 && live.contains(places[index]) { isAtRisk[index] = true }
        }
        hasGap = true
        sinceGap.removeAll()
    }

    func makeUncertain(_ mailbox: UInt32) { uncertain.insert(mailbox) }

    private func markUncertain() throws(StoreError) {
        let (state, pages) = (store.writer.state, store.writer.allocator.pages)
        try [UInt8]().withBytes { start throws(StoreError) in
            _ = try state.mailboxes.forEach(from: start, pages) { key, _ in
                uncertain.insert(key.reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
                return true
            }
        }
    }

    /// Where in the new store the messages lie that are in some mailbox.
    func livePlaces() throws(StoreError) -> Set<UInt64> {
        var live: Set<UInt64> = []
        try store.writer.state.uid.forEachLeaf(0, .max, store.writer.allocator.pages) { leaf, rows in
            for row in rows where MessageRow.flags(leaf, row) & MessageRow.deadBit == 0 {
                live.insert(MessageRow(leaf, row).location.rawValue)
            }
            return true
        }
        return live
    }

    func setPlace(_ index: Int, _ place: LogPosition) {
        if hasGap { sinceGap.append(index) }
        places[index] = place.rawValue
        copiedInCommit.append(index)
    }

    /// Commits that are not there become empty ones, but for what the index knows of them.
    private func fillGap(before modSeq: UInt64) throws {
        let first = store.writer.state.modSeq + 1
        guard first < modSeq else { return }
        guard modSeq - first <= Salvage.maximumGap else {
            throw StoreError(.limit, "commits \(first) to \(modSeq - 1) are missing: too many to be made up for")
        }
        let firstLost = max(first, horizon + 1)
        if firstLost < modSeq { report.loseCommits(firstLost...(modSeq - 1)) }
        let last = lastKnown?.state.modSeq ?? 0
        for lost in first..<modSeq {
            if lost == max(firstLost, last + 1) { try markAtRisk() }
            try loseCommit(lost)
        }
        if firstLost < modSeq, firstLost <= last { report.indexModSeq = last }
    }

    private func loseCommit(_ modSeq: UInt64) throws {
        let known = known
        if let known, known.state.modSeq != creations.modSeq { try noteCreations() }
        let rows = known == nil ? [] : creations.rows[modSeq] ?? []
        try commit { tx in
            for row in rows where row.id >= tx.index.state.nextMailbox {
                try create(tx, row.id, row.uidValidity, String(decoding: row.name, as: UTF8.self))
            }
            // The first commit of every store makes INBOX.
            if modSeq == 1, known == nil {
                try create(tx, 1, nil, MailboxName.inbox)
                makeUncertain(1)
            }
            if modSeq == known?.state.modSeq { try reconcile(tx) }
        }
    }

    /// Of the known state that comes next: the mailboxes that are still there, by the commits that made them.
    private var creations: (modSeq: UInt64, rows: [UInt64: [MailboxRow]]) = (0, [:])

    private func noteCreations() throws(StoreError) {
        guard let known else { return }
        creations = (known.state.modSeq, Dictionary(grouping: try known.mailboxes(), by: \.created))
    }

    private func redo(_ commit: SalvageSource.Commit) throws {
        // What the index says is taken over where the log has not said all of it.
        let reconciles =
            commit.modSeq == known?.state.modSeq && (!report.lostCommits.isEmpty || known?.isBase == true)
        clock.set(commit.time)
        do {
            try self.commit { tx in
                try forEachRecord(of: commit) { record throws(StoreError) in try apply(record, tx) }
                if reconciles { try reconcile(tx) }
            }
            report.commits += 1
        } catch let error as StoreError where [.corrupt, .notFound, .alreadyExists, .limit].contains(error.kind) {
            report.remark("commit \(commit.modSeq) was left out: \(error.message)")
            report.loseCommits(commit.modSeq...commit.modSeq)
            if commit.modSeq > lastKnown?.state.modSeq ?? 0 { try markAtRisk() }
            try loseCommit(commit.modSeq)
        }
    }

    /// What the new store holds.
    private func count() throws(StoreError) {
        try store.snapshot().forEachMailbox { info in
            report.mailboxes += 1
            report.messages += info.messages
            return true
        }
    }
}
