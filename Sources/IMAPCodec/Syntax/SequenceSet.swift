import MailModel

/// RFC 3501 §9, sequence-set: numbers of messages or UIDs, in the client's order, with `*` for the largest in use.
public struct SequenceSet: Hashable, Sendable {
    public enum Bound: Hashable, Sendable {
        /// 1 …
        case number(UInt32)
        /// `*`
        case last
    }

    public struct Range: Hashable, Sendable {
        public var from: Bound
        public var to: Bound
        public init(_ from: Bound, _ to: Bound) {
            self.from = from
            self.to = to
        }
    }

    /// Empty just for `$`.
    public var ranges: [Range]

    public init(_ ranges: [Range]) { self.ranges = ranges }

    /// `$`: the result of the last search that was asked to save it (RFC 5182 §2).
    public static let savedResult = SequenceSet([])
    public var isSavedResult: Bool { ranges.isEmpty }

    /// The numbers it names where `last` is the largest in use, as ascending disjoint ranges; either order of a range's
    /// bounds is right, and `n:*` names `last` even where n is larger (RFC 3501 §6.4.8).
    ///
    /// With `last` 0, the mailbox is empty: `*` names nothing then.
    public func resolved(last: UInt32) -> UIDSet {
        var result: [UIDRange] = []
        result.reserveCapacity(ranges.count)
        for range in ranges {
            func number(_ bound: Bound) -> UInt32? {
                switch bound {
                case .number(let number): number
                case .last: last == 0 ? nil : last
                }
            }
            guard let from = number(range.from), let to = number(range.to) else { continue }
            result.append(UIDRange(UID(min(from, to)), UID(max(from, to))))
        }
        return UIDSet(result)
    }

    /// The largest number named other than by `*`; 0 if there is none.
    public var largestNumber: UInt32 {
        var largest: UInt32 = 0
        for range in ranges {
            for bound in [range.from, range.to] {
                if case .number(let number) = bound { largest = max(largest, number) }
            }
        }
        return largest
    }

    /// Whether `*` stands in it.
    public var namesLast: Bool { ranges.contains { $0.from == .last || $0.to == .last } }
}
