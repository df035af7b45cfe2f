import VarveFormat

/// The segments of a store as an opening finds them.
struct LogFiles {
    struct Segment {
        var header: SegmentHeader
        var file: SegmentFile
    }

    private let path: String
    private let options: StoreOptions
    /// Ascending. Below the newest base numbers may be missing.
    private(set) var segments: [Segment] = []
    /// Those whose header holds, the newest first.
    private(set) var bases: [BaseFile] = []
    /// What an interrupted compaction left: names in the folder of segments.
    private(set) var leftovers: [String] = []
    /// Ended, but without a footer yet.
    private(set) var unsealed: [(file: any File, number: UInt32, end: Int)] = []
    /// The log up to here was on disk when the superblock was written: what is missing of it is damage.
    private let durable: LogPosition?

    init(_ path: String, _ options: StoreOptions, durable: LogPosition?) throws(StoreError) {
        self.path = path
        self.options = options
        self.durable = durable
        let names = try options.fileSystem.list("\(path)/\(FileNames.segments)")
        let numbers = names.compactMap(FileNames.segmentNumber).sorted()
        for (i, number) in numbers.enumerated() {
            guard let header = try readHeader(number, isLast: i == numbers.count - 1) else { continue }
            if let store = segments.first?.header.store, header.store != store {
                throw .corrupt(
                    "\(path)/\(FileNames.segment(number))", "it is of store \(header.store), the others of \(store)")
            }
            if let first = segments.first?.header, header.isEncrypted != first.isEncrypted {
                throw .corrupt(
                    "\(path)/\(FileNames.segment(number))",
                    header.isEncrypted ? "it is encrypted, the others are not" : "it is not encrypted, the others are")
            }
            segments.append(Segment(header: header, file: segmentFile(number)))
        }
        try findBases(names)
    }

    private mutating func findBases(_ names: [String]) throws(StoreError) {
        for number in names.compactMap(FileNames.baseNumber).sorted(by: >) {
            do throws(StoreError) {
                let base = try BaseFile(number, in: path, options.fileSystem)
                if let store = segments.first?.header.store, base.header.store != store {
                    throw .corrupt("\(path)/\(FileNames.base(number))", "it is of store \(base.header.store)")
                }
                bases.append(base)
            } catch {
                // A base can be done without, as long as the log is there, or an index.
                if error.kind != .corrupt { throw error }
            }
        }
        leftovers = names.filter { $0.hasSuffix(".base.new") }
    }

    /// The first number from which on none is missing.
    private func firstMissing(from number: UInt32) -> UInt32? {
        var next = number
        for segment in segments where segment.header.number >= number {
            if segment.header.number != next { return next }
            next += 1
        }
        return next == number ? number : nil
    }

    /// Whether the log can be read from a segment on.
    func isWhole(from number: UInt32) -> Bool { firstMissing(from: number) == nil }

    /// The newest base from which on the log is there, all of its frames holding.
    func newestWholeBase() throws(StoreError) -> BaseFile? {
        for base in bases where isWhole(from: base.header.number) {
            if try base.isWhole() { return base }
        }
        return nil
    }

    /// Holds the folder against what the account needs.
    /// - Throws: `.corrupt` if a segment is missing.
    mutating func settle(_ state: IndexState, _ pages: borrowing Pages) throws(StoreError) {
        let needed = Set(try state.segmentCells(pages).map(\.number))
        let there = Set(segments.map(\.header.number))
        if let missing = needed.subtracting(there).min() { throw .corrupt(name(missing), "the segment is missing") }
        let base = bases.first?.header.number ?? 0
        let dropped = there.filter { $0 < base && !needed.contains($0) }
        for number in dropped.sorted() { leftovers.append(FileNames.file(segment: number)) }
        segments.removeAll { dropped.contains($0.header.number) }
        unsealed.removeAll { dropped.contains($0.number) }
        // Only the newest base is kept.
        for older in bases.dropFirst() { leftovers.append(FileNames.file(base: older.header.number)) }
    }

    private func name(_ number: UInt32) -> String { "\(path)/\(FileNames.segment(number))" }

    private func segmentFile(_ number: UInt32) -> SegmentFile {
        SegmentFile(number: number, path: name(number), fileSystem: options.fileSystem)
    }

