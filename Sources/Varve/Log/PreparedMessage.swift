import CLZ4
import MailMessage
import VarveFormat

/// A message made ready for the log: parsed, compressed and summed. To be made on any thread, outside of all locks, so
/// that the writer has nothing left to do but to give it a place.
///
/// The bytes are kept exactly as they are given; all 256 values may occur.
public struct PreparedMessage: Sendable {
    /// Bytes of the message.
    public let size: Int
    let kind: FrameKind
    /// The frame's payload, filled with zeros to a multiple of 8.
    let payload: ByteBlock
    let payloadLength: Int
    /// CRC-32C of payload and fill.
    let checksum: UInt32
    /// The store with whose key it is sealed; nil if it stands in the clear.
    let sealedFor: StoreUUID?
    /// What it is compressed with: it can stand only in a segment with this one.
    let dictionary: CompressionDictionary?

    /// - Parameter message: at most 1 GiB (`Store.maximumMessageSize`).
    /// - Throws: `.limit` for a larger one.
    /// - Complexity: O(size).
    public init(_ message: UnsafeRawBufferPointer) throws(StoreError) { try self.init(message, with: nil) }

    /// - Parameter dictionary: with which it is compressed if it is a small one.
    init(_ message: UnsafeRawBufferPointer, with dictionary: CompressionDictionary?) throws(StoreError) {
        guard message.count <= Format.maximumMessageSize else {
            throw StoreError(.limit, "a message of \(message.count) bytes; at most \(Format.maximumMessageSize) are kept")
        }
        let summary = MessageSummary(parsing: message).encode()
        self = SmallMessageHead.holds(messageSize: message.count, summaryLength: summary.count)
            ? PreparedMessage(small: message, summary, dictionary) : PreparedMessage(chunked: message, summary)
    }

    /// Summary and chunks are each compressed on their own.
    private init(chunked message: UnsafeRawBufferPointer, _ summary: [UInt8]) {
        let count = MessageHead.chunkCount(messageSize: message.count)
        let headSize = MessageHead.size(chunks: count)
        let block = ByteBlock(capacity: headSize + summary.count + message.count + Format.frameAlignment)
        let out = block.bytes.baseAddress!
        var head = MessageHead(
            messageSize: message.count, summaryStoredLength: 0, summaryLength: summary.count, summaryChecksum: 0,
            chunks: [])
        head.chunks.reserveCapacity(count)
        var end = headSize
        head.summaryStoredLength = summary.withBytes { PreparedMessage.store($0, out + end).length }
        head.summaryChecksum = crc32c(0, UnsafeRawBufferPointer(start: out + end, count: head.summaryStoredLength))
        end += head.summaryStoredLength
        for index in 0..<count {
            let from = index * Format.chunkSize
            let chunk = UnsafeRawBufferPointer(rebasing: message[from..<min(from + Format.chunkSize, message.count)])
            let (length, isPlain) = PreparedMessage.store(chunk, out + end)
            head.chunks.append(
                MessageHead.Chunk(
                    storedLength: length, isPlain: isPlain,
                    checksum: crc32c(0, UnsafeRawBufferPointer(start: out + end, count: length))))
            end += length
        }
        head.encode(into: out)
        self.init(.message, size: message.count, block, length: end)
    }

    /// Summary and body are compressed as one.
    private init(
        small message: UnsafeRawBufferPointer, _ summary: [UInt8], _ dictionary: CompressionDictionary?
    ) {
        self = CompressionWorkspace.with { workspace in
            workspace.content.copyBytes(from: summary)
            UnsafeMutableRawBufferPointer(rebasing: workspace.content[summary.count...]).copyMemory(from: message)
            return PreparedMessage(workspace, summaryLength: summary.count, messageSize: message.count, dictionary)
        }
    }

