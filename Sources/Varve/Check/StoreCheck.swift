import MailModel
import VarveFormat

/// Looks at all files of a store that nobody writes to, and lists everything that is not as `Formats/` says: each slot, each
/// frame, each page, each message's bytes, and whether the index is what the log says. Writes nothing.
///
/// The index is built anew from the log, in memory, and compared with the one on disk: some 100 bytes for each message that
/// was not expunged, and 12 for each message frame. Message bodies are read in pieces.
public final class StoreCheck {
    /// A report lists so many violations at most.
    public static let maximumViolations = 10_000

    let path: String
    let files: ReadOnlyFileSystem
    let options: StoreOptions
    /// Opens what is sealed; nil if nothing is, or if there is no key.
    var cipher: StoreCipher?
    /// The store is encrypted, and its key was not given: only checksums can be verified.
    var isLocked = false
    let progress: (Int, Int) -> Void
    var report = CheckReport()
    /// What the index on disk says, if all of it that matters is whole.
    var index: (state: IndexState, pages: Pages)?
    var superblock: Superblock?
    /// With which the replay of the log begins.
    var base: BaseFile?
    var log = CheckedLog()

    /// - Parameter progress: told now and then how many bytes of the segments have been read, of how many.
    /// - Throws: if nothing can be said: `.notFound`; `.locked` while a process has the store open; `.notPermitted`;
    ///   `.unsupportedVersion`; `.wrongKey`. Damage is not thrown but reported, and so are errors of reading.
    ///   Without the key of an encrypted store, checksums are verified, and no more.
    /// - Complexity: O(bytes of the store + messages · log messages).
    public static func run(
        at path: String, _ options: StoreOptions = StoreOptions(), progress: @escaping (Int, Int) -> Void = { _, _ in }
    ) throws(StoreError) -> CheckReport {
        let files = ReadOnlyFileSystem(options.fileSystem)
        guard try files.exists("\(path)/\(FileNames.segments)") else {
            throw StoreError(.notFound, "\(path): there is no store")
        }
        let lock = try files.lockForReading("\(path)/\(FileNames.lock)")
        defer { lock?.release() }
        let check = StoreCheck(path, files, options, progress)
        try check.run()
        return check.report
    }

    private init(
        _ path: String, _ files: ReadOnlyFileSystem, _ options: StoreOptions, _ progress: @escaping (Int, Int) -> Void
    ) {
        self.path = path
        self.files = files
        var options = options
        options.fileSystem = files
        self.options = options
        self.progress = progress
    }

    private func run() throws(StoreError) {
        let slots = try checkSuperblock()
        let segments = try readHeaders(slots)
        guard let store = report.store else {
            report.add(.segment, FileNames.segments, nil, "no segment has a valid header", .repair)
            return
        }
        if let block = superblock, block.store != store {
            report.add(
                .superblock, FileNames.superblock, nil, "it belongs to store \(block.store), the segments to \(store)",
                .open)
            superblock = nil
        }
        try openCipher(segments)
        checkIndex(store)
        checkLog(segments, store)
        checkBodies(store)
        report.modSeq = log.replay?.state.modSeq ?? log.lastReplayed
    }

    private func openCipher(_ segments: [CheckedLog.Segment]) throws(StoreError) {
        guard let header = segments.lazy.compactMap(\.header).first(where: \.isEncrypted) else { return }
        do throws(StoreError) {
            let file = StoreKeyFile(path, files)
            if try file.exists() {
                for (i, slot) in try file.slots().enumerated() {
                    guard case .failure(let error) = slot else { continue }
                    report.add(.key, FileNames.key, i * KeySlot.size, "slot \(i): \(error)", .open)
                }
            }
            cipher = try Recovery(path, options).openCipher(header)
        } catch {
            switch error.kind {
            case .keyMissing:
                report.remarks.append("the store is encrypted, and no key was given: no more than checksums was verified")
            case .corrupt: report(error, .key, FileNames.key, .repair)
            default: throw error
            }
            isLocked = true
        }
    }

    func name(_ file: String) -> String { "\(path)/\(file)" }

    /// An error of reading, as a violation.
    func report(_ error: StoreError, _ kind: CheckReport.Violation.Kind, _ file: String, _ remedy: CheckReport.Remedy) {
        report.add(kind, file, nil, error.message, remedy)
    }

    // MARK: Superblock

    /// - Returns: the valid slots.
    private func checkSuperblock() throws(StoreError) -> [Superblock] {
        let name = FileNames.superblock
        let bytes = ByteBlock(capacity: 2 * Superblock.slotSize)
        var count = 0
        do throws(StoreError) {
            count = try files.open(self.name(name), create: false, writable: false).read(at: 0, into: bytes.bytes)
        } catch {
            report(error, .superblock, name, .open)
            return []
        }
        var valid: [Superblock] = []
        var failures: [(offset: Int, text: String)] = []
        for slot in 0..<2 {
            let offset = slot * Superblock.slotSize
            let part = UnsafeRawBufferPointer(rebasing: bytes.bytes[offset..<(offset + Superblock.slotSize)])
            if count <= offset || part.allSatisfy({ $0 == 0 }) { continue }
            guard count >= offset + Superblock.slotSize else {
                failures.append((offset, "slot \(slot) is cut off"))
                continue
            }
            do throws(FormatError) {
                let block = try Superblock(part)
                guard block.sequence > 0, block.sequence % 2 == UInt64(slot) else {
                    throw .invalid("sequence \(block.sequence) stands in the other slot's place")
                }
                valid.append(block)
            } catch {
                if case .unsupportedVersion = error.reason, Superblock.checksumHolds(part) {
                    throw .corrupt(self.name(name), error)
                }
                failures.append((offset, "slot \(slot): \(error)"))
            }
        }
        valid.sort { $0.sequence < $1.sequence }
        superblock = valid.last
        for failure in failures { report.add(.superblock, name, failure.offset, failure.text, .open) }
        if let newest = valid.last, failures.isEmpty, newest.sequence > 1,
            valid.count < 2 || valid[0].sequence != newest.sequence - 1
        {
            report.add(.superblock, name, nil, "sequence \(newest.sequence) stands alone: the one before is missing", .open)
        }
        if valid.isEmpty, failures.isEmpty { report.add(.superblock, name, nil, "no slot was ever written", .open) }
        return valid
    }
}
