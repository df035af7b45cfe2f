import MailModel
import VarveFormat

/// A folder with backups of accounts, of one or of many. What two backups share stands in it once.
///
/// A backup is whole when its manifest is there, which is written last: what was interrupted before that is none. Backups
/// and pruning exclude each other by a lock; reading a repository takes none. `Formats/backup.md`.
public struct BackupRepository: Sendable {
    public let path: String
    let files: any FileSystem
    let clock: @Sendable () -> UInt64

    /// - Parameters:
    ///   - path: of the folder, which need not be there yet if a backup is to be made.
    ///   - clock: milliseconds since 1970-01-01T00:00:00Z.
    public init(
        _ path: String, fileSystem: any FileSystem = DiskFileSystem(),
        clock: @escaping @Sendable () -> UInt64 = StoreOptions.systemClock
    ) {
        var path = path.isEmpty ? "." : path
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        files = fileSystem
        self.clock = clock
    }

    // MARK: What is there

    /// What a list shows of a manifest.
    public enum Entry: Sendable {
        case backup(Backup)
        /// A manifest that cannot be read: what it was a backup of cannot be restored, and what it needs is not known.
        case unreadable(id: String, StoreError)
    }

    /// All backups, the oldest first; those half made are none.
    /// - Throws: `.notFound` if there is no repository; `.io`.
    /// - Complexity: O(manifests · their files).
    public func entries() throws(StoreError) -> [Entry] {
        try checkIsThere()
        let names = try files.list("\(path)/\(BackupNames.manifests)").filter { $0.hasSuffix(BackupNames.manifestSuffix) }
        var entries: [Entry] = []
        for name in names.sorted() {
            let id = String(name.dropLast(BackupNames.manifestSuffix.count))
            do throws(StoreError) {
                entries.append(.backup(try backup(id)))
            } catch {
                guard error.kind == .corrupt || error.kind == .unsupportedVersion else { throw error }
                entries.append(.unreadable(id: id, error))
            }
        }
        return entries
    }

    /// All backups that can be read, the oldest first.
    /// - Throws: as `entries`.
    public func backups() throws(StoreError) -> [Backup] {
        try entries().compactMap { if case .backup(let backup) = $0 { backup } else { nil } }
    }

    /// - Throws: `.notFound`, `.corrupt`, `.unsupportedVersion`, `.io`.
    public func backup(_ id: String) throws(StoreError) -> Backup {
        try checkIsThere()
        let name = "\(path)/\(BackupNames.manifest(id))"
        guard !id.utf8.contains(UInt8(ascii: "/")), try files.exists(name) else {
            throw StoreError(.notFound, "\(path): there is no backup \(id)")
        }
        let file = try files.open(name, create: false, writable: false)
        let size = try file.size()
        guard size <= Backup.maximumManifestSize else { throw .corrupt(name, "a manifest of \(size) bytes") }
        let block = ByteBlock(capacity: size)
        guard try file.read(at: 0, into: block.bytes) == size else { throw .corrupt(name, "it is cut off") }
        return try Backup(id: id, Array(block.bytes), at: name)
    }

    private func checkIsThere() throws(StoreError) {
        guard try files.exists("\(path)/\(BackupNames.manifests)") else {
            throw StoreError(.notFound, "\(path): there is no repository of backups")
        }
    }

    func objectPath(_ backup: Backup, _ file: BackupFile) -> String {
        "\(path)/\(BackupNames.objects)/\(BackupNames.object(backup.store, file))"
    }

    /// One of a backup's files, open.
    /// - Throws: `.corrupt` if it is not there, or not of its size.
    func object(_ backup: Backup, _ file: BackupFile) throws(StoreError) -> any File {
        let name = objectPath(backup, file)
        guard try files.exists(name) else { throw .corrupt(name, "the file is missing") }
        let object = try files.open(name, create: false, writable: false)
        let size = try object.size()
        guard size == file.size else { throw .corrupt(name, "it has \(size) bytes, \(file.size) were written") }
        return object
    }

    // MARK: Making

    /// Makes a backup of an account that may be in use, also by another process.
    ///
    /// Every commit that was acknowledged before this call is in it.
    /// - Parameter store: the folder of the account.
    /// - Throws: `.notFound` if there is none; `.locked` if another backup or pruning is under way; `.alreadyExists` if the
    ///   repository's folder holds other things; `.corrupt` for damage of the account; `.outOfSpace`, `.io`.
    /// - Complexity: O(log that is in no backup yet + the segment that is written to).
    @discardableResult
    public func backUp(_ store: String, _ options: BackupOptions = BackupOptions()) throws(StoreError) -> BackupReport {
        let made = clock()
        let source = try BackupCapture(store, files).capture()
        return try backUp(source, made, options)
    }

