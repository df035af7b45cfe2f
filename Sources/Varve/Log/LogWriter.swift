import MailModel
import VarveFormat

/// The end of the log: gives frames their places, and keeps them until they are written. Guarded by the writer's lock.
final class LogWriter {
    /// The segment that frames are added to.
    struct Current {
        var number: UInt32
        /// Where the frames of the segment before it end; 0 in the first one.
        var previousEnd: UInt32
        var file: any File
        /// Where the next frame goes.
        var end: Int
        /// The file is filled with zeros up to here, or its frames reach farther.
        var zeroed: Int
        /// What small messages in it are compressed with. As long as the segment has no frames it is to be written yet.
        var dictionary = SegmentDictionary.unknown
    }

    enum SegmentDictionary {
        /// It has not been looked at.
        case unknown
        case known(CompressionDictionary?)
    }

    /// A transaction that waits to be written, its frames one behind the other.
    struct Pending {
        var modSeq: UInt64
        var segment: UInt32
        var file: any File
        var offset: Int
        var blocks: [(block: ByteBlock, range: Range<Int>)]
        var byteCount: Int
        /// The account after it.
        var state: IndexState
        var pages: Pages
        var segments: SegmentTable
        /// Mailboxes that it changed or deleted.
        var changedMailboxes: [UInt32]
        var whenDurable: (@Sendable (Result<ModSeq, StoreError>) -> Void)?
    }

    let tag: UInt32
    var current: Current
    /// The log is on disk up to here.
    var synced: LogPosition
    var queue: [Pending] = []
    var queuedBytes = 0

    init(current: Current, tag: UInt32) {
        self.current = current
        self.tag = tag
        synced = LogPosition(segment: current.number, offset: UInt32(current.end))
    }

    var place: CommitPlace { CommitPlace(segment: current.number, previousEnd: current.previousEnd) }
    var end: LogPosition { LogPosition(segment: current.number, offset: UInt32(current.end)) }

    /// Goes on in a new segment, all before it being on disk.
    func begin(_ segment: Current) {
        current = segment
        synced = end
    }

    func enqueue(_ pending: Pending) {
        queue.append(pending)
        queuedBytes += pending.byteCount
        current.end = pending.offset + pending.byteCount
    }

    /// The transactions at the head of the queue that go to one segment: the next batch.
    func takeBatch() -> [Pending] {
        guard let first = queue.first else { return [] }
        let count = queue.prefix { $0.segment == first.segment }.count
        let batch = Array(queue[..<count])
        queue.removeFirst(count)
        queuedBytes -= batch.reduce(0) { $0 + $1.byteCount }
        return batch
    }

    /// What will never be written, after a failure.
    func takeAll() -> [Pending] {
        defer {
            queue.removeAll()
            queuedBytes = 0
        }
        return queue
    }

    /// Writes and syncs a batch. Called without the lock.
    static func write(_ batch: [Pending]) throws(StoreError) {
        var buffers: [UnsafeRawBufferPointer] = []
        for pending in batch {
            for (block, range) in pending.blocks {
                buffers.append(UnsafeRawBufferPointer(rebasing: block.bytes[range]))
            }
        }
        try batch[0].file.write(at: batch[0].offset, buffers)
        try batch[0].file.sync()
        // The blocks' memory must stay until here.
        withExtendedLifetime(batch) {}
    }
}

/// The frames of one transaction in the making.
struct FrameBuilder {
    private(set) var blocks: [(block: ByteBlock, range: Range<Int>)] = []
    private(set) var byteCount = 0
    private let start: LogPosition
    private let synced: LogPosition
    private let tag: UInt32

    init(at start: LogPosition, synced: LogPosition, tag: UInt32) {
        self.start = start
        self.synced = synced
        self.tag = tag
    }

    /// Where the next frame begins.
    var position: LogPosition { LogPosition(segment: start.segment, offset: start.offset + UInt32(byteCount)) }

    /// Whether a frame with this payload still has a place in the segment, whose offsets are 32 bits wide.
    func hasRoom(payload: Int) -> Bool {
        Int(start.offset) + byteCount + FrameHeader.frameLength(payload: payload) < Int(UInt32.max) - (1 << 20)
    }

    /// - Parameter payload: filled with zeros to a multiple of 8.
    mutating func add(_ kind: FrameKind, payload: ByteBlock, length: Int, checksum: UInt32) {
        let header = ByteBlock(capacity: FrameHeader.size)
        FrameHeader(length: UInt32(length), position: position, synced: synced, kind: kind.rawValue, tag: tag)
            .encode(into: header.bytes.baseAddress!, payloadChecksum: checksum)
        let frameLength = FrameHeader.frameLength(payload: length)
        blocks.append((header, 0..<FrameHeader.size))
        blocks.append((payload, 0..<(frameLength - FrameHeader.size)))
        byteCount += frameLength
    }

    mutating func add(_ dictionary: CompressionDictionary) {
        let (payload, length) = dictionary.encode()
        let filled = payload.bytes[..<(FrameHeader.frameLength(payload: length) - FrameHeader.size)]
        add(.dictionary, payload: payload, length: length, checksum: crc32c(0, UnsafeRawBufferPointer(rebasing: filled)))
    }

    mutating func add(_ kind: FrameKind, payload: [UInt8]) {
        var padded = payload
        while padded.count % Format.frameAlignment != 0 { padded.append(0) }
        add(kind, payload: ByteBlock(padded), length: payload.count, checksum: padded.withBytes { crc32c(0, $0) })
    }
}
