import MailModel
import VarveFormat

extension View {
    /// UIDs of live messages that changed after `modSeq`, in the order of the changes, new messages included. Ranges may span
    /// UIDs that no message has, and never one that did not change.
    /// - Complexity: one range scan, O(log messages + result).
    public func changed(since modSeq: ModSeq) throws(StoreError) -> [UIDRange] {
        guard modSeq.rawValue < mailbox.highestModSeq.rawValue else { return [] }
        return try snapshot.root.state.changed.ranges(
            of: mailbox.id.rawValue, from: modSeq.rawValue + 1, through: .max, snapshot.root.pages)
    }

    /// The UIDs of messages expunged after `modSeq`, also of those that the view still shows. Exactly these, if `modSeq` is
    /// not below `mailbox.vanishedFloor`. Below it the answer is complete, but may hold more: every UID below
    /// `mailbox.uidNext` under which the snapshot has no live message (RFC 7162 §3.2.6).
    /// - Complexity: one range scan, O(log messages + result); below the floor O(messages).
    public func vanished(since modSeq: ModSeq) throws(StoreError) -> UIDSet {
        if modSeq < mailbox.vanishedFloor { return try absent() }
        return try View.knownVanished(since: modSeq, mailbox.id.rawValue, snapshot)
    }

    /// What `vanished` still holds of expunges after `modSeq`.
    static func knownVanished(since modSeq: ModSeq, _ id: UInt32, _ snapshot: Snapshot) throws(StoreError) -> UIDSet {
        guard modSeq < .max else { return UIDSet() }
        return UIDSet(
            try snapshot.root.state.vanished.ranges(of: id, from: modSeq.rawValue + 1, through: .max, snapshot.root.pages))
    }

    /// Every UID below the mailbox' next one that no live message has.
    private func absent() throws(StoreError) -> UIDSet {
        let id = mailbox.id.rawValue
        var ranges: [UIDRange] = []
        var next: UInt32 = 1
        try snapshot.root.state.uid.forEachLeaf(
            MessageRow.key(mailbox: id, uid: 1), MessageRow.key(mailbox: id, uid: .max - 1), snapshot.root.pages
        ) { leaf, rows in
            for row in rows where MessageRow.flags(leaf, row) & MessageRow.deadBit == 0 {
                let uid = MessageRow.uid(leaf, row)
                if uid > next { ranges.append(UIDRange(UID(next), UID(uid - 1))) }
                next = uid + 1
            }
            return true
        }
        let end = mailbox.uidNext.rawValue
        if next < end { ranges.append(UIDRange(UID(next), UID(end - 1))) }
        return UIDSet(ranges)
    }
}
