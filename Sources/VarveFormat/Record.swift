import MailModel

/// What a commit does, one record after another. `Formats/records.md`. Codes are frozen; 0 is no record.
public enum RecordKind: UInt16, Sendable {
    case createMailbox = 1
    case deleteMailbox = 2
    case renameMailbox = 3
    case subscribe = 4
    case unsubscribe = 5
    case append = 6
    case changeFlags = 7
    case expunge = 8
    case copy = 9
    case move = 10
    case claimRecent = 11
    case relocate = 12
    case dropSegments = 13
    case forgetVanished = 14
    case renewUIDValidity = 15
    // From 0x8000 on: a reader that does not know them passes over them (`Formats/versions.md`).
    case setSpecialUse = 0x8010
    case setSyncMode = 0x8011
}

public enum Record: Hashable, Sendable {
    case createMailbox(id: UInt32, uidValidity: UInt32, name: String)
    case deleteMailbox(id: UInt32)
    case renameMailbox(id: UInt32, name: String)
    case subscribe(name: String)
    case unsubscribe(name: String)
    case append(AppendRecord)
    case changeFlags(mailbox: UInt32, operation: FlagOperation, flags: Flags, uids: UIDSet)
    case expunge(mailbox: UInt32, victims: Victims)
    /// Copies get the UIDs from `firstUID` on, in the order of the originals' UIDs.
    case copy(from: UInt32, to: UInt32, firstUID: UInt32, victims: Victims)
    case move(from: UInt32, to: UInt32, firstUID: UInt32, victims: Victims)
    /// Messages below `uid` are no longer \Recent for sessions to come.
    case claimRecent(mailbox: UInt32, uid: UInt32)
    /// A body has been copied to another place in the log.
    case relocate(RelocateRecord)
    /// These segments are needed no more; ascending.
    case dropSegments([UInt32])
    /// Expunges at or before `floor` are no longer known.
    case forgetVanished(mailbox: UInt32, floor: UInt64)
    /// What clients know of the mailbox' messages is void: the account was set back to an older state.
    case renewUIDValidity(mailbox: UInt32, uidValidity: UInt32)
    case setSpecialUse(mailbox: UInt32, use: SpecialUse)
    case setSyncMode(mailbox: UInt32, mode: SyncMode)
}

public enum FlagOperation: UInt8, Sendable {
    case add = 1
    case remove = 2
    case replace = 3
}

public struct AppendRecord: Hashable, Sendable {
    public var mailbox: UInt32
    public var uid: UInt32
    public var identity: UInt64
    public var location: LogPosition
    public var size: UInt32
    public var internalDate: InternalDate
    public var flags: Flags

    public init(
        mailbox: UInt32, uid: UInt32, identity: UInt64, location: LogPosition, size: UInt32,
        internalDate: InternalDate, flags: Flags
    ) {
        self.mailbox = mailbox
        self.uid = uid
        self.identity = identity
        self.location = location
        self.size = size
        self.internalDate = internalDate
        self.flags = flags
    }
}

public struct RelocateRecord: Hashable, Sendable {
    public var from: LogPosition
    public var to: LogPosition
    public var identity: UInt64
    /// The rows that point to the body; ascending.
    public var rows: [RowKey]

    /// A message in a mailbox.
    public struct RowKey: Hashable, Sendable {
        public var mailbox: UInt32
        public var uid: UInt32

        public init(mailbox: UInt32, uid: UInt32) {
            self.mailbox = mailbox
            self.uid = uid
        }
    }

    public init(from: LogPosition, to: LogPosition, identity: UInt64, rows: [RowKey]) {
        self.from = from
        self.to = to
        self.identity = identity
        self.rows = rows
    }
}

/// Messages that a record takes hold of, named twice: by UID, and by count and digest of their identities, so that a
/// replay that meets other messages under these UIDs refuses instead of deleting the wrong mail.
public struct Victims: Hashable, Sendable {
    public var uids: UIDSet
    public var count: UInt32
    /// CRC-32C over the identities (8 bytes each, little-endian) in the order of the UIDs.
    public var digest: UInt32

    public init(uids: UIDSet, count: UInt32, digest: UInt32) {
        self.uids = uids
        self.count = count
        self.digest = digest
    }

    public static func extend(_ digest: UInt32, with identity: UInt64) -> UInt32 {
        var value = identity.littleEndian
        return Swift.withUnsafeBytes(of: &value) { crc32c(digest, $0) }
    }
}

/// The payload of a commit frame: 24 bytes, then the records.
public struct CommitHeader: Hashable, Sendable {
    public static let size = 24

    public var modSeq: UInt64
    /// Milliseconds since 1970-01-01T00:00:00Z, as the committing process' clock said.
    public var time: UInt64
    public var records: UInt32
    /// Behind the head stand a seal and the records encrypted (`SealedRecords`).
    public var isSealed: Bool

    private static let sealedBit: UInt32 = 1

    public init(modSeq: UInt64, time: UInt64, records: UInt32, isSealed: Bool = false) {
        self.modSeq = modSeq
        self.time = time
        self.records = records
        self.isSealed = isSealed
    }

    public func encode(into out: inout [UInt8]) {
        out.append64(modSeq)
        out.append64(time)
        out.append32(records)
        out.append32(isSealed ? CommitHeader.sealedBit : 0)
    }

    /// Says in an encoded head that the records are sealed.
    public static func markSealed(_ head: UnsafeMutableRawPointer) { head.store32(sealedBit, 20) }

    public init(_ payload: UnsafeRawBufferPointer) throws(FormatError) {
        guard payload.count >= CommitHeader.size, let p = payload.baseAddress else {
            throw .invalid("a commit of \(payload.count) bytes")
        }
        self.init(
            modSeq: p.load64(0), time: p.load64(8), records: p.load32(16),
            isSealed: p.load32(20) & CommitHeader.sealedBit != 0)
    }
}

/// Where the parts of a payload with sealed records stand: head (24 bytes), seal (24), records encrypted, tag (16).
/// `Formats/encryption.md`.
public struct SealedRecords: Hashable, Sendable {
    public static let sealOffset = CommitHeader.size
    public static let recordsOffset = CommitHeader.size + Seal.size
    /// Bytes that a payload with sealed records is longer than one with the same in the clear.
    public static let overhead = Seal.size + Seal.tagSize

    public let seal: Seal
    /// Bytes of the records.
    public let length: Int

    /// - Parameter payload: whose head says that its records are sealed.
    public init(_ payload: UnsafeRawBufferPointer) throws(FormatError) {
        guard let parts = SealedRecords(payload, payloadLength: payload.count) else {
            throw .invalid("sealed records in a payload of \(payload.count) bytes")
        }
        self = parts
    }

    /// - Parameters:
    ///   - begin: of the payload, head and seal at least.
    ///   - payloadLength: bytes of the whole payload.
    /// - Returns: nil if that is too short.
    public init?(_ begin: UnsafeRawBufferPointer, payloadLength: Int) {
        guard payloadLength >= CommitHeader.size + SealedRecords.overhead, begin.count >= SealedRecords.recordsOffset,
            let p = begin.baseAddress
        else { return nil }
        seal = Seal(p + SealedRecords.sealOffset)
        length = payloadLength - CommitHeader.size - SealedRecords.overhead
    }
}
