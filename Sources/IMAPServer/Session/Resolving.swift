import IMAPCodec
import MailModel
import Varve

extension Session {
    /// The messages that a command names, as UIDs, which mean the same whatever others do meanwhile.
    /// - Throws: BAD for a sequence number that no message of the session has (RFC 3501 §9, seq-number).
    func resolve(
        _ set: SequenceSet, byUID: Bool, in selected: SelectedMailbox, of account: Account
    ) throws -> UIDSet {
        let view = try selected.view(account)
        return try resolve(set, byUID: byUID, view)
    }

    func resolve(_ set: SequenceSet, byUID: Bool, _ view: View) throws -> UIDSet {
        if byUID { return set.resolved(last: try view.lastUID?.rawValue ?? 0) }
        let count = try view.count
        guard Int(set.largestNumber) <= count, count > 0 || !set.namesLast else {
            throw CommandFailure(.bad("There are \(count) messages, none of them has such a number"))
        }
        var uids: [UIDRange] = []
        for range in set.resolved(last: UInt32(count)).ranges {
            guard let found = try view.uids(from: Int(range.first.rawValue), through: Int(range.last.rawValue)) else {
                throw CommandFailure(.bad("No message has such a number"))
            }
            uids.append(found)
        }
        return UIDSet(uids)
    }
}
