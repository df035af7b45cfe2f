import MailModel
import VarveFormat

/// Puts an account's files into a repository, and then the manifest.
struct BackupRun {
    private let repository: BackupRepository
    private let source: BackupSource
    private let options: BackupOptions
    private var tally = BackupTally()
    private var done = 0
    private let total: Int
    /// Names of objects, by what they begin with.
    private var objects: [Substring: [String]] = [:]

    private var files: any FileSystem { repository.files }

    init(_ repository: BackupRepository, _ source: BackupSource, _ options: BackupOptions) {
        self.repository = repository
        self.source = source
        self.options = options
        total = (source.segments + (source.base.map { [$0] } ?? [])).reduce(source.key?.size ?? 0) { $0 + $1.size }
    }

    mutating func run(made: UInt64) throws(StoreError) -> BackupReport {
        let folder = "\(repository.path)/\(BackupNames.objects)"
        let prefix = BackupNames.prefix(source.store, 0).utf8.count
        for name in try files.list(folder) where name.utf8.count > prefix {
            objects[name.prefix(prefix), default: []].append(name)
        }
        var backupFiles: [BackupFile] = []
        if let key = source.key {
            backupFiles.append(try copy(SourceFile(file: key.file, path: key.path, size: key.size), .key, 0))
        }
        if let base = source.base { backupFiles.append(try put(base, .base)) }
        for segment in source.segments { backupFiles.append(try put(segment, segment.footer == nil ? .open : .sealed)) }
        // All names are on disk, also of what an earlier backup left that did not come this far.
        try files.syncDirectory(folder)
        let backup = try writeManifest(backupFiles, made)
        return tally.report(backup)
    }

    private struct SourceFile {
        let file: any File
        let path: String
        let size: Int
    }

    // MARK: Files

    private mutating func put(_ segment: BackupSource.Segment, _ role: BackupFile.Role) throws(StoreError) -> BackupFile {
        let source = SourceFile(file: segment.file, path: segment.path, size: segment.size)
        guard let footer = segment.footer else { return try copy(source, role, segment.number) }
        if let known = try known(segment, role, footer) {
            tally.reused += 1
            progress(segment.size)
            return known
        }
        if options.links, let linked = try link(segment, role, footer) { return linked }
        return try copy(source, role, segment.number, footer: footer)
    }

    /// The object that this segment or base is already. Its footer tells: it holds the SHA-256 of all before it.
    private func known(
        _ segment: BackupSource.Segment, _ role: BackupFile.Role, _ footer: [UInt8]
    ) throws(StoreError) -> BackupFile? {
        let prefix = BackupNames.prefix(source.store, segment.number)
        let suffix = ".\(role.suffix)"
        for name in objects[prefix[...]] ?? [] where name.hasSuffix(suffix) {
            guard let digest = BackupNames.digest(name.dropFirst(prefix.count).dropLast(suffix.count)) else { continue }
            let object = try files.open("\(repository.path)/\(BackupNames.objects)/\(name)", create: false, writable: false)
            guard try object.size() == segment.size else { continue }
            let block = ByteBlock(capacity: footer.count)
            guard try object.read(at: segment.end, into: block.bytes) == footer.count,
                footer.elementsEqual(block.bytes)
            else { continue }
            return BackupFile(role: role, number: segment.number, size: segment.size, digest: digest)
        }
        return nil
    }

    /// Makes the account's own file an object too. Nobody writes to it any more: it has its footer, and nothing behind that.
    private mutating func link(
        _ segment: BackupSource.Segment, _ role: BackupFile.Role, _ footer: [UInt8]
    ) throws(StoreError) -> BackupFile? {
        let name = "\(repository.path)/\(BackupNames.linking)"
        do throws(StoreError) {
            guard try files.link(segment.path, to: name) else { return nil }
        } catch {
            // Its last message has left it, and compaction removed it: the open file is there still.
            guard error.kind == .notFound else { throw error }
            return nil
        }
        let linked = try files.open(name, create: false, writable: false)
        let digest = try transfer(
            SourceFile(file: linked, path: segment.path, size: segment.size), to: nil, footer: footer, segment.number)
        // What a killed server wrote last may be in memory only.
        try linked.sync()
        tally.linked += 1
        return try adopt(name, BackupFile(role: role, number: segment.number, size: segment.size, digest: digest))
    }

