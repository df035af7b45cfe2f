import MailModel
import VarveFormat

/// An account's files as a backup is to hold them: open, so that they can be read whatever becomes of their names.
struct BackupSource {
    /// A segment, or a base.
    struct Segment {
        let number: UInt32
        let file: any File
        let path: String
        /// Where its frames end.
        let end: Int
        /// The frame that seals it, if it has one and nothing behind it: its bytes are then never written again.
        let footer: [UInt8]?

        var size: Int { end + (footer?.count ?? 0) }
    }

    struct Key {
        let file: any File
        let path: String
        let size: Int
    }

    let store: StoreUUID
    let key: Key?
    /// What the account was when the segment of its number began, if what was before is not all there.
    let base: Segment?
    /// Ascending.
    let segments: [Segment]
    let end: LogPosition
    let last: (modSeq: UInt64, time: UInt64)
    let horizon: (modSeq: UInt64, time: UInt64)
}

/// Looks for the files of an account, which another process or thread may be writing to.
struct BackupCapture {
    private let path: String
    private let files: any FileSystem
    /// Segments come and go; who sees that happen looks again.
    private static let maximumAttempts = 50

    init(_ path: String, _ files: any FileSystem) {
        self.path = path
        self.files = files
    }

    /// What was found changed meanwhile.
    private enum Attempt {
        case source(BackupSource)
        case changed(StoreError)
    }

    /// - Parameter end: the log's end, where that is known; else it is looked for.
    /// - Throws: `.notFound` if there is no store or nothing in it yet; `.corrupt`; `.unsupportedVersion`; `.io`.
    func capture(upTo end: LogPosition? = nil) throws(StoreError) -> BackupSource {
        guard try files.exists("\(path)/\(FileNames.segments)") else {
            throw StoreError(.notFound, "\(path): there is no store")
        }
        var last = StoreError(.io, "\(path): its segments come and go faster than they can be listed")
        for _ in 0..<BackupCapture.maximumAttempts {
            do throws(StoreError) {
                switch try attempt(upTo: end) {
                case .source(let source): return source
                case .changed(let error): last = error
                }
            } catch {
                // A name that was listed and is gone.
                guard error.kind == .notFound else { throw error }
                last = error
            }
        }
        throw last
    }

    /// The numbers of the segments and bases that there are, up to the log's end.
    private struct Listing: Equatable {
        var segments: [UInt32]
        var bases: [UInt32]
    }

    private func list(upTo end: LogPosition?) throws(StoreError) -> Listing {
        let names = try files.list("\(path)/\(FileNames.segments)")
        return Listing(
            segments: names.compactMap(FileNames.segmentNumber).filter { $0 <= end?.segment ?? .max }.sorted(),
            bases: names.compactMap(FileNames.baseNumber).filter { $0 <= end?.segment ?? .max }.sorted())
    }

    private func attempt(upTo end: LogPosition?) throws(StoreError) -> Attempt {
        let durable = try durablePosition()
        let listing = try list(upTo: end)
        let found = listing.segments
        var segments: [(header: SegmentHeader, file: any File)] = []
        for number in found {
            let file = try files.open(name(number), create: false, writable: false)
            let mayBegin = number == found.last && end == nil && number > durable?.segment ?? 0
            if let header = try header(number, file, mayBegin: mayBegin) {
                segments.append((header, file))
            }
        }
        guard let first = segments.first, let last = segments.last else {
            throw StoreError(.notFound, "\(path): there is nothing to back up yet")
        }
        let base = try newestBase(listing.bases, first.header.store)
        // All that was listed is open; was it a list of one moment?
        guard try list(upTo: end) == listing else {
            return .changed(StoreError(.io, "\(path): its segments come and go faster than they can be listed"))
        }
        for segment in segments where segment.header.store != first.header.store {
            throw .corrupt(
                name(segment.header.number), "it is of store \(segment.header.store), others of \(first.header.store)")
        }
        // Below the base, those are there in which there still are bodies.
        var next = base?.header.number ?? 1
        for segment in segments where segment.header.number >= next {
            guard segment.header.number == next else { throw .corrupt(name(next), "the segment is missing") }
            next += 1
        }
        if let base, base.header.number > last.header.number {
            throw .corrupt(name(base.header.number), "the segment is missing, with which its base goes on")
        }
        if let durable, durable.segment > last.header.number {
            throw .corrupt(name(durable.segment), "the segment is missing, in which the log went on")
        }
        // The key is replaced as a whole: this is the old one or the new one, and either opens the account.
        let key = try keyFile()
        if first.header.isEncrypted, key == nil {
            throw .corrupt("\(path)/\(FileNames.key)", "the file is missing, without which the account cannot be read")
        }
        return try source(segments, key, base, durable: durable, upTo: end)
    }

    /// - Throws: `.corrupt` if it does not hold: what it was made for may be gone already.
    private func newestBase(
        _ numbers: [UInt32], _ store: StoreUUID
    ) throws(StoreError) -> (header: BaseHeader, file: BackupSource.Segment)? {
        guard let number = numbers.last else { return nil }
        let header = try BaseFile(number, in: path, files).header
        let name = "\(path)/\(FileNames.base(number))"
        guard header.store == store else { throw .corrupt(name, "it is of store \(header.store), the segments of \(store)") }
        let file = try files.open(name, create: false, writable: false)
        let size = try file.size()
        let end = size - FrameHeader.frameLength(payload: SegmentFooter.size)
        guard end >= BaseHeader.size, end < LogFiles.largestSegment,
            let footer = try footer(file, number, store.tag, at: end, size: size)
        else { throw .corrupt(name, "it has no footer") }
        return (header, BackupSource.Segment(number: number, file: file, path: name, end: end, footer: footer))
    }

