import MailModel
import TestSupport
import Testing
import VarveFormat
import VarveSimulation

@testable import Varve

/// Backups of an account whose log was given up from its beginning: a base, and gaps below it.
@Suite struct CompactedBackupTests {
    /// The account after each commit, and where its history begins.
    private struct History {
        let disk = SimulatedDisk()
        var states: [UInt64: Summary] = [:]
        var store: Store
        private var random = SeededGenerator(seed: 12)

        init() throws {
            var options = Workload.options(disk)
            options.compaction = .onDemand
            store = try Store.open(at: Workload.path, options)
            states[1] = try Summary(store)
        }

        mutating func note() throws { states[store.snapshot().modSeq.rawValue] = try Summary(store) }

        /// Appends large messages, of which every second one is expunged later.
        mutating func fill() throws {
            let inbox = try store.mailbox("INBOX").id
            var uids: [UID] = []
            for _ in 0..<12 {
                let body = (0..<200_000).map { _ in UInt8.random(in: 0...255, using: &random) }
                try store.commit { tx in uids.append(try tx.append(body, to: inbox, internalDate: noon)) }
                try note()
            }
            store.maintain()
            for uid in uids.enumerated().filter({ $0.offset % 2 == 0 }).map(\.element) {
                try store.commit { tx in try tx.expunge([uid], in: inbox, onlyDeleted: false) }
                try note()
            }
            try store.commit { _ = try $0.createMailbox("box\(uids[0])") }
            try note()
        }
    }

    private func compact(_ history: inout History) throws -> CompactionReport {
        let report = try history.store.compact()
        try history.note()
        history.store.maintain()
        return report
    }

    @Test func aBaseAndWhatFollowsItAreTheAccount() throws {
        var history = try History()
        let repository = BackupScene.repository(history.disk)
        try history.fill()
        let before = try history.store.backUp(to: repository).backup
        let report = try compact(&history)
        #expect(report.segmentsRemoved > 0 && report.messagesMoved > 0)
        try history.fill()
        let end = history.store.snapshot().modSeq.rawValue
        let after = try history.store.backUp(to: repository).backup
        #expect(after.base != nil && after.horizon == report.horizon && after.horizon > 0)
        #expect(try repository.backUp(Workload.path).backup.files == after.files)
        for backup in try repository.backups() {
            let verdict = try repository.verify(backup, Workload.options(history.disk))
            #expect(verdict.isWhole, "\(verdict.problems)")
        }
        // From the commit on that gave up the segments, every state is there.
        let horizon = try repository.horizon(of: after, Workload.options(history.disk))
        #expect(horizon.modSeq >= after.horizon && horizon.modSeq.rawValue < end)
        for modSeq in 1...end {
            let point = RestorePoint.modSeq(ModSeq(modSeq))
            let options = BackupScene.restoreOptions(history.disk, point)
            if ModSeq(modSeq) < horizon.modSeq {
                expectFailure(.notFound, "commit \(modSeq)") {
                    _ = try RestoreTests.restoreExactly(repository, after, "x", options)
                }
                // An older backup has what is older than itself.
                if ModSeq(modSeq) <= before.modSeq {
                    #expect(try repository.backup(nil, for: point, options.store) == before)
                }
                continue
            }
            guard let expected = history.states[modSeq] else { continue }
            #expect(try repository.backup(nil, for: point, options.store).modSeq == after.modSeq)
            let target = "at\(modSeq)"
            _ = try RestoreTests.restoreExactly(repository, after, target, options)
            let difference = try BackupScene.summary(history.disk, target).difference(expected)
            #expect(difference == "", "commit \(modSeq): \(difference)")
        }
        #expect(horizon.modSeq > before.modSeq.next)
        expectFailure(.notFound, "between the backups") {
            _ = try repository.backup(nil, for: .modSeq(before.modSeq.next), Workload.options(history.disk))
        }
        try history.store.checkAndClose()
    }

    @Test func theBaseIsBackedUpOnce() throws {
        var history = try History()
        let repository = BackupScene.repository(history.disk)
        try history.fill()
        _ = try compact(&history)
        let first = try history.store.backUp(to: repository)
        try history.fill()
        let second = try history.store.backUp(to: repository)
        #expect(second.backup.base == first.backup.base && second.reusedFiles > 0)
        // Another compaction: another base, and the first one is the older backups' own.
        _ = try compact(&history)
        let third = try history.store.backUp(to: repository).backup
        #expect(third.base?.number ?? 0 > second.backup.base!.number)
        try history.store.close()
        let objects = "\(BackupScene.repository)/objects"
        let count = try history.disk.list(objects).count
        _ = try repository.prune(keep: 1)
        #expect(try history.disk.list(objects).count == third.files.count && third.files.count < count)
        #expect(try repository.verify(third, Workload.options(history.disk)).isWhole)
    }

    @Test func damageOfABaseIsNotBackedUpAndIsFound() throws {
        var history = try History()
        let repository = BackupScene.repository(history.disk)
        try history.fill()
        _ = try compact(&history)
        try history.store.close()
        let backup = try repository.backUp(Workload.path).backup
        let base = try #require(backup.base)
        let damaged = history.disk.afterPowerFailure(seed: 1)
        damaged.damage(repository.objectPath(backup, base), at: 100)
        #expect(try !BackupScene.repository(damaged).verify(backup, Workload.options(damaged)).isWhole)
        for place in [3, 100, base.size - 40] {
            let disk = history.disk.afterPowerFailure(seed: 1)
            let objects = "\(BackupScene.repository)/objects"
            for name in try disk.list(objects) { try disk.remove("\(objects)/\(name)") }
            disk.damage("\(Workload.path)/\(FileNames.base(base.number))", at: place)
            expectFailure(.corrupt, "byte \(place)") { try BackupScene.repository(disk).backUp(Workload.path) }
        }
    }

    /// Compaction goes on while backups are made from outside: each is whole.
    @Test func aBackupBesideACompaction() throws {
        let folder = TemporaryFolder()
        var options = StoreOptions()
        options.segmentSize = 1 << 20
        options.compaction = .onDemand
        let path = "\(folder.path)/store"
        let store = try Store.open(at: path, options)
        let inbox = try store.mailbox("INBOX").id
        let failures = Counter()
        let rounds = Counter()
        let writer = inThread {
            var random = SeededGenerator(seed: 9)
            for _ in 0..<8 {
                do {
                    for _ in 0..<12 {
                        let body = (0..<200_000).map { _ in UInt8.random(in: 0...255, using: &random) }
                        try store.commit { tx in
                            let uid = try tx.append(body, to: inbox, internalDate: noon)
                            if uid.rawValue > 4 { try tx.expunge([UID(uid.rawValue - 4)], in: inbox, onlyDeleted: false) }
                        }
                    }
                    _ = try store.compact()
                } catch {
                    failures.add(1)
                }
                rounds.add(1)
            }
        }
        let repository = BackupRepository("\(folder.path)/repository")
        var made = 0
        repeat {
            let backup = try made % 2 == 0 ? repository.backUp(path).backup : store.backUp(to: repository).backup
            let verdict = try repository.verify(backup)
            #expect(verdict.isWhole, "\(verdict.problems)")
            made += 1
            if made > 40 { _ = try repository.prune(keep: 3) }
        } while rounds.value < 8 && made < 200
        writer.join()
        #expect(failures.value == 0)
        let last = try repository.backUp(path).backup
        #expect(last.modSeq == store.snapshot().modSeq && last.base != nil)
        #expect(try repository.verify(last).isWhole)
        try store.checkAndClose()
    }
}
