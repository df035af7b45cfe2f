import MailModel
import VarveFormat

/// A message's bytes and its summary, where they lie in the log. Reads inflate only what they need; every checksum is verified.
/// Not bound to a snapshot: the bytes never change.
public final class MessageBody: Sendable {
    /// Reads that begin and end at multiples of this inflate nothing twice. 64 KiB.
    public static let pieceSize = Format.chunkSize

    /// Bytes of the message.
    public let size: Int

    private enum Form {
        case small(SmallBody)
        case chunked(ChunkedBody)
    }

    private let form: Form

    /// A first read takes so many bytes at most.
    private static let largestFirstRead = 32 << 10

    /// - Parameters:
    ///   - size: of the message; nil if that is not known.
    ///   - cipher: of an encrypted store.
    init(
        _ location: LogPosition, size: Int?, tag: UInt32, file: any File, _ cipher: StoreCipher?,
        _ dictionaries: SegmentDictionaries
    ) throws(StoreError) {
        let frame = StoredBytes(location, file, cipher)
        let start = Int(location.offset)
        let guess = size.map { FrameHeader.size + MessageHead.size(chunks: MessageHead.chunkCount(messageSize: $0)) + 2048 + $0 }
        let block = ByteBlock(capacity: min(guess ?? .max, MessageBody.largestFirstRead))
        let count = try file.read(at: start, into: block.bytes)
        guard count >= FrameHeader.size,
            let header = FrameHeader(
                UnsafeRawPointer(block.bytes.baseAddress!), at: location, tag: tag, limit: Int(UInt32.max) - start)
        else { throw frame.damage("no message frame") }
        switch FrameKind(rawValue: header.kind) {
        case .smallMessage:
            let small = try SmallBody(frame, header, block, count, dictionaries)
            self.size = small.head.messageSize
            form = .small(small)
        case .message:
            let chunked = try ChunkedBody(frame, header, block, count)
            self.size = chunked.head.messageSize
            form = .chunked(chunked)
        default: throw frame.damage("no message frame")
        }
        if let size, size != self.size { throw frame.damage("a body of \(self.size) bytes, the index says \(size)") }
    }

    /// Calls `body` with the encoded summary (`MailMessage.MessageSummary`), for as long as the call lasts.
    public func withSummary<R>(_ body: (UnsafeRawBufferPointer) throws(StoreError) -> R) throws(StoreError) -> R {
        switch form {
        case .small(let small): try small.withSummary(body)
        case .chunked(let chunked): try chunked.withSummary(body)
        }
    }

    /// Summary and body of a message that is, or would be, stored as a small one; nil for a larger one.
    func smallContent() throws(StoreError) -> [UInt8]? {
        switch form {
        case .small(let small): return try small.withContent { Array($0) }
        case .chunked(let chunked):
            let summary = try chunked.withSummary { Array($0) }
            guard SmallMessageHead.holds(messageSize: size, summaryLength: summary.count) else { return nil }
            return summary + (try bytes())
        }
    }

    /// Reads part of the message.
    /// - Parameter range: within `0 ..< size`; `into` has its length.
    /// - Complexity: O(range), and up to a chunk (64 KiB) before it.
    public func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws(StoreError) {
        precondition(range.lowerBound >= 0 && range.upperBound <= size, "bytes beyond the message")
        precondition(target.count == range.count, "a buffer of another size")
        guard !range.isEmpty else { return }
        switch form {
        case .small(let small): try small.read(range, into: target)
        case .chunked(let chunked): try chunked.read(range, into: target)
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
        return try MessageBody(location, size: message.size, tag: uuid.tag, file: segment.file(), cipher, dictionaries)
    }

    /// The segment was given up since the message was looked up.
    private func movedBody(of message: Message) throws(StoreError) -> MessageBody {
        if let segment = dropped.file(message.location.segment) {
            do throws(StoreError) {
                return try MessageBody(
                    message.location, size: message.size, tag: uuid.tag, file: segment.file(), cipher, dictionaries)
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
                    found.location, size: message.size, tag: uuid.tag, file: segment.file(), cipher, dictionaries)
            }
        }
        throw StoreError(.notFound, "message \(message.uid) of mailbox \(message.mailbox) is gone, and its bytes with it")
    }
}
