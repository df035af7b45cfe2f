import MailModel
import TestSupport
import Testing
import VarveSimulation

@testable import Varve

/// A run with compactions in it that is the same each time.
private struct CompactionWorkload {
    static let path = "store"

    /// Bytes that do not shrink: a segment takes ten of these.
    static let texts: [[UInt8]] = (0..<12).map { number in
        var random = SeededGenerator(seed: UInt64(number) + 1)
        return (0..<100_000).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
    private static let bodies = texts.map { try! PreparedMessage($0) }

    static func options(_ disk: SimulatedDisk) -> StoreOptions {
        var options = StoreOptions()
        options.fileSystem = disk
        options.backgroundMaintenance = false
        options.segmentSize = 1 << 20
        options.clock = { 1_700_000_000_000 }
        options.random = { 0x1234_5678_9abc_def0 }
        return options
    }

    private(set) var acknowledged: UInt64 = 0
    private(set) var begun: UInt64 = 0
    /// The account after each commit that a reader can see.
    private(set) var states: [UInt64: Summary] = [:]
    private(set) var compactions = 0
    let records: Bool

    init(records: Bool = false) { self.records = records }

    mutating func run(on disk: SimulatedDisk) throws {
        begun = 1
        let store = try Store.open(at: CompactionWorkload.path, CompactionWorkload.options(disk))
        try note(store)
        let inbox = try store.mailbox("INBOX").id
        try commit(store) { try $0.createMailbox("other") }
        let other = try store.mailbox("other").id
        for i in 0..<24 {
            try commit(store) { tx in
                let flags = Flags(i % 2 == 0 ? .seen : [], keywords: ["k\(i % 3)"])
                try tx.append(
                    CompactionWorkload.bodies[i % 12], to: i % 4 == 3 ? other : inbox, flags: flags, internalDate: noon)
            }
        }
        try commit(store) { try $0.copy([3, 17], from: inbox, to: other) }
        try commit(store) { try $0.expunge(UIDSet(UIDRange(1, 15)), in: inbox, onlyDeleted: false) }
        try compact(store)
        try commit(store) { try $0.changeFlags(.add([.answered]), of: UIDSet(UIDRange(1, 18)), in: inbox) }
        for i in 0..<12 { try commit(store) { try $0.append(CompactionWorkload.bodies[i], to: other, internalDate: noon) } }
        store.maintain()
        try commit(store) { try $0.move([17], from: inbox, to: other) }
        try commit(store) { try $0.expunge([1, 2, 3, 4, 10, 11, 12, 13], in: other, onlyDeleted: false) }
        try commit(store) { try $0.subscribe("other") }
        try compact(store)
        try commit(store) { try $0.deleteMailbox(other) }
        try compact(store)
        try commit(store) { try $0.append(CompactionWorkload.bodies[0], to: inbox, internalDate: noon) }
        try store.close()
    }

    private mutating func note(_ store: Store) throws {
        acknowledged = store.snapshot().modSeq.rawValue
        if records { states[acknowledged] = try Summary(store) }
    }

    private mutating func commit(_ store: Store, _ body: (Transaction) throws -> Void) throws {
        begun = store.snapshot().modSeq.rawValue + 1
        try store.commit { tx in try body(tx) }
        try note(store)
    }

    private mutating func compact(_ store: Store) throws {
        // How many commits it makes is its own affair.
        begun = .max
        var options = CompactionOptions()
        options.minimumDeadBytes = 1
        let report = try store.compact(options)
        if report.segmentsRemoved > 0 { compactions += 1 }
        acknowledged = store.snapshot().modSeq.rawValue
    }
}

/// Power failures, killed processes and errors at every call of a run with compactions.
@Suite struct CompactionCrashTests {
    private let path = CompactionWorkload.path

    private struct Baseline {
        let workload: CompactionWorkload
        let calls: [SimulatedDisk.Call]

        init() throws {
            let disk = SimulatedDisk()
            var workload = CompactionWorkload(records: true)
            try workload.run(on: disk)
            try #require(workload.compactions == 3)
            self.workload = workload
            calls = disk.calls
        }

        /// What a reader sees after a commit: that of a compaction changes nothing.
        func state(_ modSeq: UInt64) throws -> Summary {
            let last = try #require(workload.states.keys.filter { $0 <= modSeq }.max())
            var summary = workload.states[last]!
            summary.modSeq = modSeq
            return summary
        }
    }

    private func run(
        _ fault: SimulatedDisk.Fault, at call: Int, seed: UInt64
    ) -> (SimulatedDisk, CompactionWorkload) {
        let disk = SimulatedDisk(seed: seed)
        disk.fail(at: call, with: fault)
        var workload = CompactionWorkload()
        do {
            try workload.run(on: disk)
        } catch {
            // The fault, or what followed from it.
        }
        return (disk, workload)
    }