    /// nil for a last segment that a crash left unfinished: its header is on disk before anything is put behind it.
    private func readHeader(_ number: UInt32, isLast: Bool) throws(StoreError) -> SegmentHeader? {
        let file = try options.fileSystem.open(name(number), create: false, writable: false)
        let block = ByteBlock(capacity: SegmentHeader.size)
        let count = try file.read(at: 0, into: block.bytes)
        let bytes = UnsafeRawBufferPointer(rebasing: block.bytes[..<count])
        do throws(FormatError) {
            let header = try SegmentHeader(bytes)
            guard header.number == number else { throw .invalid("it says that it is segment \(header.number)") }
            return header
        } catch {
            // Where the sum holds, the version was written like that; what a crash left of a header may say any.
            if case .unsupportedVersion = error.reason, SegmentHeader.checksumHolds(bytes) {
                throw .corrupt(name(number), error)
            }
            var reader = LogReader(
                file: file, segment: number, tag: 0, from: SegmentHeader.size, limit: try file.size())
            guard isLast, number > durable?.segment ?? 0, try reader.firstNonZero() == nil,
                try !hasFooter(number - 1)
            else {
                throw .corrupt(name(number), error)
            }
            try options.fileSystem.remove(name(number))
            return nil
        }
    }

    /// Whether a segment was sealed, wherever its frames end: then the next one's header was on disk.
    private func hasFooter(_ number: UInt32) throws(StoreError) -> Bool {
        guard number > 0, let store = segments.last?.header.store else { return false }
        let file = try options.fileSystem.open(name(number), create: false, writable: false)
        var reader = LogReader(
            file: file, segment: number, tag: store.tag, from: SegmentHeader.size,
            limit: min(try file.size(), LogFiles.largestSegment))
        while case .frame(let frame) = try reader.next() {
            if frame.header.kind == FrameKind.footer.rawValue { return true }
        }
        return false
    }

    /// Places in a segment are 32 bits wide: what a file holds behind them is nothing.
    static let largestSegment = Int(UInt32.max)

    /// Makes the log of a new store.
    mutating func createFirst(_ uuid: StoreUUID, isEncrypted: Bool) throws(StoreError) {
        let header = SegmentHeader(store: uuid, number: 1, firstModSeq: 1, previousEnd: 0, isEncrypted: isEncrypted)
        let (_, segment) = try Store.createSegment(header, path: path, options)
        segments = [Segment(header: header, file: segment)]
    }

    /// Reads the log from a position on, and finds its end.
    mutating func replay(from start: LogPosition, _ replay: inout Replay) throws(StoreError) -> LogWriter.Current {
        guard let first = segments.firstIndex(where: { $0.header.number == start.segment }) else {
            throw .corrupt(name(start.segment), "the segment is missing, from which the log is to be read")
        }
        if let missing = firstMissing(from: start.segment) { throw .corrupt(name(missing), "the segment is missing") }
        if let durable, durable.segment > segments[segments.count - 1].header.number {
            throw .corrupt(name(durable.segment), "the segment is missing, in which the log went on")
        }
        try findUnsealed(before: first)
        for i in first..<segments.count {
            let number = segments[i].header.number
            let from = i == first ? Int(start.offset) : SegmentHeader.size
            let isLast = i == segments.count - 1
            let file = try options.fileSystem.open(name(number), create: false, writable: true)
            let size = min(try file.size(), LogFiles.largestSegment)
            let limit = isLast ? size : Int(segments[i + 1].header.previousEnd)
            guard from <= limit, limit <= size else {
                throw .corrupt(name(number), "the file has \(size) bytes; frames are looked for from \(from) to \(limit)")
            }
            var reader = LogReader(
                file: file, segment: number, tag: segments[0].header.store.tag, from: from, limit: limit)
            let footer = try Self.apply(&reader, segments[i].header.previousEnd, &replay)
            if isLast { return try end(reader, file, size, footer) }
            guard reader.offset >= limit else {
                throw .corrupt(
                    "\(name(number)), offset \(reader.offset)", "no valid frame, and the log goes on in a later segment")
            }
            if try !isSealed(file, number, limit, size) { unsealed.append((file, number, limit)) }
        }
        throw .corrupt("\(path)/\(FileNames.segments)", "the log has no end")
    }

