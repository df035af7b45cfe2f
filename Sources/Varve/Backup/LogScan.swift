import VarveFormat

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
                guard end == limit else {
                    throw .corrupt("\(path), offset \(reader.offset)", "no valid frame, and the log goes on")
                }
                return .end(end)
            }
            guard let proof = try reader.frameProvingDamage() else { return .end(end) }
            // Or it was written while this was being read: then it is whole by now.
            var again = LogReader(
                file: file, segment: number, tag: tag, from: reader.offset,
                limit: min(try file.size(), LogFiles.largestSegment))
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
