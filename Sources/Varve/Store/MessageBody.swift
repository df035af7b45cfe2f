import CLZ4
import MailModel
import VarveFormat

/// A message's bytes and its summary, where they lie in the log. Reads inflate only the chunks that they need; every
/// chunk's checksum is verified. Not bound to a snapshot: the bytes never change.
public final class MessageBody: Sendable {
    /// Reads that begin and end at multiples of this inflate nothing twice. 64 KiB.
    public static let pieceSize = Format.chunkSize

    /// Bytes of the message.
    public var size: Int { head.messageSize }

    private let file: any File
    private let head: MessageHead
    private let location: LogPosition
    private let cipher: StoreCipher?
    /// Where each chunk begins in the segment.
    private let chunkOffsets: [Int]
    private let summaryOffset: Int
    /// What was read with the head: small messages lie here whole.
    private let prefix: ByteBlock
    private let prefixOffset: Int
    private let prefixCount: Int

    /// A first read takes so many bytes at most.
    private static let largestFirstRead = 32 << 10

    /// - Parameter cipher: of an encrypted store.
    init(
        _ location: LogPosition, size: Int, tag: UInt32, file: any File, _ cipher: StoreCipher? = nil
    ) throws(StoreError) {
        self.location = location
        self.file = file
        self.cipher = cipher
        let start = Int(location.offset)
        let guess = FrameHeader.size + MessageHead.size(chunks: MessageHead.chunkCount(messageSize: size)) + 2048 + size
        var block = ByteBlock(capacity: min(guess, MessageBody.largestFirstRead))
        var count = try file.read(at: start, into: block.bytes)
        guard count >= FrameHeader.size + MessageHead.fixedSize,
            let header = FrameHeader(
                UnsafeRawPointer(block.bytes.baseAddress!), at: location, tag: tag, limit: Int(UInt32.max) - start),
            header.kind == FrameKind.message.rawValue
        else { throw .corrupt(MessageBody.place(location), "no message frame") }
        let needed: Int
        do throws(FormatError) {
            let payload = UnsafeRawBufferPointer(rebasing: block.bytes[FrameHeader.size..<count])
            needed = FrameHeader.size + (try MessageHead.size(of: payload))
        } catch {
            throw .corrupt(MessageBody.place(location), error)
        }
        if needed > count {
            block = ByteBlock(capacity: needed)
            count = max(try file.read(at: start, into: block.bytes), FrameHeader.size)
        }
        do throws(FormatError) {
            head = try MessageHead(
                UnsafeRawBufferPointer(rebasing: block.bytes[FrameHeader.size..<count]), payloadLength: Int(header.length))
        } catch {
            throw .corrupt(MessageBody.place(location), error)
        }
        guard head.messageSize == size else {
            throw .corrupt(MessageBody.place(location), "a body of \(head.messageSize) bytes, the index says \(size)")
        }
        guard (head.seal != nil) == (cipher != nil) else {
            throw .corrupt(
                MessageBody.place(location),
                cipher == nil ? "a sealed message in a store that is not encrypted" : "a message in the clear")
        }
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

    private static func place(_ location: LogPosition) -> String {
        "\(FileNames.segment(location.segment)), offset \(location.offset)"
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
        let read = try file.read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: block.bytes[..<count]))
        guard read == count else { throw .corrupt(MessageBody.place(location), "the segment ends within the message") }
        return try body(UnsafeRawBufferPointer(rebasing: block.bytes[..<count]))
    }

    /// Checks a stored piece and gives it to `body` as it was before it was sealed, if it was.
    private func withPiece<R>(
        _ offset: Int, _ count: Int, checksum: UInt32, part: Int,
        _ body: (UnsafeRawBufferPointer) throws(StoreError) -> R
    ) throws(StoreError) -> R {
        try withStored(offset, count) { stored throws(StoreError) in
            guard crc32c(0, stored) == checksum else {
                throw .corrupt(MessageBody.place(location), "the checksum of \(MessageBody.name(part)) does not hold")
            }
            guard let cipher, let seal = head.seal else { return try body(stored) }
            let block = ByteBlock(capacity: max(stored.count - Seal.tagSize, 1))
            let context = part == 0 ? head.summaryContext : head.chunkContext(part - 1)
            guard try cipher.open(stored, seal, part: UInt32(part), context, into: block.bytes.baseAddress!) else {
                throw .corrupt(MessageBody.place(location), "\(MessageBody.name(part)) was not sealed with this store's key")
            }
            return try body(UnsafeRawBufferPointer(rebasing: block.bytes[..<(stored.count - Seal.tagSize)]))
        }
    }

    /// How errors call a part.
    private static func name(_ part: Int) -> String { part == 0 ? "the summary" : "chunk \(part - 1)" }

    /// Unpacks a piece into `target`, as many bytes as it has room for from their begin.
    private func unpack(
        _ stored: UnsafeRawBufferPointer, isPlain: Bool, length: Int, part: Int,
        into target: UnsafeMutableRawBufferPointer
    ) throws(StoreError) {
        guard target.count > 0 else { return }
        if isPlain {
            guard stored.count >= target.count else { throw .corrupt(MessageBody.place(location), "\(MessageBody.name(part)) is cut off") }
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: stored[..<target.count]))
            return
        }
        let source = stored.baseAddress!.assumingMemoryBound(to: CChar.self)
        let out = target.baseAddress!.assumingMemoryBound(to: CChar.self)
        let wanted = Int32(target.count)
        let done =
            target.count == length
            ? LZ4_decompress_safe(source, out, Int32(stored.count), wanted)
            : LZ4_decompress_safe_partial(source, out, Int32(stored.count), wanted, wanted)
        guard done == wanted else { throw .corrupt(MessageBody.place(location), "\(MessageBody.name(part)) does not inflate") }
    }

    /// Calls `body` with the encoded summary (`MailMessage.MessageSummary`), for as long as the call lasts.
    public func withSummary<R>(_ body: (UnsafeRawBufferPointer) throws(StoreError) -> R) throws(StoreError) -> R {
        try withPiece(
            summaryOffset, head.summaryStoredLength, checksum: head.summaryChecksum, part: 0
        ) { stored throws(StoreError) in
            if head.summaryIsPlain { return try body(stored) }
            let block = ByteBlock(capacity: head.summaryLength)
            try unpack(stored, isPlain: false, length: head.summaryLength, part: 0, into: block.bytes)
            return try body(UnsafeRawBufferPointer(block.bytes))
        }
    }

    /// Reads part of the message.
    /// - Parameter range: within `0 ..< size`; `into` has its length.
    /// - Complexity: O(range), and up to a chunk (64 KiB) before it.
    public func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws(StoreError) {
        precondition(range.lowerBound >= 0 && range.upperBound <= size, "bytes beyond the message")
        precondition(target.count == range.count, "a buffer of another size")
        guard !range.isEmpty else { return }
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
                if from == start {
                    try unpack(stored, isPlain: chunk.isPlain, length: length, part: index + 1, into: part)
                } else {
                    let block = ByteBlock(capacity: to - start)
                    try unpack(stored, isPlain: chunk.isPlain, length: length, part: index + 1, into: block.bytes)
                    part.copyMemory(from: UnsafeRawBufferPointer(rebasing: block.bytes[(from - start)...]))
                }
            }
        }
    }

    /// The whole message.
    public func bytes() throws(StoreError) -> [UInt8] {
        let target = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        defer { target.deallocate() }
        try read(0..<size, into: target)
        return Array(target)
    }
}

