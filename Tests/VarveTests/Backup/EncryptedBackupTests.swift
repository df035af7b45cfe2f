import MailModel
import TestSupport
import Testing
import VarveSimulation
import VarveFormat
import VarveSimulation

@testable import Varve

/// Backups of an encrypted account: made without its key, restored with it.
@Suite struct EncryptedBackupTests {
    private func masterKey(_ byte: UInt8) throws -> MasterKey {
        try [UInt8](repeating: byte, count: MasterKey.size).withBytes { bytes throws(StoreError) in try MasterKey(bytes) }
    }

    private func options(_ disk: SimulatedDisk, _ key: MasterKey?) -> StoreOptions {
        var options = Workload.options(disk)
        options.masterKey = key
        return options
    }

    @Test func aBackupNeedsNoKeyAndARestoreDoes() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let key = try masterKey(1)
        let store = try Store.open(at: Workload.path, options(disk, key))
        let inbox = try store.mailbox("INBOX").id
        let body = Array("Subject: a secret of one\r\n\r\n".utf8) + [UInt8](repeating: 65, count: 1000)
        for _ in 0..<5 { try store.commit { tx in try tx.append(body, to: inbox, internalDate: noon) } }
        let expected = try Summary(store)
        let repository = BackupScene.repository(disk)
        let backup = try repository.backUp(Workload.path).backup
        #expect(backup.files.contains { $0.role == .key })
        #expect(try store.backUp(to: repository).backup.files == backup.files)
        try store.close()

        #expect(try repository.verify(backup, options(disk, key)).isWhole)
        for other in [nil, try masterKey(2)] {
            let verdict = try repository.verify(backup, options(disk, other))
            #expect(verdict.problems.count == 1 && verdict.problems[0].contains("master key"), "\(verdict.problems)")
            var restore = BackupScene.restoreOptions(disk)
            restore.store = options(disk, other)
            expectFailure(other == nil ? .keyMissing : .wrongKey, "a restore") {
                try repository.restore(backup, to: BackupScene.restored, restore)
            }
            #expect(try !disk.exists(BackupScene.restored))
        }
        var restore = BackupScene.restoreOptions(disk, .modSeq(4))
        restore.store = options(disk, key)
        try repository.restore(backup, to: BackupScene.restored, restore)
        let restored = try Store.open(at: BackupScene.restored, options(disk, key))
        #expect(restored.snapshot().modSeq == 5)
        let view = try restored.mailbox("INBOX").view()
        #expect(view.mailbox.messages == 3)
        #expect(try restored.body(of: #require(try view.message(3))).bytes() == body)
        try restored.checkAndClose()
        restore.point = .end
        restore.keepsUIDValidity = true
        try repository.restore(backup, to: "whole", restore)
        #expect(try Summary(Store.open(at: "whole", options(disk, key))).difference(expected) == "")
    }

    /// Which commits gave segments up stands in sealed records.
    @Test func theHorizonOfACompactedAccount() throws {
        let disk = SimulatedDisk(modelsPower: false)
        var sealed = options(disk, try masterKey(1))
        sealed.compaction = .onDemand
        let store = try Store.open(at: Workload.path, sealed)
        let inbox = try store.mailbox("INBOX").id
        var random = SeededGenerator(seed: 3)
        for _ in 0..<12 {
            let body = (0..<200_000).map { _ in UInt8.random(in: 0...255, using: &random) }
            try store.commit { tx in try tx.append(body, to: inbox, internalDate: noon) }
        }
        try store.commit { tx in try tx.expunge([1, 2, 3, 5, 7, 9, 11], in: inbox, onlyDeleted: false) }
        store.maintain()
        let report = try store.compact()
        #expect(report.segmentsRemoved > 0 && report.messagesMoved > 0)
        try store.commit { _ = try $0.createMailbox("later") }
        let repository = BackupScene.repository(disk)
        let backup = try store.backUp(to: repository).backup
        try store.close()
        let verdict = try repository.verify(backup, sealed)
        #expect(verdict.isWhole, "\(verdict.problems)")
        let horizon = try repository.horizon(of: backup, sealed)
        #expect(horizon.modSeq > report.horizon && horizon.modSeq < backup.modSeq && verdict.horizon == horizon)
        expectFailure(.keyMissing, "no key") { _ = try repository.horizon(of: backup, options(disk, nil)) }
        var restore = RestoreOptions()
        restore.store = sealed
        restore.point = .modSeq(ModSeq(horizon.modSeq.rawValue - 1))
        expectFailure(.notFound, "before the horizon") { try repository.restore(backup, to: "before", restore) }
        restore.point = .modSeq(horizon.modSeq)
        #expect(try repository.restore(backup, to: "at", restore).messages == 5)
    }

    /// An encrypted account without its key is lost: that is noticed while the key may still be found.
    @Test func anAccountWithoutItsKeyFileIsNotBackedUp() throws {
        let disk = SimulatedDisk(modelsPower: false)
        try Store.open(at: Workload.path, options(disk, masterKey(1))).close()
        try disk.remove("\(Workload.path)/\(FileNames.key)")
        expectFailure(.corrupt, "no key") { try BackupScene.repository(disk).backUp(Workload.path) }
    }
}
