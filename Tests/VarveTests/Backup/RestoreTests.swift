import MailModel
import Synchronization
import TestSupport
import Testing
import VarveSimulation
import VarveFormat
import VarveSimulation

@testable import Varve

@Suite struct RestoreTests {
    /// A restore that leaves everything as it was, to be compared with what it was.
    static func restoreExactly(
        _ repository: BackupRepository, _ backup: Backup, _ target: String, _ options: RestoreOptions
    ) throws -> RestoreReport {
        try Restore(repository, backup, target, options, renewsUIDValidity: false).run()
    }

    @Test func everyModSeqComesBackAsItWas() throws {
        let (scene, states, last) = try BackupScene.finished()
        let backup = try scene.repository.backUp(Workload.path).backup
        for modSeq in 1...last {
            let point = RestorePoint.modSeq(ModSeq(modSeq))
            #expect(try scene.repository.backup(nil, for: point) == backup)
            let target = "at\(modSeq)"
            let report = try RestoreTests.restoreExactly(
                scene.repository, backup, target, BackupScene.restoreOptions(scene.disk, point))
            #expect(report.modSeq == ModSeq(modSeq))
            let difference = try BackupScene.summary(scene.disk, target).difference(#require(states[modSeq]))
            #expect(difference == "", "commit \(modSeq): \(difference)")
        }
    }

    @Test(arguments: [UInt64(21), 22]) func everyStateOfAModelComesBack(seed: UInt64) throws {
        let disk = SimulatedDisk(modelsPower: false)
        let run = try ModelRun(seed: seed, files: disk)
        var models: [UInt64: Model] = [run.model.modSeq: run.model]
        let repository = BackupScene.repository(disk)
        var transactions = 0
        run.onTransaction = { [unowned run] model in
            models[model.modSeq] = model
            transactions += 1
            // Compaction gives up history now and then: an older backup has it still.
            guard transactions % 20 == 0 else { return }
            do { try run.store.backUp(to: repository) } catch { Issue.record("seed \(seed): \(error)") }
        }
        try run.run(operations: 600)
        try repository.backUp(ModelRun.path)
        var restored = 0
        for (modSeq, model) in models.sorted(by: { $0.key < $1.key }) where modSeq % 5 == seed % 5 {
            var options = BackupScene.restoreOptions(disk, .modSeq(ModSeq(modSeq)))
            options.store = run.options
            let target = "at\(modSeq)"
            let backup: Backup
            do {
                backup = try repository.backup(nil, for: options.point, options.store)
            } catch {
                let isHorizon = error.kind == .notFound && error.message.contains("horizon")
                #expect(isHorizon, "seed \(seed), commit \(modSeq): \(error)")
                continue
            }
            restored += 1
            _ = try RestoreTests.restoreExactly(repository, backup, target, options)
            run.store = try Store.open(at: target, run.options)
            run.model = model
            try run.compareAll()
            try run.store.close()
        }
        #expect(restored > 10, "seed \(seed): only \(restored) states of \(models.count) were within reach")
    }

    // MARK: UIDVALIDITY

    private func validities(_ store: Store) throws -> [String: UInt32] {
        var result: [String: UInt32] = [:]
        try store.snapshot().forEachMailbox { info in
            result[info.name] = info.uidValidity.rawValue
            return true
        }
        return result
    }

    @Test func clientsOfTheLostFutureBeginAnew() throws {
        let (scene, states, last) = try BackupScene.finished()
        let backup = try scene.repository.backUp(Workload.path).backup
        let original = try Store.open(at: Workload.path, Workload.options(scene.disk))
        let before = try validities(original)
        try original.close()
        var seen: [String: Set<UInt32>] = before.mapValues { [$0] }
        // Twice from the same backup, the clock being behind what was given: never the same value for a mailbox.
        for (number, seconds) in [UInt64(0), 1, 2, 5000].enumerated() {
            var options = BackupScene.restoreOptions(scene.disk, .modSeq(ModSeq(last)))
            options.store.clock = { 1_700_000_000_000 + seconds * 1000 }
            let target = "restored\(number)"
            try scene.repository.restore(backup, to: target, options)
            let store = try Store.open(at: target, Workload.options(scene.disk))
            #expect(store.snapshot().modSeq == ModSeq(last + 1))
            let after = try validities(store)
            #expect(after.count == before.count && Set(after.values).count == after.count)
            for (name, value) in after { #expect(seen[name, default: []].insert(value).inserted, "\(name): \(value) again") }
            #expect(after.values.min()! > before.values.max()!)
            // Nothing else is new.
            var summary = try Summary(store)
            summary.modSeq = last
            var old = try #require(states[last])
            for i in summary.lines.indices {
                summary.lines[i].numbers[1] = 0
                summary.lines[i].numbers[3] = 0
                old.lines[i].numbers[1] = 0
                old.lines[i].numbers[3] = 0
            }
            #expect(summary.difference(old) == "")
            // And it is in the log.
            try store.close()
            try scene.disk.remove("\(target)/index")
            #expect(try validities(try Store.open(at: target, Workload.options(scene.disk))) == after)
        }
    }

    @Test func uidValiditiesAtTheEndOfAllNumbers() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try Store.open(at: "store", Workload.options(disk))
        for name in ["a", "b", "c"] { try store.commit { try $0.createMailbox(name) } }
        try store.commit { tx in try tx.renewUIDValidity(of: try store.mailbox("a").id, to: .max - 4) }
        try store.renewUIDValidities(after: 0)
        #expect(try Set(validities(store).values) == [.max - 3, .max - 2, .max - 1, .max])
        expectFailure(.limit, "all used up") { try store.renewUIDValidities(after: 0) }
        try store.checkAndClose()
    }

    // MARK: Points in time

    @Test func aTimeMeansTheLastCommitBeforeIt() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let time = Counter()
        var options = Workload.options(disk)
        options.clock = { UInt64(1_700_000_000_000 + time.value) }
        let store = try Store.open(at: Workload.path, options)
        let inbox = try store.mailbox("INBOX").id
        // Over two segments; the clock is set back once.
        var times: [UInt64] = [1_700_000_000_000]
        for at in [10, 20, 20, 30, 15, 40] {
            time.set(at)
            var random = SeededGenerator(seed: UInt64(at))
            let body = (0..<400_000).map { _ in UInt8.random(in: 0...255, using: &random) }
            try store.commit { tx in try tx.append(body, to: inbox, internalDate: noon) }
            times.append(UInt64(1_700_000_000_000 + at))
        }
        store.maintain()
        let repository = BackupScene.repository(disk)
        let backup = try store.backUp(to: repository).backup
        #expect(backup.segments.count > 1)
        for at in [UInt64(0), 5, 10, 14, 15, 20, 25, 30, 39, 40, 1000] {
            let wanted = 1_700_000_000_000 + at
            let expected = UInt64(try #require(times.lastIndex { $0 <= wanted }) + 1)
            let cut = try repository.cut(backup, at: .time(BackupTime(milliseconds: wanted)))
            #expect(cut.modSeq == expected, "at \(at)")
        }
        expectFailure(.notFound, "before the first commit") {
            _ = try repository.cut(backup, at: .time(BackupTime(milliseconds: 1_699_999_999_999)))
        }
        try store.close()
    }

    @Test func pointsThatAreNotThere() throws {
        let (scene, _, last) = try BackupScene.finished()
        let backup = try scene.repository.backUp(Workload.path).backup
        for modSeq in [0, last + 1, ModSeq.max.rawValue] {
            expectFailure(.notFound, "commit \(modSeq)") {
                _ = try scene.repository.backup(nil, for: .modSeq(ModSeq(modSeq)))
            }
            expectFailure(.notFound, "commit \(modSeq)") {
                try scene.repository.restore(
                    backup, to: "x", BackupScene.restoreOptions(scene.disk, .modSeq(ModSeq(modSeq))))
            }
        }
        #expect(try !scene.disk.exists("x") && !scene.disk.exists("x.restoring"))
        var options = BackupScene.restoreOptions(scene.disk, .modSeq(1))
        options.keepsUIDValidity = true
        expectFailure(.notPermitted, "set back with its UIDVALIDITY") {
            try scene.repository.restore(backup, to: "x", options)
        }
    }

    @Test func nothingIsOverwritten() throws {
        let (scene, states, last) = try BackupScene.finished()
        let backup = try scene.repository.backUp(Workload.path).backup
        let options = BackupScene.restoreOptions(scene.disk)
        expectFailure(.alreadyExists, "an account") { try scene.repository.restore(backup, to: Workload.path, options) }
        #expect(try BackupScene.summary(scene.disk, Workload.path).difference(#require(states[last])) == "")
        try scene.disk.createDirectory("y.restoring")
        _ = try scene.disk.open("y.restoring/letter", create: true, writable: true)
        expectFailure(.alreadyExists, "something in the way") { try scene.repository.restore(backup, to: "y", options) }
        #expect(try scene.disk.exists("y.restoring/letter"))
        try scene.disk.createDirectory("z.restoring")
        let lock = try scene.disk.lock("z.restoring/restoring")
        expectFailure(.locked, "another restore") { try scene.repository.restore(backup, to: "z/", options) }
        lock.release()
        try scene.repository.restore(backup, to: "z/", options)
        #expect(try !scene.disk.exists("z/restoring") && !scene.disk.exists("z.restoring"))
    }

    @Test func timesAsTheyAreTyped() throws {
        let midnight = UInt64(1_795_478_400_000)  // 2026-11-24T00:00:00Z
        for (text, expected) in [
            ("2026-11-24", midnight), ("2026-11-24T01:02", midnight + 3_720_000),
            ("2026-11-24 01:02:03", midnight + 3_723_000),
            ("2026-11-24T01:02:03.5Z", midnight + 3_723_500), ("2026-11-24T01:02:03.123456Z", midnight + 3_723_123),
            ("2026-11-24T01:02:03+01:00", midnight + 123_000), ("2026-11-24T01:02:03-0130", midnight + 9_123_000),
        ] {
            #expect(BackupTime(text)?.milliseconds == expected, "\(text)")
        }
        #expect(BackupTime(milliseconds: midnight + 3_723_045).description == "2026-11-24T01:02:03.045Z")
        #expect(BackupTime(milliseconds: midnight + 3_723_045).compactText == "20261124T010203.045Z")
        for text in [
            "", "2026", "2026-11", "2026-11-31", "2026-11-24T", "2026-11-24T25:00", "2026-11-24T01:02:03.", "1969-12-31",
            "2026-11-24T01:02Zx", "2026-11-24T01:02+1", "24.11.2026", "2026-11-24T01:02:03.1234567890Z",
        ] {
            #expect(BackupTime(text) == nil, "\(text)")
        }
        #expect(BackupTime(milliseconds: .max).description == "9999-12-31T23:59:59.999Z")
    }
}
