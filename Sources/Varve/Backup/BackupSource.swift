import MailModel
import VarveFormat

/// An account's files as a backup is to hold them: open, so that they can be read whatever becomes of their names.
struct BackupSource {
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

    struct Other {
        let role: BackupFile.Role
        let number: UInt32
        let file: any File
        let path: String
        let size: Int
    }

    let store: StoreUUID
    /// Ascending.
    let segments: [Segment]
    let others: [Other]
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

    private func numbers() throws(StoreError) -> [UInt32] {
        try files.list("\(path)/\(FileNames.segments)").compactMap(FileNames.segmentNumber).sorted()
    }

    private func attempt(upTo end: LogPosition?) throws(StoreError) -> Attempt {
        let durable = try durablePosition()
        let found = try numbers().filter { $0 <= end?.segment ?? .max }
        var segments: [(header: SegmentHeader, file: any File)] = []
        for number in found {
            let file = try files.open(name(number), create: false, writable: false)
            if let header = try header(number, file, mayBegin: number == found.last && end == nil && number > durable?.segment ?? 0)
            {
                segments.append((header, file))
            }
        }
        guard let first = segments.first, let last = segments.last else {
            throw StoreError(.notFound, "\(path): there is nothing to back up yet")
        }
        // All that was listed is open; was it a list of one moment?
        guard try numbers().filter({ $0 <= end?.segment ?? .max }) == found else {
            return .changed(StoreError(.io, "\(path): its segments come and go faster than they can be listed"))
        }
        for (i, segment) in segments.enumerated() {
            guard segment.header.store == first.header.store else {
                throw .corrupt(name(segment.header.number), "it is of store \(segment.header.store), others of \(first.header.store)")
            }
            guard segment.header.number == UInt32(i + 1) else {
                throw .corrupt(name(UInt32(i + 1)), "the segment is missing")
            }
        }
        if let durable, durable.segment > last.header.number {
            throw .corrupt(name(durable.segment), "the segment is missing, in which the log went on")
        }
        // The key is replaced as a whole: this is the old one or the new one, and either opens the account.
        let key = try keyFile()
        if first.header.isEncrypted, key == nil {
            throw .corrupt("\(path)/\(FileNames.key)", "the file is missing, without which the account cannot be read")
        }
        return try source(segments, key, durable: durable, upTo: end)
    }

    /// nil for an account that is not encrypted.
    private func keyFile() throws(StoreError) -> BackupSource.Other? {
        let name = "\(path)/\(FileNames.key)"
        guard try files.exists(name) else { return nil }
        let file = try files.open(name, create: false, writable: false)
        return BackupSource.Other(role: .key, number: 0, file: file, path: name, size: try file.size())
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
        _ segments: [(header: SegmentHeader, file: any File)], _ key: BackupSource.Other?, durable: LogPosition?,
        upTo end: LogPosition?
    ) throws(StoreError) -> Attempt {
        let store = segments[0].header.store
        var found: [BackupSource.Segment] = []
        for (i, segment) in segments.dropLast().enumerated() {
            let number = segment.header.number
            let frames = Int(segments[i + 1].header.previousEnd)
            let size = try segment.file.size()
            guard frames >= SegmentHeader.size, frames <= size else {
                throw .corrupt(name(number), "the file has \(size) bytes, its frames end at \(frames)")
            }
            found.append(
                BackupSource.Segment(
                    number: number, file: segment.file, path: name(number), end: frames,
                    footer: try footer(segment.file, number, store.tag, at: frames, size: size)))
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
        if commit == nil { commit = try lastCommit(in: found.dropLast(), store.tag) }
        guard let commit else {
            throw StoreError(.notFound, "\(path): there is nothing to back up yet")
        }
        return .source(
            BackupSource(
                store: store, segments: found, others: key.map { [$0] } ?? [],
                end: LogPosition(segment: number, offset: UInt32(found[found.count - 1].end)),
                last: (commit.modSeq, commit.time), horizon: (0, 0)))
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

/// Reads a segment's frames for its commits.
struct LogScan {
    enum End {
        case end(Int)
        /// A footer was read.
        case sealed
    }

    let file: any File
    let path: String
    let number: UInt32
    let tag: UInt32
    private(set) var lastCommit: CommitHeader?

    init(file: any File, path: String, number: UInt32, tag: UInt32) {
        self.file = file
        self.path = path
        self.number = number
        self.tag = tag
    }

    /// Where the segment's last commit ends; somebody may be writing behind it.
    /// - Parameter limit: where that is known to be; all before it must hold.
    mutating func findEnd(upTo limit: Int?) throws(StoreError) -> End {
        var end = SegmentHeader.size
        while true {
            let size = min(try file.size(), LogFiles.largestSegment)
            var reader = LogReader(file: file, segment: number, tag: tag, from: end, limit: min(limit ?? size, size))
            while case .frame(let frame) = try reader.next() {
                switch FrameKind(rawValue: frame.header.kind) {
                case .commit:
                    lastCommit = try LogScan.header(of: frame, path, reader.offset)
                    end = reader.offset
                case .footer: return .sealed
                default: break
                }
            }
            if let limit {
                guard end == limit else { throw .corrupt("\(path), offset \(reader.offset)", "no valid frame, and the log goes on") }
                return .end(end)
            }
            guard let proof = try reader.frameProvingDamage() else { return .end(end) }
            // Or it was written while this was being read: then it is whole by now.
            var again = LogReader(
                file: file, segment: number, tag: tag, from: reader.offset, limit: min(try file.size(), LogFiles.largestSegment))
            guard case .frame = try again.next() else {
                throw .corrupt(
                    "\(path), offset \(reader.offset)",
                    "no valid frame, but the one at offset \(proof.offset) was written when that place was on disk already")
            }
        }
    }

    /// Where a commit ends, among those before `limit`: the last that `isWanted`.
    /// - Parameter limit: where the frames end.
    func end(
        ofLast isWanted: (CommitHeader) -> Bool, before limit: Int
    ) throws(StoreError) -> (offset: Int, commit: CommitHeader)? {
        var found: (offset: Int, commit: CommitHeader)?
        var reader = LogReader(file: file, segment: number, tag: tag, from: SegmentHeader.size, limit: limit)
        while reader.offset < limit {
            guard case .frame(let frame) = try reader.next() else {
                throw .corrupt("\(path), offset \(reader.offset)", "no valid frame, and the log goes on")
            }
            guard FrameKind(rawValue: frame.header.kind) == .commit else { continue }
            let commit = try LogScan.header(of: frame, path, reader.offset)
            if isWanted(commit) { found = (reader.offset, commit) }
        }
        return found
    }

    private static func header(of frame: LogReader.Frame, _ path: String, _ end: Int) throws(StoreError) -> CommitHeader {
        do {
            return try CommitHeader(
                UnsafeRawBufferPointer(rebasing: frame.payload!.bytes[..<Int(frame.header.length)]))
        } catch {
            throw .corrupt("\(path), before offset \(end)", error)
        }
    }
}
