/// The first 64 bytes of a segment. `Formats/segment.md`.
public struct SegmentHeader: Hashable, Sendable {
    public static let size = 64
    public static let magic: UInt64 = 0x3147_4553_4556_5256  // "VRVESEG1"

    public var store: StoreUUID
    public var number: UInt32
    /// The first commit in this segment has this modseq, or a later one if the commit before it lies across the seam.
    public var firstModSeq: UInt64
    /// Where the segment before this one ends; 0 for the first.
    public var previousEnd: UInt32
    /// What its frames hold is sealed (`Formats/encryption.md`). So are those of all segments of a store, or of none.
    public var isEncrypted: Bool

    private static let encryptedBit: UInt8 = 1

    public init(
        store: StoreUUID, number: UInt32, firstModSeq: UInt64, previousEnd: UInt32, isEncrypted: Bool = false
    ) {
        self.store = store
        self.number = number
        self.firstModSeq = firstModSeq
        self.previousEnd = previousEnd
        self.isEncrypted = isEncrypted
    }

    public func encode() -> [UInt8] {
        var out = [UInt8]()
        out.reserveCapacity(SegmentHeader.size)
        out.append64(SegmentHeader.magic)
        out.append16(Format.major)
        out.append16(Format.minor)
        out.append32(UInt32(SegmentHeader.size))
        out.append64(store.high)
        out.append64(store.low)
        out.append32(number)
        out.append32(previousEnd)
        out.append64(firstModSeq)
        out.append(isEncrypted ? SegmentHeader.encryptedBit : 0)
        out.append(contentsOf: repeatElement(0, count: 11))
        out.append32(out.withUnsafeBytes { crc32c(0, $0) })
        return out
    }

    /// Whether the checksum holds, whatever version the header is of.
    public static func checksumHolds(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= size, let p = bytes.baseAddress else { return false }
        return crc32c(0, UnsafeRawBufferPointer(rebasing: bytes[..<60])) == p.load32(60)
    }

    public init(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
        guard bytes.count >= SegmentHeader.size, let p = bytes.baseAddress, p.load64(0) == SegmentHeader.magic else {
            throw FormatError(.foreign)
        }
        // The version comes before the checksum: a newer format may place its sum elsewhere.
        try Format.check(major: p.load16(8))
        guard SegmentHeader.checksumHolds(bytes) else { throw FormatError(.checksum) }
        self.init(
            store: StoreUUID(high: p.load64(16), low: p.load64(24)), number: p.load32(32),
            firstModSeq: p.load64(40), previousEnd: p.load32(36),
            isEncrypted: p.load8(48) & SegmentHeader.encryptedBit != 0)
    }
}

/// The payload of the frame that ends a sealed segment. `Formats/segment.md`.
public struct SegmentFooter: Hashable, Sendable {
    public static let size = 72

    public var firstModSeq: UInt64
    public var lastModSeq: UInt64
    public var commits: UInt32
    public var messages: UInt32
    /// Bytes of all message frames.
    public var messageBytes: UInt64
    /// SHA-256 of the segment's bytes from its begin to this frame's begin.
    public var digest: [UInt8]

    public init(
        firstModSeq: UInt64, lastModSeq: UInt64, commits: UInt32, messages: UInt32, messageBytes: UInt64,
        digest: [UInt8]
    ) {
        precondition(digest.count == 32, "a SHA-256 has 32 bytes")
        self.firstModSeq = firstModSeq
        self.lastModSeq = lastModSeq
        self.commits = commits
        self.messages = messages
        self.messageBytes = messageBytes
        self.digest = digest
    }

    public func encode() -> [UInt8] {
        var out = [UInt8]()
        out.reserveCapacity(SegmentFooter.size)
        out.append64(firstModSeq)
        out.append64(lastModSeq)
        out.append32(commits)
        out.append32(messages)
        out.append64(messageBytes)
        out.append64(0)
        out.append(contentsOf: digest)
        return out
    }

    public init(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
        guard bytes.count >= SegmentFooter.size, let p = bytes.baseAddress else {
            throw .invalid("a segment footer of \(bytes.count) bytes")
        }
        self.init(
            firstModSeq: p.load64(0), lastModSeq: p.load64(8), commits: p.load32(16), messages: p.load32(20),
            messageBytes: p.load64(24), digest: Array(bytes[40..<72]))
    }
}
