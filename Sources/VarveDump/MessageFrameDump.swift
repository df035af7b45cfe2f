import CLZ4
import VarveFormat

/// A message frame's payload: its head, and on demand its chunks.
struct MessageFrameDump {
    let head: MessageHead
    private let window: Window
    private let chunksOffset: Int
    private let summaryOffset: Int

    /// - Parameter frame: valid, as a scanner gives it.
    init(_ frame: FrameHeader, _ window: Window) throws(FormatError) {
        let start = Int(frame.position.offset) + FrameHeader.size
        self.window = window
        let fixed = try Self.bytes(window, start, min(Int(frame.length), MessageHead.fixedSize))
        let size = try MessageHead.size(of: fixed)
        guard size <= Int(frame.length) else { throw .invalid("a message head of \(size) bytes is cut off") }
        head = try MessageHead(try Self.bytes(window, start, size), payloadLength: Int(frame.length))
        summaryOffset = start + head.size
        chunksOffset = summaryOffset + head.summaryStoredLength
    }

    /// The message frame at a place that a record names.
    init(at location: LogPosition, _ window: Window) throws(FormatError) {
        let bytes = try Self.bytes(window, Int(location.offset), FrameHeader.size)
        let p = bytes.baseAddress!
        guard
            let header = FrameHeader(p, at: location, tag: p.load32(28), limit: window.file.size - Int(location.offset)),
            header.kind == FrameKind.message.rawValue
        else { throw .invalid("no message frame") }
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
        item.add("size", head.messageSize)
        item.add("summary", head.summaryLength)
        item.add("summaryStored", head.summaryStoredLength)
        item.add("chunks", .list(head.chunks.map { .word(($0.isPlain ? "plain:" : "lz4:") + String($0.storedLength)) }))
        if let seal = head.seal { item.add(seal) }
        return item
    }

    /// Calls `body` with each chunk of the message, inflated, in order; checks every checksum, the summary's too. Of a
    /// sealed message the checksums only.
    func forEachChunk(_ body: (UnsafeRawBufferPointer) -> Void) throws(FormatError) {
        let summary = try Self.bytes(window, summaryOffset, head.summaryStoredLength)
        guard crc32c(0, summary) == head.summaryChecksum else { throw .invalid("the checksum of the summary does not hold") }
        let target = UnsafeMutableRawBufferPointer.allocate(byteCount: Format.chunkSize, alignment: 16)
        defer { target.deallocate() }
        var offset = chunksOffset
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
    static func inflate(_ stored: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int {
        guard let source = stored.baseAddress, let out = target.baseAddress else { return -1 }
        return Int(
            LZ4_decompress_safe(
                source.assumingMemoryBound(to: CChar.self), out.assumingMemoryBound(to: CChar.self), Int32(stored.count),
                Int32(target.count)))
    }
}

/// Cuts a message into lines for a dump: at each LF, and where a line has no end.
struct BodyLines {
    private var line: [UInt8] = []
    private let depth: Int
    private let output: Output
    private static let maximumLine = 1000

    init(depth: Int, _ output: Output) {
        self.depth = depth
        self.output = output
    }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes {
            line.append(byte)
            if byte == 10 || line.count == BodyLines.maximumLine { end() }
        }
    }

    mutating func end() {
        guard !line.isEmpty else { return }
        var item = Item("body", depth: depth)
        item.bare("bytes", .name(line))
        output.emit(item)
        line.removeAll(keepingCapacity: true)
    }
}
