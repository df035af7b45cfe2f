import MailModel
import VarveFormat

extension View {
    /// What each commit after `modSeq` expunged, in the order of the commits, then of the UIDs. Ranges that touch are one.
    /// Of commits at or before `mailbox.vanishedFloor` it is no longer known.
    /// - Complexity: one range scan, O(log messages + result).
    public func expunges(since modSeq: ModSeq) throws(StoreError) -> [(modSeq: ModSeq, uids: UIDRange)] {
        guard modSeq < .max else { return [] }
        typealias Tree = RowTree<VanishedSchema>
        var result: [(modSeq: ModSeq, uids: UIDRange)] = []
        var failure: StoreError?
        let id = mailbox.id.rawValue
        try snapshot.root.state.vanished.forEachLeaf(
            RangeRow.key(mailbox: id, modSeq: modSeq.rawValue + 1, first: 0),
            RangeRow.key(mailbox: id, modSeq: .max, first: .max), snapshot.root.pages
        ) { leaf, rows in
            do throws(StoreError) {
                for row in rows {
                    let range = try Tree.range(leaf, row)
                    let commit = ModSeq(RangeRow.modSeq(Tree.key(leaf, row)))
                    if let last = result.last, last.modSeq == commit, last.uids.last.rawValue &+ 1 == range.first.rawValue {
                        result[result.count - 1].uids = UIDRange(last.uids.first, range.last)
                    } else {
                        result.append((commit, range))
                    }
                }
            } catch {
                failure = error
            }
            return failure == nil
        }
        if let failure { throw failure }
        return result
    }
}
