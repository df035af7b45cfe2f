/// One slot of the file `key` of an encrypted store: its data key, wrapped. `Formats/encryption.md`.
public struct KeySlot: Hashable, Sendable {
    public static let size = 4096
    /// Slots that the file has, all equal.
    public static let count = 2
    public static let magic: UInt64 = 0x3159_454B_5652_4156  // "VARVKEY1"
    public static let keySize = 32
    public static let saltSize = 32
    public static let masterKeyIDSize = 16

    public var store: StoreUUID
    /// Tells which master key it takes: derived from it, and saying nothing of it.
    public var masterKeyID: [UInt8]
    /// Random, drawn for each wrapping: with the master key it makes the key that wraps.
    public var salt: [UInt8]
    /// The data key, encrypted, and the tag.
    public var wrapped: [UInt8]

    public init(store: StoreUUID, masterKeyID: [UInt8], salt: [UInt8], wrapped: [UInt8]) {
        precondition(
            masterKeyID.count == KeySlot.masterKeyIDSize && salt.count == KeySlot.saltSize
                && wrapped.count == KeySlot.keySize + Seal.tagSize)
        self.store = store
        self.masterKeyID = masterKeyID
        self.salt = salt
        self.wrapped = wrapped
    }

    /// A whole slot, filled with zeros.
    public func encode() -> [UInt8] {
        var out = [UInt8]()
        out.reserveCapacity(KeySlot.size)
        out.append64(KeySlot.magic)
        out.append16(Format.major)
        out.append16(Format.minor)
        out.append32(UInt32(KeySlot.size))
        out.append64(store.high)
        out.append64(store.low)
        out.append(contentsOf: masterKeyID)
        out.append(contentsOf: salt)
        out.append(contentsOf: wrapped)
        out.append(contentsOf: repeatElement(0, count: KeySlot.size - 4 - out.count))
        out.append32(out.withUnsafeBytes { crc32c(0, $0) })
        return out
    }

    public init(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
        guard bytes.count >= KeySlot.size, let p = bytes.baseAddress, p.load64(0) == KeySlot.magic else {
            throw FormatError(.foreign)
        }
        try Format.check(major: p.load16(8))
        guard crc32c(0, UnsafeRawBufferPointer(rebasing: bytes[..<(KeySlot.size - 4)])) == p.load32(KeySlot.size - 4) else {
            throw FormatError(.checksum)
        }
        self.init(
            store: StoreUUID(high: p.load64(16), low: p.load64(24)),
            masterKeyID: Array(bytes[32..<48]), salt: Array(bytes[48..<80]), wrapped: Array(bytes[80..<128]))
    }
}