    /// nil for an account that is not encrypted.
    private func keyFile() throws(StoreError) -> BackupSource.Key? {
        let name = "\(path)/\(FileNames.key)"
        guard try files.exists(name) else { return nil }
        let file = try files.open(name, create: false, writable: false)
        return BackupSource.Key(file: file, path: name, size: try file.size())
    }

    /// The log is on disk up to here at least; nil if nobody said so yet.
    private func durablePosition() throws(StoreError) -> LogPosition? {
        let name = "\(path)/\(FileNames.superblock)"
        guard try files.exists(name) else { return nil }
        let file = try files.open(name, create: false, writable: false)
        // A slot that is being written is not valid for a moment; the other one is.
        return try Recovery.readSuperblock(file, name).newest?.logPosition
    }

    private func name(_ number: UInt32) -> String { "\(path)/\(FileNames.segment(number))" }

    /// nil for a last segment that is just being made.
    private func header(_ number: UInt32, _ file: any File, mayBegin: Bool) throws(StoreError) -> SegmentHeader? {
        let block = ByteBlock(capacity: SegmentHeader.size)
        let count = try file.read(at: 0, into: block.bytes)
        do throws(FormatError) {
            let header = try SegmentHeader(UnsafeRawBufferPointer(rebasing: block.bytes[..<count]))
            guard header.number == number else { throw .invalid("it says that it is segment \(header.number)") }
            return header
        } catch {
            if case .unsupportedVersion = error.reason { throw .corrupt(name(number), error) }
            if mayBegin { return nil }
            throw .corrupt(name(number), error)
        }
    }

    private func source(
        _ segments: [(header: SegmentHeader, file: any File)], _ key: BackupSource.Key?,
        _ base: (header: BaseHeader, file: BackupSource.Segment)?, durable: LogPosition?, upTo end: LogPosition?
    ) throws(StoreError) -> Attempt {
        let store = segments[0].header.store
        var found: [BackupSource.Segment] = []
        for (i, segment) in segments.dropLast().enumerated() {
            let number = segment.header.number
            let size = try segment.file.size()
            // What lies before a number that is missing is older than a base, and was sealed before that was made.
            let isFollowed = segments[i + 1].header.number == number + 1
            let frames =
                isFollowed
                ? Int(segments[i + 1].header.previousEnd) : size - FrameHeader.frameLength(payload: SegmentFooter.size)
            guard frames >= SegmentHeader.size, frames <= size else {
                throw .corrupt(name(number), "the file has \(size) bytes, its frames end at \(frames)")
            }
            let footer = try footer(segment.file, number, store.tag, at: frames, size: size)
            guard isFollowed || footer != nil else { throw .corrupt(name(number), "it has no footer") }
            found.append(
                BackupSource.Segment(number: number, file: segment.file, path: name(number), end: frames, footer: footer))
        }
        let last = segments[segments.count - 1]
        let number = last.header.number
        var scan = LogScan(file: last.file, path: name(number), number: number, tag: store.tag)
        switch try scan.findEnd(upTo: end.map { Int($0.offset) }) {
        case .sealed: return .changed(.corrupt(name(number + 1), "the segment is missing, in which the log went on"))
        case .end(let offset):
            if let durable, durable.segment == number, Int(durable.offset) > offset {
                throw .corrupt(
                    "\(name(number)), offset \(offset)",
                    "no valid frame, but the log was on disk up to offset \(durable.offset)")
            }
            found.append(
                BackupSource.Segment(number: number, file: last.file, path: name(number), end: offset, footer: nil))
        }
        var commit = scan.lastCommit
        if commit == nil {
            let first = base?.header.number ?? 1
            commit = try lastCommit(in: found.dropLast().filter { $0.number >= first }[...], store.tag)
        }
        if commit == nil, let base {
            commit = CommitHeader(modSeq: base.header.modSeq, time: base.header.time, records: 0)
        }
        guard let commit else {
            throw StoreError(.notFound, "\(path): there is nothing to back up yet")
        }
        return .source(
            BackupSource(
                store: store, key: key, base: base?.file, segments: found,
                end: LogPosition(segment: number, offset: UInt32(found[found.count - 1].end)),
                last: (commit.modSeq, commit.time),
                horizon: base.map { ($0.header.modSeq, $0.header.time) } ?? (0, 0)))
    }

    /// The log's last commit, where the segment that it goes on in has none yet.
    private func lastCommit(
        in segments: ArraySlice<BackupSource.Segment>, _ tag: UInt32
    ) throws(StoreError) -> CommitHeader? {
        for segment in segments.reversed() {
            var scan = LogScan(file: segment.file, path: segment.path, number: segment.number, tag: tag)
            _ = try scan.findEnd(upTo: segment.end)
            if let commit = scan.lastCommit { return commit }
        }
        return nil
    }

    /// The whole frame that seals a segment, if it is there and the file ends behind it.
    private func footer(
        _ file: any File, _ number: UInt32, _ tag: UInt32, at end: Int, size: Int
    ) throws(StoreError) -> [UInt8]? {
        let length = FrameHeader.frameLength(payload: SegmentFooter.size)
        guard size == end + length else { return nil }
        let block = ByteBlock(capacity: length)
        guard try file.read(at: end, into: block.bytes) == length,
            let start = UnsafeRawPointer(block.bytes.baseAddress),
            let header = FrameHeader(
                start, at: LogPosition(segment: number, offset: UInt32(end)), tag: tag, limit: length),
            header.kind == FrameKind.footer.rawValue, header.frameLength == length, header.verify(start)
        else { return nil }
        return Array(block.bytes)
    }
}
