import MailModel
import VarveFormat

/// A mailbox as the holder of a mark knows it: sequence numbers count the messages below `mark.uidNext` that were not
/// expunged at or before `mark.vanished`, also those expunged since, which stay readable while a pin holds the mark.
/// Flags are those of the snapshot.
///
/// A view keeps no list of messages. What it needs beyond the index is what its holder has not been told.
public struct View: Sendable {
    public let snapshot: Snapshot
    public let mark: ViewMark
    /// The mailbox as of the snapshot, newer than the mark perhaps.
    public let mailbox: MailboxInfo
    /// Expunged since the mark, below its `uidNext`.
    public let untoldVanished: UIDSet
    /// For each range of `untoldVanished`: how many of its UIDs lie before that range.
    private let untoldBefore: [Int]
    let id: UInt32
    /// Weight of all messages of mailboxes with lower ids.
    let base: Weight

    init(_ snapshot: Snapshot, _ row: MailboxRow, _ mark: ViewMark) throws(StoreError) {
        self.snapshot = snapshot
        self.mark = mark
        mailbox = MailboxInfo(row)
        id = row.id
        base = try snapshot.root.state.uid.weight(below: MessageRow.key(mailbox: row.id, uid: 0), snapshot.root.pages)
        guard row.highestModSeq > mark.vanished.rawValue, mark.uidNext > .min else {
            untoldVanished = UIDSet()
            untoldBefore = []
            return
        }
        let below = UIDSet(UIDRange(.min, UID(mark.uidNext.rawValue - 1)))
        untoldVanished = try View.knownVanished(since: mark.vanished, id, snapshot).intersection(below)
        var counts: [Int] = []
        var sum = 0
        for range in untoldVanished.ranges {
            counts.append(sum)
            sum += range.span
        }
        untoldBefore = counts
    }

    static func newest(_ row: MailboxRow, _ snapshot: Snapshot) -> ViewMark {
        ViewMark(
            mailbox: MailboxID(row.id), vanished: snapshot.modSeq, changed: snapshot.modSeq, uidNext: UID(row.uidNext))
    }

    /// The mark of one who has been told all that is in this snapshot.
    public var newest: ViewMark {
        ViewMark(
            mailbox: mailbox.id, vanished: max(mark.vanished, snapshot.modSeq),
            changed: max(mark.changed, snapshot.modSeq), uidNext: max(mark.uidNext, mailbox.uidNext))
    }

    var pages: Pages { snapshot.root.pages }
    var tree: RowTree<UIDSchema> { snapshot.root.state.uid }
    func key(_ uid: UID) -> UInt64 { MessageRow.key(mailbox: id, uid: uid.rawValue) }

