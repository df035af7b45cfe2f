import MailModel
import VarveFormat

public struct RestoreOptions: Sendable {
    public var point = RestorePoint.end
    /// Whether mailboxes keep their UIDVALIDITY, so that clients need not fetch everything anew. Only right where nobody was
    /// told of a commit behind the one restored to: an account that was moved, and not one that was lost or is set back.
    public var keepsUIDValidity = false
    /// What the account is to be opened with.
    public var store = StoreOptions()
    /// Told now and then how many of how many bytes are copied.
    public var progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?

    public init() {}
}

public struct RestoreReport: Sendable {
    public let backup: Backup
    /// The last commit of the account's own, and its time; one more has given new UIDVALIDITYs.
    public let modSeq: ModSeq
    public let time: BackupTime
    public let mailboxes: Int
    public let messages: Int
    public let bytesWritten: Int
}

extension BackupRepository {
    /// Makes an account from a backup, in a new folder, which appears when all is there, checked and on disk.
    ///
    /// Every mailbox gets a new UIDVALIDITY, by one commit behind the one restored to: what clients were told after that
    /// never happened (`RestoreOptions.keepsUIDValidity`).
    /// - Parameter target: the account's folder; the one above it must be there.
    /// - Throws: `.alreadyExists` if it is there; `.notFound`, naming the horizon, for a point in time that the backup does
    ///   not reach; `.corrupt` for a damaged backup; `.locked` if the same is being restored by another process;
    ///   `.outOfSpace`, `.io`.
    /// - Complexity: O(backup).
    @discardableResult
    public func restore(
        _ backup: Backup, to target: String, _ options: RestoreOptions = RestoreOptions()
    ) throws(StoreError) -> RestoreReport {
        guard !(options.keepsUIDValidity && options.point != .end) else {
            throw StoreError(.notPermitted, "an account that is set back cannot keep its UIDVALIDITYs")
        }
        return try Restore(self, backup, target, options, renewsUIDValidity: !options.keepsUIDValidity).run()
    }
}

struct Restore {
    private let repository: BackupRepository
    private let backup: Backup
    private let target: String
    private let options: RestoreOptions
    private let renewsUIDValidity: Bool

    private var files: any FileSystem { repository.files }
    private var temporary: String { target + Restore.suffix }
    /// Until the account is whole, its folder has this behind its name, and the file `restoring` in it.
    static let suffix = ".restoring"
    private static let marker = "restoring"

    init(
        _ repository: BackupRepository, _ backup: Backup, _ target: String, _ options: RestoreOptions,
        renewsUIDValidity: Bool
    ) {
        var target = target.isEmpty ? "." : target
        while target.utf8.count > 1, target.hasSuffix("/") { target.removeLast() }
        self.repository = repository
        self.backup = backup
        self.target = target
        self.options = options
        self.renewsUIDValidity = renewsUIDValidity
    }

    func run() throws(StoreError) -> RestoreReport {
        try checkTarget()
        let cut = try repository.cut(backup, at: options.point)
        if options.point != .end {
            let horizon = try repository.horizon(of: backup, options.store)
            guard cut.modSeq >= horizon.modSeq.rawValue else {
                throw StoreError(
                    .notFound, "backup \(backup.id): \(options.point) lies before the horizon, \(horizon)")
            }
        }
        let lock = try prepareFolder()
        defer { lock.release() }
        let bytes = try copyFiles(cut)
        let (mailboxes, messages) = try build(cut)
        try files.syncDirectory(temporary)
        try checkTarget()
        // From here on there is an account. The mark in it means nothing any more, also where a crash leaves it.
        try files.rename(temporary, to: target)
        try files.syncDirectory(FileNames.folder(above: target))
        try files.remove("\(target)/\(Restore.marker)")
        try files.syncDirectory(target)
        return RestoreReport(
            backup: backup, modSeq: ModSeq(cut.modSeq), time: BackupTime(milliseconds: cut.time), mailboxes: mailboxes,
            messages: messages, bytesWritten: bytes)
    }

    private func checkTarget() throws(StoreError) {
        guard try !files.exists(target) else {
            throw StoreError(.alreadyExists, "\(target): there is something already; a restore makes a new account")
        }
    }

    /// A folder with nothing in it but a mark of what it is; what an interrupted restore left is removed.
    private func prepareFolder() throws(StoreError) -> any FileLock {
        let marker = "\(temporary)/\(Restore.marker)"
        if try files.exists(temporary), try !files.exists(marker), try !files.list(temporary).isEmpty {
            throw StoreError(.alreadyExists, "\(temporary): it is in the way, and not what an interrupted restore left")
        }
        try files.createDirectory(temporary)
        let lock: any FileLock
        do throws(StoreError) {
            lock = try files.lock(marker)
        } catch {
            guard error.kind == .locked else { throw error }
            throw StoreError(.locked, "\(target): it is being restored by another process")
        }
        do throws(StoreError) {
            // The mark is on disk before there is anything that it would be missed for.
            try files.syncDirectory(FileNames.folder(above: target))
            try files.syncDirectory(temporary)
            let segments = "\(temporary)/\(FileNames.segments)"
            if try files.exists(segments) {
                for name in try files.list(segments) { try files.remove("\(segments)/\(name)") }
            }
            for name in try files.list(temporary) where name != Restore.marker && name != FileNames.segments {
                try files.remove("\(temporary)/\(name)")
            }
            try files.createDirectory(segments)
            try files.syncDirectory(temporary)
            return lock
        } catch {
            lock.release()
            throw error
        }
    }

