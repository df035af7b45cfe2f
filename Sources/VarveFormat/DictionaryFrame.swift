/// The head of a dictionary frame's payload. `Formats/message.md`.
///
/// Layout of the payload: head (16 bytes), content, as it is or as one LZ4 block. The frame stands first in its segment, and
/// small messages of that segment may be compressed with it.
public struct DictionaryHead: Hashable, Sendable {
    public static let size = 16

    /// The content's own number (`DictionaryHead.number`).
    public var number: UInt32
    /// Bytes of the content: 1 … 65,536, beyond which LZ4 does not look.
    public var contentLength: Int
    /// The identity that the next message was to get when the dictionary was made: how many there had been.
    public var nextIdentity: UInt64
    /// Bytes of the content as stored.
    public var storedLength: Int

    public static let maximumContent = 65_536

    public init(number: UInt32, contentLength: Int, nextIdentity: UInt64, storedLength: Int) {
        self.number = number
        self.contentLength = contentLength
        self.nextIdentity = nextIdentity
        self.storedLength = storedLength
    }

    /// The number of a dictionary with this content: its CRC-32C without the highest bit. 0: it can be none.
    public static func number(of content: UnsafeRawBufferPointer) -> UInt32 {
        crc32c(0, content) & ~SmallMessageHead.dictionaryLimit
    }

    /// The content is stored as it is, because it did not shrink.
    public var isPlain: Bool { storedLength == contentLength }

    /// Writes the head to `out`, which has `size` bytes.
    public func encode(into out: UnsafeMutableRawPointer) {
        out.store32(number, 0)
        out.store32(UInt32(contentLength), 4)
        out.store64(nextIdentity, 8)
    }

    /// - Parameter payload: the whole of it, without the fill, its frame's checksum having been found to hold.
    public init(_ payload: UnsafeRawBufferPointer) throws(FormatError) {
        guard payload.count > DictionaryHead.size, let p = payload.baseAddress else {
            throw .invalid("a dictionary of \(payload.count) bytes")
        }
        let length = p.load32(4)
        self.init(
            number: p.load32(0), contentLength: Int(length), nextIdentity: p.load64(8),
            storedLength: payload.count - DictionaryHead.size)
        guard 1..<SmallMessageHead.dictionaryLimit ~= number, 1...UInt32(DictionaryHead.maximumContent) ~= length,
            storedLength <= contentLength, nextIdentity <= UInt64(Int64.max)
        else { throw .invalid("a dictionary \(number) of \(length) bytes, stored as \(storedLength)") }
    }
}
