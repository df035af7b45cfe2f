import MailModel

/// What a base says of the account, one record after another. `Formats/base.md`. Codes are frozen, and apart from those of a
/// commit's records.
public enum BaseRecordKind: UInt16, Sendable {
    case account = 0x20
    case keyword = 0x21
    case keywordSet = 0x22
    case mailbox = 0x23
    case subscription = 0x24
    case messages = 0x25
    case vanished = 0x26
    case segments = 0x27
}

public enum BaseRecord: Hashable, Sendable {
    case account(BaseAccount)
    /// Ids begin with 1 and have no gap.
    case keyword(id: UInt32, name: String)
    /// Ids of the members, ascending. Numbers begin with 1 and have no gap.
    case keywordSet(number: UInt32, members: [UInt32])
    case mailbox(BaseMailbox)
    case subscription(name: String)
    /// Live messages of a mailbox, their UIDs ascending.
    case messages(mailbox: UInt32, [MessageRow])
    /// What was expunged from a mailbox, ordered by modseq and first UID.
    case vanished(mailbox: UInt32, [VanishedRange])
    /// The cells of the tree `segments`, ascending.
    case segments([SegmentCell])
}

/// What belongs to the account as a whole.
public struct BaseAccount: Hashable, Sendable {
    public var nextMailbox: UInt32
    public var lastUIDValidity: UInt32
    public var nextIdentity: UInt64
    public var deadBytes: UInt64

    public init(nextMailbox: UInt32, lastUIDValidity: UInt32, nextIdentity: UInt64, deadBytes: UInt64) {
        self.nextMailbox = nextMailbox
        self.lastUIDValidity = lastUIDValidity
        self.nextIdentity = nextIdentity
        self.deadBytes = deadBytes
    }
}

/// A mailbox without what is counted from its messages.
public struct BaseMailbox: Hashable, Sendable {
    public var id: UInt32
    public var uidValidity: UInt32
    public var uidNext: UInt32
    public var firstRecent: UInt32
    public var highestModSeq: UInt64
    public var vanishedFloor: UInt64
    public var created: UInt64
    public var name: String
    public var specialUse: SpecialUse
    public var syncMode: SyncMode

    public init(
        id: UInt32, uidValidity: UInt32, uidNext: UInt32, firstRecent: UInt32, highestModSeq: UInt64,
        vanishedFloor: UInt64, created: UInt64, name: String, specialUse: SpecialUse = [], syncMode: SyncMode = .full
    ) {
        self.id = id
        self.uidValidity = uidValidity
        self.uidNext = uidNext
        self.firstRecent = firstRecent
        self.highestModSeq = highestModSeq
        self.vanishedFloor = vanishedFloor
        self.created = created
        self.name = name
        self.specialUse = specialUse
        self.syncMode = syncMode
    }
}

/// UIDs that one commit expunged.
public struct VanishedRange: Hashable, Sendable {
    public static let size = 16

    public var modSeq: UInt64
    public var first: UInt32
    public var last: UInt32

    public init(modSeq: UInt64, first: UInt32, last: UInt32) {
        self.modSeq = modSeq
        self.first = first
        self.last = last
    }
}

extension BaseRecord {
    /// Bytes of a message in the record `messages`.
    public static let messageSize = 52
    static let segmentSize = 8

    public var kind: BaseRecordKind {
        switch self {
        case .account: .account
        case .keyword: .keyword
        case .keywordSet: .keywordSet
        case .mailbox: .mailbox
        case .subscription: .subscription
        case .messages: .messages
        case .vanished: .vanished
        case .segments: .segments
        }
    }

    public func encode(into out: inout [UInt8]) {
        out.append16(kind.rawValue)
        out.append16(0)
        let lengthAt = out.count
        out.append32(0)
        switch self {
        case .account(let account):
            out.append32(account.nextMailbox)
            out.append32(account.lastUIDValidity)
            out.append64(account.nextIdentity)
            out.append64(account.deadBytes)
        case .keyword(let id, let name):
            out.append32(id)
            out.append(string: name)
        case .keywordSet(let number, let members):
            out.append32(number)
            out.append32(UInt32(members.count))
            for member in members { out.append32(member) }
        case .mailbox(let mailbox):
            out.append32(mailbox.id)
            out.append32(mailbox.uidValidity)
            out.append32(mailbox.uidNext)
            out.append32(mailbox.firstRecent)
            out.append64(mailbox.highestModSeq)
            out.append64(mailbox.vanishedFloor)
            out.append64(mailbox.created)
            out.append(string: mailbox.name)
            out.append16(mailbox.specialUse.rawValue)
            out.append(mailbox.syncMode.rawValue)
            out.append(0)
        case .subscription(let name):
            out.append(string: name)
        case .messages(let mailbox, let rows):
            out.append32(mailbox)
            out.append32(UInt32(rows.count))
            for row in rows { out.append(message: row) }
        case .vanished(let mailbox, let ranges):
            out.append32(mailbox)
            out.append32(UInt32(ranges.count))
            for range in ranges {
                out.append64(range.modSeq)
                out.append32(range.first)
                out.append32(range.last)
            }
        case .segments(let cells):
            out.append32(UInt32(cells.count))
            for cell in cells {
                out.append32(cell.number)
                out.append32(cell.end)
            }
        }
        let length = UInt32(out.count - lengthAt - 4)
        out.withUnsafeMutableBytes { $0.baseAddress!.store32(length, lengthAt) }
    }

