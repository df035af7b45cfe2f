import MailModel
import VarveFormat

/// What a mailbox is, at one modseq, but for its name: what one gets of thousands without an allocation for each.
public struct MailboxStatus: Sendable {
    public let id: MailboxID
    public let uidValidity: UIDValidity
    /// The next message will have this UID, or a higher one.
    public let uidNext: UID
    /// The last commit that changed the mailbox or something in it.
    public let highestModSeq: ModSeq
    public let messages: Int
    public let unseen: Int
    public let deleted: Int
    /// Sum of the messages' sizes.
    public let bytes: UInt64
    /// Messages from this UID on have been \Recent for nobody yet.
    public let firstRecent: UID
    /// What the mailbox is for (RFC 6154).
    public let specialUse: SpecialUse
    /// How far its history is kept for those who synchronise.
    public let syncMode: SyncMode

    init(_ row: MailboxRow) {
        id = MailboxID(row.id)
        uidValidity = UIDValidity(row.uidValidity)
        uidNext = UID(row.uidNext)
        highestModSeq = ModSeq(row.highestModSeq)
        messages = Int(row.messages)
        unseen = Int(row.unseen)
        deleted = Int(row.deleted)
        bytes = row.bytes
        firstRecent = UID(row.firstRecent)
        specialUse = row.specialUse
        syncMode = row.syncMode
    }
}

extension Snapshot {
    /// To look up the states of many mailboxes.
    public var statuses: MailboxStatuses { MailboxStatuses(self) }
}

/// The states of a snapshot's mailboxes, looked up one by one. Those that were made one after the other, as the many of one chat
/// are, stand side by side and are found so.
public struct MailboxStatuses {
    private var scan: CellScan
    /// What `scan` stands at; 0: nothing.
    private var last: UInt32 = 0

    fileprivate init(_ snapshot: Snapshot) { scan = CellScan(snapshot.root.state.mailboxes, snapshot.root.pages) }

    /// - Returns: nil if there is no such mailbox.
    /// - Complexity: O(log mailboxes); O(1) for the mailbox made behind the one that was asked for before.
    public mutating func status(of mailbox: MailboxID) throws(StoreError) -> MailboxStatus? {
        let id = mailbox.rawValue
        if last != 0, id == last &+ 1 {
            try scan.advance()
            last = id
            if let key = scan.key, MailboxStatuses.id(key) == id { return try MailboxStatus(id, scan.value) }
        }
        try withUnsafeBytes(of: id.bigEndian) { key throws(StoreError) in try scan.seek(key) }
        guard let key = scan.key, MailboxStatuses.id(key) == id else {
            last = 0
            return nil
        }
        last = id
        return try MailboxStatus(id, scan.value)
    }

    /// Keys are ids, the highest byte first.
    private static func id(_ key: UnsafeRawBufferPointer) -> UInt32? {
        key.count == 4 ? key.loadUnaligned(as: UInt32.self).bigEndian : nil
    }
}

extension MailboxStatus {
    private init(_ id: UInt32, _ fields: MailboxFields) {
        self.id = MailboxID(id)
        uidValidity = UIDValidity(fields.uidValidity)
        uidNext = UID(fields.uidNext)
        highestModSeq = ModSeq(fields.highestModSeq)
        messages = Int(fields.messages)
        unseen = Int(fields.unseen)
        deleted = Int(fields.deleted)
        bytes = fields.bytes
        firstRecent = UID(fields.firstRecent)
        specialUse = fields.specialUse
        syncMode = fields.syncMode
    }

    fileprivate init(_ id: UInt32, _ value: UnsafeRawBufferPointer) throws(StoreError) {
        do {
            self.init(id, try MailboxFields(value))
        } catch {
            throw .corrupt("\(FileNames.index), mailbox \(id)", error)
        }
    }
}
