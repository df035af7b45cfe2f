import MailModel
import VarveFormat

/// Which state of an account is wanted.
public enum RestorePoint: Hashable, Sendable, CustomStringConvertible {
    /// The last one in the backup.
    case end
    /// After this commit.
    case modSeq(ModSeq)
    /// After the last commit whose time is this or before. Times are those of the clock of who committed: where it was set
    /// back, a commit of an earlier time stands behind one of a later.
    case time(BackupTime)

    public var description: String {
        switch self {
        case .end: "the end"
        case .modSeq(let modSeq): "commit \(modSeq)"
        case .time(let time): "\(time)"
        }
    }
}

/// Where a backup's log is cut, so that its last commit is the one that is wanted.
struct RestoreCut {
    var end: LogPosition
    var modSeq: UInt64
    var time: UInt64
}

extension Backup {
    /// Whether that point in time lies in this backup.
    /// - Parameter horizon: nil if it does not matter.
    func covers(_ point: RestorePoint, from horizon: BackupHorizon?) -> Bool {
        let first = horizon ?? BackupHorizon(modSeq: 0, time: BackupTime(milliseconds: 0))
        return switch point {
        case .end: true
        case .modSeq(let modSeq): max(first.modSeq, 1) <= modSeq && modSeq <= self.modSeq
        case .time(let time): first.modSeq == 0 || first.time <= time
        }
    }
}

extension BackupRepository {
    /// The newest backup from which that point can be restored.
    /// - Parameters:
    ///   - id: that one only; nil: any of the one account in the repository.
    ///   - label: of those with this label only.
    ///   - options: what the account needs to be opened with.
    /// - Throws: `.notFound`, naming the horizon, if there is none; or if it is to be one of several accounts.
    public func backup(
        _ id: String?, label: String? = nil, for point: RestorePoint, _ options: StoreOptions = StoreOptions()
    ) throws(StoreError) -> Backup {
        var candidates = id == nil ? try backups() : [try backup(id!)]
        if let label { candidates = candidates.filter { $0.label == label } }
        guard let newest = candidates.last else { throw StoreError(.notFound, "\(path): there is no backup") }
        guard candidates.allSatisfy({ $0.account == newest.account }) else {
            throw StoreError(.notFound, "\(path): there are backups of several accounts; name one, or its account's label")
        }
        var horizons: [BackupHorizon] = []
        for candidate in candidates.reversed() {
            let horizon = try point == .end ? nil : horizon(of: candidate, options)
            if candidate.covers(point, from: horizon) { return candidate }
            if let horizon { horizons.append(horizon) }
        }
        let horizon = horizons.min { $0.modSeq < $1.modSeq }
        if case .modSeq(let modSeq) = point, modSeq > candidates.map(\.modSeq).max() ?? 0 {
            throw StoreError(
                .notFound, "\(path): there is no commit \(modSeq) yet; the last one is \(newest.modSeq), of \(newest.time)")
        }
        throw StoreError(.notFound, "\(path): \(point) lies before the horizon, \(horizon?.description ?? "")")
    }

    /// Finds where to cut.
    /// - Throws: `.notFound`, naming the horizon; `.corrupt`.
    func cut(_ backup: Backup, at point: RestorePoint) throws(StoreError) -> RestoreCut {
        let end = RestoreCut(end: backup.end, modSeq: backup.modSeq.rawValue, time: backup.time.milliseconds)
        let isWanted: (CommitHeader) -> Bool
        switch point {
        case .end: return end
        case .modSeq(let modSeq):
            guard modSeq < backup.modSeq else {
                if modSeq == backup.modSeq { return end }
                throw StoreError(
                    .notFound,
                    "backup \(backup.id) ends with commit \(backup.modSeq), of \(backup.time); there is no \(modSeq)")
            }
            isWanted = { $0.modSeq == modSeq.rawValue }
        case .time(let time): isWanted = { $0.time <= time.milliseconds }
        }
        for segment in backup.segments.reversed() where segment.number >= backup.firstReplayed {
            let file = try object(backup, segment)
            let header = try segmentHeader(backup, segment, file)
            // The segments before are older.
            if case .modSeq(let modSeq) = point, header.firstModSeq > modSeq.rawValue { continue }
            let limit = segment.role == .sealed ? try framesEnd(backup, segment, file) : segment.size
            let scan = LogScan(
                file: file, path: objectPath(backup, segment), number: segment.number, tag: backup.store.tag)
            if let found = try scan.end(ofLast: isWanted, before: limit) {
                return RestoreCut(
                    end: LogPosition(segment: segment.number, offset: UInt32(found.offset)), modSeq: found.commit.modSeq,
                    time: found.commit.time)
            }
        }
        let base = CommitHeader(modSeq: backup.horizon.rawValue, time: backup.horizonTime.milliseconds, records: 0)
        if backup.base != nil, isWanted(base) {
            return RestoreCut(
                end: LogPosition(segment: backup.firstReplayed, offset: UInt32(SegmentHeader.size)),
                modSeq: backup.horizon.rawValue, time: backup.horizonTime.milliseconds)
        }
        throw StoreError(.notFound, "backup \(backup.id): \(point) lies before the horizon, \(BackupHorizon(backup))")
    }

    func segmentHeader(_ backup: Backup, _ segment: BackupFile, _ file: any File) throws(StoreError) -> SegmentHeader {
        let block = ByteBlock(capacity: SegmentHeader.size)
        let count = try file.read(at: 0, into: block.bytes)
        do throws(FormatError) {
            let header = try SegmentHeader(UnsafeRawBufferPointer(rebasing: block.bytes[..<count]))
            guard header.number == segment.number, header.store == backup.store else {
                throw .invalid("it is segment \(header.number) of store \(header.store)")
            }
            return header
        } catch {
            throw .corrupt(objectPath(backup, segment), error)
        }
    }

    /// Where the frames of a sealed segment end: its footer is the rest.
    private func framesEnd(_ backup: Backup, _ segment: BackupFile, _ file: any File) throws(StoreError) -> Int {
        let length = FrameHeader.frameLength(payload: SegmentFooter.size)
        guard segment.size >= SegmentHeader.size + length else {
            throw .corrupt(objectPath(backup, segment), "it has no footer")
        }
        return segment.size - length
    }
}
