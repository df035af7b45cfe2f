import MailModel
import VarveFormat

extension Transaction {
    /// Of so few messages each is looked at, however many others changed.
    private static let lookedAtSingly = 64

    /// Those among `uids` that are there and changed after `modSeq`, by this transaction too: what a STORE with UNCHANGEDSINCE
    /// leaves as it is (RFC 7162 §3.1.3).
    /// - Throws: `.notFound`.
    /// - Complexity: one range scan, O(log messages + changes since + result); for a few `uids` O(log messages) each.
    public func changed(of uids: UIDSet, in mailbox: MailboxID, since modSeq: ModSeq) throws(StoreError) -> UIDSet {
        let id = try row(mailbox).id
        let highest = index.open[id]?.isTouched == true ? index.modSeq : try row(mailbox).highestModSeq
        guard !uids.isEmpty, modSeq.rawValue < highest else { return UIDSet() }
        if uids.count <= Transaction.lookedAtSingly { return try live(among: uids, in: id, since: modSeq.rawValue) }
        var changed = UIDSet(
            try index.state.changed.ranges(of: id, from: modSeq.rawValue + 1, through: .max, index.allocator.pages))
        // What this transaction changes is written to the tree at its end.
        if let own = index.open[id]?.changed { changed.formUnion(own) }
        // Ranges may span UIDs that no message has.
        return try live(among: changed.intersection(uids), in: id, since: modSeq.rawValue)
    }

    private func live(among uids: UIDSet, in mailbox: UInt32, since modSeq: UInt64) throws(StoreError) -> UIDSet {
        var result: [UIDRange] = []
        for range in uids.ranges {
            try index.state.uid.forEachLeaf(
                MessageRow.key(mailbox: mailbox, uid: range.first.rawValue),
                MessageRow.key(mailbox: mailbox, uid: range.last.rawValue), index.allocator.pages
            ) { leaf, rows in
                for row in rows
                where MessageRow.flags(leaf, row) & MessageRow.deadBit == 0 && MessageRow.modSeq(leaf, row) > modSeq {
                    let uid = UID(MessageRow.uid(leaf, row))
                    if let last = result.last, last.last.rawValue + 1 == uid.rawValue {
                        result[result.count - 1] = UIDRange(last.first, uid)
                    } else {
                        result.append(UIDRange(uid, uid))
                    }
                }
                return true
            }
        }
        return UIDSet(result)
    }
}
