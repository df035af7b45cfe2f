import MailModel
import VarveFormat

/// Whether a backup would restore, and why not.
public struct BackupVerdict: Sendable {
    public let backup: Backup
    /// What is wrong: which file, and what of it. Empty for a backup that is whole.
    public internal(set) var problems: [String] = []
    /// The earliest state that the backup has; nil if that could not be found out.
    public internal(set) var horizon: BackupHorizon?
    public internal(set) var mailboxes = 0
    public internal(set) var messages = 0
    /// Of files, read for their SHA-256.
    public internal(set) var bytes = 0
    public var isWhole: Bool { problems.isEmpty }
}

extension BackupRepository {
    /// Proves that a backup would restore: reads all of its files and compares their SHA-256; opens it as a store, its
    /// index in memory, which reads every frame of the log and applies every commit; checks that index; and looks for the
    /// frame of each message. Writes nothing. An encrypted account needs its master key for that; without it, its files are
    /// compared all the same, and the verdict says that the rest is not proven.
    /// - Parameters:
    ///   - options: what the account needs to be opened with.
    ///   - progress: told now and then how many of how many bytes are read.
    /// - Throws: `.io` and the like; what is wrong with the backup is in the verdict.
    /// - Complexity: O(backup); memory for the index.
    public func verify(
        _ backup: Backup, _ options: StoreOptions = StoreOptions(),
        progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) throws(StoreError) -> BackupVerdict {
        var verdict = BackupVerdict(backup: backup)
        var objects: [String: any File] = [:]
        for file in backup.files {
            do throws(StoreError) {
                let object = try object(backup, file)
                guard try sum(object, file.size, { part in
                    verdict.bytes += part
                    progress?(verdict.bytes, backup.size)
                }) == file.digest else {
                    throw .corrupt(objectPath(backup, file), "its SHA-256 is not the one in its name")
                }
                objects[file.storeName] = object
            } catch {
                guard error.kind == .corrupt || error.kind == .notFound else { throw error }
                verdict.problems.append(error.message)
            }
        }
        guard verdict.isWhole else { return verdict }
        do throws(StoreError) {
            try replay(backup, objects, options, &verdict)
        } catch {
            switch error.kind {
            case .corrupt, .notFound, .unsupportedVersion: verdict.problems.append(error.message)
            case .keyMissing, .wrongKey:
                verdict.problems.append(
                    "its files are what was backed up; whether they are an account is not proven without its master key")
            default: throw error
            }
        }
        return verdict
    }

    /// SHA-256 of a file of that size.
    func sum(_ file: any File, _ size: Int, _ progress: (Int) -> Void) throws(StoreError) -> [UInt8] {
        let digest = try FileDigest()
        let block = ByteBlock(capacity: min(1 << 20, max(size, 1)))
        var at = 0
        while at < size {
            let part = UnsafeMutableRawBufferPointer(rebasing: block.bytes[..<min(block.bytes.count, size - at)])
            guard try file.read(at: at, into: part) == part.count else {
                throw StoreError(.corrupt, "a file ends at \(at), where \(size) bytes are expected")
            }
            try digest.update(UnsafeRawBufferPointer(part))
            at += part.count
            progress(part.count)
        }
        withExtendedLifetime(block) {}
        return try digest.value()
    }

    private func replay(
        _ backup: Backup, _ objects: [String: any File], _ options: StoreOptions, _ verdict: inout BackupVerdict
    ) throws(StoreError) {
        var options = options
        options.fileSystem = BackupFileSystem(objects)
        options.access = .readWrite
        options.create = false
        options.backgroundMaintenance = false
        let store = try Store.open(at: BackupFileSystem.store, options)
        defer { try? store.close() }
        let snapshot = store.snapshot()
        guard snapshot.modSeq == backup.modSeq, store.uuid == backup.store else {
            throw .corrupt(
                "backup \(backup.id)",
                "its log ends with commit \(snapshot.modSeq) of store \(store.uuid), which is not what it says")
        }
        verdict.problems += Check.run(store).map(\.description)
        try snapshot.forEachMailbox { info in
            verdict.mailboxes += 1
            verdict.messages += info.messages
            return true
        }
        // Looks at the frame of each message.
        _ = try store.statistics()
        verdict.horizon = try horizon(of: backup, options)
    }
}
