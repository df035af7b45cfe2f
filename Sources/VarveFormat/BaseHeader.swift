/// The first 64 bytes of a base. `Formats/base.md`.
public struct BaseHeader: Hashable, Sendable {
    public static let size = 64
    public static let magic: UInt64 = 0x3153_4142_4556_5256  // "VRVEBAS1"
    /// Bytes of a frame's payload at most. A writer ends a frame when it has `wantedPayload`.
    public static let maximumPayload = 4 << 20
    public static let wantedPayload = 1 << 20

    public var store: StoreUUID
    /// The base is the account as it was when this segment began.
    public var number: UInt32
    /// The commit that the segment begins with, and the first one that is not in the base.
    public var firstModSeq: UInt64
    /// A moment, in milliseconds since 1970, at which the base's commit was the newest.
    public var time: UInt64
    /// What its frames hold is sealed, as the segments' is (`Formats/encryption.md`).
    public var isEncrypted: Bool

    private static let encryptedBit: UInt32 = 1

    public init(
        store: StoreUUID, number: UInt32, firstModSeq: UInt64, time: UInt64, isEncrypted: Bool = false
    ) {
        self.isEncrypted = isEncrypted
        self.store = store
        self.number = number
        self.firstModSeq = firstModSeq
        self.time = time
    }

    /// The base is the account after this commit: no earlier point in time can be gone back to.
    public var modSeq: UInt64 { firstModSeq - 1 }

    public func encode() -> [UInt8] {
        var out = [UInt8]()
        out.reserveCapacity(BaseHeader.size)
        out.append64(BaseHeader.magic)
        out.append16(Format.major)
        out.append16(Format.minor)
        out.append32(UInt32(BaseHeader.size))
        out.append64(store.high)
        out.append64(store.low)
        out.append32(number)
        out.append32(0)
        out.append64(firstModSeq)
        out.append32(isEncrypted ? BaseHeader.encryptedBit : 0)
        out.append64(time)
        out.append32(out.withUnsafeBytes { crc32c(0, $0) })
        return out
    }

    public init(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
        guard bytes.count >= BaseHeader.size, let p = bytes.baseAddress, p.load64(0) == BaseHeader.magic else {
            throw FormatError(.foreign)
        }
        try Format.check(major: p.load16(8))
        guard crc32c(0, UnsafeRawBufferPointer(rebasing: bytes[..<60])) == p.load32(60) else {
            throw FormatError(.checksum)
        }
        guard 2...UInt64(Int64.max) ~= p.load64(40) else { throw .invalid("a base before commit \(p.load64(40))") }
        self.init(
            store: StoreUUID(high: p.load64(16), low: p.load64(24)), number: p.load32(32), firstModSeq: p.load64(40),
            time: p.load64(52), isEncrypted: p.load32(48) & BaseHeader.encryptedBit != 0)
    }
}