    // MARK: Files

    private func copyFiles(_ cut: RestoreCut) throws(StoreError) -> Int {
        let wanted = backup.files.filter { !$0.isSegment || $0.number <= cut.end.segment }
        let total = wanted.reduce(0) { $0 + $1.size }
        var read = 0
        var written = 0
        for file in wanted {
            let length = file.isSegment && file.number == cut.end.segment ? Int(cut.end.offset) : file.size
            try copy(file, length) { count in
                read += count
                options.progress?(read, total)
            }
            written += length
        }
        try files.syncDirectory("\(temporary)/\(FileNames.segments)")
        try files.syncDirectory(temporary)
        return written
    }

    /// Copies the begin of a file, and sees to it that the whole of it is what was backed up.
    private func copy(_ file: BackupFile, _ length: Int, _ progress: (Int) -> Void) throws(StoreError) {
        let object = try repository.object(backup, file)
        let copy = try files.open("\(temporary)/\(file.storeName)", create: true, writable: true)
        let digest = try FileDigest()
        let block = ByteBlock(capacity: min(1 << 20, max(file.size, 1)))
        var at = 0
        while at < file.size {
            let part = UnsafeMutableRawBufferPointer(rebasing: block.bytes[..<min(block.bytes.count, file.size - at)])
            guard try object.read(at: at, into: part) == part.count else {
                throw .corrupt(repository.objectPath(backup, file), "it ends at \(at)")
            }
            try digest.update(UnsafeRawBufferPointer(part))
            if at < length { try copy.write(at: at, [UnsafeRawBufferPointer(rebasing: part.prefix(length - at))]) }
            at += part.count
            progress(part.count)
        }
        withExtendedLifetime(block) {}
        guard try digest.value() == file.digest else {
            throw .corrupt(repository.objectPath(backup, file), "its SHA-256 is not the one in its name")
        }
        try copy.sync()
    }

    // MARK: The account

    /// Opens what was copied, which builds its index; ends the old future; checks it all.
    private func build(_ cut: RestoreCut) throws(StoreError) -> (mailboxes: Int, messages: Int) {
        var options = options.store
        options.fileSystem = files
        options.access = .readWrite
        options.create = false
        options.backgroundMaintenance = false
        let store = try Store.open(at: temporary, options)
        do throws(StoreError) {
            guard store.snapshot().modSeq.rawValue == cut.modSeq, store.uuid == backup.store else {
                throw .corrupt(
                    "backup \(backup.id)", "it is at commit \(store.snapshot().modSeq), where \(cut.modSeq) is wanted")
            }
            if renewsUIDValidity { try store.renewUIDValidities(after: cut.time) }
            if let violation = Check.run(store).first { throw .corrupt("backup \(backup.id)", violation.description) }
            // Looks at the frame of each message.
            _ = try store.statistics()
            var mailboxes = 0
            var messages = 0
            try store.snapshot().forEachMailbox { info in
                mailboxes += 1
                messages += info.messages
                return true
            }
            try store.close()
            return (mailboxes, messages)
        } catch {
            try? store.close()
            throw error
        }
    }
}

extension Store {
    /// Makes void what clients know of this account.
    ///
    /// Each mailbox gets the UIDVALIDITY *start* + its id, *start* being the time in seconds, or, where that is not above
    /// all given so far, one more than the last of them and than the seconds since the commit restored to. Both grow with
    /// time: two restores of one backup, a second apart, give no mailbox the same value twice.
    func renewUIDValidities(after time: UInt64) throws(StoreError) {
        let now = options.clock() / 1000
        do {
            try commit { tx in
                let last = UInt64(tx.index.state.lastUIDValidity)
                let elapsed = now - min(now, time / 1000)
                let start = min(max(now, last + 1 + elapsed), UInt64(UInt32.max))
                var ids: [UInt32] = []
                try snapshot().forEachMailbox { info in
                    ids.append(info.id.rawValue)
                    return true
                }
                ids.sort()
                // At the end of all numbers they stand side by side.
                let isRoomy = start + UInt64(ids.last ?? 0) < UInt64(UInt32.max)
                for (i, id) in ids.enumerated() {
                    let value = isRoomy ? start + UInt64(id) : last + 1 + UInt64(i)
                    guard value <= UInt64(UInt32.max) else {
                        throw StoreError(.limit, "the account has used up its UIDVALIDITYs")
                    }
                    try tx.renewUIDValidity(of: MailboxID(id), to: UInt32(value))
                }
            }
        } catch {
            throw error as? StoreError ?? StoreError(.io, "\(error)")
        }
    }
}

extension Transaction {
    /// Makes void what clients know of a mailbox' messages.
    /// - Parameter uidValidity: above all given before.
    func renewUIDValidity(of mailbox: MailboxID, to uidValidity: UInt32) throws(StoreError) {
        try changing { () throws(StoreError) in
            try index.renewUIDValidity(mailbox.rawValue, to: uidValidity)
            try add(.renewUIDValidity(mailbox: mailbox.rawValue, uidValidity: uidValidity))
        }
    }
}
