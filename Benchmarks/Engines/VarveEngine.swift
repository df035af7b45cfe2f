import MailModel
import Varve
import VarveFormat

public final class VarveEngine: QueueingEngine {
    public static let name = "Varve"
    public static let version = "format \(Format.major).\(Format.minor)"
    public static let setup = "as it comes: durable commits, LZ4"

    private let store: Store

    private init(_ store: Store) { self.store = store }

    public static func open(_ folder: String) throws -> VarveEngine { VarveEngine(try Store.open(at: folder + "/store")) }
    public func close() throws { try store.close() }

    /// Returns when the store does nothing by itself.
    public func settle() { store.waitForMaintenance() }

    public func create(_ names: [String]) throws {
        try store.commit { transaction in
            for name in names { try transaction.createMailbox(name) }
        }
    }

    public func mailbox(_ name: String) throws -> MailboxKey { MailboxKey(id: try store.mailbox(name).id.rawValue, name: name) }

    // MARK: Writing

    private static let date = InternalDate(seconds: 1_795_600_000, zoneMinutes: 60)

    public func append(_ message: [UInt8], to mailbox: MailboxKey) throws -> UID {
        let prepared = try store.prepare(message)
        return try store.commit { try $0.append(prepared, to: MailboxID(mailbox.id), internalDate: VarveEngine.date) }
    }

    public func append(
        _ message: [UInt8], to mailbox: MailboxKey, whenDurable: @escaping @Sendable (Result<Void, any Error>) -> Void
    ) {
        do {
            let prepared = try store.prepare(message)
            _ = try store.commit { transaction in
                try transaction.append(prepared, to: MailboxID(mailbox.id), internalDate: VarveEngine.date)
            } whenDurable: { outcome in
                whenDurable(outcome.map { _ in () }.mapError { $0 })
            }
        } catch {
            whenDurable(.failure(error))
        }
    }

    public func load(_ corpus: MessageCorpus, into portions: [(mailbox: MailboxKey, count: Int)]) throws {
        var targets = LoadTargets(portions)
        let store = store
        try PreparedInOrder.run(targets.count) { try store.prepare(corpus.message($0)) } take: { messages in
            try store.commit(.relaxed) { transaction in
                for message in messages {
                    try transaction.append(message, to: MailboxID(targets.next().id), internalDate: VarveEngine.date)
                }
            }
        }
        try store.checkpoint()
    }

    public func change(_ flags: SystemFlags, isSet: Bool, of uids: UIDSet, in mailbox: MailboxKey) throws {
        try store.commit {
            try $0.changeFlags(isSet ? .add(Flags(flags)) : .remove(Flags(flags)), of: uids, in: MailboxID(mailbox.id))
        }
    }

    public func expunge(_ uids: UIDSet, in mailbox: MailboxKey) throws {
        try store.commit { try $0.expunge(uids, in: MailboxID(mailbox.id), onlyDeleted: false) }
    }

    // MARK: Reading

    private func view(_ mailbox: MailboxKey) throws -> View {
        guard let view = try store.snapshot().view(of: MailboxID(mailbox.id)) else {
            throw EngineError(VarveEngine.name, "there is no mailbox \(mailbox.name)")
        }
        return view
    }

    public func status(of mailbox: MailboxKey) throws -> MailboxNumbers {
        guard let info = try store.snapshot().mailbox(MailboxID(mailbox.id)) else {
            throw EngineError(VarveEngine.name, "there is no mailbox \(mailbox.name)")
        }
        return MailboxNumbers(info.status)
    }

    public func changed(in mailbox: MailboxKey, since modSeq: UInt64, into changes: inout [Change]) throws {
        let view = try view(mailbox)
        for range in try view.changed(since: ModSeq(modSeq)) {
            var rows = Int.max
            _ = try view.scan(range, rows: &rows) { _, fields in
                changes.append(Change(uid: fields.uid.rawValue, flags: fields.flags.rawValue, modSeq: fields.modSeq.rawValue))
                return true
            }
        }
    }

    public func vanished(in mailbox: MailboxKey, since modSeq: UInt64, into ranges: inout [UIDRange]) throws {
        ranges.append(contentsOf: try view(mailbox).vanished(since: ModSeq(modSeq)).ranges)
    }

    public func scan(_ mailbox: MailboxKey) throws -> ScanDigest {
        var digest = ScanDigest()
        var rows = Int.max
        _ = try view(mailbox).scan(UIDRange(.min, .max), rows: &rows) { _, fields in
            digest.add(uid: fields.uid.rawValue, flags: fields.flags.rawValue)
            return true
        }
        return digest
    }

    public func sequenceNumbers(of uids: [UInt32], in mailbox: MailboxKey, into numbers: inout [UInt32]) throws {
        let view = try view(mailbox)
        for uid in uids { numbers.append(UInt32(try view.sequenceNumber(of: UID(uid)) ?? 0)) }
    }

    public func uids(at numbers: [UInt32], in mailbox: MailboxKey, into uids: inout [UInt32]) throws {
        let view = try view(mailbox)
        for number in numbers { uids.append(try view.uid(at: Int(number))?.rawValue ?? 0) }
    }

    public func read(
        _ uid: UInt32, _ part: Range<Int>, in mailbox: MailboxKey, into target: UnsafeMutableRawBufferPointer
    ) throws {
        let view = try view(mailbox)
        guard let message = try view.message(UID(uid)) else { throw EngineError(VarveEngine.name, "there is no message \(uid)") }
        try store.body(of: message).read(part, into: UnsafeMutableRawBufferPointer(rebasing: target[..<part.count]))
    }

    public func list() throws -> ListDigest {
        let snapshot = store.snapshot()
        var digest = ListDigest()
        var statuses = snapshot.statuses
        var listing = Listing(.mailboxes, in: [Listing.Range(prefix: [])])
        try snapshot.proceed(&listing) { (listed) throws(StoreError) in
            if let id = listed.mailbox, let status = try statuses.status(of: id) {
                digest.add(name: listed.name, MailboxNumbers(status))
            }
            return []
        }
        return digest
    }
}

extension MailboxNumbers {
    fileprivate init(_ status: MailboxStatus) {
        self.init(
            messages: UInt32(status.messages), unseen: UInt32(status.unseen), uidNext: status.uidNext.rawValue,
            highestModSeq: status.highestModSeq.rawValue)
    }
}

/// Which mailbox each message of a load goes to.
struct LoadTargets {
    let count: Int
    private let portions: [(mailbox: MailboxKey, count: Int)]
    private var index = 0
    private var taken = 0

    init(_ portions: [(mailbox: MailboxKey, count: Int)]) {
        self.portions = portions
        count = portions.reduce(0) { $0 + $1.count }
    }

    mutating func next() -> MailboxKey {
        while taken == portions[index].count {
            index += 1
            taken = 0
        }
        taken += 1
        return portions[index].mailbox
    }
}
