import MailModel
import Synchronization
import Testing
import VarveSimulation

@testable import Varve

/// Power failures and errors at every call of a run in which expunges are forgotten and the index is made smaller.
@Suite struct ShrinkCrashTests {
    private static let all = UIDSet(UIDRange(.min, .max))
    private static let message = try! PreparedMessage(Array("Subject: one of many\r\n\r\n".utf8))

    /// What the account was after each step, by the modseq that it had then.
    private struct Run {
        var states: [(modSeq: UInt64, summary: Summary)] = []
        /// Modseq of the last step that returned.
        var acknowledged: UInt64 = 0
        let records: Bool

        mutating func note(_ store: Store) throws {
            acknowledged = store.snapshot().modSeq.rawValue
            if records { states.append((acknowledged, try Summary(store))) }
        }

        mutating func run(on disk: SimulatedDisk) throws {
            let store = try Store.open(at: Workload.path, Workload.options(disk))
            try note(store)
            let inbox = try store.mailbox("INBOX").id
            try step(store) { tx in
                for _ in 0..<200 { try tx.append(ShrinkCrashTests.message, to: inbox, internalDate: noon) }
            }
            try step(store) { _ = try $0.createMailbox("big") }
            let big = try store.mailbox("big").id
            for _ in 0..<12 { try step(store) { try $0.copy(ShrinkCrashTests.all, from: inbox, to: big) } }
            try store.checkpoint()
            // Copied behind all that: they are to be moved.
            try step(store) { try $0.changeFlags(.add([.flagged]), of: ShrinkCrashTests.all, in: inbox) }
            try step(store) {
                try $0.expunge(UIDSet(stride(from: 1, to: 200, by: 2).map { UID($0) }), in: inbox, onlyDeleted: false)
            }
            try step(store) { try $0.expunge([2, 10], in: inbox, onlyDeleted: false) }
            try step(store) { try $0.deleteMailbox(big) }
            try store.forgetExpunges(through: ModSeq(acknowledged - 2))
            try note(store)
            try store.shrinkIndex()
            try note(store)
            try step(store) { try $0.copy(ShrinkCrashTests.all, from: inbox, to: inbox) }
            try store.forgetExpunges(through: .max)
            try note(store)
            try store.checkpoint()
            for _ in 0..<4 { try step(store) { try $0.copy(ShrinkCrashTests.all, from: inbox, to: inbox) } }
            try step(store) { try $0.expunge(UIDSet(UIDRange(100, .max)), in: inbox, onlyDeleted: false) }
            store.maintain()
            try note(store)
            try store.shrinkIndex()
            try note(store)
            try store.close()
        }

        private mutating func step(_ store: Store, _ body: (Transaction) throws -> Void) throws {
            try store.commit { tx in try body(tx) }
            try note(store)
        }

        /// The account at a commit of the run: transactions that only put the index in order change nothing.
        func summary(at modSeq: UInt64) -> Summary? {
            var summary = states.last { $0.modSeq <= modSeq }?.summary
            summary?.modSeq = modSeq
            return summary
        }
    }

    private func baseline() throws -> (Run, [SimulatedDisk.Call], pages: (most: Int, last: Int)) {
        let disk = SimulatedDisk()
        let most = Most()
        disk.setGate { [unowned disk] call, name in
            if call == .sync, name.hasSuffix(FileNames.index) { most.see(disk.size(Workload.index) ?? 0) }
        }
        var run = Run(records: true)
        try run.run(on: disk)
        disk.setGate(nil)
        return (run, disk.calls, (most.value / 4096, (disk.size(Workload.index) ?? 0) / 4096))
    }

    private func verify(_ disk: SimulatedDisk, _ run: Run, _ baseline: Run, _ what: String) throws {
        let found = try Recovery.readSuperblock(
            disk.open(Workload.superblock, create: true, writable: true), Workload.superblock)
        let hasIndex = try disk.exists(Workload.index)
        let store = try Store.open(at: Workload.path, Workload.options(disk))
        // A slot that was being written may not hold, and the index then be built anew.
        if let block = found.newest, hasIndex, !found.isSuspect {
            #expect(store.writer.superblock.indexNumber == block.indexNumber, "\(what): the index was taken for damaged")
        }
        let modSeq = store.snapshot().modSeq.rawValue
        #expect(modSeq >= run.acknowledged, "\(what): an acknowledged commit is gone")
        let expected = try #require(baseline.summary(at: modSeq), "\(what): commit \(modSeq)")
        let difference = try Summary(store).difference(expected)
        #expect(difference == "", "\(what): commit \(modSeq) is not whole: \(difference)")
        let violations = Check.run(store)
        #expect(violations.isEmpty, "\(what): \(violations)")
        // It goes on from there, and gets smaller as it would have.
        try store.commit { _ = try $0.createMailbox("afterwards") }
        try store.shrinkIndex()
        let after = Check.run(store)
        #expect(after.isEmpty, "\(what), shrunk: \(after)")
        disk.kill()
    }

    @Test func theRunIsWhatIsMeant() throws {
        let (run, calls, pages) = try baseline()
        #expect(calls.count { $0 == .truncate } >= 2, "the file is cut twice")
        #expect(pages.most > 2 * pages.last, "\(pages)")
        #expect(run.states.last!.summary.lines[0].numbers[9] > 0, "expunges are forgotten")
    }

    @Test(arguments: 0..<3)
    func nothingIsLostWhenThePowerFails(share: Int) throws {
        let (run, calls, _) = try baseline()
        for call in 1...calls.count where call % 3 == share {
            let seed = UInt64(call) * 43
            let what = "power fails at call \(call) (\(calls[call - 1])), seed \(seed)"
            let disk = SimulatedDisk(seed: seed)
            disk.fail(at: call, with: .powerFailure)
            var broken = Run(records: false)
            do { try broken.run(on: disk) } catch {
                // The power is gone.
            }
            let survivor = disk.afterPowerFailure(seed: seed + 1)
            try verify(survivor, broken, run, what)
            let later = survivor.afterPowerFailure(seed: seed + 2)
            try later.remove(Workload.index)
            let rebuilt = try Store.open(at: Workload.path, Workload.options(later))
            let violations = Check.run(rebuilt)
            #expect(violations.isEmpty, "\(what), rebuilt: \(violations)")
        }
    }

    @Test(arguments: [StoreError.Kind.io, .outOfSpace])
    func anErrorOfTheDiskLosesNothing(kind: StoreError.Kind) throws {
        let (run, calls, _) = try baseline()
        for call in stride(from: kind == .io ? 2 : 3, through: calls.count, by: 3) {
            let seed = UInt64(call) * 47
            let what = "\(kind) at call \(call) (\(calls[call - 1])), seed \(seed)"
            let disk = SimulatedDisk(seed: seed)
            disk.fail(at: call, with: .error(kind))
            var broken = Run(records: false)
            do { try broken.run(on: disk) } catch {
                // What the disk said, or what followed from it.
            }
            try verify(disk.afterPowerFailure(seed: seed + 1), broken, run, what)
        }
    }
}

/// The largest of the numbers seen.
private final class Most: Sendable {
    private let most = Mutex(0)
    var value: Int { most.withLock { $0 } }
    func see(_ number: Int) { most.withLock { $0 = max($0, number) } }
}