    /// The next record; nil for one of an unknown kind that may be skipped.
    public static func decode(_ reader: inout ByteReader) throws(FormatError) -> BaseRecord? {
        guard let code = reader.u16(), reader.u16() != nil, let length = reader.u32(), let bytes = reader.take(Int(length))
        else { throw .invalid("a record is cut off") }
        guard let kind = BaseRecordKind(rawValue: code) else {
            if code & Record.skippableBit != 0 { return nil }
            throw .invalid("a record of unknown kind \(code)")
        }
        var fields = ByteReader(bytes)
        // Fields behind those known here were added by a later minor version.
        guard let record = decode(kind, &fields) else { throw .invalid("a malformed record of kind \(kind)") }
        return record
    }

    private static func decode(_ kind: BaseRecordKind, _ fields: inout ByteReader) -> BaseRecord? {
        switch kind {
        case .account:
            guard let mailbox = fields.u32(), let validity = fields.u32(), let identity = fields.u64(),
                let dead = fields.u64(), mailbox >= 1, 1..<UInt64.max / 2 ~= identity, dead < .max / 2
            else { return nil }
            return .account(
                BaseAccount(nextMailbox: mailbox, lastUIDValidity: validity, nextIdentity: identity, deadBytes: dead))
        case .keyword:
            guard let id = fields.u32(), let name = fields.string() else { return nil }
            return .keyword(id: id, name: name)
        case .keywordSet:
            guard let number = fields.u32(), let members = fields.array(of: 4, { $0.u32() }) else { return nil }
            return .keywordSet(number: number, members: members)
        case .mailbox: return fields.mailbox().map { .mailbox($0) }
        case .subscription: return fields.string().map { .subscription(name: $0) }
        case .messages:
            guard let mailbox = fields.u32(), let rows = fields.array(of: messageSize, { $0.message() }) else { return nil }
            return .messages(mailbox: mailbox, rows)
        case .vanished:
            guard let mailbox = fields.u32(), let ranges = fields.array(of: VanishedRange.size, { $0.vanished() }) else {
                return nil
            }
            return .vanished(mailbox: mailbox, ranges)
        case .segments:
            return fields.array(of: segmentSize, { $0.segment() }).map { .segments($0) }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(message row: MessageRow) {
        append32(row.uid)
        append16(row.flags)
        append16(UInt16(bitPattern: row.zoneMinutes))
        append32(row.keywordSet)
        append64(row.modSeq)
        append64(row.location.rawValue)
        append64(row.identity)
        append64(UInt64(bitPattern: row.internalDate))
        append32(row.size)
        append32(row.saveDate)
    }
}

extension ByteReader {
    /// A number of elements in 32 bits, and the elements, which have a fixed size.
    fileprivate mutating func array<T>(of size: Int, _ element: (inout ByteReader) -> T?) -> [T]? {
        guard let count = u32(), Int(count) <= remaining / size else { return nil }
        var result: [T] = []
        result.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let value = element(&self) else { return nil }
            result.append(value)
        }
        return result
    }

    fileprivate mutating func mailbox() -> BaseMailbox? {
        guard let id = u32(), let validity = u32(), let next = u32(), let recent = u32(), let highest = u64(),
            let floor = u64(), let created = u64(), let name = string()
        else { return nil }
        // A base of version 2.0 ends the record here.
        let isOld = remaining == 0
        guard let use = isOld ? 0 : u16(), let mode = isOld ? .full : u8().flatMap(SyncMode.init(rawValue:)) else { return nil }
        return BaseMailbox(
            id: id, uidValidity: validity, uidNext: next, firstRecent: recent, highestModSeq: highest,
            vanishedFloor: floor, created: created, name: name, specialUse: SpecialUse(rawValue: use).intersection(.every),
            syncMode: mode)
    }

    fileprivate mutating func message() -> MessageRow? {
        guard let uid = u32(), let flags = u16(), let zone = u16(), let set = u32(), let modSeq = u64(),
            let location = u64(), let identity = u64(), let date = u64(), let size = u32(), let saved = u32(),
            -1439...1439 ~= Int16(bitPattern: zone), identity < .max / 2
        else { return nil }
        return MessageRow(
            uid: uid, flags: flags & SystemFlags.all.rawValue, zoneMinutes: Int16(bitPattern: zone), keywordSet: set,
            modSeq: modSeq, location: LogPosition(rawValue: location), identity: identity,
            internalDate: Int64(bitPattern: date), size: size, saveDate: saved)
    }

    fileprivate mutating func vanished() -> VanishedRange? {
        guard let modSeq = u64(), let first = u32(), let last = u32(), first >= 1, first <= last else { return nil }
        return VanishedRange(modSeq: modSeq, first: first, last: last)
    }

    fileprivate mutating func segment() -> SegmentCell? {
        guard let number = u32(), let end = u32(), number > 0 else { return nil }
        return SegmentCell(number: number, end: end)
    }
}
