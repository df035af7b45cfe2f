import VarveFormat

/// A small message: summary and body as one block, which was read whole, and whose frame's checksum holds.
struct SmallBody: Sendable {
    let head: SmallMessageHead
    private let frame: StoredBytes
    /// What the block is compressed with; nil if with nothing.
    private let dictionary: CompressionDictionary?
    /// Has the stored block, opened if it was sealed, in `range`.
    private let block: ByteBlock
    private let range: Range<Int>

    /// - Parameter block: has the first `count` bytes of the frame.
    init(
        _ frame: StoredBytes, _ header: FrameHeader, _ block: ByteBlock, _ count: Int, _ dictionaries: SegmentDictionaries
    ) throws(StoreError) {
        var block = block
        if count < header.frameLength {
            guard Int(header.length) <= SmallBody.longestPayload else {
                throw frame.damage("a small message of \(header.length) bytes")
            }
            block = ByteBlock(capacity: header.frameLength)
            guard try frame.file.read(at: Int(frame.location.offset), into: block.bytes) == header.frameLength else {
                throw frame.damage("the segment ends within the message")
            }
        }
        let start = UnsafeRawPointer(block.bytes.baseAddress!)
        guard header.verify(start) else { throw frame.damage("the checksum of the message frame does not hold") }
        let payload = UnsafeRawBufferPointer(start: start + FrameHeader.size, count: Int(header.length))
        do throws(FormatError) {
            head = try SmallMessageHead(payload)
        } catch {
            throw frame.damage(error)
        }
        try frame.checkSealed(head.seal != nil)
        dictionary = head.dictionary == 0 ? nil : try dictionaries.find(head.dictionary, frame)
        self.frame = frame
        let stored = UnsafeRawBufferPointer(rebasing: payload[head.size...])
        if let cipher = frame.cipher, let seal = head.seal {
            let opened = ByteBlock(capacity: max(stored.count - Seal.tagSize, 1))
            guard try cipher.open(stored, seal, part: 0, head.context, into: opened.bytes.baseAddress!) else {
                throw frame.damage("the message was not sealed with this store's key")
            }
            self.block = opened
            range = 0..<(stored.count - Seal.tagSize)
        } else {
            self.block = block
            range = FrameHeader.size + head.size..<FrameHeader.size + Int(header.length)
        }
    }

    /// Of a message's frame, head and tag included.
    private static let longestPayload =
        SmallMessageHead.fixedSize + Seal.size + 2 * Format.smallMessageSize + Seal.tagSize

    /// Calls `body` with the first bytes of summary and body, as they were before they were compressed.
    private func withContent<R>(
        _ count: Int, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> R
    ) throws(StoreError) -> R {
        let stored = UnsafeRawBufferPointer(rebasing: block.bytes[range])
        if head.isPlain { return try body(UnsafeRawBufferPointer(rebasing: stored[..<count])) }
        return try CompressionWorkspace.with { workspace throws(StoreError) in
            guard let content = workspace.inflate(stored, length: head.contentLength, wanted: count, with: dictionary) else {
                throw frame.damage("the message does not inflate")
            }
            return try body(content)
        }
    }

    /// Calls `body` with summary and body, one behind the other.
    func withContent<R>(_ body: (UnsafeRawBufferPointer) throws(StoreError) -> R) throws(StoreError) -> R {
        try withContent(head.contentLength, body)
    }

    func withSummary<R>(_ body: (UnsafeRawBufferPointer) throws(StoreError) -> R) throws(StoreError) -> R {
        try withContent(head.summaryLength, body)
    }

    func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws(StoreError) {
        try withContent(head.summaryLength + range.upperBound) { content throws(StoreError) in
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: content[(head.summaryLength + range.lowerBound)...]))
        }
    }
}
