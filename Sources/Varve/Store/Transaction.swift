import MailModel
import VarveFormat

/// A set of changes in the making; valid inside the body of `Store.commit` alone. It sees its own changes.
public final class Transaction {
    let index: IndexWriter
    var frames: FrameBuilder
    private var records: [UInt8] = []
    private(set) var recordCount: UInt32 = 0
    /// Mailboxes of which something is to be forgotten once nobody is shown it any more.
    var expungedFrom: Set<UInt32> = []
    /// What went wrong amid a change. The index is then neither what it was nor what the records say, so the transaction
    /// cannot be committed, also if its body takes no notice.
    private(set) var failure: StoreError?
    var isEnded = false
    /// How much the commit does for the order of the index, beside its records.
    var purges = PurgeBudget.commit
    /// What was done for the order of the index alone, in whatever unit: such a transaction is committed without a record, too.
    var tidied = 0
    /// Seals what is added; nil in a store that is not encrypted.
    private let cipher: StoreCipher?
    /// Of mailboxes that are created.
    let newSyncMode: SyncMode
    /// Committed although it has no records: it stands for a commit that is lost.
    var isPlaceholder = false

    /// What small messages in the segment of this transaction are compressed with.
    private let segmentDictionary: () -> CompressionDictionary?

    init(
        _ index: IndexWriter, _ frames: FrameBuilder, _ cipher: StoreCipher?, newSyncMode: SyncMode,
        segmentDictionary: @escaping () -> CompressionDictionary? = { nil }
    ) {
        self.newSyncMode = newSyncMode
        self.segmentDictionary = segmentDictionary
        self.index = index
        self.frames = frames
        self.cipher = cipher
    }

    /// The number that this commit will have.
    public var modSeq: ModSeq { ModSeq(index.modSeq) }

    /// A commit's records take so many bytes at most.
    static let maximumRecordBytes = 256 << 20

    func add(_ record: Record) throws(StoreError) {
        record.encode(into: &records)
        recordCount += 1
        guard records.count <= Transaction.maximumRecordBytes, frames.hasRoom(payload: records.count + CommitHeader.size)
        else { throw StoreError(.limit, "the transaction is too large; make several of it") }
    }

    func finishFrames() throws(StoreError) {
        var payload = [UInt8]()
        payload.reserveCapacity(CommitHeader.size + records.count)
        CommitHeader(modSeq: index.modSeq, time: index.time, records: recordCount).encode(into: &payload)
        payload.append(contentsOf: records)
        if let cipher { payload = try cipher.sealRecords(payload, .commit) }
        frames.add(.commit, payload: payload)
        index.state.addDead(commit: payload.count)
    }

    /// As the store keeps it.
    private func sealed(_ message: PreparedMessage) throws(StoreError) -> PreparedMessage {
        if let store = message.sealedFor {
            guard store == cipher?.store else {
                throw StoreError(.notPermitted, "the message was made ready for another store, with whose key it is encrypted")
            }
            return message
        }
        guard let cipher else { return fitted(message) }
        return try (message.dictionary == nil ? message : message.compressed(with: nil)).sealed(by: cipher)
    }

    /// Compressed with the dictionary of this segment, or with none.
    func fitted(_ message: PreparedMessage) -> PreparedMessage {
        guard let dictionary = message.dictionary else { return message }
        let own = segmentDictionary()
        return own?.number == dictionary.number ? message : message.compressed(with: own)
    }

    /// Puts a message's frame, as another store has it, before the commit.
    /// - Parameter payload: with its fill, and perhaps more behind it.
    func addFrame(_ kind: FrameKind, _ payload: ByteBlock, length: Int) throws(StoreError) -> LogPosition {
        guard frames.hasRoom(payload: length) else {
            throw StoreError(.limit, "the transaction is too large; make several of it")
        }
        let place = frames.position
        let filled = payload.bytes[..<(FrameHeader.frameLength(payload: length) - FrameHeader.size)]
        frames.add(
            kind, payload: payload, length: length, checksum: crc32c(0, UnsafeRawBufferPointer(rebasing: filled)))
        return place
    }

    /// Makes a change; all that can be refused without harm has been looked at before.
    func changing<R>(_ body: () throws(StoreError) -> R) throws(StoreError) -> R {
        do {
            return try body()
        } catch {
            failure = failure ?? error
            throw error
        }
    }

    func checkValid() { precondition(!isEnded, "a transaction is used after its commit") }

