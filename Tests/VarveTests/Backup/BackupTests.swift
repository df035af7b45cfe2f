import MailModel
import TestSupport
import Testing
import VarveSimulation
import VarveFormat
import VarveSimulation

@testable import Varve

/// Backups of an account that nothing goes wrong with.
@Suite struct BackupTests {
    @Test(arguments: [true, false]) func aBackupIsTheAccount(links: Bool) throws {
        let (scene, states, last) = try BackupScene.finished()
        scene.disk.setCanLink(links)
        var options = BackupOptions()
        options.label = "alice\n"
        let report = try scene.repository.backUp(Workload.path, options)
        #expect(report.backup.modSeq == ModSeq(last) && report.backup.label == "alice")
        #expect(report.linkedFiles == (links ? report.backup.files.count - 1 : 0))
        #expect(report.backup.segments.count > 1)
        let listed = try scene.repository.backups()
        #expect(listed == [report.backup])
        try scene.expectWhole()
        var restore = BackupScene.restoreOptions(scene.disk)
        restore.keepsUIDValidity = true
        let restored = try scene.repository.restore(report.backup, to: BackupScene.restored, restore)
        #expect(restored.modSeq == ModSeq(last))
        let difference = try BackupScene.summary(scene.disk, BackupScene.restored).difference(#require(states[last]))
        #expect(difference == "")
        let source = try BackupScene.summary(scene.disk, Workload.path).difference(#require(states[last]))
        #expect(source == "", "the source is not what it was: \(source)")
    }

    @Test func aSecondBackupReadsOnlyWhatIsNew() throws {
        let (scene, _, _) = try BackupScene.finished()
        for count in [4, 3] { try scene.addMail(count, size: 600_000) }
        // A segment of its own, with room for what follows.
        try scene.addMail(1, size: 300_000)
        try scene.addMail(1)
        let counting = CountingFileSystem(scene.disk, counts: "\(Workload.path)/")
        let repository = BackupRepository(BackupScene.repository, fileSystem: counting, clock: { 1_700_000_000_000 })
        let first = try repository.backUp(Workload.path)
        let whole = first.backup.size
        #expect(counting.bytesRead >= whole)
        try scene.addMail(2)
        counting.reset()
        let second = try repository.backUp(Workload.path)
        let tail = try #require(second.backup.segments.last?.size)
        #expect(second.reusedFiles == second.backup.files.count - 1)
        #expect(second.bytesRead == tail && second.bytesWritten == tail)
        // The last segment is read once for its frames and once for its bytes; of the others a header and a footer.
        let others = (second.backup.files.count + 2) * (1 << 18)
        #expect(counting.bytesRead < 2 * tail + others, "\(counting.bytesRead) bytes read")
        #expect(counting.bytesRead < whole / 2, "\(counting.bytesRead) bytes read of \(whole)")
        // Nothing new at all: the same file once more.
        let third = try repository.backUp(Workload.path)
        #expect(third.bytesWritten == 0 && third.reusedFiles == third.backup.files.count)
        #expect(third.backup.files == second.backup.files && third.backup.id > second.backup.id)
        try scene.expectWhole()
    }

    @Test func aSegmentThatWasOpenIsSharedOnceItIsSealed() throws {
        let (scene, _, _) = try BackupScene.finished()
        let before = try scene.repository.backUp(Workload.path).backup
        let number = before.end.segment
        try scene.addMail(3, size: 700_000)
        let after = try scene.repository.backUp(Workload.path)
        let sealed = try #require(after.backup.segments.first { $0.number == number })
        #expect(sealed.role == .sealed && sealed.size > before.segments.last!.size)
        let again = try scene.repository.backUp(Workload.path)
        #expect(again.reusedFiles >= Int(number))
        try scene.expectWhole()
    }

    @Test func aLinkIsNotWhatTheStoreWritesTo() throws {
        let (scene, _, _) = try BackupScene.finished()
        let backup = try scene.repository.backUp(Workload.path).backup
        var contents: [String: [UInt8]] = [:]
        for name in backup.files.map({ scene.repository.objectPath(backup, $0) }) {
            contents[name] = scene.disk.contents(name)
        }
        try scene.addMail(4, size: 600_000)
        try scene.disk.remove(Workload.index)
        try scene.disk.remove(Workload.superblock)
        try scene.addMail(1)
        for (name, bytes) in contents { #expect(scene.disk.contents(name) == bytes, "\(name) was written to") }
        for number in 1...backup.end.segment { try scene.disk.remove(Workload.segment(number)) }
        try scene.expectWhole("after the account is gone")
    }

    @Test func severalAccountsShareARepository() throws {
        let (scene, _, _) = try BackupScene.finished()
        var options = Workload.options(scene.disk)
        options.random = { 77 }
        let other = try Store.open(at: "other", options)
        try other.commit { try $0.createMailbox("x") }
        let first = try scene.repository.backUp(Workload.path).backup
        let second = try other.backUp(to: scene.repository).backup
        #expect(first.store != second.store)
        try scene.expectWhole()
        expectFailure(.notFound, "several accounts") { _ = try scene.repository.backup(nil, for: .end) }
        #expect(try scene.repository.backup(first.id, for: .end) == first)
        try other.close()
    }

    @Test func aStoreThatIsNotThereOrEmptyIsRefused() throws {
        let disk = SimulatedDisk()
        expectFailure(.notFound, "no store") { try BackupScene.repository(disk).backUp("nowhere") }
        #expect(try !disk.exists(BackupScene.repository), "a repository was made for nothing")
        expectFailure(.notFound, "no repository") { _ = try BackupScene.repository(disk).backups() }
        try disk.createDirectory("store")
        try disk.createDirectory("store/segments")
        expectFailure(.notFound, "nothing to back up") { try BackupScene.repository(disk).backUp("store") }
        expectFailure(.locked, "another backup") {
            let (scene, _, _) = try BackupScene.finished()
            try scene.repository.backUp(Workload.path)
            let lock = try scene.disk.lock("\(BackupScene.repository)/lock")
            defer { lock.release() }
            try scene.repository.backUp(Workload.path)
        }
    }

    @Test func aFolderOfOtherThingsIsNoRepository() throws {
        let (scene, _, _) = try BackupScene.finished()
        let repository = BackupRepository(Workload.path, fileSystem: scene.disk)
        expectFailure(.alreadyExists, "other things") { try repository.backUp(Workload.path) }
    }

    @Test func damageOfTheAccountIsNotBackedUp() throws {
        let (scene, _, _) = try BackupScene.finished()
        let last = try #require(try scene.disk.list("\(Workload.path)/segments").compactMap(FileNames.segmentNumber).max())
        #expect(last > 2 || scene.disk.size(Workload.segment(2)) != nil)
        for (number, place) in [(UInt32(1), 5000), (2, 70), (last, 200)] {
            let disk = scene.disk.afterPowerFailure(seed: 1)
            disk.damage(Workload.segment(number), at: place)
            expectFailure(.corrupt, "segment \(number)") { try BackupScene.repository(disk).backUp(Workload.path) }
            #expect(try disk.list("\(BackupScene.repository)/backups").isEmpty)
        }
        let disk = scene.disk.afterPowerFailure(seed: 1)
        try disk.remove(Workload.segment(2))
        expectFailure(.corrupt, "a missing segment") { try BackupScene.repository(disk).backUp(Workload.path) }
    }
}

func expectFailure(_ kind: StoreError.Kind, _ words: String = "", _ body: () throws -> Void) {
    do {
        try body()
        Issue.record("\(words): it worked")
    } catch {
        #expect((error as? StoreError)?.kind == kind, "\(words): \(error)")
    }
}

/// Counts bytes read of files whose path begins in some way.
final class CountingFileSystem: FileSystem {
    private let files: any FileSystem
    private let prefix: String
    private let read = Counter()
    var bytesRead: Int { read.value }
    func reset() { read.set(0) }

    init(_ files: any FileSystem, counts prefix: String) {
        self.files = files
        self.prefix = prefix
    }

    private struct Counted: File {
        let file: any File
        let read: Counter
        func size() throws(StoreError) -> Int { try file.size() }
        func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
            let count = try file.read(at: offset, into: buffer)
            read.add(count)
            return count
        }
        func write(at offset: Int, _ buffers: [UnsafeRawBufferPointer]) throws(StoreError) {
            try file.write(at: offset, buffers)
        }
        func allocate(_ size: Int) throws(StoreError) { try file.allocate(size) }
        func truncate(_ size: Int) throws(StoreError) { try file.truncate(size) }
        func sync() throws(StoreError) { try file.sync() }
        func map(_ length: Int, writable: Bool) throws(StoreError) -> any Mapping {
            try file.map(length, writable: writable)
        }
    }

    func open(_ path: String, create: Bool, writable: Bool) throws(StoreError) -> any File {
        let file = try files.open(path, create: create, writable: writable)
        return path.hasPrefix(prefix) ? Counted(file: file, read: read) : file
    }
    func exists(_ path: String) throws(StoreError) -> Bool { try files.exists(path) }
    func createDirectory(_ path: String) throws(StoreError) { try files.createDirectory(path) }
    func list(_ path: String) throws(StoreError) -> [String] { try files.list(path) }
    func remove(_ path: String) throws(StoreError) { try files.remove(path) }
    func rename(_ from: String, to: String) throws(StoreError) { try files.rename(from, to: to) }
    func syncDirectory(_ path: String) throws(StoreError) { try files.syncDirectory(path) }
    func lock(_ path: String) throws(StoreError) -> any FileLock { try files.lock(path) }
}