    private mutating func copy(
        _ source: SourceFile, _ role: BackupFile.Role, _ number: UInt32, footer: [UInt8]? = nil
    ) throws(StoreError) -> BackupFile {
        if try isAsLarge(source.size, role, number) {
            // Nothing may have come since an earlier backup.
            let digest = try transfer(source, to: nil, footer: footer, number)
            let file = BackupFile(role: role, number: number, size: source.size, digest: digest)
            if try files.exists(objectPath(file)) {
                tally.reused += 1
                return file
            }
            done -= source.size
        }
        let name = "\(repository.path)/\(BackupNames.copying)"
        let copy = try files.open(name, create: true, writable: true)
        let digest = try transfer(source, to: copy, footer: footer, number)
        try copy.sync()
        tally.copied += 1
        tally.bytesWritten += source.size
        return try adopt(name, BackupFile(role: role, number: number, size: source.size, digest: digest))
    }

    /// Whether there is an object of this size in that place.
    private func isAsLarge(_ size: Int, _ role: BackupFile.Role, _ number: UInt32) throws(StoreError) -> Bool {
        for name in objects[BackupNames.prefix(source.store, number)[...]] ?? [] where name.hasSuffix(".\(role.suffix)") {
            let object = try files.open("\(repository.path)/\(BackupNames.objects)/\(name)", create: false, writable: false)
            if try object.size() == size { return true }
        }
        return false
    }

    private func objectPath(_ file: BackupFile) -> String {
        "\(repository.path)/\(BackupNames.objects)/\(BackupNames.object(source.store, file))"
    }

    /// Gives what is whole and on disk its name.
    private mutating func adopt(_ name: String, _ file: BackupFile) throws(StoreError) -> BackupFile {
        try files.rename(name, to: objectPath(file))
        return file
    }

    /// Reads a file, and writes it to another one if there is one.
    /// - Returns: its SHA-256.
    private mutating func transfer(
        _ source: SourceFile, to target: (any File)?, footer: [UInt8]?, _ number: UInt32
    ) throws(StoreError) -> [UInt8] {
        let end = source.size - (footer?.count ?? 0)
        let digest = try FileDigest()
        let block = ByteBlock(capacity: min(1 << 20, max(source.size, 1)))
        var at = 0
        while at < source.size {
            // The frames and the footer are read apart: the one has the digest of the others.
            let limit = at < end ? end : source.size
            let part = UnsafeMutableRawBufferPointer(rebasing: block.bytes[..<min(block.bytes.count, limit - at)])
            guard try source.file.read(at: at, into: part) == part.count else {
                throw .corrupt(source.path, "it ends at \(at), before its frames do")
            }
            try digest.update(UnsafeRawBufferPointer(part))
            try target?.write(at: at, [UnsafeRawBufferPointer(part)])
            at += part.count
            tally.bytesRead += part.count
            progress(part.count)
            if let footer, at == end { try check(footer, try digest.value(), source.path) }
        }
        withExtendedLifetime(block) {}
        return try digest.value()
    }

    private func check(_ footer: [UInt8], _ digest: [UInt8], _ path: String) throws(StoreError) {
        let sealed = try? footer.withBytes { bytes throws(FormatError) in
            try SegmentFooter(UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.size...]))
        }
        guard sealed?.digest == digest else {
            throw .corrupt(path, "its bytes do not have the SHA-256 that its footer names")
        }
    }

    private mutating func progress(_ count: Int) {
        done += count
        options.progress?(done, total)
    }

    // MARK: The manifest

    private func writeManifest(_ backupFiles: [BackupFile], _ made: UInt64) throws(StoreError) -> Backup {
        var time = made
        // One for each millisecond of a store.
        while try files.exists("\(repository.path)/\(BackupNames.manifest(BackupNames.id(source.store, time: time)))") {
            time += 1
        }
        let backup = Backup(
            id: BackupNames.id(source.store, time: time), store: source.store, label: Backup.label(options.label),
            made: BackupTime(milliseconds: time), modSeq: ModSeq(source.last.modSeq),
            time: BackupTime(milliseconds: source.last.time), horizon: ModSeq(source.horizon.modSeq),
            horizonTime: BackupTime(milliseconds: source.horizon.time), end: source.end, files: backupFiles)
        let name = "\(repository.path)/\(BackupNames.newManifest(backup.id))"
        let file = try files.open(name, create: true, writable: true)
        let bytes = ByteBlock(try backup.encode())
        try file.write(at: 0, [UnsafeRawBufferPointer(bytes.bytes)])
        try file.sync()
        withExtendedLifetime(bytes) {}
        try files.rename(name, to: "\(repository.path)/\(BackupNames.manifest(backup.id))")
        try files.syncDirectory("\(repository.path)/\(BackupNames.manifests)")
        return backup
    }
}
