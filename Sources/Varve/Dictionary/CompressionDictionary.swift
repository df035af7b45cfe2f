import CLZ4
import Synchronization
import VarveFormat

/// What small messages of a store have in common, so that each need not say it again. Immutable; used by any thread.
final class CompressionDictionary: @unchecked Sendable {
    let number: UInt32
    /// The identity that the next message was to get when it was made.
    let nextIdentity: UInt64
    let content: ByteBlock
    /// LZ4's state after it has looked at the content. Copied, never written to.
    let prepared: UnsafeMutableRawBufferPointer
    /// Of no other dictionary in this process, ever: from 1.
    let token: UInt64

    private static let tokens = Atomic<UInt64>(0)

    /// - Parameter content: 1 … 65,536 bytes.
    /// - Returns: nil for one whose number would be 0.
    init?(_ content: ByteBlock, nextIdentity: UInt64) {
        let number = DictionaryHead.number(of: UnsafeRawBufferPointer(content.bytes))
        guard number != 0 else { return nil }
        self.number = number
        self.nextIdentity = nextIdentity
        self.content = content
        token = CompressionDictionary.tokens.wrappingAdd(1, ordering: .relaxed).newValue
        prepared = .allocate(byteCount: MemoryLayout<LZ4_stream_t>.size, alignment: 16)
        let stream = LZ4_initStream(prepared.baseAddress!, prepared.count)
        precondition(stream != nil, "a state of LZ4 has another size than its header says")
        let characters = UnsafePointer(content.bytes.baseAddress!.assumingMemoryBound(to: CChar.self))
        LZ4_loadDict(stream, characters, Int32(content.bytes.count))
    }

    deinit { prepared.deallocate() }

    // MARK: Its frame

    /// The payload of its frame, filled with zeros to a multiple of 8.
    func encode() -> (payload: ByteBlock, length: Int) {
        let count = content.bytes.count
        let block = ByteBlock(capacity: DictionaryHead.size + count + Format.frameAlignment)
        let out = block.bytes.baseAddress! + DictionaryHead.size
        let stored = PreparedMessage.store(UnsafeRawBufferPointer(content.bytes), out).length
        DictionaryHead(number: number, contentLength: count, nextIdentity: nextIdentity, storedLength: stored)
            .encode(into: block.bytes.baseAddress!)
        for i in stored..<(stored + Format.frameAlignment) { out.store8(0, i) }
        return (block, DictionaryHead.size + stored)
    }

    /// The dictionary of a segment; nil if it has none.
    /// - Throws: `.corrupt` if there is one that does not hold.
    static func of(
        _ segment: UInt32, _ file: any File, tag: UInt32
    ) throws(StoreError) -> CompressionDictionary? {
        let position = LogPosition(segment: segment, offset: UInt32(SegmentHeader.size))
        let start = ByteBlock(capacity: FrameHeader.size)
        guard try file.read(at: SegmentHeader.size, into: start.bytes) == FrameHeader.size,
            let header = FrameHeader(UnsafeRawPointer(start.bytes.baseAddress!), at: position, tag: tag, limit: maximumFrame),
            header.kind == FrameKind.dictionary.rawValue
        else { return nil }
        let place = StoredBytes(position, file)
        let frame = ByteBlock(capacity: header.frameLength)
        guard try file.read(at: SegmentHeader.size, into: frame.bytes) == header.frameLength else {
            throw place.damage("the segment ends within its dictionary")
        }
        let bytes = UnsafeRawPointer(frame.bytes.baseAddress!)
        guard header.verify(bytes) else { throw place.damage("the checksum of the dictionary frame does not hold") }
        return try decode(UnsafeRawBufferPointer(start: bytes + FrameHeader.size, count: Int(header.length)), place)
    }

    private static func decode(
        _ payload: UnsafeRawBufferPointer, _ place: StoredBytes
    ) throws(StoreError) -> CompressionDictionary {
        let head: DictionaryHead
        do throws(FormatError) { head = try DictionaryHead(payload) } catch { throw place.damage(error) }
        let content = ByteBlock(capacity: head.contentLength)
        let stored = UnsafeRawBufferPointer(rebasing: payload[DictionaryHead.size...])
        try place.unpack(stored, isPlain: head.isPlain, length: head.contentLength, "the dictionary", into: content.bytes)
        guard let found = CompressionDictionary(content, nextIdentity: head.nextIdentity), found.number == head.number else {
            throw place.damage("a dictionary that is not number \(head.number)")
        }
        return found
    }

    /// Bytes of its frame at most.
    private static let maximumFrame = FrameHeader.frameLength(payload: DictionaryHead.size + DictionaryHead.maximumContent)
}