    func row(_ id: MailboxID) throws(StoreError) -> MailboxRow {
        checkValid()
        guard let row = try index.mailbox(id.rawValue) else { throw StoreError(.notFound, "there is no mailbox \(id)") }
        return row
    }

    // MARK: Reading

    public func mailbox(named name: String) throws(StoreError) -> MailboxInfo? {
        checkValid()
        guard let id = try index.mailboxID(named: name) else { return nil }
        return try index.mailbox(id).map(MailboxInfo.init)
    }

    public func mailbox(_ id: MailboxID) throws(StoreError) -> MailboxInfo? {
        checkValid()
        return try index.mailbox(id.rawValue).map(MailboxInfo.init)
    }

    /// Calls `body` with the messages among `uids` that are there in this transaction, in ascending order.
    public func messages(in mailbox: MailboxID, _ uids: UIDSet, _ body: (Message) -> Void) throws(StoreError) {
        checkValid()
        for range in uids.ranges {
            try index.state.uid.forEachLeaf(
                MessageRow.key(mailbox: mailbox.rawValue, uid: range.first.rawValue),
                MessageRow.key(mailbox: mailbox.rawValue, uid: range.last.rawValue), index.allocator.pages
            ) { leaf, rows in
                for row in rows where MessageRow.flags(leaf, row) & MessageRow.deadBit == 0 { body(Message(leaf, row)) }
                return true
            }
        }
    }

    public func keywords(of message: Message) -> [String] { index.state.keywords.names(ofSet: message.keywordSet) }

    // MARK: Messages

    /// Puts a message behind all others of a mailbox. In an encrypted store one that `Store.prepare` did not make is
    /// encrypted here, under the writer's lock.
    /// - Throws: `.notFound`, `.limit`; `.notPermitted` for a message that was made ready for another store.
    @discardableResult
    public func append(
        _ message: PreparedMessage, to mailbox: MailboxID, flags: Flags = [], internalDate: InternalDate
    ) throws(StoreError) -> UID {
        let row = try row(mailbox)
        let message = try sealed(message)
        let flags = try Transaction.checked(flags)
        guard -1439...1439 ~= internalDate.zoneMinutes else {
            throw StoreError(.limit, "a zone of \(internalDate.zoneMinutes) minutes")
        }
        guard row.uidNext < UInt32.max else { throw StoreError(.limit, "mailbox \(mailbox) has used up its UIDs") }
        guard frames.hasRoom(payload: message.payloadLength) else {
            throw StoreError(.limit, "the transaction is too large; make several of it")
        }
        let record = AppendRecord(
            mailbox: row.id, uid: row.uidNext, identity: index.state.nextIdentity, location: frames.position,
            size: UInt32(message.size), internalDate: internalDate, flags: flags)
        try changing { () throws(StoreError) in
            frames.add(
                message.kind, payload: message.payload, length: message.payloadLength, checksum: message.checksum)
            try index.append(record)
            try add(.append(record))
        }
        return UID(row.uidNext)
    }

    /// Prepares the message inside the transaction; `PreparedMessage` does it outside.
    @discardableResult
    public func append(
        _ message: [UInt8], to mailbox: MailboxID, flags: Flags = [], internalDate: InternalDate
    ) throws(StoreError) -> UID {
        let prepared = try message.withBytes { bytes throws(StoreError) in
            try PreparedMessage(bytes, with: segmentDictionary())
        }
        return try append(prepared, to: mailbox, flags: flags, internalDate: internalDate)
    }

    /// The flags, without bits that mean nothing.
    private static func checked(_ flags: Flags) throws(StoreError) -> Flags {
        guard flags.keywords.count <= Format.maximumKeywordsPerMessage else {
            throw StoreError(.limit, "a message can have \(Format.maximumKeywordsPerMessage) keywords at most")
        }
        for keyword in flags.keywords {
            guard 1...Format.maximumKeywordLength ~= keyword.utf8.count else {
                throw StoreError(.limit, "a keyword has 1 to \(Format.maximumKeywordLength) bytes")
            }
        }
        return Flags(flags.system.intersection(.all), keywords: flags.keywords)
    }