    /// - Parameter workspace: has summary and body of a small message.
    private init(
        _ workspace: CompressionWorkspace, summaryLength: Int, messageSize: Int, _ dictionary: CompressionDictionary?
    ) {
        let length = summaryLength + messageSize
        let block = ByteBlock(capacity: SmallMessageHead.fixedSize + length + Format.frameAlignment)
        let out = block.bytes.baseAddress!
        let target = out + SmallMessageHead.fixedSize
        let stored = workspace.compress(length, with: dictionary, into: target)
        if stored == 0 { target.copyMemory(from: workspace.content.baseAddress!, byteCount: length) }
        let dictionary = stored == 0 ? nil : dictionary
        let head = SmallMessageHead(
            messageSize: messageSize, summaryLength: summaryLength, dictionary: dictionary?.number ?? 0,
            storedLength: stored == 0 ? length : stored)
        head.encode(into: out)
        self.init(
            .smallMessage, size: messageSize, block, length: SmallMessageHead.fixedSize + head.storedLength, dictionary)
    }

    /// - Parameter payload: has room for the fill.
    init(
        _ kind: FrameKind, size: Int, _ payload: ByteBlock, length: Int, _ dictionary: CompressionDictionary? = nil,
        sealedFor: StoreUUID? = nil
    ) {
        let out = payload.bytes.baseAddress!
        let padded = (length + Format.frameAlignment - 1) & ~(Format.frameAlignment - 1)
        for i in length..<padded { out.store8(0, i) }
        self.kind = kind
        self.size = size
        self.payload = payload
        payloadLength = length
        checksum = crc32c(0, UnsafeRawBufferPointer(start: out, count: padded))
        self.sealedFor = sealedFor
        self.dictionary = dictionary
    }

    public init(_ message: [UInt8]) throws(StoreError) {
        self = try message.withBytes { bytes throws(StoreError) in try PreparedMessage(bytes) }
    }

    /// Writes bytes compressed, or as they are if they would not shrink.
    static func store(
        _ source: UnsafeRawBufferPointer, _ out: UnsafeMutableRawPointer
    ) -> (length: Int, isPlain: Bool) {
        guard source.count > 1 else {
            if let byte = source.first { out.store8(byte, 0) }
            return (source.count, true)
        }
        let length = LZ4_compress_default(
            source.baseAddress!.assumingMemoryBound(to: CChar.self), out.assumingMemoryBound(to: CChar.self),
            Int32(source.count), Int32(source.count - 1))
        if length > 0 { return (Int(length), false) }
        out.copyMemory(from: source.baseAddress!, byteCount: source.count)
        return (source.count, true)
    }
}

extension PreparedMessage {
    /// A message of one segment as it is to stand in another: there it may shrink more.
    /// - Parameter dictionary: most likely that of the other segment.
    init(_ frame: StoredFrame, with dictionary: CompressionDictionary?) {
        let message = PreparedMessage(frame)
        let fits = !frame.canBeCompressed || dictionary?.number == frame.dictionary?.number
        self = fits ? message : message.compressed(with: dictionary)
    }

    /// The message as it stood; its size is nobody's business where it only moves.
    private init(_ frame: StoredFrame) {
        kind = frame.kind
        size = 0
        payload = frame.payload
        payloadLength = frame.length
        checksum = frame.checksum
        sealedFor = nil
        dictionary = frame.dictionary
    }

    /// The same message, compressed with another dictionary or with none.
    /// - Precondition: it is small, in the clear, and inflates.
    /// - Complexity: O(size).
    func compressed(with other: CompressionDictionary?) -> PreparedMessage {
        let bytes = UnsafeRawBufferPointer(rebasing: payload.bytes[..<payloadLength])
        let head = PreparedMessage.own { () throws(FormatError) in try SmallMessageHead(bytes) }
        return CompressionWorkspace.with { workspace in
            let stored = UnsafeRawBufferPointer(rebasing: bytes[head.size...])
            if head.isPlain {
                workspace.content.copyMemory(from: stored)
            } else {
                let content = workspace.inflate(
                    stored, length: head.contentLength, wanted: head.contentLength, with: dictionary)
                precondition(content != nil, "a block that was seen to inflate does not")
            }
            return PreparedMessage(
                workspace, summaryLength: head.summaryLength, messageSize: head.messageSize, other)
        }
    }

