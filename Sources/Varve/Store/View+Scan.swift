import MailModel
import VarveFormat

extension View {
    /// Calls `body` with the messages of a range of UIDs that have the flags asked for, in ascending order, until it returns
    /// false or, leaf by leaf, `rows` have been looked at; what is left of these is told there. Looks at keys and hot fields
    /// only, but for what `body` asks for. Where unseen messages are asked for, subtrees without any are passed over.
    /// - Returns: the UID at which to go on; nil at the range's end.
    /// - Complexity: O(log messages + rows looked at); O(log messages × leaves with unseen messages) pages for unseen ones.
    public func scan(
        _ range: UIDRange, where filter: FlagFilter = .all, rows: inout Int,
        _ body: (_ sequenceNumber: Int, _ fields: borrowing MessageFields) -> Bool
    ) throws(StoreError) -> UID? {
        let first = max(range.first, .min)
        let last = UID(min(range.last.rawValue, mark.uidNext.rawValue &- 1))
        guard mark.uidNext > .min, first <= last else { return nil }
        let wantsUnseen = filter.hasNot.contains(.seen)
        var left = rows
        defer { rows = left }
        var resume: UID?
        try tree.forEachLeaf(key(first), key(last), pages) { unseen, low, high in
            // What is expunged counts for nothing, and is shown to one who has not been told.
            !wantsUnseen || unseen > 0
                || hasUntold(UInt32(truncatingIfNeeded: low), UInt32(truncatingIfNeeded: high))
        } _: { leaf, found, liveBefore in
            var number = Int(liveBefore &- base.live) + untold(below: UID(MessageRow.uid(leaf, found.lowerBound))) + 1
            left -= found.count
            for row in found where isShown(leaf, row) {
                let flags = SystemFlags(rawValue: MessageRow.flags(leaf, row))
                if flags.isSuperset(of: filter.has), flags.isDisjoint(with: filter.hasNot) {
                    let fields = MessageFields(leaf, row)
                    if !body(number, fields) {
                        resume = UID(MessageRow.uid(leaf, row) + 1)
                        return false
                    }
                }
                number += 1
            }
            if left <= 0 {
                resume = UID(MessageRow.uid(leaf, found.upperBound - 1) + 1)
                return false
            }
            return true
        }
        return resume.flatMap { $0 <= last ? $0 : nil }
    }

    /// Whether something is expunged untold between two UIDs.
    private func hasUntold(_ first: UInt32, _ last: UInt32) -> Bool {
        !untoldVanished.isEmpty
            && (last == .max || untold(below: UID(last + 1)) > untold(below: UID(first)))
    }

    /// The sequence numbers of the messages with UIDs in a range; empty if there are none.
    /// - Complexity: O(log messages).
    public func numbers(in range: UIDRange) throws(StoreError) -> Range<Int> {
        guard mark.uidNext > .min else { return 1..<1 }
        let last = min(range.last, UID(mark.uidNext.rawValue - 1))
        guard range.first <= last else { return 1..<1 }
        let from = try position(of: range.first)
        // Whatever a damaged index counts.
        return from..<max(from, try position(of: UID(last.rawValue + 1)))
    }

    /// How many messages of a range of UIDs have the flags asked for, if that is known without looking at them: for all
    /// messages, unseen and seen ones, and for deleted ones of the whole mailbox, as long as no expunge is untold.
    /// - Complexity: O(log messages).
    public func count(in range: UIDRange, where filter: FlagFilter) throws(StoreError) -> Int? {
        if filter == .all { return try count(in: range) }
        guard untoldVanished.isEmpty else { return nil }
        guard mark.uidNext > .min else { return 0 }
        let first = max(range.first, .min)
        let end = min(UInt64(range.last.rawValue) + 1, UInt64(mark.uidNext.rawValue))
        guard UInt64(first.rawValue) < end else { return 0 }
        let isWhole = first == .min && end >= UInt64(mailbox.uidNext.rawValue)
        switch filter {
        case .unseen where isWhole: return mailbox.unseen
        case FlagFilter(has: .deleted) where isWhole: return mailbox.deleted
        case FlagFilter(hasNot: .deleted) where isWhole: return mailbox.messages - mailbox.deleted
        case .unseen, FlagFilter(has: .seen):
            let weight = try tree.weight(below: key(UID(UInt32(end))), pages) - tree.weight(below: key(first), pages)
            return Int(filter == .unseen ? weight.unseen : weight.live - weight.unseen)
        default: return nil
        }
    }

    /// UIDs of messages that changed after `modSeq`, and no others of messages that the view has; those that are expunged
    /// untold are not among them. Ranges may span UIDs of no message.
    /// - Complexity: as `changed(since:)`.
    public func changedSet(since modSeq: ModSeq) throws(StoreError) -> UIDSet {
        UIDSet(try changed(since: modSeq)).subtracting(untoldVanished)
    }
}
