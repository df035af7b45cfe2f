/// The head of a message frame's payload: what is needed to find and check the summary and each chunk of the body.
/// `Formats/message.md`.
///
/// Layout of the payload: head (32 bytes and 8 for each chunk), summary, chunks.
public struct MessageHead: Sendable {
    public static let fixedSize = 32

    public struct Chunk: Hashable, Sendable {
        /// Bytes in the frame.
        public var storedLength: Int
        /// Stored as it is, because it did not shrink.
        public var isPlain: Bool
        /// CRC-32C of the stored bytes.
        public var checksum: UInt32

        public init(storedLength: Int, isPlain: Bool, checksum: UInt32) {
            self.storedLength = storedLength
            self.isPlain = isPlain
            self.checksum = checksum
        }
    }

    /// Bytes of the body as it was given: 0 … 2^30.
    public var messageSize: Int
    /// Bytes of the summary in the frame, and what they inflate to; equal if it is stored as it is.
    public var summaryStoredLength: Int
    public var summaryLength: Int
    public var summaryChecksum: UInt32
    public var chunks: [Chunk]

    public init(
        messageSize: Int, summaryStoredLength: Int, summaryLength: Int, summaryChecksum: UInt32,
        chunks: [Chunk]
    ) {
        self.messageSize = messageSize
        self.summaryStoredLength = summaryStoredLength
        self.summaryLength = summaryLength
        self.summaryChecksum = summaryChecksum
        self.chunks = chunks
    }

    public static func size(chunks: Int) -> Int { fixedSize + 8 * chunks }
    public static func chunkCount(messageSize: Int) -> Int { (messageSize + Format.chunkSize - 1) / Format.chunkSize }

    public var size: Int { MessageHead.size(chunks: chunks.count) }

    /// Bytes of the body that chunk `index` holds.
    public func chunkLength(_ index: Int) -> Int {
        min(Format.chunkSize, messageSize - index * Format.chunkSize)
    }

    /// Writes the head to `out`, which has `size` bytes.
    public func encode(into out: UnsafeMutableRawPointer) {
        out.store32(UInt32(size), 4)
        out.store32(UInt32(messageSize), 8)
        out.store32(UInt32(chunks.count), 12)
        out.store32(UInt32(summaryStoredLength), 16)
        out.store32(UInt32(summaryLength), 20)
        out.store32(summaryChecksum, 24)
        out.store32(0, 28)  // dictionary: none
        for (i, chunk) in chunks.enumerated() {
            let at = MessageHead.fixedSize + 8 * i
            out.store32(UInt32(chunk.storedLength) | (chunk.isPlain ? 1 << 31 : 0), at)
            out.store32(chunk.checksum, at + 4)
        }
        out.store32(crc32c(0, UnsafeRawBufferPointer(start: out + 4, count: size - 4)), 0)
    }

    /// How many bytes the head of the payload that begins with `bytes` has: read so many before you decode it.
    public static func size(of bytes: UnsafeRawBufferPointer) throws(FormatError) -> Int {
        guard bytes.count >= fixedSize, let p = bytes.baseAddress else { throw .invalid("a message frame without a head") }
        let size = Int(p.load32(4))
        let chunks = Int(p.load32(12))
        guard chunks <= chunkCount(messageSize: Format.maximumMessageSize), size == MessageHead.size(chunks: chunks) else {
            throw .invalid("a message head of \(size) bytes with \(chunks) chunks")
        }
        return size
    }

    /// - Parameter payloadLength: of the whole payload, which head, summary and chunks must fill exactly.
    public init(_ bytes: UnsafeRawBufferPointer, payloadLength: Int) throws(FormatError) {
        let size = try MessageHead.size(of: bytes)
        guard bytes.count >= size, let p = bytes.baseAddress else { throw .invalid("a message head is cut off") }
        guard crc32c(0, UnsafeRawBufferPointer(start: p + 4, count: size - 4)) == p.load32(0) else {
            throw FormatError(.checksum)
        }
        guard p.load32(28) == 0 else { throw .invalid("a dictionary \(p.load32(28)) that the store does not have") }
        let messageSize = Int(p.load32(8))
        let count = Int(p.load32(12))
        guard messageSize <= Format.maximumMessageSize, count == MessageHead.chunkCount(messageSize: messageSize) else {
            throw .invalid("a body of \(messageSize) bytes in \(count) chunks")
        }
        var chunks: [Chunk] = []
        chunks.reserveCapacity(count)
        var total = size + Int(p.load32(16))
        for i in 0..<count {
            let word = p.load32(MessageHead.fixedSize + 8 * i)
            let chunk = Chunk(
                storedLength: Int(word & 0x7fff_ffff), isPlain: word >> 31 == 1,
                checksum: p.load32(MessageHead.fixedSize + 8 * i + 4))
            let length = min(Format.chunkSize, messageSize - i * Format.chunkSize)
            guard chunk.isPlain ? chunk.storedLength == length : chunk.storedLength < length else {
                throw .invalid("chunk \(i) stores \(chunk.storedLength) bytes for \(length)")
            }
            total += chunk.storedLength
            chunks.append(chunk)
        }
        // LZ4 makes 255 bytes of one at most.
        guard total == payloadLength, p.load32(16) <= p.load32(20), p.load32(20) <= UInt32(Format.maximumPayloadLength),
            Int(p.load32(20)) <= 255 * Int(p.load32(16))
        else {
            throw .invalid("head, summary and chunks make \(total) bytes in a payload of \(payloadLength)")
        }
        self.init(
            messageSize: messageSize, summaryStoredLength: Int(p.load32(16)),
            summaryLength: Int(p.load32(20)), summaryChecksum: p.load32(24), chunks: chunks)
    }
}
