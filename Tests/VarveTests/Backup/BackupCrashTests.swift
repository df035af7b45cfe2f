import MailModel
import TestSupport
import Testing
import VarveSimulation
import VarveFormat
import VarveSimulation

@testable import Varve

/// Power failures and errors at every call of a backup, a pruning, a restore.
@Suite struct BackupCrashTests {
    /// The calls that `body` makes on a copy of a disk.
    private func calls(_ disk: SimulatedDisk, _ body: (SimulatedDisk) throws -> Void) throws -> Int {
        let copy = disk.afterPowerFailure(seed: 5)
        try body(copy)
        return copy.calls.count
    }

    /// Lets each call of `body` fail, and looks at what is left.
    private func failEach(
        _ disk: SimulatedDisk, _ body: (SimulatedDisk) throws -> Void,
        then check: (_ left: SimulatedDisk, _ what: String) throws -> Void
    ) throws {
        let count = try calls(disk, body)
        #expect(count > 3)
        for call in 1...count {
            for fault in [SimulatedDisk.Fault.powerFailure, .error(.io), .error(.outOfSpace)] {
                let seed = UInt64(call) * 7
                let what = "\(fault) at call \(call) of \(count), seed \(seed)"
                let victim = disk.afterPowerFailure(seed: 5)
                victim.fail(at: call, with: fault)
                // What was created by the first call may be all that there is.
                do { try body(victim) } catch { #expect(error is StoreError, "\(what): \(error)") }
                victim.kill()
                try check(victim.afterPowerFailure(seed: seed), what)
            }
        }
    }

    @Test(arguments: [true, false]) func aHalfFinishedBackupIsNone(links: Bool) throws {
        let (scene, states, last) = try BackupScene.finished()
        let expected = try #require(states[last])
        var options = BackupOptions()
        options.links = links
        let backUp: (SimulatedDisk) throws -> Void = { try BackupScene.repository($0).backUp(Workload.path, options) }
        try failEach(scene.disk, backUp) { left, what in
            let scene = BackupScene(disk: left)
            if try left.exists("\(BackupScene.repository)/backups") { try scene.expectWhole(what) }
            #expect(try BackupScene.summary(left, Workload.path).difference(expected) == "", "\(what): the source")
            try backUp(left)
            try scene.expectWhole(what + ", again")
            #expect(try scene.repository.backups().last?.modSeq == ModSeq(last), "\(what)")
        }
    }

    @Test func anInterruptedSecondBackupLeavesTheFirst() throws {
        let (scene, _, _) = try BackupScene.finished()
        let first = try scene.repository.backUp(Workload.path).backup
        let last = try scene.addMail(3, size: 500_000)
        let backUp: (SimulatedDisk) throws -> Void = { try BackupScene.repository($0).backUp(Workload.path) }
        try failEach(scene.disk, backUp) { left, what in
            let scene = BackupScene(disk: left)
            #expect(try scene.repository.backups().first == first, "\(what)")
            try scene.expectWhole(what)
            try backUp(left)
            #expect(try scene.repository.backups().last?.modSeq == ModSeq(last), "\(what)")
            let pruned = try scene.repository.prune(keep: 1)
            #expect(pruned.backups.contains(first.id))
            try scene.expectWhole(what + ", again")
            #expect(try left.list("\(BackupScene.repository)/objects").count == scene.repository.backups()[0].files.count)
        }
    }

    @Test func anInterruptedPruningLeavesWholeBackups() throws {
        let (scene, _, _) = try BackupScene.finished()
        for round in 0..<3 {
            try scene.repository.backUp(Workload.path)
            try scene.addMail(2, size: 300_000 + round)
        }
        let newest = try scene.repository.backUp(Workload.path).backup
        try failEach(scene.disk, { _ = try BackupScene.repository($0).prune(keep: 1) }) { left, what in
            let scene = BackupScene(disk: left)
            #expect(try scene.repository.backups().last == newest)
            try scene.expectWhole(what)
            _ = try scene.repository.prune(keep: 1)
            #expect(try scene.repository.backups() == [newest])
            #expect(try left.list("\(BackupScene.repository)/objects").count == newest.files.count, "\(what)")
            try scene.expectWhole(what + ", again")
        }
    }

    @Test func aHalfFinishedRestoreIsNoAccount() throws {
        let (scene, states, last) = try BackupScene.finished()
        let backup = try scene.repository.backUp(Workload.path).backup
        let point = last * 2 / 3
        let expected = try #require(states[point])
        let restore: (SimulatedDisk) throws -> Void = { disk in
            _ = try RestoreTests.restoreExactly(
                BackupScene.repository(disk), backup, BackupScene.restored,
                BackupScene.restoreOptions(disk, .modSeq(ModSeq(point))))
        }
        try failEach(scene.disk, restore) { left, what in
            let scene = BackupScene(disk: left)
            if try !left.exists(BackupScene.restored) { try restore(left) }
            #expect(try BackupScene.summary(left, BackupScene.restored).difference(expected) == "", "\(what)")
            try scene.expectWhole(what)
        }
    }
}
