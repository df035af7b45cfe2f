import VarveFormat

/// A message whose summary and chunks are stored each on its own: what is asked for is read, checked and inflated.
struct ChunkedBody: Sendable {
    let head: MessageHead
    private let frame: StoredBytes
    /// Where each chunk begins in the segment.
    private let chunkOffsets: [Int]
    private let summaryOffset: Int
    /// What was read with the head.
    private let prefix: ByteBlock
    private let prefixOffset: Int
    private let prefixCount: Int

    /// - Parameter block: has the first `count` bytes of the frame.
    init(_ frame: StoredBytes, _ header: FrameHeader, _ block: ByteBlock, _ count: Int) throws(StoreError) {
        var block = block
        var count = count
        let start = Int(frame.location.offset)
        do throws(FormatError) {
            let needed = FrameHeader.size
                + (try MessageHead.size(of: UnsafeRawBufferPointer(rebasing: block.bytes[FrameHeader.size..<count])))
            if needed > count {
                block = ByteBlock(capacity: needed)
                count = 0
            }
        } catch {
            throw frame.damage(error)
        }
        if count == 0 { count = max(try frame.file.read(at: start, into: block.bytes), FrameHeader.size) }
        do throws(FormatError) {
            head = try MessageHead(
                UnsafeRawBufferPointer(rebasing: block.bytes[FrameHeader.size..<count]), payloadLength: Int(header.length))
        } catch {
            throw frame.damage(error)
        }
        try frame.checkSealed(head.seal != nil)
        self.frame = frame
        prefix = block
        prefixOffset = start
        prefixCount = count
        summaryOffset = start + FrameHeader.size + head.size
        var offsets: [Int] = []
        offsets.reserveCapacity(head.chunks.count)
        var offset = summaryOffset + head.summaryStoredLength
        for chunk in head.chunks {
            offsets.append(offset)
            offset += chunk.storedLength
        }
        chunkOffsets = offsets
    }

    /// The stored bytes at a place in the segment.
    private func withStored<R>(
        _ offset: Int, _ count: Int, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> R
    ) throws(StoreError) -> R {
        if offset + count <= prefixOffset + prefixCount {
            let from = offset - prefixOffset
            return try body(UnsafeRawBufferPointer(rebasing: prefix.bytes[from..<(from + count)]))
        }
        let block = ByteBlock(capacity: max(count, 1))
        let read = try frame.file.read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: block.bytes[..<count]))
        guard read == count else { throw frame.damage("the segment ends within the message") }
        return try body(UnsafeRawBufferPointer(rebasing: block.bytes[..<count]))
    }

    /// Checks a stored piece and gives it to `body` as it was before it was sealed, if it was.
    private func withPiece<R>(
        _ offset: Int, _ count: Int, checksum: UInt32, part: Int,
        _ body: (UnsafeRawBufferPointer) throws(StoreError) -> R
    ) throws(StoreError) -> R {
        try withStored(offset, count) { stored throws(StoreError) in
            guard crc32c(0, stored) == checksum else {
                throw frame.damage("the checksum of \(ChunkedBody.name(part)) does not hold")
            }
            guard let cipher = frame.cipher, let seal = head.seal else { return try body(stored) }
            let block = ByteBlock(capacity: max(stored.count - Seal.tagSize, 1))
            let context = part == 0 ? head.summaryContext : head.chunkContext(part - 1)
            guard try cipher.open(stored, seal, part: UInt32(part), context, into: block.bytes.baseAddress!) else {
                throw frame.damage("\(ChunkedBody.name(part)) was not sealed with this store's key")
            }
            return try body(UnsafeRawBufferPointer(rebasing: block.bytes[..<(stored.count - Seal.tagSize)]))
        }
    }

    /// How errors call a part.
    private static func name(_ part: Int) -> String { part == 0 ? "the summary" : "chunk \(part - 1)" }

    func withSummary<R>(_ body: (UnsafeRawBufferPointer) throws(StoreError) -> R) throws(StoreError) -> R {
        try withPiece(
            summaryOffset, head.summaryStoredLength, checksum: head.summaryChecksum, part: 0
        ) { stored throws(StoreError) in
            if head.summaryIsPlain { return try body(stored) }
            let block = ByteBlock(capacity: head.summaryLength)
            try frame.unpack(stored, isPlain: false, length: head.summaryLength, ChunkedBody.name(0), into: block.bytes)
            return try body(UnsafeRawBufferPointer(block.bytes))
        }
    }

    func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws(StoreError) {
        for index in (range.lowerBound / Format.chunkSize)...((range.upperBound - 1) / Format.chunkSize) {
            let start = index * Format.chunkSize
            let chunk = head.chunks[index]
            let length = head.chunkLength(index)
            let from = max(range.lowerBound, start)
            let to = min(range.upperBound, start + length)
            let part = UnsafeMutableRawBufferPointer(
                rebasing: target[(from - range.lowerBound)..<(to - range.lowerBound)])
            try withPiece(
                chunkOffsets[index], chunk.storedLength, checksum: chunk.checksum, part: index + 1
            ) { stored throws(StoreError) in
                let name = ChunkedBody.name(index + 1)
                if from == start {
                    try frame.unpack(stored, isPlain: chunk.isPlain, length: length, name, into: part)
                } else {
                    let block = ByteBlock(capacity: to - start)
                    try frame.unpack(stored, isPlain: chunk.isPlain, length: length, name, into: block.bytes)
                    part.copyMemory(from: UnsafeRawBufferPointer(rebasing: block.bytes[(from - start)...]))
                }
            }
        }
    }
}
