/// The head of a small message frame's payload. `Formats/message.md`.
///
/// Layout of the payload: head (8 bytes, and 24 for the seal of a sealed one), block. The block is summary and body, one behind
/// the other and compressed as one: what a summary says stands in the message's header too, and costs nearly nothing there.
public struct SmallMessageHead: Hashable, Sendable {
    public static let fixedSize = 8

    /// Bytes of the body as it was given: 0 … `Format.smallMessageSize`.
    public var messageSize: Int
    /// Bytes of the summary: 0 … `Format.smallMessageSize`.
    public var summaryLength: Int
    /// The number of the dictionary with which the block is compressed; 0: none.
    public var dictionary: UInt32
    /// With what the block is sealed (`Formats/encryption.md`); nil if it stands in the clear.
    public var seal: Seal?
    /// Bytes of the block as stored, the tag of a sealed one included.
    public var storedLength: Int

    private static let sealedBit: UInt32 = 1 << 31
    /// Numbers of dictionaries are below this.
    public static let dictionaryLimit = sealedBit

    public init(messageSize: Int, summaryLength: Int, dictionary: UInt32 = 0, seal: Seal? = nil, storedLength: Int) {
        self.messageSize = messageSize
        self.summaryLength = summaryLength
        self.dictionary = dictionary
        self.seal = seal
        self.storedLength = storedLength
    }

    /// Whether a message of this size, with a summary of this size, is stored so.
    public static func holds(messageSize: Int, summaryLength: Int) -> Bool {
        messageSize <= Format.smallMessageSize && summaryLength <= Format.smallMessageSize
    }

    public var size: Int { SmallMessageHead.fixedSize + (seal == nil ? 0 : Seal.size) }
    /// Bytes of the block as it was before it was compressed.
    public var contentLength: Int { summaryLength + messageSize }
    /// The block is stored as it is, because it did not shrink.
    public var isPlain: Bool { storedLength == contentLength + tagSize }
    private var tagSize: Int { seal == nil ? 0 : Seal.tagSize }

    /// What is authenticated with the block, part 0 of the seal.
    public var context: SealContext {
        .smallMessage(size: messageSize, summaryLength: summaryLength, isPlain: isPlain)
    }

    /// Writes the head to `out`, which has `size` bytes.
    public func encode(into out: UnsafeMutableRawPointer) {
        out.store16(UInt16(summaryLength), 0)
        out.store16(UInt16(messageSize), 2)
        out.store32(dictionary | (seal == nil ? 0 : SmallMessageHead.sealedBit), 4)
        seal?.encode(into: out + SmallMessageHead.fixedSize)
    }

    /// - Parameter payload: the whole of it, without the fill, its frame's checksum having been found to hold.
    public init(_ payload: UnsafeRawBufferPointer) throws(FormatError) {
        guard payload.count >= SmallMessageHead.fixedSize, let p = payload.baseAddress else {
            throw .invalid("a message frame without a head")
        }
        let word = p.load32(4)
        let isSealed = word & SmallMessageHead.sealedBit != 0
        let head = SmallMessageHead.fixedSize + (isSealed ? Seal.size : 0)
        guard payload.count >= head else { throw .invalid("a message head is cut off") }
        self.init(
            messageSize: Int(p.load16(2)), summaryLength: Int(p.load16(0)), dictionary: word & ~SmallMessageHead.sealedBit,
            seal: isSealed ? Seal(p + SmallMessageHead.fixedSize) : nil, storedLength: payload.count - head)
        guard SmallMessageHead.holds(messageSize: messageSize, summaryLength: summaryLength) else {
            throw .invalid("a small message of \(messageSize) bytes with a summary of \(summaryLength)")
        }
        guard dictionary == 0 || !isSealed && !isPlain else {
            throw .invalid("a dictionary \(dictionary) for a block that is stored without one")
        }
        guard tagSize...(contentLength + tagSize) ~= storedLength else {
            throw .invalid("a block of \(storedLength) bytes for \(contentLength)")
        }
    }
}
