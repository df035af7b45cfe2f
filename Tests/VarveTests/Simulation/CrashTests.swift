import MailModel
import Testing
import VarveSimulation

@testable import Varve

/// Power failures, killed processes and errors at every call of a run that changes something on disk.
@Suite struct CrashTests {
    private let path = Workload.path
    private static let workloadSeed: UInt64 = 7

    /// What there is to know from the run without faults.
    private struct Baseline {
        let workload: Workload
        let calls: [SimulatedDisk.Call]

        init() throws {
            let disk = SimulatedDisk()
            var workload = Workload(seed: CrashTests.workloadSeed, records: true)
            try workload.run(on: disk)
            self.workload = workload
            calls = disk.calls
        }
    }

    private func run(_ fault: SimulatedDisk.Fault, at call: Int, seed: UInt64) -> (SimulatedDisk, Workload) {
        let disk = SimulatedDisk(seed: seed)
        disk.fail(at: call, with: fault)
        var workload = Workload(seed: CrashTests.workloadSeed)
        do {
            try workload.run(on: disk)
        } catch {
            // The fault, or what followed from it.
        }
        return (disk, workload)
    }

    /// Opens what is left, and holds it against what was acknowledged. - Returns: the modseq that was found.
    @discardableResult
    private func verify(
        _ disk: SimulatedDisk, _ workload: Workload, _ baseline: Baseline, _ what: String, atLeast: UInt64? = nil
    ) throws -> UInt64 {
        let found = try Recovery.readSuperblock(
            disk.open("\(path)/\(FileNames.superblock)", create: true, writable: true), path)
        let hasIndex = try disk.exists("\(path)/\(FileNames.index)")
        let store = try Store.open(at: path, Workload.options(disk))
        // A crash amid a checkpoint may leave a slot that does not hold: an index that it makes suspect may be built anew.
        if let block = found.newest, hasIndex, !found.isSuspect {
            #expect(store.writer.superblock.indexNumber == block.indexNumber, "\(what): the index was taken for damaged")
        }
        let modSeq = store.snapshot().modSeq.rawValue
        #expect(modSeq >= atLeast ?? workload.acknowledged, "\(what): an acknowledged commit is gone")
        #expect(modSeq <= max(workload.begun, 1), "\(what): a commit that nobody made")
        let summary = try Summary(store)
        let difference = try summary.difference(#require(baseline.workload.states[modSeq], "\(what): commit \(modSeq)"))
        #expect(difference == "", "\(what): commit \(modSeq) is not whole: \(difference)")
        let violations = Check.run(store)
        #expect(violations.isEmpty, "\(what): \(violations)")
        return modSeq
    }

    private static let shares = 4

    @Test(arguments: 0..<4)
    func nothingAcknowledgedIsLostWhenThePowerFails(share: Int) throws {
        let baseline = try Baseline()
        for call in 1...baseline.calls.count where call % CrashTests.shares == share {
            let seed = UInt64(call) * 31
            let what = "power fails at call \(call) (\(baseline.calls[call - 1])), seed \(seed)"
            let (dead, workload) = run(.powerFailure, at: call, seed: seed)
            let disk = dead.afterPowerFailure(seed: seed + 1)
            let found = try verify(disk, workload, baseline, what)
            // A recovery that is killed has done nothing that the next one would not do, and the next has nothing to do.
            let writes = disk.count(.write)
            disk.kill()
            #expect(try verify(disk, workload, baseline, what + ", again") == found)
            #expect(disk.count(.write) == writes + 1, "\(what): a second recovery wrote more than the superblock's slot as it was")
            // What a recovery has shown to readers survives the next failure.
            let later = disk.afterPowerFailure(seed: seed + 2)
            #expect(try verify(later, workload, baseline, what + ", and again", atLeast: found) == found)
            later.kill()
            try later.remove("\(path)/\(FileNames.index)")
            #expect(try verify(later, workload, baseline, what + ", rebuilt") == found)
        }
    }

    @Test func whatAKilledProcessLeftIsMadeDurableBeforeItIsShown() throws {
        let baseline = try Baseline()
        for call in 1...baseline.calls.count {
            let seed = UInt64(call) * 37
            let what = "killed at call \(call) (\(baseline.calls[call - 1])), seed \(seed)"
            // An error stands for the kill: what was written remains in memory.
            let (disk, workload) = run(.error(.io), at: call, seed: seed)
            disk.kill()
            let found = try verify(disk, workload, baseline, what)
            let later = disk.afterPowerFailure(seed: seed + 1)
            try verify(later, workload, baseline, what + ", then the power failed", atLeast: found)
        }
    }

    @Test(arguments: [StoreError.Kind.io, .outOfSpace])
    func anErrorOfTheDiskLosesNothing(kind: StoreError.Kind) throws {
        let baseline = try Baseline()
        for call in stride(from: kind == .io ? 2 : 3, through: baseline.calls.count, by: 4) {
            let seed = UInt64(call) * 41
            let what = "\(kind) at call \(call) (\(baseline.calls[call - 1])), seed \(seed)"
            let (disk, workload) = run(.error(kind), at: call, seed: seed)
            let later = disk.afterPowerFailure(seed: seed + 1)
            try verify(later, workload, baseline, what)
        }
    }
}
