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
        try self.init(id: id, withoutName: value)
        name = Array(value[MailboxRow.fixedSize...])
    }

    /// As if the name were empty: nothing is allocated.
    public init(id: UInt32, withoutName value: UnsafeRawBufferPointer) throws(FormatError) {
        guard value.count >= MailboxRow.fixedSize, let p = value.baseAddress else {
            throw .invalid("a mailbox row of \(value.count) bytes")
        }
        self.id = id
        uidValidity = p.load32(0)
        uidNext = p.load32(4)
        firstRecent = p.load32(8)
        messages = p.load32(12)
        unseen = p.load32(16)
        deleted = p.load32(20)
        dead = p.load32(24)
        purgedBelow = p.load32(28)
        highestModSeq = p.load64(32)
        vanishedFloor = p.load64(40)
        purged = p.load64(48)
        bytes = p.load64(56)
        created = p.load64(64)
        specialUse = SpecialUse(rawValue: p.load16(72)).intersection(.every)
        guard let mode = SyncMode(rawValue: p.load8(74)) else { throw .invalid("a mailbox row of sync mode \(p.load8(74))") }
        syncMode = mode
        name = []
        // What is counted can grow no further than the UIDs do: nobody who adds to a counter has to look again.
        guard messages < uidNext, dead < uidNext, purged < .max, unseen <= messages, deleted <= messages, bytes <= .max / 2 else {
            throw .invalid("a mailbox row with \(messages) messages and \(dead) dead ones below UID \(uidNext)")
        }
    }
}
