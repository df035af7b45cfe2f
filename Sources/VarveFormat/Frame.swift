/// What a frame holds. Codes are frozen; 0 is no frame: zeros mark the log's end.
public enum FrameKind: UInt8, Sendable {
    /// A message's body and summary. Counts for nothing until a commit names it.
    case message = 1
    /// A transaction's records: the atomic unit.
    case commit = 2
    /// Ends a sealed segment.
    case footer = 3
    /// Records of a base; stands in bases only.
    case base = 4
    /// A message's summary and body as one block. Counts for nothing until a commit names it.
    case smallMessage = 5
    /// What small messages of the segment are compressed with; stands first in it.
    case dictionary = 6

    /// Whether it holds a message, small or not.
    public var isMessage: Bool { self == .message || self == .smallMessage }
}

/// Stands before every payload in a segment. `Formats/segment.md`.
public struct FrameHeader: Hashable, Sendable {
    public static let size = 32

    /// Bytes of payload, without the zeros that fill up to the next multiple of 8.
    public var length: UInt32
    /// Where this frame begins: a frame that was written to a wrong place is no frame.
    public var position: LogPosition
    /// The log up to here was on disk when this frame was made: a fault before it is damage, not a torn tail.
    public var synced: LogPosition
    public var kind: UInt8
    public var tag: UInt32

    public init(length: UInt32, position: LogPosition, synced: LogPosition, kind: UInt8, tag: UInt32) {
        self.length = length
        self.position = position
        self.synced = synced
        self.kind = kind
        self.tag = tag
    }

    /// Whether it holds a message, small or not.
    public var isMessage: Bool { FrameKind(rawValue: kind)?.isMessage == true }

    /// Bytes from this frame's begin to the next one's.
    public var frameLength: Int { FrameHeader.frameLength(payload: Int(length)) }

    public static func frameLength(payload: Int) -> Int {
        (size + payload + Format.frameAlignment - 1) & ~(Format.frameAlignment - 1)
    }

    /// Writes the header. The checksum runs over the payload (with its fill) first and the header last, so that a
    /// payload can be summed before its place in the log is known.
    public func encode(into out: UnsafeMutableRawPointer, payloadChecksum: UInt32) {
        out.store32(length, 4)
        out.store64(position.rawValue, 8)
        out.store64(synced.rawValue, 16)
        out.store8(kind, 24)
        out.store8(0, 25)
        out.store16(0, 26)
        out.store32(tag, 28)
        let crc = crc32c(payloadChecksum, UnsafeRawBufferPointer(start: out + 4, count: FrameHeader.size - 4))
        out.store32(crc, 0)
    }

    /// The header at `bytes`, if its fields can be true of a frame at `position` of a store with this tag. Does not
    /// check the sum, for which the payload is needed: `verify`.
    public init?(
        _ bytes: UnsafeRawPointer, at position: LogPosition, tag: UInt32,
        limit: Int
    ) {
        let length = bytes.load32(4)
        guard length <= UInt32(Format.maximumPayloadLength),
            FrameHeader.frameLength(payload: Int(length)) <= limit,
            bytes.load64(8) == position.rawValue, bytes.load32(28) == tag, bytes.load8(24) != 0,
            bytes.load64(16) <= position.rawValue
        else { return nil }
        self.init(
            length: length, position: position, synced: LogPosition(rawValue: bytes.load64(16)),
            kind: bytes.load8(24), tag: tag)
    }

    /// Whether the checksum of the whole frame, which lies in one piece at `frame`, holds.
    public func verify(_ frame: UnsafeRawPointer) -> Bool {
        let payload = UnsafeRawBufferPointer(start: frame + FrameHeader.size, count: frameLength - FrameHeader.size)
        let header = UnsafeRawBufferPointer(start: frame + 4, count: FrameHeader.size - 4)
        return crc32c(crc32c(0, payload), header) == frame.load32(0)
    }
}