extension Store {
    /// The bytes of a message, wherever it was found. As long as the snapshot or view that it was found in is kept, they are
    /// there; later, as long as the message is where it was.
    /// - Throws: `.notFound` if it is gone; `.corrupt`, `.io`.
    /// - Complexity: one read; no lock.
    public func body(of message: Message) throws(StoreError) -> MessageBody {
        let location = message.location
        guard let segment = published.load().segments.file(location.segment) else {
            return try movedBody(of: message)
        }
        return try MessageBody(location, size: message.size, tag: uuid.tag, file: segment.file(), cipher)
    }

    /// The segment was given up since the message was looked up.
    private func movedBody(of message: Message) throws(StoreError) -> MessageBody {
        if let segment = dropped.file(message.location.segment) {
            do throws(StoreError) {
                return try MessageBody(
                    message.location, size: message.size, tag: uuid.tag, file: segment.file(), cipher)
            } catch {
                // The file may go in this moment: then no snapshot is left that knows the old place.
                if error.kind != .notFound { throw error }
            }
        }
        let root = published.load()
        let key = MessageRow.key(mailbox: message.mailbox, uid: message.uid.rawValue)
        if let (leaf, row) = try root.state.uid.find(key, root.pages) {
            let found = MessageRow(leaf, row)
            if found.identity == message.identity.rawValue, let segment = root.segments.file(found.location.segment) {
                return try MessageBody(
                    found.location, size: message.size, tag: uuid.tag, file: segment.file(), cipher)
            }
        }
        throw StoreError(.notFound, "message \(message.uid) of mailbox \(message.mailbox) is gone, and its bytes with it")
    }
}