    /// How many of `untoldVanished` lie below.
    func untold(below uid: UID) -> Int {
        var low = 0
        var high = untoldVanished.ranges.count
        while low < high {
            let middle = (low + high) / 2
            if untoldVanished.ranges[middle].first < uid { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return 0 }
        let range = untoldVanished.ranges[low - 1]
        return untoldBefore[low - 1] + Int(min(uid.rawValue - 1, range.last.rawValue) - range.first.rawValue) + 1
    }

    func isShown(_ leaf: UnsafeRawPointer, _ row: Int) -> Bool {
        MessageRow.flags(leaf, row) & MessageRow.deadBit == 0
            || MessageRow.modSeq(leaf, row) > mark.vanished.rawValue
    }

    // MARK: Sequence numbers

    /// How many messages the holder knows (EXISTS as told).
    /// - Complexity: O(1) if all messages are known, else O(log messages).
    public var count: Int {
        get throws(StoreError) {
            let live =
                mark.uidNext >= mailbox.uidNext
                ? mailbox.messages : Int(try tree.weight(below: key(mark.uidNext), pages).live - base.live)
            return live + (untoldBefore.last ?? 0) + (untoldVanished.ranges.last?.span ?? 0)
        }
    }

    /// Messages before the one with this UID, which need not exist, and 1.
    func position(of uid: UID) throws(StoreError) -> Int {
        Int(try tree.weight(below: key(uid), pages).live - base.live) + untold(below: uid) + 1
    }

    /// The sequence number of a message, nil if the view has no such.
    /// - Complexity: O(log messages).
    public func sequenceNumber(of uid: UID) throws(StoreError) -> Int? {
        guard uid >= .min, uid < mark.uidNext, let (leaf, row) = try tree.find(key(uid), pages), isShown(leaf, row) else {
            return nil
        }
        return try position(of: uid)
    }

    /// The UID of the message with this sequence number, from 1; nil beyond `count`.
    /// - Complexity: O(log messages), times O(log untold) while expunges are untold.
    public func uid(at sequenceNumber: Int) throws(StoreError) -> UID? {
        guard sequenceNumber >= 1 else { return nil }
        // The untold ranges that begin at or before that sequence number.
        var low = 0
        var high = untoldVanished.ranges.count
        while low < high {
            let middle = (low + high) / 2
            if try position(of: untoldVanished.ranges[middle].first) <= sequenceNumber {
                low = middle + 1
            } else {
                high = middle
            }
        }
        var skipped = 0
        if low > 0 {
            let range = untoldVanished.ranges[low - 1]
            let first = try position(of: range.first)
            if sequenceNumber < first + range.span { return UID(range.first.rawValue + UInt32(sequenceNumber - first)) }
            skipped = untoldBefore[low - 1] + range.span
        }
        let rank = Int(base.live) + sequenceNumber - 1 - skipped
        guard 0...Int(Int32.max) ~= rank, let (leaf, row) = try tree.select(Int32(rank), by: .live, pages) else {
            return nil
        }
        let key = RowTree<UIDSchema>.key(leaf, row)
        guard UInt32(key >> 32) == id else { return nil }
        let uid = UID(UInt32(truncatingIfNeeded: key))
        return uid < mark.uidNext ? uid : nil
    }

    /// The UIDs from one sequence number through another, both in `1 ... count`; nil if they are not, or out of order.
    public func uids(from first: Int, through last: Int) throws(StoreError) -> UIDRange? {
        guard first <= last, let low = try uid(at: first), let high = try uid(at: last) else { return nil }
        return UIDRange(low, high)
    }

    /// The sequence number of the first message without \Seen.
    /// - Complexity: O(log messages).
    public var firstUnseen: Int? {
        get throws(StoreError) {
            guard let (leaf, row) = try tree.select(base.unseen, by: .unseen, pages) else { return nil }
            let key = RowTree<UIDSchema>.key(leaf, row)
            guard UInt32(key >> 32) == id else { return nil }
            return try sequenceNumber(of: UID(UInt32(truncatingIfNeeded: key)))
        }
    }

    // MARK: Messages

    /// - Complexity: O(log messages).
    public func message(_ uid: UID) throws(StoreError) -> Message? {
        guard uid >= .min, uid < mark.uidNext, let (leaf, row) = try tree.find(key(uid), pages), isShown(leaf, row) else {
            return nil
        }
        return Message(leaf, row)
    }

    /// Calls `body` with each message of the view in a range of UIDs, in ascending order, until it returns false.
    /// - Complexity: O(log messages + visited).
    public func forEachMessage(
        in range: UIDRange, _ body: (_ sequenceNumber: Int, _ message: Message) -> Bool
    ) throws(StoreError) {
        let first = max(range.first, .min)
        let last = UID(min(range.last.rawValue, mark.uidNext.rawValue &- 1))
        guard mark.uidNext > .min, first <= last else { return }
        var sequenceNumber = try position(of: first)
        try tree.forEachLeaf(key(first), key(last), pages) { leaf, rows in
            for row in rows where isShown(leaf, row) {
                if !body(sequenceNumber, Message(leaf, row)) { return false }
                sequenceNumber += 1
            }
            return true
        }
    }
}
