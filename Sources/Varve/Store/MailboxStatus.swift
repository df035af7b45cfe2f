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
    /// - Returns: nil if the mailbox is gone.
    /// - Complexity: O(log mailboxes).
    public func status(of mailbox: MailboxID) throws(StoreError) -> MailboxStatus? {
        let id = mailbox.rawValue
        guard let value = try root.state.mailboxValue(id, root.pages) else { return nil }
        do {
            return MailboxStatus(try MailboxRow(id: id, withoutName: value))
        } catch {
            throw .corrupt("\(FileNames.index), mailbox \(id)", error)
        }
    }
}
