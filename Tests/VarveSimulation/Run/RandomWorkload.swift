import MailModel
import Synchronization
import TestSupport
import Varve
import VarveFormat

/// A store that random things befall, and what must be in it. The same seed does the same each time.
///
/// Nothing happens beside it: all writes come from the thread that steps.
final class RandomWorkload {
    static let path = "store"
    static let index = "\(path)/\(FileNames.index)"

    private(set) var disk: SimulatedDisk
    var store: Store!
    /// After the last transaction that was built and not refused.
    var account: Account
    var history: History
    var random: SeededGenerator
    let canary: Canary?
    private let clock: Clock
    /// Commits that callbacks told of.
    private let told = Told()
    /// States that readers hold.
    var readers: [(snapshot: Snapshot, account: Account)] = []
    var pins: [ViewPin] = []
    /// Steps until the disk is well again.
    var stepsOfTrouble = 0
    /// Errors of the disk that have been met.
    private var errorsMet = 0
    /// Calls on the disks before this one.
    private var callsBefore = 0
    /// Called at each call of the disk that changes something, as `SimulatedDisk.setObserver`.
    private let observer: (RandomWorkload, Int, SimulatedDisk.Call, String) -> Void

    /// - Parameter history: of the store that is on the disk.
    init(
        seed: UInt64, disk: SimulatedDisk, history: History, time: UInt64, canary: Canary?,
        observer: @escaping (RandomWorkload, Int, SimulatedDisk.Call, String) -> Void
    ) {
        self.disk = disk
        self.history = history
        self.canary = canary
        self.observer = observer
        random = SeededGenerator(seed: seed)
        account = history.newest!
        clock = Clock(time)
        prepare()
    }

    /// Milliseconds since 1970, as the store is told.
    private final class Clock: Sendable {
        let milliseconds: Atomic<UInt64>
        init(_ time: UInt64) { milliseconds = Atomic(time) }
        var time: UInt64 { milliseconds.load(ordering: .relaxed) }
    }

    private final class Told: Sendable {
        private let highest = Atomic<UInt64>(0)
        var modSeq: UInt64 { highest.load(ordering: .relaxed) }
        func tell(_ number: UInt64) { highest.store(max(number, modSeq), ordering: .relaxed) }
    }

    var time: UInt64 { clock.time }
    var seconds: Int64 { Int64(time / 1000) }

    /// Time passes; sometimes a clock is set back.
    func passTime() {
        let change = random.once(in: 12) ? -number(0...5000) : number(0...3000)
        clock.milliseconds.store(UInt64(Int64(time) + Int64(change)), ordering: .relaxed)
    }

    func chance(_ count: Int) -> Bool { random.once(in: count) }
    func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    /// Every second one is made ready by the store, with the dictionary that it has.
    func prepared(_ body: Int) throws -> PreparedMessage {
        chance(2) ? try store.prepare(Mail.bodies[body]) : Mail.prepared[body]
    }

    private var options: StoreOptions {
        var options = StoreOptions()
        options.fileSystem = canary.map { CanaryFileSystem($0, disk) } ?? disk
        options.backgroundMaintenance = false
        options.backgroundFlushing = false
        options.segmentSize = 128 << 10
        options.checkpointInterval = 96 << 10
        options.clock = { [clock] in clock.time }
        options.random = { 0x1234_5678_9abc_def0 }
        options.dictionaries = DictionaryPolicy(size: 500, samples: 12, tests: 4)
        return options
    }

    /// Sees to it that each call is observed.
    private func prepare() {
        var faults = disk.faults
        faults.writeBackOdds = 6
        disk.faults = faults
        disk.setObserver { [unowned self] call, kind, name in
            // What a reader can see must survive.
            if store != nil { history.acknowledge(store.snapshot().modSeq.rawValue) }
            history.acknowledge(told.modSeq)
            observer(self, callsBefore + call, kind, name)
        }
    }

    // MARK: Errors of the disk

    /// Whether an error was met that the disk gave, and that explains what went wrong.
    func meetError() -> Bool {
        defer { errorsMet = disk.errors }
        return disk.errors > errorsMet
    }

    func makeTrouble(_ change: (inout SimulatedDisk.Faults) -> Void) {
        var faults = disk.faults
        change(&faults)
        disk.faults = faults
    }

    func endTrouble() {
        stepsOfTrouble = 0
        makeTrouble {
            $0.errorOdds = nil
            $0.capacity = nil
        }
    }

    // MARK: Opening

    /// Opens the store, and holds what is found against what must be there.
    func open() throws {
        let before = IndexOnDisk(disk)
        let errors = disk.errors
        var attempts = 0
        while store == nil {
            do {
                store = try openOnce()
            } catch {
                guard meetError() else { throw Violation("an opening fails: \(error)") }
                attempts += 1
                if attempts == 3 { endTrouble() }
                if chance(2) { disk.kill() }
            }
        }
        let snapshot = store.snapshot()
        account = try history.settle(at: snapshot.modSeq.rawValue)
        if disk.errors == errors, let before, before.isTrusted, let after = IndexOnDisk(disk),
            after.number != before.number
        {
            throw Violation("the index was taken for damaged, and built anew")
        }
        let floor = UInt64(number(0...Int(account.modSeq)))
        if let difference = try Comparison.difference(snapshot, account, since: chance(2) ? 0 : floor) {
            throw Violation("commit \(account.modSeq) is not whole: \(difference)")
        }
        try readBodies(2)
        try check()
    }

