import MailModel
import TestSupport
import Testing
import VarveSimulation
import VarveFormat
import VarveSimulation

@testable import Varve

/// Backups of an account into which another thread commits.
@Suite struct LiveBackupTests {
    @Test(arguments: [true, false]) func whatWasAcknowledgedBeforeIsInIt(fromOutside: Bool) throws {
        let folder = TemporaryFolder()
        var options = StoreOptions()
        options.segmentSize = 1 << 20
        options.checkpointInterval = 1 << 19
        let path = "\(folder.path)/store"
        let store = try Store.open(at: path, options)
        let inbox = try store.mailbox("INBOX").id
        let acknowledged = Counter()
        let failures = Counter()
        acknowledged.set(Int(store.snapshot().modSeq.rawValue))
        let writer = inThread {
            var random = SeededGenerator(seed: 8)
            for round in 0..<160 {
                do {
                    let body = (0..<(round % 7 == 0 ? 200_000 : 3000)).map { _ in UInt8.random(in: 0...255, using: &random) }
                    try store.commit { tx in
                        try tx.append(body, to: inbox, internalDate: noon)
                        if round % 5 == 0 { try tx.expunge([UID(UInt32(round / 2 + 1))], in: inbox, onlyDeleted: false) }
                    }
                    acknowledged.set(Int(store.snapshot().modSeq.rawValue))
                } catch {
                    failures.add(1)
                }
            }
        }
        let repository = BackupRepository("\(folder.path)/repository")
        var last = 0
        for _ in 0..<12 {
            let before = acknowledged.value
            let report = try fromOutside ? repository.backUp(path) : store.backUp(to: repository)
            #expect(report.backup.modSeq.rawValue >= before)
            #expect(report.backup.modSeq.rawValue >= last)
            last = Int(report.backup.modSeq.rawValue)
        }
        writer.join()
        #expect(failures.value == 0)
        let final = try store.backUp(to: repository).backup
        #expect(final.modSeq == store.snapshot().modSeq)
        let expected = try Summary(store)
        for backup in try repository.backups() {
            let verdict = try repository.verify(backup)
            #expect(verdict.isWhole, "\(verdict.problems)")
        }
        try store.checkAndClose()
        var restore = RestoreOptions()
        restore.keepsUIDValidity = true
        try repository.restore(final, to: "\(folder.path)/restored", restore)
        let restored = try Store.open(at: "\(folder.path)/restored", options)
        #expect(try Summary(restored).difference(expected) == "")
        try restored.checkAndClose()
    }

    /// A segment is listed, and gone when it is opened; or another one has come meanwhile.
    @Test func aListThatChangesIsReadAgain() throws {
        let (scene, _, last) = try BackupScene.finished()
        let changing = ChangingFileSystem(scene.disk)
        let repository = BackupRepository(BackupScene.repository, fileSystem: changing)
        let backup = try repository.backUp(Workload.path).backup
        #expect(changing.changes.value == 1 && backup.modSeq.rawValue == last + 3)
        try scene.expectWhole()
    }
}

/// Commits come, and with them a segment, just when the segments have been listed for the first time.
private final class ChangingFileSystem: FileSystem {
    private let disk: SimulatedDisk
    let changes = Counter()
    init(_ disk: SimulatedDisk) { self.disk = disk }

    func open(_ path: String, create: Bool, writable: Bool) throws(StoreError) -> any File {
        try disk.open(path, create: create, writable: writable)
    }
    func exists(_ path: String) throws(StoreError) -> Bool { try disk.exists(path) }
    func createDirectory(_ path: String) throws(StoreError) { try disk.createDirectory(path) }
    func list(_ path: String) throws(StoreError) -> [String] {
        let names = try disk.list(path)
        if path == "\(Workload.path)/\(FileNames.segments)", changes.value == 0 {
            changes.set(1)
            do { try BackupScene(disk: disk).addMail(3, size: 600_000) } catch { throw StoreError(.io, "\(error)") }
        }
        return names
    }
    func remove(_ path: String) throws(StoreError) { try disk.remove(path) }
    func rename(_ from: String, to: String) throws(StoreError) { try disk.rename(from, to: to) }
    func link(_ from: String, to: String) throws(StoreError) -> Bool { try disk.link(from, to: to) }
    func syncDirectory(_ path: String) throws(StoreError) { try disk.syncDirectory(path) }
    func lock(_ path: String) throws(StoreError) -> any FileLock { try disk.lock(path) }
}
