import MailModel
import TestSupport
import Testing
import VarveSimulation
import VarveFormat
import VarveSimulation

@testable import Varve

/// Power failures and errors in the life of an encrypted store, from the making of its key on.
@Suite struct EncryptedCrashTests {
    private let path = Workload.path
    private static let workloadSeed: UInt64 = 7

    private struct Baseline {
        let workload: Workload
        let calls: [SimulatedDisk.Call]

        init() throws {
            let disk = SimulatedDisk()
            var workload = Workload(seed: EncryptedCrashTests.workloadSeed, records: true) {
                EncryptedSample.encrypt(&$0, seed: 1)
            }
            try workload.run(on: disk)
            self.workload = workload
            calls = disk.calls
        }
    }

    private func run(
        _ fault: SimulatedDisk.Fault, at call: Int, seed: UInt64, _ ledger: SealLedger? = nil
    ) -> (SimulatedDisk, Workload) {
        let disk = SimulatedDisk(seed: seed)
        disk.fail(at: call, with: fault)
        var workload = Workload(seed: EncryptedCrashTests.workloadSeed) { options in
            EncryptedSample.encrypt(&options, seed: seed)
            if let ledger { options.fileSystem = WatchedFiles(below: disk, ledger: ledger) }
        }
        do {
            try workload.run(on: disk)
        } catch {
            // The fault, or what followed from it.
        }
        return (disk, workload)
    }

    /// Opens what is left, and holds it against what was acknowledged.
    private func verify(
        _ disk: SimulatedDisk, _ workload: Workload, _ baseline: Baseline, _ seed: UInt64, _ what: String,
        _ ledger: SealLedger? = nil
    ) throws {
        var options = EncryptedSample.options(disk, seed: seed)
        if let ledger { options.fileSystem = WatchedFiles(below: disk, ledger: ledger) }
        let store = try Store.open(at: path, options)
        #expect(store.isEncrypted, "\(what)")
        let modSeq = store.snapshot().modSeq.rawValue
        #expect(modSeq >= workload.acknowledged, "\(what): an acknowledged commit is gone")
        #expect(modSeq <= max(workload.begun, 1), "\(what): a commit that nobody made")
        let expected = try #require(baseline.workload.states[modSeq], "\(what): commit \(modSeq)")
        let difference = try Summary(store).difference(expected)
        #expect(difference == "", "\(what): commit \(modSeq) is not whole: \(difference)")
        let violations = Check.run(store)
        #expect(violations.isEmpty, "\(what): \(violations)")
        disk.kill()
    }

    private static let texts = ["folder", "renamed", "Subject", "INBOX", "body "]

    @Test(arguments: 0..<2) func nothingAcknowledgedIsLostAndNothingShows(share: Int) throws {
        let baseline = try Baseline()
        for call in 1...baseline.calls.count where call % 2 == share {
            let seed = UInt64(call) * 43
            let what = "power fails at call \(call) (\(baseline.calls[call - 1])), seed \(seed)"
            let (dead, workload) = run(.powerFailure, at: call, seed: seed)
            let disk = dead.afterPowerFailure(seed: seed + 1)
            if call % 8 < 2 { try EncryptedSample.expectNone(of: EncryptedCrashTests.texts, on: disk, what) }
            try verify(disk, workload, baseline, seed + 2, what)
            try disk.remove("\(path)/\(FileNames.index)")
            try verify(disk, workload, baseline, seed + 3, what + ", rebuilt")
        }
    }

    @Test(arguments: [StoreError.Kind.io, .outOfSpace])
    func anErrorOfTheDiskLosesNothing(kind: StoreError.Kind) throws {
        let baseline = try Baseline()
        for call in stride(from: kind == .io ? 1 : 2, through: baseline.calls.count, by: 4) {
            let seed = UInt64(call) * 47
            let what = "\(kind) at call \(call) (\(baseline.calls[call - 1])), seed \(seed)"
            let (disk, workload) = run(.error(kind), at: call, seed: seed)
            try verify(disk.afterPowerFailure(seed: seed + 1), workload, baseline, seed + 2, what)
        }
    }

    @Test func noNonceIsUsedTwiceOverCrashesAndOpenings() throws {
        let baseline = try Baseline()
        let ledger = SealLedger()
        var openings = 0
        for call in stride(from: 5, through: baseline.calls.count, by: 9) {
            let seed = UInt64(call) * 53
            let what = "power fails at call \(call), seed \(seed)"
            let (dead, workload) = run(.powerFailure, at: call, seed: seed, ledger)
            // Two disks go on from the same moment, as copies of a folder do.
            for copy in 1...2 {
                let disk = dead.afterPowerFailure(seed: seed + 1)
                try verify(disk, workload, baseline, seed + UInt64(copy) + 1000, what, ledger)
                openings += 1
            }
        }
        #expect(ledger.violations.isEmpty)
        #expect(openings > 20 && ledger.sessions > openings && ledger.count > 20 * openings)
    }

