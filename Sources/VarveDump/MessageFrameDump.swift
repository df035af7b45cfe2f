import CLZ4
import VarveFormat

/// A message frame's payload: its head, and on demand its body.
struct MessageFrameDump {
    private enum Form {
        case small(SmallMessageHead)
        case chunked(MessageHead)
    }

    private let form: Form
    private let window: Window
    /// Where the frame stands, and the store's tag.
    private let position: LogPosition
    private let tag: UInt32
    /// Where the payload begins in the segment.
    private let start: Int
    private let length: Int

    /// - Parameter frame: valid, as a scanner gives it.
    init(_ frame: FrameHeader, _ window: Window) throws(FormatError) {
        position = frame.position
        tag = frame.tag
        start = Int(frame.position.offset) + FrameHeader.size
        length = Int(frame.length)
        self.window = window
        if frame.kind == FrameKind.smallMessage.rawValue {
            form = .small(try SmallMessageHead(try Self.bytes(window, start, length)))
        } else {
            let size = try MessageHead.size(of: try Self.bytes(window, start, min(length, MessageHead.fixedSize)))
            guard size <= length else { throw .invalid("a message head of \(size) bytes is cut off") }
            form = .chunked(try MessageHead(try Self.bytes(window, start, size), payloadLength: length))
        }
    }

    /// The message frame at a place that a record names.
    init(at location: LogPosition, _ window: Window) throws(FormatError) {
        let offset = Int(location.offset)
        let bytes = try Self.bytes(window, offset, FrameHeader.size)
        let p = bytes.baseAddress!
        guard let header = FrameHeader(p, at: location, tag: p.load32(28), limit: window.file.size - offset), header.isMessage
        else { throw .invalid("no message frame") }
        // A larger one has checksums of its own for each part.
        if header.kind == FrameKind.smallMessage.rawValue,
            !header.verify(try Self.bytes(window, offset, header.frameLength).baseAddress!)
        {
            throw .invalid("the checksum of the frame does not hold")
        }
        try self.init(header, window)
    }

    private static func bytes(_ window: Window, _ offset: Int, _ count: Int) throws(FormatError) -> UnsafeRawBufferPointer {
        do {
            if let bytes = try window.bytes(at: offset, count) { return bytes }
        } catch { throw .invalid(error.message) }
        throw .invalid("the segment ends within the message")
    }

    func item(depth: Int) -> Item {
        var item = Item("message", depth: depth)
        switch form {
        case .small(let head):
            item.add("size", head.messageSize)
            item.add("summary", head.summaryLength)
            item.add("block", word: (head.isPlain ? "plain:" : "lz4:") + String(head.storedLength))
            if head.dictionary != 0 { item.add("dictionary", head.dictionary) }
            if let seal = head.seal { item.add(seal) }
        case .chunked(let head):
            item.add("size", head.messageSize)
            item.add("summary", head.summaryLength)
            item.add("summaryStored", head.summaryStoredLength)
            item.add("chunks", .list(head.chunks.map { .word(($0.isPlain ? "plain:" : "lz4:") + String($0.storedLength)) }))
            if let seal = head.seal { item.add(seal) }
        }
        return item
    }

    /// Calls `body` with each piece of the message, inflated, in order; checks every checksum, the summary's too. Of a
    /// sealed message the checksums only.
    func forEachPiece(_ body: (UnsafeRawBufferPointer) -> Void) throws(FormatError) {
        switch form {
        case .small(let head): try withBody(of: head, body)
        case .chunked(let head): try forEachChunk(of: head, body)
        }
    }

    private func withBody(of head: SmallMessageHead, _ body: (UnsafeRawBufferPointer) -> Void) throws(FormatError) {
        // What is sealed, the store's key would tell.
        guard head.seal == nil else { return }
        let dictionary = head.dictionary == 0 ? nil : try dictionary(head.dictionary)
        let stored = try Self.bytes(window, start + head.size, head.storedLength)
        if head.isPlain { return body(UnsafeRawBufferPointer(rebasing: stored[head.summaryLength...])) }
        let target = UnsafeMutableRawBufferPointer.allocate(byteCount: head.contentLength, alignment: 16)
        defer { target.deallocate() }
        guard MessageFrameDump.inflate(stored, with: dictionary?.content ?? [], into: target) == head.contentLength else {
            throw .invalid("the message does not inflate")
        }
        body(UnsafeRawBufferPointer(rebasing: target[head.summaryLength...]))
    }

    /// That of the segment, which stands first in it.
    private func dictionary(_ number: UInt32) throws(FormatError) -> DictionaryDump {
        if let known = window.dictionary, known.head.number == number { return known }
        let place = LogPosition(segment: position.segment, offset: UInt32(SegmentHeader.size))
        let limit = window.file.size - SegmentHeader.size
        let bytes = try Self.bytes(window, SegmentHeader.size, FrameHeader.size)
        guard let header = FrameHeader(bytes.baseAddress!, at: place, tag: tag, limit: limit),
            header.kind == FrameKind.dictionary.rawValue
        else { throw .invalid("the segment has no dictionary") }
        let frame = try Self.bytes(window, SegmentHeader.size, header.frameLength)
        guard header.verify(frame.baseAddress!) else { throw .invalid("the checksum of the dictionary frame does not hold") }
        let payload = frame[FrameHeader.size..<(FrameHeader.size + Int(header.length))]
        let found = try DictionaryDump(UnsafeRawBufferPointer(rebasing: payload))
        guard found.head.number == number else { throw .invalid("the segment has dictionary \(found.head.number)") }
        window.dictionary = found
        return found
    }

    private func forEachChunk(of head: MessageHead, _ body: (UnsafeRawBufferPointer) -> Void) throws(FormatError) {
        var offset = start + head.size
        let summary = try Self.bytes(window, offset, head.summaryStoredLength)
        guard crc32c(0, summary) == head.summaryChecksum else { throw .invalid("the checksum of the summary does not hold") }
        offset += head.summaryStoredLength
        let target = UnsafeMutableRawBufferPointer.allocate(byteCount: Format.chunkSize, alignment: 16)
        defer { target.deallocate() }
        for (i, chunk) in head.chunks.enumerated() {
            let stored = try Self.bytes(window, offset, chunk.storedLength)
            guard crc32c(0, stored) == chunk.checksum else { throw .invalid("the checksum of chunk \(i) does not hold") }
            if head.seal != nil {
                // What it is, the store's key would tell.
            } else if chunk.isPlain {
                body(stored)
            } else {
                let length = head.chunkLength(i)
                guard MessageFrameDump.inflate(stored, into: target) == length else {
                    throw .invalid("chunk \(i) does not inflate")
                }
                body(UnsafeRawBufferPointer(rebasing: target[..<length]))
            }
            offset += chunk.storedLength
        }
    }

    /// - Returns: how many bytes came out; less than 0 if `stored` is no LZ4 block, or one of more bytes than fit.
    static func inflate(
        _ stored: UnsafeRawBufferPointer, with dictionary: [UInt8] = [], into target: UnsafeMutableRawBufferPointer
    ) -> Int {
        guard let source = stored.baseAddress, let out = target.baseAddress else { return -1 }
        return dictionary.withUnsafeBytes { dictionary in
            Int(
                LZ4_decompress_safe_usingDict(
                    source.assumingMemoryBound(to: CChar.self), out.assumingMemoryBound(to: CChar.self),
                    Int32(stored.count), Int32(target.count), dictionary.baseAddress?.assumingMemoryBound(to: CChar.self),
                    Int32(dictionary.count)))
        }
    }
}
