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

    /// - Complexity: O(log messages) for each range.
    func resolve(_ set: SequenceSet, byUID: Bool, _ view: View) throws -> UIDSet {
        if set.isSavedResult {
            // RFC 5182 §2.1: numbers or UIDs, as the command has it; what is expunged meanwhile is in no view.
            guard case .selected(_, let selected) = state else { return UIDSet() }
            return selected.savedResult
        }
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

    /// A part of the messages of a set, by their ranks among those of it that the view has (RFC 9394 §3.3).
    /// - Complexity: O(log messages) for each range of the set.
    func cut(_ uids: UIDSet, _ partial: PartialRange, _ view: View) throws -> UIDSet {
        var runs: [Range<Int>] = []
        for range in uids.ranges {
            let numbers = try view.numbers(in: range)
            if !numbers.isEmpty { runs.append(numbers) }
        }
        let ranks = partial.ranks(of: runs.reduce(0) { $0 + $1.count })
        var result: [UIDRange] = []
        var before = 0
        for run in runs {
            // Ranks of this run, as numbers.
            let low = run.lowerBound + max(ranks.lowerBound - before, 0)
            let high = min(run.lowerBound + ranks.upperBound - before, run.upperBound)
            before += run.count
            guard low < high, let range = try view.uids(from: low, through: high - 1) else { continue }
            result.append(range)
        }
        return UIDSet(result)
    }
}

extension PartialRange {
    /// Of so many results, ascending, those in it: from 0, perhaps none.
    func ranks(of count: Int) -> Range<Int> {
        let first = min(Int(first) - 1, count)
        let last = min(Int(last), count)
        return isFromEnd ? (count - last)..<(count - first) : first..<last
    }
}
