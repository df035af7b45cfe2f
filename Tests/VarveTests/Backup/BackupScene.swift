import MailModel
import TestSupport
import Testing
import VarveSimulation
import VarveFormat
import VarveSimulation

@testable import Varve

/// A simulated disk with an account, and a repository for its backups.
struct BackupScene {
    static let repository = "repository"
    static let restored = "restored"

    let disk: SimulatedDisk
    var repository: BackupRepository { BackupScene.repository(disk) }

    static func repository(_ disk: SimulatedDisk) -> BackupRepository {
        BackupRepository(repository, fileSystem: disk, clock: { 1_700_000_000_000 })
    }

    /// A run of commits over several segments, and the account after each of them.
    static func finished() throws -> (BackupScene, states: [UInt64: Summary], last: UInt64) {
        let disk = SimulatedDisk()
        var workload = Workload(seed: 3, records: true)
        try workload.run(on: disk)
        return (BackupScene(disk: disk), workload.states, workload.acknowledged)
    }

    static func restoreOptions(_ disk: SimulatedDisk, _ point: RestorePoint = .end) -> RestoreOptions {
        var options = RestoreOptions()
        options.point = point
        options.store = Workload.options(disk)
        return options
    }

    /// Commits something, in the account as it lies there.
    @discardableResult
    func addMail(_ count: Int = 1, size: Int = 1000) throws -> UInt64 {
        let store = try Store.open(at: Workload.path, Workload.options(disk))
        var random = SeededGenerator(seed: UInt64(count + size))
        let inbox = try store.mailbox("INBOX").id
        for _ in 0..<count {
            let body = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
            try store.commit { tx in try tx.append(body, to: inbox, internalDate: noon) }
        }
        store.maintain()
        try store.close()
        return store.snapshot().modSeq.rawValue
    }

    /// An account as it is when it is opened, and whether it is in order.
    static func summary(_ disk: SimulatedDisk, _ path: String) throws -> Summary {
        let store = try Store.open(at: path, Workload.options(disk))
        let violations = Check.run(store)
        #expect(violations.isEmpty, "\(path): \(violations)")
        let summary = try Summary(store)
        try store.close()
        return summary
    }

    func expectWhole(_ what: String = "") throws {
        for entry in try repository.entries() {
            switch entry {
            case .backup(let backup):
                let verdict = try repository.verify(backup, Workload.options(disk))
                #expect(verdict.isWhole, "\(what), \(backup.id): \(verdict.problems)")
            case .unreadable(let id, let error): Issue.record("\(what), \(id): \(error)")
            }
        }
    }
}