    /// Segments are sealed in their order: those that a crash left without a footer are the last ones.
    private mutating func findUnsealed(before first: Int) throws(StoreError) {
        for i in (0..<first).reversed() {
            let number = segments[i].header.number
            // What lies before a number that is missing is older than a base, and was sealed before that was made.
            guard segments[i + 1].header.number == number + 1 else { return }
            let file = try options.fileSystem.open(name(number), create: false, writable: true)
            let end = Int(segments[i + 1].header.previousEnd)
            if try isSealed(file, number, end, try file.size()) { return }
            unsealed.insert((file, number, end), at: 0)
        }
    }

    /// - Returns: where the footer stands, if one was met.
    private static func apply(
        _ reader: inout LogReader, _ previousEnd: UInt32, _ replay: inout Replay
    ) throws(StoreError) -> Int? {
        while true {
            let place = reader.position
            guard case .frame(let frame) = try reader.next() else { return nil }
            switch FrameKind(rawValue: frame.header.kind) {
            case .commit:
                try replay.apply(
                    UnsafeRawBufferPointer(rebasing: frame.payload!.bytes[..<Int(frame.header.length)]), at: place,
                    previousEnd: previousEnd)
            case .footer: return Int(place.offset)
            case .message, .smallMessage, .dictionary, .base, nil: break
            }
        }
    }

    /// The segment that the log goes on in, what a crash left behind its end being cut off.
    private func end(
        _ reader: LogReader, _ file: any File, _ size: Int, _ footer: Int?
    ) throws(StoreError) -> LogWriter.Current {
        var reader = reader
        let number = reader.segment
        // A segment is sealed when the next one is on disk.
        if footer != nil { throw .corrupt(name(number + 1), "the segment is missing, in which the log went on") }
        let place = "\(name(number)), offset \(reader.offset)"
        if let durable, reader.position < durable {
            throw .corrupt(place, "no valid frame, but the log was on disk up to offset \(durable.offset)")
        }
        // Mostly there is nothing but zeros, or nothing, and that is looked at once.
        let tail = try reader.firstNonZero()
        if tail != nil, let proof = try reader.frameProvingDamage() {
            throw .corrupt(
                place,
                "no valid frame, but the one at offset \(proof.offset) was written when that place was on disk already")
        }
        // What was read may be no more than what a killed process left in the system's memory. It is about to be shown to
        // readers and built upon, so it must be on disk first: the frames, and the name of a segment just begun.
        let isNew = durable.map { reader.position > $0 } ?? true
        if isNew {
            // A sync that failed may have left bytes in memory that the system takes for written: they are written again.
            let from = durable.flatMap { $0.segment == number ? Int($0.offset) : nil } ?? 0
            try rewrite(file, from..<reader.offset)
        }
        if let tail {
            // Left as it is, a frame of the torn tail could come to life behind those written from now on.
            let from = tail & ~(Format.frameAlignment - 1)
            try Store.writeZeros(file, max(from, reader.offset)..<size)
            try file.sync()
        } else if isNew {
            try file.sync()
        }
        if isNew { try options.fileSystem.syncDirectory("\(path)/\(FileNames.segments)") }
        return LogWriter.Current(
            number: number, previousEnd: segments[segments.count - 1].header.previousEnd, file: file, end: reader.offset,
            zeroed: max(size, reader.offset))
    }

    private func rewrite(_ file: any File, _ range: Range<Int>) throws(StoreError) {
        let block = ByteBlock(capacity: min(range.count, 1 << 20))
        var at = range.lowerBound
        while at < range.upperBound {
            let part = UnsafeMutableRawBufferPointer(rebasing: block.bytes[..<min(block.bytes.count, range.upperBound - at)])
            guard try file.read(at: at, into: part) == part.count else {
                throw StoreError(.io, "a segment ends at \(at), where frames have been read")
            }
            try file.write(at: at, [UnsafeRawBufferPointer(part)])
            at += part.count
        }
        withExtendedLifetime(block) {}
    }

    private func isSealed(_ file: any File, _ number: UInt32, _ end: Int, _ size: Int) throws(StoreError) -> Bool {
        var reader = LogReader(
            file: file, segment: number, tag: segments[0].header.store.tag, from: end, limit: size)
        guard case .frame(let frame) = try reader.next() else { return false }
        return frame.header.kind == FrameKind.footer.rawValue
    }
}