    @Test func noNonceIsUsedTwiceOverRandomOperations() throws {
        let ledger = SealLedger()
        let disk = SimulatedDisk(modelsPower: false)
        let run = try ModelRun(seed: 31, files: WatchedFiles(below: disk, ledger: ledger)) {
            EncryptedSample.encrypt(&$0, seed: 31)
        }
        try run.run(operations: 3000)
        #expect(ledger.violations.isEmpty)
        #expect(ledger.sessions > 3 && ledger.count > 2500, "\(ledger.count) pieces in \(ledger.sessions) sessions")
    }

    /// The ledger does notice: openings that all draw the same session.
    @Test func aSessionThatIsDrawnAgainIsNoticed() throws {
        let ledger = SealLedger()
        let disk = SimulatedDisk()
        for text in ["one", "two"] {
            var options = EncryptedSample.options(disk)
            options.entropy = { buffer throws(StoreError) in
                for i in buffer.indices { buffer[i] = 7 }
            }
            options.fileSystem = WatchedFiles(below: disk, ledger: ledger)
            let store = try Store.open(at: path, options)
            try store.commit { try $0.subscribe(text) }
            try store.close()
        }
        #expect(!ledger.violations.isEmpty)
    }

    // MARK: Wrapping anew

    private let old = EncryptedSample.masterKey()
    private let new = EncryptedSample.masterKey(1)

    private func rewrap(_ disk: SimulatedDisk, _ from: MasterKey, _ to: MasterKey) throws(StoreError) {
        try Store.rewrap(at: path, from: from, to: to, EncryptedSample.options(disk, seed: 77))
    }

    /// Opens the store with the one key of the two that it takes. - Returns: whether that is the new one.
    private func takesNew(_ disk: SimulatedDisk, _ summary: Summary, _ what: String) throws -> Bool {
        var isNew: Bool?
        for (key, answer) in [(old, false), (new, true)] {
            var options = EncryptedSample.options(disk, seed: 78)
            options.masterKey = key
            do {
                let store = try Store.open(at: path, options)
                #expect(isNew == nil, "\(what): it takes both")
                #expect(try Summary(store).difference(summary) == "", "\(what)")
                isNew = answer
                try store.close()
            } catch let error as StoreError {
                #expect(error.kind == .wrongKey, "\(what): \(error)")
            }
        }
        return try #require(isNew, "\(what): it takes neither")
    }

    @Test func aCrashWhileItIsWrappedAnewLeavesTheOneKeyOrTheOther() throws {
        let finished = SimulatedDisk()
        var workload = Workload(seed: 3, records: true) { EncryptedSample.encrypt(&$0, seed: 9) }
        try workload.run(on: finished)
        let summary = try #require(workload.states[workload.acknowledged])
        let clean = finished.afterPowerFailure(seed: 1)
        let log = clean.contents(Workload.segment(1))
        try rewrap(clean, old, new)
        let calls = clean.calls.count
        #expect(calls >= 5)
        #expect(clean.contents(Workload.segment(1)) == log)
        #expect(try takesNew(clean, summary, "without a fault"))
        try rewrap(clean, new, old)
        #expect(try !takesNew(clean, summary, "and back"))
        var outcomes: Set<Bool> = []
        for call in 1...calls {
            for seed in UInt64(1)...6 {
                let what = "call \(call), seed \(seed)"
                let disk = finished.afterPowerFailure(seed: seed)
                let fault: SimulatedDisk.Fault = seed.isMultiple(of: 2) ? .powerFailure : .error(.io)
                disk.fail(at: call, with: fault)
                var isDone = true
                do { try rewrap(disk, old, new) } catch { isDone = false }
                let survivor = disk.afterPowerFailure(seed: seed + 10)
                let isNew = try takesNew(survivor, summary, what)
                #expect(isNew || !isDone, "\(what): it was said to be done")
                outcomes.insert(isNew)
                // What the crash left does not stand in the way of the next one.
                try rewrap(survivor, isNew ? new : old, new)
                #expect(try takesNew(survivor, summary, what + ", again"))
            }
        }
        #expect(outcomes == [true, false])
    }

    @Test func wrappingAnewSaysWhatIsWrong() throws {
        let disk = SimulatedDisk()
        func kind() -> StoreError.Kind? {
            do throws(StoreError) {
                try rewrap(disk, old, new)
                return nil
            } catch {
                return error.kind
            }
        }
        #expect(kind() == .notFound)
        let store = try Store.open(at: path, EncryptedSample.options(disk))
        #expect(kind() == .locked)
        try store.close()
        #expect(kind() == nil)
        #expect(kind() == .wrongKey)
        let plain = SimulatedDisk()
        try Store.open(at: path, Workload.options(plain)).close()
        #expect {
            try Store.rewrap(at: path, from: old, to: new, Workload.options(plain))
        } throws: { ($0 as? StoreError)?.kind == .notPermitted }
    }
}