    /// What a reader must see at this moment.
    var seen: Account { history.states[store.snapshot().modSeq.rawValue] ?? account }

    func openOnce() throws(StoreError) -> Store { try Store.open(at: RandomWorkload.path, options) }

    func check() throws {
        let violations = Check.run(store)
        if !violations.isEmpty { throw Violation("\(violations.prefix(3))") }
    }

    /// Reads some messages' bytes.
    func readBodies(_ count: Int) throws {
        let snapshot = store.snapshot()
        let account = seen
        let ids = account.ids.filter { !account.mailboxes[$0]!.messages.isEmpty }
        for _ in 0..<count {
            guard let id = ids.randomElement(using: &random),
                let message = account.mailboxes[id]!.messages.randomElement(using: &random)
            else { return }
            guard let found = try snapshot.view(of: MailboxID(id))?.message(UID(message.uid)) else {
                throw Violation("UID \(message.uid) of mailbox \(id) is not there")
            }
            do {
                let body = try store.body(of: found)
                guard try body.bytes() == Mail.bodies[message.body] else {
                    throw Violation("UID \(message.uid) of mailbox \(id) has other bytes")
                }
                try body.withSummary { _ in }
            } catch let error as StoreError {
                guard meetError() else { throw Violation("UID \(message.uid) of mailbox \(id): \(error)") }
            }
        }
    }

    // MARK: Ends

    private func letReadersGo() {
        readers.removeAll()
        pins.removeAll()
    }

    /// - Parameter isFailed: it is known that the store can write no more.
    func close(isFailed: Bool = false) throws {
        letReadersGo()
        do {
            try store.close()
            history.acknowledge(history.built)
        } catch {
            guard meetError() || isFailed else { throw Violation("closing fails: \(error)") }
        }
        store = nil
        disk.kill()
    }

    func kill() {
        letReadersGo()
        store = nil
        disk.kill()
    }

    func failPower() {
        letReadersGo()
        store = nil
        callsBefore += disk.calls.count
        disk.setObserver(nil)
        disk = disk.survivor(seed: random.next())
        errorsMet = 0
        stepsOfTrouble = 0
        prepare()
    }

    func removeIndex() throws {
        guard try disk.exists(RandomWorkload.index) else { return }
        try disk.remove(RandomWorkload.index)
    }

    // MARK: Commits

    enum Way: CaseIterable { case durable, relaxed, pending }
    private struct Aborted: Error {}

    /// Makes one transaction of random changes, or the one change of which there are many alike.
    func transact(_ way: Way, aborts: Bool = false, like: Bool = false) throws {
        var next = account
        next.modSeq += 1
        next.time = seconds
        let count = chance(2) ? 1 : number(1...4)
        let body = { [self] (tx: Transaction) in
            if like {
                try Change.appendAlike(tx, &next)
            } else {
                for _ in 0..<count { try Change.random(&random).make(tx, &next, self) }
            }
            if aborts { throw Aborted() }
            if !next.hasSameContent(as: account) { history.build(next) }
        }
        do {
            switch way {
            case .durable: try store.commit(.durable, body)
            case .relaxed: try store.commit(.relaxed, body)
            case .pending:
                try store.commit(
                    body,
                    whenDurable: { [told] in if case .success(let modSeq) = $0 { told.tell(modSeq.rawValue) } })
            }
        } catch is Aborted {
            return
        } catch let error as StoreError {
            return try settle(error)
        }
        if !next.hasSameContent(as: account) { account = next }
        if way == .durable { try expectDurable() }
    }

    /// All that was built must be visible now.
    func expectDurable() throws {
        let modSeq = store.snapshot().modSeq.rawValue
        guard modSeq == account.modSeq else {
            throw Violation("commit \(modSeq) is what is seen, \(account.modSeq) was acknowledged")
        }
        history.acknowledge(modSeq)
    }

    /// After an error: either the store goes on, and what failed has not happened; or it must be opened again.
    func settle(_ error: StoreError) throws {
        guard meetError() else { throw Violation("an error without a cause: \(error)") }
        do {
            try store.commit { _ in }
        } catch {
            if chance(2) { kill() } else { try close(isFailed: true) }
            return try open()
        }
        endTidying()
        history.takeBack(after: account.modSeq)
        try expectDurable()
    }

    /// Does something in which the store may make commits of its own, and which changes nothing that is shown.
    func tidy(_ body: () throws(StoreError) -> Void) throws {
        history.isTidying = true
        let errors = disk.errors
        do { try body() } catch { return try settle(error) }
        endTidying()
        // What failed in silence may still be found.
        history.isTidying = disk.errors > errors
    }

    private func endTidying() {
        let modSeq = store.snapshot().modSeq.rawValue
        if modSeq > account.modSeq {
            account.modSeq = modSeq
            history.build(account)
        }
        history.isTidying = false
    }
}
