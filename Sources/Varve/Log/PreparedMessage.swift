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
    /// The frame's payload, filled with zeros to a multiple of 8.
    let payload: ByteBlock
    let payloadLength: Int
    /// CRC-32C of payload and fill.
    let checksum: UInt32

    /// - Parameter message: at most 1 GiB (`Store.maximumMessageSize`).
    /// - Throws: `.limit` for a larger one.
    /// - Complexity: O(size).
    public init(_ message: UnsafeRawBufferPointer) throws(StoreError) {
        guard message.count <= Format.maximumMessageSize else {
            throw StoreError(.limit, "a message of \(message.count) bytes; at most \(Format.maximumMessageSize) are kept")
        }
        let summary = MessageSummary(parsing: message).encode()
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
        payloadLength = end
        let padded = (end + Format.frameAlignment - 1) & ~(Format.frameAlignment - 1)
        for i in end..<padded { out.store8(0, i) }
        checksum = crc32c(0, UnsafeRawBufferPointer(start: out, count: padded))
        size = message.count
        payload = block
    }

    public init(_ message: [UInt8]) throws(StoreError) {
        self = try message.withBytes { bytes throws(StoreError) in try PreparedMessage(bytes) }
    }

    /// Writes bytes compressed, or as they are if they would not shrink.
    private static func store(
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
