import MailModel
import VarveFormat

/// From which commit on a backup has the states of an account.
public struct BackupHorizon: Hashable, Sendable, CustomStringConvertible {
    /// 0: from the first one on.
    public let modSeq: ModSeq
    public let time: BackupTime

    public init(modSeq: ModSeq, time: BackupTime) {
        self.modSeq = modSeq
        self.time = time
    }

    /// As the manifest has it: that of the backup's base.
    public init(_ backup: Backup) { self.init(modSeq: backup.horizon, time: backup.horizonTime) }

    public var description: String { modSeq == 0 ? "the first commit" : "commit \(modSeq), of \(time)" }
}

extension BackupRepository {
    /// The earliest state that can be restored from a backup.
    ///
    /// Its log begins with a base; but what the states after that look into may be gone: compaction copies the bodies that
    /// live in a segment, and gives the segment up by a commit. Only from that commit on nothing is missing.
    /// - Parameter options: what the account needs to be opened with.
    /// - Throws: `.corrupt`; `.keyMissing`, `.wrongKey`; `.io`.
    /// - Complexity: O(log from the base on); O(1) without a base.
    public func horizon(
        of backup: Backup, _ options: StoreOptions = StoreOptions()
    ) throws(StoreError) -> BackupHorizon {
        var horizon = BackupHorizon(backup)
        guard backup.base != nil else { return horizon }
        let there = Set(backup.segments.map(\.number))
        var cipher: StoreCipher?
        for segment in backup.segments where segment.number >= backup.firstReplayed {
            let file = try object(backup, segment)
            if segment.number == backup.firstReplayed {
                cipher = try self.cipher(backup, try segmentHeader(backup, segment, file), options)
            }
            var reader = LogReader(
                file: file, segment: segment.number, tag: backup.store.tag, from: SegmentHeader.size, limit: segment.size)
            while case .frame(let frame) = try reader.next() {
                guard FrameKind(rawValue: frame.header.kind) == .commit, let block = frame.payload else { continue }
                let payload = UnsafeRawBufferPointer(rebasing: block.bytes[..<Int(frame.header.length)])
                do throws(FormatError) {
                    let commit = try CommitHeader(payload)
                    guard try !dropped(payload, commit, cipher).isSubset(of: there) else { continue }
                    horizon = BackupHorizon(modSeq: ModSeq(commit.modSeq), time: BackupTime(milliseconds: commit.time))
                } catch {
                    throw .corrupt("\(objectPath(backup, segment)), before offset \(reader.offset)", error)
                }
                withExtendedLifetime(block) {}
            }
        }
        return horizon
    }

    private func cipher(
        _ backup: Backup, _ header: SegmentHeader, _ options: StoreOptions
    ) throws(StoreError) -> StoreCipher? {
        var objects: [String: any File] = [:]
        for file in backup.files where file.role == .key { objects[file.storeName] = try object(backup, file) }
        var options = options
        options.fileSystem = BackupFileSystem(objects)
        return try Recovery(BackupFileSystem.store, options).openCipher(header)
    }

    /// The segments that a commit gives up.
    private func dropped(
        _ payload: UnsafeRawBufferPointer, _ commit: CommitHeader, _ cipher: StoreCipher?
    ) throws(FormatError) -> Set<UInt32> {
        var opened: ByteBlock?
        if commit.isSealed {
            do throws(StoreError) { opened = try cipher?.openRecords(payload, .commit) } catch {
                throw .invalid(error.message)
            }
            guard opened != nil else { throw .invalid("sealed records in an account that is not encrypted") }
        }
        var reader = ByteReader(
            opened.map { UnsafeRawBufferPointer($0.bytes) }
                ?? UnsafeRawBufferPointer(rebasing: payload[CommitHeader.size...]))
        defer { withExtendedLifetime(opened) {} }
        var numbers: Set<UInt32> = []
        for _ in 0..<commit.records {
            if case .dropSegments(let dropped)? = try Record.decode(&reader) { numbers.formUnion(dropped) }
        }
        return numbers
    }
}
