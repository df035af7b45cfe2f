import IMAPCodec
import MailModel
import Varve

/// A sample of sequence numbers and the UIDs that a client knows to go with them (RFC 7162 §3.2.5.2), as runs in which both count
/// up by one. So a client that names a range of a thousand million numbers makes no more work than with one.
struct SequenceMatch {
    private struct Run {
        var number: UInt32
        var uid: UInt32
        /// How many pairs lie in the runs before.
        var before: UInt64
        var count: UInt64
    }

    private var runs: [Run] = []

    /// Both ascend and name as many: the parser has seen to it.
    init(_ numbers: SequenceSet, _ uids: SequenceSet) {
        let numbers = SequenceMatch.bounds(numbers)
        let uids = SequenceMatch.bounds(uids)
        var (i, j) = (0, 0)
        var (usedNumbers, usedUIDs): (UInt64, UInt64) = (0, 0)
        var before: UInt64 = 0
        while i < numbers.count, j < uids.count {
            let count = min(numbers[i].count - usedNumbers, uids[j].count - usedUIDs)
            runs.append(
                Run(
                    number: numbers[i].first + UInt32(usedNumbers), uid: uids[j].first + UInt32(usedUIDs), before: before,
                    count: count))
            before += count
            usedNumbers += count
            usedUIDs += count
            if usedNumbers == numbers[i].count { (i, usedNumbers) = (i + 1, 0) }
            if usedUIDs == uids[j].count { (j, usedUIDs) = (j + 1, 0) }
        }
    }

    private static func bounds(_ set: SequenceSet) -> [(first: UInt32, count: UInt64)] {
        set.ranges.compactMap { range in
            guard case .number(let from) = range.from, case .number(let to) = range.to, from <= to else { return nil }
            return (from, UInt64(to - from) + 1)
        }
    }

    /// The UID of the last pair that is so in the view.
    ///
    /// Where a pair is right, the client knows of all expunges below it, so that the pairs below it are right, too: the last
    /// one is found by halving.
    /// - Complexity: O(log pairs · log messages).
    func lastMatch(in view: View) throws -> UID? {
        var low: UInt64 = 0
        var high = runs.last.map { $0.before + $0.count } ?? 0
        var last: UID?
        while low < high {
            let middle = low + (high - low) / 2
            let (number, uid) = pair(middle)
            if try view.sequenceNumber(of: uid) == Int(number) {
                last = uid
                low = middle + 1
            } else {
                high = middle
            }
        }
        return last
    }

    /// - Precondition: there is such a pair.
    private func pair(_ index: UInt64) -> (number: UInt32, uid: UID) {
        var low = 0
        var high = runs.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if runs[middle].before <= index { low = middle } else { high = middle - 1 }
        }
        let offset = UInt32(index - runs[low].before)
        return (runs[low].number + offset, UID(runs[low].uid + offset))
    }
}
