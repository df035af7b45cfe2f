import MailModel

// A record: kind (16 bits), zero (16 bits), length of what follows (32 bits), fields. A reader that does not know a kind
// whose high bit is set may skip it; an unknown kind without that bit is an error (`Formats/versions.md`).

extension Record {
    public static let skippableBit: UInt16 = 1 << 15
    public static let headerSize = 8

    public var kind: RecordKind {
        switch self {
        case .createMailbox: .createMailbox
        case .deleteMailbox: .deleteMailbox
        case .renameMailbox: .renameMailbox
        case .subscribe: .subscribe
        case .unsubscribe: .unsubscribe
        case .append: .append
        case .changeFlags: .changeFlags
        case .expunge: .expunge
        case .copy: .copy
        case .move: .move
        case .claimRecent: .claimRecent
        case .relocate: .relocate
        case .dropSegments: .dropSegments
        case .forgetVanished: .forgetVanished
        case .renewUIDValidity: .renewUIDValidity
        case .setSpecialUse: .setSpecialUse
        case .setSyncMode: .setSyncMode
        }
    }

    public func encode(into out: inout [UInt8]) {
        out.append16(kind.rawValue)
        out.append16(0)
        let lengthAt = out.count
        out.append32(0)
        switch self {
        case .createMailbox(let id, let uidValidity, let name):
            out.append32(id)
            out.append32(uidValidity)
            out.append(string: name)
        case .deleteMailbox(let id):
            out.append32(id)
        case .renameMailbox(let id, let name):
            out.append32(id)
            out.append(string: name)
        case .subscribe(let name), .unsubscribe(let name):
            out.append(string: name)
        case .append(let record):
            out.append32(record.mailbox)
            out.append32(record.uid)
            out.append64(record.identity)
            out.append64(record.location.rawValue)
            out.append64(UInt64(bitPattern: record.internalDate.seconds))
            out.append16(UInt16(bitPattern: record.internalDate.zoneMinutes))
            out.append32(record.size)
            out.append(flags: record.flags)
        case .changeFlags(let mailbox, let operation, let flags, let uids):
            out.append32(mailbox)
            out.append(operation.rawValue)
            out.append(flags: flags)
            out.append(uids: uids)
        case .expunge(let mailbox, let victims):
            out.append32(mailbox)
            out.append(victims: victims)
        case .copy(let from, let to, let firstUID, let victims), .move(let from, let to, let firstUID, let victims):
            out.append32(from)
            out.append32(to)
            out.append32(firstUID)
            out.append(victims: victims)
        case .claimRecent(let mailbox, let uid):
            out.append32(mailbox)
            out.append32(uid)
        case .relocate(let record):
            out.append64(record.from.rawValue)
            out.append64(record.to.rawValue)
            out.append64(record.identity)
            out.append32(UInt32(record.rows.count))
            for row in record.rows {
                out.append32(row.mailbox)
                out.append32(row.uid)
            }
        case .dropSegments(let numbers):
            out.append32(UInt32(numbers.count))
            for number in numbers { out.append32(number) }
        case .forgetVanished(let mailbox, let floor):
            out.append32(mailbox)
            out.append64(floor)
        case .renewUIDValidity(let mailbox, let uidValidity):
            out.append32(mailbox)
            out.append32(uidValidity)
        case .setSpecialUse(let mailbox, let use):
            out.append32(mailbox)
            out.append16(use.rawValue)
        case .setSyncMode(let mailbox, let mode):
            out.append32(mailbox)
            out.append(mode.rawValue)
        }
        let length = UInt32(out.count - lengthAt - 4)
        out.withUnsafeMutableBytes { $0.baseAddress!.store32(length, lengthAt) }
    }

    /// The next record; nil for one of an unknown kind that may be skipped.
    public static func decode(_ reader: inout ByteReader) throws(FormatError) -> Record? {
        guard let code = reader.u16(), reader.u16() != nil, let length = reader.u32(), let bytes = reader.take(Int(length))
        else { throw .invalid("a record is cut off") }
        guard let kind = RecordKind(rawValue: code) else {
            if code & skippableBit != 0 { return nil }
            throw .invalid("a record of unknown kind \(code)")
        }
        var fields = ByteReader(bytes)
        // Fields behind those known here were added by a later minor version.
        guard let record = decode(kind, &fields) else { throw .invalid("a malformed record of kind \(kind)") }
        return record
    }