    @discardableResult
    private func verify(
        _ disk: SimulatedDisk, _ workload: CompactionWorkload, _ baseline: Baseline, _ what: String,
        atLeast: UInt64? = nil
    ) throws -> UInt64 {
        let store = try Store.open(at: path, CompactionWorkload.options(disk))
        let modSeq = store.snapshot().modSeq.rawValue
        #expect(modSeq >= atLeast ?? workload.acknowledged, "\(what): an acknowledged commit is gone")
        #expect(modSeq <= max(workload.begun, 1), "\(what): a commit that nobody made")
        let difference = try Summary(store).difference(baseline.state(modSeq))
        #expect(difference == "", "\(what): commit \(modSeq) is not whole: \(difference)")
        let violations = Check.run(store)
        #expect(violations.isEmpty, "\(what): \(violations)")
        try readBodies(store, what)
        // Nothing is left that nobody needs.
        let names = try disk.list("\(path)/\(FileNames.segments)")
        #expect(names.filter { !$0.hasSuffix(".seg") }.count <= 1, "\(what): \(names)")
        #expect(names.filter { $0.hasSuffix(".seg") }.count == store.writer.segments.files.count, "\(what): \(names)")
        return modSeq
    }

    private func readBodies(_ store: Store, _ what: String) throws {
        var ids: [MailboxID] = []
        try store.snapshot().forEachMailbox {
            ids.append($0.id)
            return true
        }
        for id in ids {
            guard let view = try store.snapshot().view(of: id) else { continue }
            var messages: [Message] = []
            try view.forEachMessage(in: UIDRange(.min, .max)) { _, message in
                messages.append(message)
                return true
            }
            for message in messages {
                let bytes = try store.body(of: message).bytes()
                #expect(CompactionWorkload.texts.contains(bytes), "\(what): UID \(message.uid) of mailbox \(id)")
            }
        }
    }

    private static let shares = 4

    @Test(arguments: 0..<4) func nothingIsLostWhenThePowerFails(share: Int) throws {
        let baseline = try Baseline()
        for call in 1...baseline.calls.count where call % CompactionCrashTests.shares == share {
            let seed = UInt64(call) * 43
            let what = "power fails at call \(call) (\(baseline.calls[call - 1])), seed \(seed)"
            let (dead, workload) = run(.powerFailure, at: call, seed: seed)
            let disk = dead.afterPowerFailure(seed: seed + 1)
            let found = try verify(disk, workload, baseline, what)
            let writes = disk.count(.write)
            disk.kill()
            #expect(try verify(disk, workload, baseline, what + ", again") == found)
            #expect(disk.count(.write) == writes + 1, "\(what): a second recovery wrote more than the superblock's slot as it was")
            let later = disk.afterPowerFailure(seed: seed + 2)
            #expect(try verify(later, workload, baseline, what + ", and again", atLeast: found) == found)
            later.kill()
            try later.remove("\(path)/\(FileNames.index)")
            #expect(try verify(later, workload, baseline, what + ", rebuilt") == found)
            later.kill()
            try later.remove("\(path)/\(FileNames.superblock)")
            #expect(try verify(later, workload, baseline, what + ", from the log alone") == found)
        }
    }

    /// A crash amid the recovery of a crash.
    @Test func aRecoveryThatCrashesIsHarmless() throws {
        let baseline = try Baseline()
        for call in stride(from: 1, through: baseline.calls.count, by: 5) {
            let seed = UInt64(call) * 47
            let (dead, workload) = run(.powerFailure, at: call, seed: seed)
            let disk = dead.afterPowerFailure(seed: seed + 1)
            let second = 1 + Int(seed % 9)
            let what = "power fails at call \(call), then at call \(second) of the recovery, seed \(seed)"
            disk.fail(at: second, with: .powerFailure)
            _ = try? Store.open(at: path, CompactionWorkload.options(disk))
            try verify(disk.afterPowerFailure(seed: seed + 2), workload, baseline, what)
        }
    }

    @Test(arguments: [StoreError.Kind.io, .outOfSpace]) func anErrorOfTheDiskLosesNothing(kind: StoreError.Kind) throws {
        let baseline = try Baseline()
        for call in stride(from: kind == .io ? 2 : 3, through: baseline.calls.count, by: 4) {
            let seed = UInt64(call) * 53
            let what = "\(kind) at call \(call) (\(baseline.calls[call - 1])), seed \(seed)"
            let (disk, workload) = run(.error(kind), at: call, seed: seed)
            // A process that goes on, or is killed; then the power fails.
            disk.kill()
            let found = try verify(disk, workload, baseline, what + ", killed")
            let later = disk.afterPowerFailure(seed: seed + 1)
            try verify(later, workload, baseline, what, atLeast: found)
        }
    }
}
