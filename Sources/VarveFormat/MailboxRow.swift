import MailModel

/// A mailbox in the tree `mailboxes`, behind its id as a key of four bytes, the highest first. `Formats/index.md`.
public struct MailboxRow: Hashable, Sendable {
    public static let fixedSize = 80

    public var id: UInt32
    public var uidValidity: UInt32
    public var uidNext: UInt32
    /// The first UID that no session has yet had as \Recent.
    public var firstRecent: UInt32
    public var messages: UInt32
    public var unseen: UInt32
    public var deleted: UInt32
    /// Rows of expunged messages still in the tree `uid`.
    public var dead: UInt32
    public var highestModSeq: UInt64
    /// Expunges at or before this modseq are no longer known.
    public var vanishedFloor: UInt64
    /// Rows of messages expunged at or before this modseq are gone from the tree `uid`.
    public var purged: UInt64
    /// Of the messages expunged by commit `purged + 1`, rows with UIDs below this are gone, too.
    public var purgedBelow: UInt32
    /// Sum of the sizes of all messages.
    public var bytes: UInt64
    public var created: UInt64
    public var specialUse: SpecialUse = []
    public var syncMode = SyncMode.full
    /// UTF-8, `/` between levels.
    public var name: [UInt8]

    public init(id: UInt32, uidValidity: UInt32, modSeq: UInt64, name: [UInt8]) {
        self.id = id
        self.uidValidity = uidValidity
        self.name = name
        uidNext = 1
        firstRecent = 1
        messages = 0
        unseen = 0
        deleted = 0
        dead = 0
        highestModSeq = modSeq
        vanishedFloor = 0
        purged = 0
        purgedBelow = 0
        bytes = 0
        created = modSeq
    }

    public static func key(_ id: UInt32) -> [UInt8] {
        [UInt8(truncatingIfNeeded: id >> 24), UInt8(truncatingIfNeeded: id >> 16), UInt8(truncatingIfNeeded: id >> 8),
            UInt8(truncatingIfNeeded: id)]
    }

    public func encode() -> [UInt8] {
        var out = [UInt8]()
        out.reserveCapacity(MailboxRow.fixedSize + name.count)
        out.append32(uidValidity)
        out.append32(uidNext)
        out.append32(firstRecent)
        out.append32(messages)
        out.append32(unseen)
        out.append32(deleted)
        out.append32(dead)
        out.append32(purgedBelow)
        out.append64(highestModSeq)
        out.append64(vanishedFloor)
        out.append64(purged)
        out.append64(bytes)
        out.append64(created)
        out.append16(specialUse.rawValue)
        out.append(syncMode.rawValue)
        out.append(contentsOf: [0, 0, 0, 0, 0])
        out.append(contentsOf: name)
        return out
    }

    public init(id: UInt32, _ value: UnsafeRawBufferPointer) throws(FormatError) {
        let fields = try MailboxFields(value)
        self.id = id
        uidValidity = fields.uidValidity
        uidNext = fields.uidNext
        firstRecent = fields.firstRecent
        messages = fields.messages
        unseen = fields.unseen
        deleted = fields.deleted
        dead = fields.dead
        purgedBelow = fields.purgedBelow
        highestModSeq = fields.highestModSeq
        vanishedFloor = fields.vanishedFloor
        purged = fields.purged
        bytes = fields.bytes
        created = fields.created
        specialUse = fields.specialUse
        syncMode = fields.syncMode
        name = Array(value[MailboxRow.fixedSize...])
    }
}

/// A mailbox' row as it stands in a page: what is asked for is read, and nothing is copied.
public struct MailboxFields {
    @usableFromInline let base: UnsafeRawPointer
    public let syncMode: SyncMode

    /// - Parameter value: stays where it is as long as this is used.
    public init(_ value: UnsafeRawBufferPointer) throws(FormatError) {
        guard value.count >= MailboxRow.fixedSize, let base = value.baseAddress else {
            throw .invalid("a mailbox row of \(value.count) bytes")
        }
        self.base = base
        guard let mode = SyncMode(rawValue: base.load8(74)) else {
            throw .invalid("a mailbox row of sync mode \(base.load8(74))")
        }
        syncMode = mode
        // What is counted can grow no further than the UIDs do: nobody who adds to a counter has to look again.
        guard messages < uidNext, dead < uidNext, purged < .max, unseen <= messages, deleted <= messages, bytes <= .max / 2 else {
            throw .invalid("a mailbox row with \(messages) messages and \(dead) dead ones below UID \(uidNext)")
        }
    }

    @inlinable public var uidValidity: UInt32 { base.load32(0) }
    @inlinable public var uidNext: UInt32 { base.load32(4) }
    @inlinable public var firstRecent: UInt32 { base.load32(8) }
    @inlinable public var messages: UInt32 { base.load32(12) }
    @inlinable public var unseen: UInt32 { base.load32(16) }
    @inlinable public var deleted: UInt32 { base.load32(20) }
    @inlinable public var dead: UInt32 { base.load32(24) }
    @inlinable public var purgedBelow: UInt32 { base.load32(28) }
    @inlinable public var highestModSeq: UInt64 { base.load64(32) }
    @inlinable public var vanishedFloor: UInt64 { base.load64(40) }
    @inlinable public var purged: UInt64 { base.load64(48) }
    @inlinable public var bytes: UInt64 { base.load64(56) }
    @inlinable public var created: UInt64 { base.load64(64) }
    @inlinable public var specialUse: SpecialUse { SpecialUse(rawValue: base.load16(72)).intersection(.every) }
}