    private static func decode(_ kind: RecordKind, _ fields: inout ByteReader) -> Record? {
        switch kind {
        case .createMailbox:
            guard let id = fields.u32(), let validity = fields.u32(), let name = fields.string() else { return nil }
            return .createMailbox(id: id, uidValidity: validity, name: name)
        case .deleteMailbox:
            return fields.u32().map { .deleteMailbox(id: $0) }
        case .renameMailbox:
            guard let id = fields.u32(), let name = fields.string() else { return nil }
            return .renameMailbox(id: id, name: name)
        case .subscribe:
            return fields.string().map { .subscribe(name: $0) }
        case .unsubscribe:
            return fields.string().map { .unsubscribe(name: $0) }
        case .append:
            return decodeAppend(&fields)
        case .changeFlags:
            guard let mailbox = fields.u32(), let operation = fields.u8().flatMap(FlagOperation.init(rawValue:)),
                let flags = fields.flags(), let uids = fields.uids()
            else { return nil }
            return .changeFlags(mailbox: mailbox, operation: operation, flags: flags, uids: uids)
        case .expunge:
            guard let mailbox = fields.u32(), let victims = fields.victims() else { return nil }
            return .expunge(mailbox: mailbox, victims: victims)
        case .copy, .move:
            guard let from = fields.u32(), let to = fields.u32(), let first = fields.u32(), let victims = fields.victims()
            else { return nil }
            return kind == .copy
                ? .copy(from: from, to: to, firstUID: first, victims: victims)
                : .move(from: from, to: to, firstUID: first, victims: victims)
        case .claimRecent:
            guard let mailbox = fields.u32(), let uid = fields.u32() else { return nil }
            return .claimRecent(mailbox: mailbox, uid: uid)
        case .relocate: return fields.relocation().map { .relocate($0) }
        case .dropSegments: return fields.segmentNumbers().map { .dropSegments($0) }
        case .forgetVanished:
            guard let mailbox = fields.u32(), let floor = fields.u64() else { return nil }
            return .forgetVanished(mailbox: mailbox, floor: floor)
        case .renewUIDValidity:
            guard let mailbox = fields.u32(), let uidValidity = fields.u32() else { return nil }
            return .renewUIDValidity(mailbox: mailbox, uidValidity: uidValidity)
        case .setSpecialUse:
            guard let mailbox = fields.u32(), let bits = fields.u16() else { return nil }
            return .setSpecialUse(mailbox: mailbox, use: SpecialUse(rawValue: bits).intersection(.every))
        case .setSyncMode:
            guard let mailbox = fields.u32(), let mode = fields.u8().flatMap(SyncMode.init(rawValue:)) else { return nil }
            return .setSyncMode(mailbox: mailbox, mode: mode)
        }
    }

    private static func decodeAppend(_ fields: inout ByteReader) -> Record? {
        guard let mailbox = fields.u32(), let uid = fields.u32(), let identity = fields.u64(),
            let location = fields.u64(), let seconds = fields.u64(), let zone = fields.u16(), let size = fields.u32(),
            let flags = fields.flags(), -1439...1439 ~= Int16(bitPattern: zone), identity < .max / 2
        else { return nil }
        return .append(
            AppendRecord(
                mailbox: mailbox, uid: uid, identity: identity, location: LogPosition(rawValue: location), size: size,
                internalDate: InternalDate(seconds: Int64(bitPattern: seconds), zoneMinutes: Int16(bitPattern: zone)),
                flags: flags))
    }
}

extension [UInt8] {
    fileprivate mutating func append(flags: Flags) {
        append16(flags.system.rawValue)
        append16(UInt16(flags.keywords.count))
        for keyword in flags.keywords { append(string: keyword) }
    }

    fileprivate mutating func append(uids: UIDSet) {
        append32(UInt32(uids.ranges.count))
        for range in uids.ranges {
            append32(range.first.rawValue)
            append32(range.last.rawValue)
        }
    }

    fileprivate mutating func append(victims: Victims) {
        append32(victims.count)
        append32(victims.digest)
        append(uids: victims.uids)
    }
}

extension ByteReader {
    fileprivate mutating func flags() -> Flags? {
        guard let system = u16(), let count = u16() else { return nil }
        var keywords: [String] = []
        for _ in 0..<count {
            guard let keyword = string() else { return nil }
            keywords.append(keyword)
        }
        return Flags(SystemFlags(rawValue: system).intersection(.all), keywords: keywords)
    }

    fileprivate mutating func uids() -> UIDSet? {
        guard let count = u32(), Int(count) <= remaining / 8 else { return nil }
        var set = UIDSet()
        var last: UInt32 = 0
        for _ in 0..<count {
            guard let first = u32(), let end = u32(), first > last, end >= first else { return nil }
            set.insert(UIDRange(UID(first), UID(end)))
            last = end
        }
        return set
    }

    fileprivate mutating func victims() -> Victims? {
        guard let count = u32(), let digest = u32(), let uids = uids() else { return nil }
        return Victims(uids: uids, count: count, digest: digest)
    }

    fileprivate mutating func relocation() -> RelocateRecord? {
        guard let from = u64(), let to = u64(), let identity = u64(), let count = u32(), Int(count) <= remaining / 8 else {
            return nil
        }
        var rows: [RelocateRecord.RowKey] = []
        rows.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let mailbox = u32(), let uid = u32() else { return nil }
            rows.append(RelocateRecord.RowKey(mailbox: mailbox, uid: uid))
        }
        return RelocateRecord(
            from: LogPosition(rawValue: from), to: LogPosition(rawValue: to), identity: identity, rows: rows)
    }

    fileprivate mutating func segmentNumbers() -> [UInt32]? {
        guard let count = u32(), Int(count) <= remaining / 4 else { return nil }
        var numbers: [UInt32] = []
        for _ in 0..<count {
            guard let number = u32(), number > numbers.last ?? 0 else { return nil }
            numbers.append(number)
        }
        return numbers
    }
}