    /// Changes flags of those among `uids` that are there.
    /// - Returns: those that really changed; their ranges may span UIDs that no message has.
    @discardableResult
    public func changeFlags(
        _ change: FlagChange, of uids: UIDSet, in mailbox: MailboxID
    ) throws(StoreError) -> UIDSet {
        _ = try row(mailbox)
        let operation = change.parts.0
        let flags = try Transaction.checked(change.parts.1)
        return try changing { () throws(StoreError) in
            let changed = try index.changeFlags(operation, flags, of: uids, in: mailbox.rawValue)
            guard !changed.isEmpty else { return changed }
            try add(.changeFlags(mailbox: mailbox.rawValue, operation: operation, flags: flags, uids: changed))
            return changed
        }
    }

    /// Expunges those among `uids` that are there, by default only those with \Deleted.
    /// - Returns: exactly those that were expunged.
    @discardableResult
    public func expunge(_ uids: UIDSet, in mailbox: MailboxID, onlyDeleted: Bool = true) throws(StoreError) -> UIDSet {
        _ = try row(mailbox)
        let victims = try index.victims(uids, in: mailbox.rawValue, onlyDeleted: onlyDeleted)
        guard victims.count > 0 else { return victims.uids }
        try changing { () throws(StoreError) in
            try index.expunge(victims, in: mailbox.rawValue)
            expungedFrom.insert(mailbox.rawValue)
            try add(.expunge(mailbox: mailbox.rawValue, victims: victims))
        }
        return victims.uids
    }

    /// Copies those among `uids` that are there, with their flags and dates; the bodies are shared.
    @discardableResult
    public func copy(_ uids: UIDSet, from source: MailboxID, to target: MailboxID) throws(StoreError) -> CopyResult {
        try transfer(uids, from: source, to: target, moves: false)
    }

    /// As `copy`, and expunges the originals in the same commit (RFC 6851).
    @discardableResult
    public func move(_ uids: UIDSet, from source: MailboxID, to target: MailboxID) throws(StoreError) -> CopyResult {
        try transfer(uids, from: source, to: target, moves: true)
    }

    private func transfer(
        _ uids: UIDSet, from source: MailboxID, to target: MailboxID, moves: Bool
    ) throws(StoreError) -> CopyResult {
        _ = try row(source)
        let row = try row(target)
        let victims = try index.victims(uids, in: source.rawValue, onlyDeleted: false)
        var result = CopyResult(uidValidity: UIDValidity(row.uidValidity), source: victims.uids, destination: UIDSet())
        guard victims.count > 0 else { return result }
        guard victims.count < UInt32.max - row.uidNext else {
            throw StoreError(.limit, "mailbox \(target) has used up its UIDs")
        }
        result.destination = UIDSet(UIDRange(UID(row.uidNext), UID(row.uidNext + victims.count - 1)))
        try changing { () throws(StoreError) in
            try index.copy(victims.uids, from: source.rawValue, to: target.rawValue, firstUID: row.uidNext)
            if moves {
                try index.expunge(victims, in: source.rawValue, bodiesStay: true)
                expungedFrom.insert(source.rawValue)
                try add(.move(from: source.rawValue, to: target.rawValue, firstUID: row.uidNext, victims: victims))
            } else {
                try add(.copy(from: source.rawValue, to: target.rawValue, firstUID: row.uidNext, victims: victims))
            }
        }
        return result
    }

    /// Takes the messages that have been \Recent for nobody: those from the returned UID on are so for the caller, and for
    /// no one later (RFC 3501 §2.3.2).
    public func claimRecent(in mailbox: MailboxID) throws(StoreError) -> UID {
        let row = try row(mailbox)
        guard row.firstRecent < row.uidNext else { return UID(row.uidNext) }
        try changing { () throws(StoreError) in
            try index.claimRecent(mailbox.rawValue, below: row.uidNext)
            try add(.claimRecent(mailbox: mailbox.rawValue, uid: row.uidNext))
        }
        return UID(row.firstRecent)
    }
}

/// How flags are changed.
public enum FlagChange: Sendable {
    case add(Flags)
    case remove(Flags)
    case replace(Flags)

    var parts: (FlagOperation, Flags) {
        switch self {
        case .add(let flags): (.add, flags)
        case .remove(let flags): (.remove, flags)
        case .replace(let flags): (.replace, flags)
        }
    }
}

/// The k-th UID of `source`, in ascending order, became the k-th of `destination` (RFC 4315 §3, COPYUID).
public struct CopyResult: Sendable, Hashable {
    public var uidValidity: UIDValidity
    public var source: UIDSet
    public var destination: UIDSet
}