    /// The same message, its summary and its body encrypted.
    /// - Complexity: O(size).
    func sealed(by cipher: StoreCipher) throws(StoreError) -> PreparedMessage {
        precondition(sealedFor == nil, "it is sealed already")
        let bytes = UnsafeRawBufferPointer(rebasing: payload.bytes[..<payloadLength])
        if kind == .smallMessage { return try seal(PreparedMessage.own { () throws(FormatError) in try SmallMessageHead(bytes) }, cipher) }
        return try seal(
            PreparedMessage.own { () throws(FormatError) in try MessageHead(bytes, payloadLength: payloadLength) }, cipher)
    }

    private static func own<Head>(_ head: () throws(FormatError) -> Head) -> Head {
        do { return try head() } catch { preconditionFailure("a head that this program made: \(error)") }
    }

    private func seal(_ plain: SmallMessageHead, _ cipher: StoreCipher) throws(StoreError) -> PreparedMessage {
        var head = plain
        let seal = cipher.nextSeal()
        head.seal = seal
        head.storedLength += Seal.tagSize
        let length = head.size + head.storedLength
        let block = ByteBlock(capacity: length + Format.frameAlignment)
        let out = block.bytes.baseAddress!
        let piece = UnsafeRawBufferPointer(rebasing: payload.bytes[plain.size..<payloadLength])
        try cipher.seal(piece, seal, part: 0, head.context, into: out + head.size)
        head.encode(into: out)
        return PreparedMessage(.smallMessage, size: size, block, length: length, sealedFor: cipher.store)
    }

    private func seal(_ plain: MessageHead, _ cipher: StoreCipher) throws(StoreError) -> PreparedMessage {
        var head = plain
        var from = payload.bytes.baseAddress! + head.size
        let seal = cipher.nextSeal()
        head.seal = seal
        head.summaryStoredLength += Seal.tagSize
        for i in head.chunks.indices { head.chunks[i].storedLength += Seal.tagSize }
        let length = head.size + head.summaryStoredLength + head.chunks.reduce(0) { $0 + $1.storedLength }
        let block = ByteBlock(capacity: length + Format.frameAlignment)
        let out = block.bytes.baseAddress!
        var end = head.size
        /// Seals a piece. - Returns: the checksum of what is then stored.
        func add(_ storedLength: Int, part: Int, _ context: SealContext) throws(StoreError) -> UInt32 {
            let piece = UnsafeRawBufferPointer(start: from, count: storedLength - Seal.tagSize)
            try cipher.seal(piece, seal, part: UInt32(part), context, into: out + end)
            from += piece.count
            defer { end += storedLength }
            return crc32c(0, UnsafeRawBufferPointer(start: out + end, count: storedLength))
        }
        head.summaryChecksum = try add(head.summaryStoredLength, part: 0, head.summaryContext)
        for i in head.chunks.indices {
            head.chunks[i].checksum = try add(head.chunks[i].storedLength, part: i + 1, head.chunkContext(i))
        }
        head.encode(into: out)
        return PreparedMessage(.message, size: size, block, length: length, sealedFor: cipher.store)
    }
}

extension Store {
    /// Makes a message ready for this store: parsed, compressed, and encrypted if the store is. On any thread, outside of
    /// all locks; what is made can be appended to this store only.
    /// - Parameter message: at most 1 GiB (`Store.maximumMessageSize`).
    /// - Throws: `.limit` for a larger one.
    /// - Complexity: O(size).
    public func prepare(_ message: UnsafeRawBufferPointer) throws(StoreError) -> PreparedMessage {
        let prepared = try PreparedMessage(message, with: preparingDictionary)
        guard let cipher else { return prepared }
        return try prepared.sealed(by: cipher)
    }

    public func prepare(_ message: [UInt8]) throws(StoreError) -> PreparedMessage {
        try message.withBytes { bytes throws(StoreError) in try prepare(bytes) }
    }
}
