import VarveFormat

/// Reads the frames of one segment, one after the other, and checks each.
struct LogReader {
    struct Frame {
        var header: FrameHeader
        /// The payload, for kinds that are wanted whole; empty otherwise.
        var payload: ByteBlock?
    }

    enum Next {
        case frame(Frame)
        /// No valid frame begins here: the log's end, a torn tail, or damage.
        case none
    }

    let file: any File
    let segment: UInt32
    let tag: UInt32
    /// The bytes that may hold frames.
    let limit: Int
    /// A frame with more is none.
    let maximumPayload: Int
    private(set) var offset: Int

    private let buffer = ByteBlock(capacity: 1 << 18)
    private var bufferStart = 0
    private var bufferCount = 0

    init(
        file: any File, segment: UInt32, tag: UInt32, from offset: Int, limit: Int,
        maximumPayload: Int = Format.maximumPayloadLength
    ) {
        self.file = file
        self.segment = segment
        self.tag = tag
        self.offset = offset
        self.limit = limit
        self.maximumPayload = maximumPayload
    }

    var position: LogPosition { LogPosition(segment: segment, offset: UInt32(offset)) }

    /// The frame at `offset`, behind which the reader then stands; if there is none, it stays.
    mutating func next() throws(StoreError) -> Next {
        guard offset + FrameHeader.size <= limit else { return .none }
        guard let start = try bytes(at: offset, count: FrameHeader.size),
            let header = FrameHeader(start, at: position, tag: tag, limit: limit - offset),
            Int(header.length) <= maximumPayload
        else { return .none }
        let stored = start.load32(0)
        var summed = [UInt8](repeating: 0, count: FrameHeader.size - 4)
        summed.withUnsafeMutableBytes { $0.copyMemory(from: UnsafeRawBufferPointer(start: start + 4, count: $0.count)) }
        let isWanted = !header.isMessage
        let payload = isWanted ? ByteBlock(capacity: header.frameLength - FrameHeader.size) : nil
        var crc: UInt32 = 0
        var done = 0
        let length = header.frameLength - FrameHeader.size
        while done < length {
            let piece = min(length - done, buffer.bytes.count)
            guard let bytes = try bytes(at: offset + FrameHeader.size + done, count: piece) else { return .none }
            crc = crc32c(crc, UnsafeRawBufferPointer(start: bytes, count: piece))
            if let payload { (payload.bytes.baseAddress! + done).copyMemory(from: bytes, byteCount: piece) }
            done += piece
        }
        guard summed.withBytes({ crc32c(crc, $0) }) == stored else { return .none }
        offset += header.frameLength
        return .frame(Frame(header: header, payload: payload))
    }

    mutating func skip(to offset: Int) { self.offset = offset }

    /// The head of the next commit, behind which the reader then stands; nil if there is none before the limit. Messages on
    /// the way are passed over, unlooked at.
    mutating func nextCommit() throws(StoreError) -> CommitHeader? {
        while offset + FrameHeader.size <= limit {
            guard let start = try bytes(at: offset, count: FrameHeader.size),
                let header = FrameHeader(start, at: position, tag: tag, limit: limit - offset)
            else { return nil }
            guard header.kind == FrameKind.commit.rawValue else {
                offset += header.frameLength
                continue
            }
            guard case .frame(let frame) = try next() else { return nil }
            let payload = UnsafeRawBufferPointer(rebasing: frame.payload!.bytes[..<Int(frame.header.length)])
            do throws(FormatError) {
                return try CommitHeader(payload)
            } catch {
                throw .corrupt("\(FileNames.segment(segment)), offset \(header.position.offset)", error)
            }
        }
        return nil
    }

    /// `count` bytes of the file, at most a buffer full; nil if it ends before.
    private mutating func bytes(at offset: Int, count: Int) throws(StoreError) -> UnsafeRawPointer? {
        if offset < bufferStart || offset + count > bufferStart + bufferCount {
            bufferStart = offset
            let wanted = min(buffer.bytes.count, limit - offset)
            bufferCount = try file.read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<wanted]))
            guard bufferCount >= count else { return nil }
        }
        return UnsafeRawPointer(buffer.bytes.baseAddress! + (offset - bufferStart))
    }

    /// The first place from `offset` on, where no valid frame begins, at which bytes other than zero stand; nil if there
    /// are none.
    mutating func firstNonZero() throws(StoreError) -> Int? {
        var at = offset
        while at < limit {
            let count = min(limit - at, buffer.bytes.count)
            guard let bytes = try bytes(at: at, count: count) else { return nil }
            var i = 0
            // Zeros are filled in by the megabyte: they are passed over eight bytes at a time.
            while i + 8 <= count, bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self) == 0 { i += 8 }
            while i < count {
                if bytes.load8(i) != 0 { return at + i }
                i += 1
            }
            at += count
        }
        return nil
    }

    /// Looks behind the place where frames end for a frame that was made when the log beyond that place was already on
    /// disk: then what lies at that place is damage. A crash leaves no such frame.
    mutating func frameProvingDamage() throws(StoreError) -> LogPosition? {
        let end = position
        guard let first = try firstNonZero() else { return nil }
        var at = first & ~(Format.frameAlignment - 1)
        while at + FrameHeader.size <= limit {
            // A cheap look first: most places cannot be a header.
            if let start = try bytes(at: at, count: FrameHeader.size),
                let header = FrameHeader(start, at: LogPosition(segment: segment, offset: UInt32(at)), tag: tag, limit: limit - at),
                header.synced > end
            {
                var probe = LogReader(file: file, segment: segment, tag: tag, from: at, limit: limit)
                if case .frame = try probe.next() { return header.position }
            }
            at += Format.frameAlignment
        }
        return nil
    }

    /// The first place behind `offset` at which a valid frame begins; nil if none is found.
    /// - Parameter budget: bytes of frames that may be summed to find out; less by those that were. It bounds what a file
    ///   can cost that is made to look like frames everywhere.
    mutating func nextFrame(budget: inout Int) throws(StoreError) -> Int? {
        var at = (offset & ~(Format.frameAlignment - 1)) + Format.frameAlignment
        while at + FrameHeader.size <= limit {
            let place = LogPosition(segment: segment, offset: UInt32(at))
            if let start = try bytes(at: at, count: FrameHeader.size),
                let header = FrameHeader(start, at: place, tag: tag, limit: limit - at)
            {
                budget -= header.frameLength
                guard budget > 0 else { return nil }
                var probe = LogReader(file: file, segment: segment, tag: tag, from: at, limit: limit)
                if case .frame = try probe.next() { return at }
            }
            at += Format.frameAlignment
        }
        return nil
    }

    /// What kind of frame its header says to begin at `offset`, whether or not the checksum holds; nil if none can.
    mutating func claimedKind() throws(StoreError) -> UInt8? {
        guard offset + FrameHeader.size <= limit, let start = try bytes(at: offset, count: FrameHeader.size) else { return nil }
        return FrameHeader(start, at: position, tag: tag, limit: limit - offset)?.kind
    }
}
