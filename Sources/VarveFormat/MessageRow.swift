import MailModel

/// A message in the tree `uid`: key (mailbox, UID), hot fields (flags) and cold ones. `Formats/index.md`.
public struct MessageRow: Hashable, Sendable {
    /// Set on the row of an expunged message that some view may still have to show; `modSeq` is then that of its expunge.
    public static let deadBit: UInt16 = 1 << 15

    public var uid: UInt32
    /// `SystemFlags`, and `deadBit`.
    public var flags: UInt16
    public var zoneMinutes: Int16
    /// Names a set of keywords in the tree `keywords`; 0 is the empty set.
    public var keywordSet: UInt32
    public var modSeq: UInt64
    public var location: LogPosition
    public var identity: UInt64
    public var internalDate: Int64
    public var size: UInt32
    /// When the message came into this mailbox: seconds since `saveDateEpoch`.
    public var saveDate: UInt32

    /// 2020-01-01T00:00:00Z in seconds since 1970: 32 bits reach to the year 2156.
    public static let saveDateEpoch: UInt64 = 1_577_836_800

    public init(
        uid: UInt32, flags: UInt16, zoneMinutes: Int16, keywordSet: UInt32, modSeq: UInt64, location: LogPosition,
        identity: UInt64, internalDate: Int64, size: UInt32, saveDate: UInt32
    ) {
        self.uid = uid
        self.flags = flags
        self.zoneMinutes = zoneMinutes
        self.keywordSet = keywordSet
        self.modSeq = modSeq
        self.location = location
        self.identity = identity
        self.internalDate = internalDate
        self.size = size
        self.saveDate = saveDate
    }

    @inlinable public static func key(mailbox: UInt32, uid: UInt32) -> UInt64 { UInt64(mailbox) << 32 | UInt64(uid) }

    @inlinable public static func flags(_ leaf: UnsafeRawPointer, _ row: Int) -> UInt16 {
        leaf.load16(RowLayout.uid.hot(row))
    }
    @inlinable public static func keywordSet(_ leaf: UnsafeRawPointer, _ row: Int) -> UInt32 {
        leaf.load32(RowLayout.uid.hot(row) + 4)
    }
    @inlinable public static func modSeq(_ leaf: UnsafeRawPointer, _ row: Int) -> UInt64 {
        leaf.load64(RowLayout.uid.cold(row))
    }
    @inlinable public static func uid(_ leaf: UnsafeRawPointer, _ row: Int) -> UInt32 { leaf.load32(RowLayout.uid.key(row)) }
    @inlinable public static func identity(_ leaf: UnsafeRawPointer, _ row: Int) -> UInt64 {
        leaf.load64(RowLayout.uid.cold(row) + 16)
    }
    @inlinable public static func location(_ leaf: UnsafeRawPointer, _ row: Int) -> UInt64 {
        leaf.load64(RowLayout.uid.cold(row) + 8)
    }
    @inlinable public static func size(_ leaf: UnsafeRawPointer, _ row: Int) -> UInt32 {
        leaf.load32(RowLayout.uid.cold(row) + 32)
    }

    @inlinable public static func internalDate(_ leaf: UnsafeRawPointer, _ row: Int) -> Int64 {
        Int64(bitPattern: leaf.load64(RowLayout.uid.cold(row) + 24))
    }
    @inlinable public static func zoneMinutes(_ leaf: UnsafeRawPointer, _ row: Int) -> Int16 {
        Int16(bitPattern: leaf.load16(RowLayout.uid.hot(row) + 2))
    }
    @inlinable public static func saveDate(_ leaf: UnsafeRawPointer, _ row: Int) -> UInt32 {
        leaf.load32(RowLayout.uid.cold(row) + 36)
    }

    @inlinable public init(_ leaf: UnsafeRawPointer, _ row: Int) {
        let hot = RowLayout.uid.hot(row)
        let cold = RowLayout.uid.cold(row)
        self.init(
            uid: leaf.load32(RowLayout.uid.key(row)), flags: leaf.load16(hot),
            zoneMinutes: Int16(bitPattern: leaf.load16(hot + 2)), keywordSet: leaf.load32(hot + 4),
            modSeq: leaf.load64(cold), location: LogPosition(rawValue: leaf.load64(cold + 8)),
            identity: leaf.load64(cold + 16), internalDate: Int64(bitPattern: leaf.load64(cold + 24)),
            size: leaf.load32(cold + 32), saveDate: leaf.load32(cold + 36))
    }

    /// Writes all but the key.
    public func store(_ leaf: UnsafeMutableRawPointer, _ row: Int) {
        let hot = RowLayout.uid.hot(row)
        let cold = RowLayout.uid.cold(row)
        leaf.store16(flags, hot)
        leaf.store16(UInt16(bitPattern: zoneMinutes), hot + 2)
        leaf.store32(keywordSet, hot + 4)
        leaf.store64(modSeq, cold)
        leaf.store64(location.rawValue, cold + 8)
        leaf.store64(identity, cold + 16)
        leaf.store64(UInt64(bitPattern: internalDate), cold + 24)
        leaf.store32(size, cold + 32)
        leaf.store32(saveDate, cold + 36)
    }
}

/// Keys of the trees `changed` and `vanished`: (mailbox, modseq, first UID), the value being the last UID.
public enum RangeRow {
    @inlinable public static func key(mailbox: UInt32, modSeq: UInt64, first: UInt32) -> UInt128 {
        UInt128(mailbox) << 96 | UInt128(modSeq) << 32 | UInt128(first)
    }
    @inlinable public static func mailbox(_ key: UInt128) -> UInt32 { UInt32(truncatingIfNeeded: key >> 96) }
    @inlinable public static func modSeq(_ key: UInt128) -> UInt64 { UInt64(truncatingIfNeeded: key >> 32) }
    @inlinable public static func first(_ key: UInt128) -> UInt32 { UInt32(truncatingIfNeeded: key) }

    /// The range of a row.
    /// - Throws: if it runs backwards.
    @inlinable public static func range(_ key: UInt128, last: UInt32) throws(FormatError) -> UIDRange {
        guard first(key) >= 1, first(key) <= last else { throw .invalid("a range of UIDs from \(first(key)) to \(last)") }
        return UIDRange(UID(first(key)), UID(last))
    }
}

/// Keys of the tree `mailboxChanges`: (highest modseq, mailbox).
public enum MailboxChangeRow {
    @inlinable public static func key(modSeq: UInt64, mailbox: UInt32) -> UInt128 {
        UInt128(modSeq) << 32 | UInt128(mailbox)
    }
    @inlinable public static func modSeq(_ key: UInt128) -> UInt64 { UInt64(truncatingIfNeeded: key >> 32) }
    @inlinable public static func mailbox(_ key: UInt128) -> UInt32 { UInt32(truncatingIfNeeded: key) }
}
