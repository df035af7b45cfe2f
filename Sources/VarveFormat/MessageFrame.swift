/// The head of a message frame's payload: what is needed to find and check the summary and each chunk of the body.
/// `Formats/message.md`.
///
/// Layout of the payload: head (32 bytes, 8 for each chunk, and 24 for the seal of a sealed one), summary, chunks.
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
    /// Bytes of the summary in the frame, and what they inflate to.
    public var summaryStoredLength: Int
    public var summaryLength: Int
    public var summaryChecksum: UInt32
    public var chunks: [Chunk]
    /// With what summary and chunks are sealed (`Formats/encryption.md`); nil if they stand in the clear. Each is longer by
    /// its tag then, and that counts as stored.
    public var seal: Seal?

    /// In the word of the dictionary, of which there is none yet.
    private static let sealedBit: UInt32 = 1 << 31

    public init(
        messageSize: Int, summaryStoredLength: Int, summaryLength: Int, summaryChecksum: UInt32,
        chunks: [Chunk], seal: Seal? = nil
    ) {
        self.seal = seal
        self.messageSize = messageSize
        self.summaryStoredLength = summaryStoredLength
        self.summaryLength = summaryLength
        self.summaryChecksum = summaryChecksum
        self.chunks = chunks
    }

    public static func size(chunks: Int, isSealed: Bool = false) -> Int {
        fixedSize + 8 * chunks + (isSealed ? Seal.size : 0)
    }
    public static func chunkCount(messageSize: Int) -> Int { (messageSize + Format.chunkSize - 1) / Format.chunkSize }

    public var size: Int { MessageHead.size(chunks: chunks.count, isSealed: seal != nil) }
    /// The summary is stored as it is, because it did not shrink.
    public var summaryIsPlain: Bool { summaryStoredLength == summaryLength + tagSize }
    /// Bytes that a stored piece is longer than its content.
    private var tagSize: Int { seal == nil ? 0 : Seal.tagSize }

    /// What is authenticated with the summary, part 0 of the seal.
    public var summaryContext: SealContext {
        .message(size: messageSize, length: summaryLength, isPlain: summaryIsPlain)
    }

    /// What is authenticated with a chunk, part `index + 1` of the seal.
    public func chunkContext(_ index: Int) -> SealContext {
        .message(size: messageSize, length: chunkLength(index), isPlain: chunks[index].isPlain)
    }

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
        out.store32(seal == nil ? 0 : MessageHead.sealedBit, 28)  // dictionary: none
        for (i, chunk) in chunks.enumerated() {
            let at = MessageHead.fixedSize + 8 * i
            out.store32(UInt32(chunk.storedLength) | (chunk.isPlain ? 1 << 31 : 0), at)
            out.store32(chunk.checksum, at + 4)
        }
        seal?.encode(into: out + MessageHead.size(chunks: chunks.count))
        out.store32(crc32c(0, UnsafeRawBufferPointer(start: out + 4, count: size - 4)), 0)
    }

    /// How many bytes the head of the payload that begins with `bytes` has: read so many before you decode it.
    public static func size(of bytes: UnsafeRawBufferPointer) throws(FormatError) -> Int {
        guard bytes.count >= fixedSize, let p = bytes.baseAddress else { throw .invalid("a message frame without a head") }
        let size = Int(p.load32(4))
        let chunks = Int(p.load32(12))
        guard chunks <= chunkCount(messageSize: Format.maximumMessageSize),
            size == MessageHead.size(chunks: chunks, isSealed: p.load32(28) & sealedBit != 0)
        else {
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
        let isSealed = p.load32(28) & MessageHead.sealedBit != 0
        let dictionary = p.load32(28) & ~MessageHead.sealedBit
        guard dictionary == 0 else { throw .invalid("a dictionary \(dictionary) that the store does not have") }
        let tagSize = isSealed ? Seal.tagSize : 0
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
            guard chunk.storedLength >= tagSize,
                chunk.isPlain ? chunk.storedLength == length + tagSize : chunk.storedLength < length + tagSize
            else {
                throw .invalid("chunk \(i) stores \(chunk.storedLength) bytes for \(length)")
            }
            total += chunk.storedLength
            chunks.append(chunk)
        }
        // LZ4 makes 255 bytes of one at most.
        let summary = Int(p.load32(16)) - tagSize
        guard total == payloadLength, 0...Int(p.load32(20)) ~= summary,
            p.load32(20) <= UInt32(Format.maximumPayloadLength), Int(p.load32(20)) <= 255 * summary
        else {
            throw .invalid("head, summary and chunks make \(total) bytes in a payload of \(payloadLength)")
        }
        self.init(
            messageSize: messageSize, summaryStoredLength: Int(p.load32(16)),
            summaryLength: Int(p.load32(20)), summaryChecksum: p.load32(24), chunks: chunks,
            seal: isSealed ? Seal(p + MessageHead.size(chunks: count)) : nil)
    }
}
