import VarveFormat

/// Goes through the frames of one segment, past damage, by the rules of `Formats/segment.md`. Holds a window of the file
/// and never a whole frame.
struct SegmentScanner {
    enum Event {
        case frame(FrameHeader)
        /// No valid frame begins at `from`, although the log was there once; the next one begins at `to`.
        case damage(from: Int, to: Int, why: String)
        case end(Tail)
    }

    /// What stands behind the last frame.
    enum Tail {
        case nothing
        case zeros(from: Int, count: Int)
        /// A batch that a crash cut off, or one that is being written just now: not part of the log.
        case torn(from: Int, wholeFrames: Int)
    }

    let file: InputFile
    let number: UInt32
    let tag: UInt32
    /// The log is known to reach at least this far in the segment.
    let reaches: Int
    private(set) var offset: Int
    private let window: Window
    private let probe: Window
    private var isEnded = false
    /// How many bytes the search behind damage may still sum. Bounds what a malicious file can cost.
    private var budget: Int
    /// The highest *synced* of the frames that searches met: what they found once they need not look for again.
    private var latestSynced = LogPosition(rawValue: 0)

    init(_ file: InputFile, number: UInt32, tag: UInt32, reaches: Int) {
        self.file = file
        self.number = number
        self.tag = tag
        self.reaches = reaches
        offset = SegmentHeader.size
        window = Window(file)
        probe = Window(file)
        budget = 4 * file.size + (1 << 20)
    }

    private var limit: Int { min(file.size, Int(UInt32.max)) }

    mutating func next() throws(DumpError) -> Event {
        if isEnded { return .end(.nothing) }
        if let header = try frame(at: offset, window) {
            offset += header.frameLength
            return .frame(header)
        }
        let gap = offset
        var search = try searchFrame(behind: gap)
        // A live server may have written here since: then what looked like a hole is none.
        window.forget()
        probe.forget()
        if let header = try frame(at: gap, window) {
            offset += header.frameLength
            return .frame(header)
        }
        if gap >= reaches, !search.provesDamage {
            isEnded = true
            return .end(try tail(from: gap, search))
        }
        if search.next == nil { search.next = max(min(reaches, limit), gap + Format.frameAlignment) }
        let to = search.next!
        isEnded = to >= limit || search.isExhausted
        offset = to
        return .damage(from: gap, to: to, why: try reason(at: gap, search))
    }

    /// After a footer nothing counts.
    mutating func finish() -> Int {
        isEnded = true
        return limit - offset
    }

    // MARK: Frames

    /// The frame at a place, if a valid one begins there.
    private func frame(at offset: Int, _ window: Window) throws(DumpError) -> FrameHeader? {
        guard let header = try header(at: offset, window), let bytes = try window.bytes(at: offset, FrameHeader.size) else {
            return nil
        }
        let stored = bytes.baseAddress!.load32(0)
        return try checksum(header, offset, window) == stored ? header : nil
    }

    private func header(at offset: Int, _ window: Window) throws(DumpError) -> FrameHeader? {
        guard offset + FrameHeader.size <= limit, let bytes = try window.bytes(at: offset, FrameHeader.size) else {
            return nil
        }
        return FrameHeader(
            bytes.baseAddress!, at: LogPosition(segment: number, offset: UInt32(offset)), tag: tag, limit: limit - offset)
    }

    private func checksum(_ header: FrameHeader, _ offset: Int, _ window: Window) throws(DumpError) -> UInt32? {
        guard let head = try window.bytes(at: offset + 4, FrameHeader.size - 4).map(Array.init) else { return nil }
        var crc: UInt32 = 0
        var at = offset + FrameHeader.size
        let end = offset + header.frameLength
        while at < end {
            guard let bytes = try window.bytes(at: at, min(end - at, Window.size)) else { return nil }
            crc = crc32c(crc, bytes)
            at += bytes.count
        }
        return head.withBytes { crc32c(crc, $0) }
    }

    // MARK: Behind damage

    private struct Search {
        /// Where the next valid frame begins.
        var next: Int?
        /// How many valid frames were met.
        var frames = 0
        /// A frame was met that was made when the log beyond the gap was on disk already.
        var provesDamage = false
        var firstNonZero: Int?
        var isExhausted = false
    }

    private mutating func searchFrame(behind gap: Int) throws(DumpError) -> Search {
        var search = Search()
        let start = LogPosition(segment: number, offset: UInt32(gap))
        search.provesDamage = latestSynced > start
        var at = gap
        while at + Format.frameAlignment <= limit {
            let count = min(Window.size, limit - at) & ~(Format.frameAlignment - 1)
            guard let bytes = try probe.bytes(at: at, count) else { break }
            var candidate: Int?
            for i in stride(from: 0, to: count, by: Format.frameAlignment) {
                let word = bytes.baseAddress!.load64(i)
                if word == 0 { continue }
                if search.firstNonZero == nil { search.firstNonZero = at + i }
                // A frame's place stands in its second word. What lies before the window was looked at with the last one.
                let place = at + i - 8
                if place > gap, word == LogPosition(segment: number, offset: UInt32(place)).rawValue {
                    candidate = place
                    break
                }
            }
            guard let candidate else {
                at += count
                continue
            }
            let found = try header(at: candidate, window)
            budget -= found?.frameLength ?? 0
            guard budget > 0 else {
                search.isExhausted = true
                return search
            }
            guard let found, try frame(at: candidate, window) != nil else {
                at = candidate + 16
                continue
            }
            search.frames += 1
            search.next = search.next ?? candidate
            latestSynced = max(latestSynced, found.synced)
            if found.synced > start { search.provesDamage = true }
            if search.provesDamage || gap < reaches { return search }
            at = candidate + found.frameLength
        }
        return search
    }

    private func reason(at gap: Int, _ search: Search) throws(DumpError) -> String {
        let reach = search.next.map { $0 < limit ? ", up to the valid one at offset \($0)" : "" } ?? ""
        if search.isExhausted { return "no valid frame, and too much behind it that looks like one: the search ends here" }
        guard gap + FrameHeader.size <= limit else {
            return "the segment ends at \(file.size), its frames at \(max(reaches, gap))"
        }
        if let header = try header(at: gap, window) {
            let kind = FrameKind(rawValue: header.kind).map { "\($0)" } ?? "kind \(header.kind)"
            return "the checksum of the \(kind) frame of \(header.length) bytes does not hold" + reach
        }
        return "no valid frame" + reach
    }

    private func tail(from gap: Int, _ search: Search) throws(DumpError) -> Tail {
        guard search.firstNonZero != nil || search.isExhausted else {
            return limit > gap ? .zeros(from: gap, count: limit - gap) : .nothing
        }
        return .torn(from: gap, wholeFrames: search.frames)
    }
}