    func backUp(_ source: BackupSource, _ made: UInt64, _ options: BackupOptions) throws(StoreError) -> BackupReport {
        try create()
        let lock = try takeLock()
        defer { lock.release() }
        try removeUnfinished()
        var run = BackupRun(self, source, options)
        return try run.run(made: made)
    }

    /// Makes the folders that are missing. The first is the one that says what this is.
    private func create() throws(StoreError) {
        let manifests = "\(path)/\(BackupNames.manifests)"
        if try !files.exists(manifests) {
            if try files.exists(path), try !files.list(path).isEmpty {
                throw StoreError(.alreadyExists, "\(path): the folder holds other things than backups")
            }
            try files.createDirectory(path)
            try files.createDirectory(manifests)
        }
        try files.syncDirectory(FileNames.folder(above: path))
        try files.syncDirectory(path)
        let objects = "\(path)/\(BackupNames.objects)"
        if try !files.exists(objects) { try files.createDirectory(objects) }
        try files.syncDirectory(path)
    }

    func takeLock() throws(StoreError) -> any FileLock {
        do throws(StoreError) {
            return try files.lock("\(path)/\(BackupNames.lock)")
        } catch {
            guard error.kind == .locked else { throw error }
            throw StoreError(.locked, "\(path): another backup to this repository is under way")
        }
    }

    /// Removes what an interrupted backup was writing. Holds the lock.
    func removeUnfinished() throws(StoreError) {
        for folder in [BackupNames.manifests, BackupNames.objects] {
            for name in try files.list("\(path)/\(folder)") where name.hasSuffix(BackupNames.newSuffix) {
                try files.remove("\(path)/\(folder)/\(name)")
            }
        }
    }
}

extension Store {
    /// Makes a backup of this account while it is in use. Every commit that was durable before this call is in it.
    /// - Throws: as `BackupRepository.backUp`.
    @discardableResult
    public func backUp(
        to repository: BackupRepository, _ options: BackupOptions = BackupOptions()
    ) throws(StoreError) -> BackupReport {
        if let damage { throw damage }
        let made = repository.clock()
        return try repository.backUp(capture(), made, options)
    }

    private func capture() throws(StoreError) -> BackupSource {
        while true {
            let (root, end) = durableEnd()
            // Held until the files are open: no segment that this state needs goes before.
            defer { withExtendedLifetime(root) {} }
            do throws(StoreError) {
                return try BackupCapture(path, options.fileSystem).capture(upTo: end)
            } catch {
                // A base that was written meanwhile belongs to a later segment than this state does, and takes the place of
                // an earlier one.
                guard durableEnd().end.segment > end.segment else { throw error }
            }
        }
    }

    /// The newest published state, and where its log ends: in a new segment, if that has begun and has no commit yet.
    private func durableEnd() -> (root: Root, end: LogPosition) {
        monitor.lock()
        defer { monitor.unlock() }
        return (published.load(), writer.log.synced)
    }
}

public struct BackupOptions: Sendable {
    /// Whose account it is, for those who read lists: at most 255 bytes, without control characters.
    public var label = ""
    /// Whether sealed segments become links to the account's own files where they can. A link costs no space, and outlives
    /// the account's folder, but not its disk.
    public var links = true
    /// Told now and then how many of how many bytes are done.
    public var progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?

    public init() {}
}

/// What a backup took.
public struct BackupReport: Sendable {
    public let backup: Backup
    /// Files that the repository had already; that became links; that were copied.
    public internal(set) var reusedFiles = 0
    public internal(set) var linkedFiles = 0
    public internal(set) var copiedFiles = 0
    /// Of the account, and written to the repository; manifest not counted.
    public internal(set) var bytesRead = 0
    public internal(set) var bytesWritten = 0
}

struct BackupTally {
    var reused = 0
    var linked = 0
    var copied = 0
    var bytesRead = 0
    var bytesWritten = 0

    func report(_ backup: Backup) -> BackupReport {
        BackupReport(
            backup: backup, reusedFiles: reused, linkedFiles: linked, copiedFiles: copied, bytesRead: bytesRead,
            bytesWritten: bytesWritten)
    }
}
