/// A set of UIDs as ascending, disjoint, non-adjacent ranges: what IMAP writes as `3:7,9` (RFC 3501 §9, sequence-set).
///
/// Its cost follows the number of ranges, not of UIDs: the whole of a mailbox is one range.
public struct UIDSet: Hashable, Sendable {
    /// Ascending; no two touch or overlap.
    public private(set) var ranges: [UIDRange]

    public init() { ranges = [] }

    public init(_ range: UIDRange) { ranges = [range] }
    public init(_ uid: UID) { ranges = [UIDRange(uid, uid)] }
    public init(_ range: ClosedRange<UID>) { ranges = [UIDRange(range.lowerBound, range.upperBound)] }

    /// The union of ranges in any order, overlapping or not.
    /// - Complexity: O(n log n) in the number of ranges, O(n) if they come in ascending order.
    public init(_ unordered: some Sequence<UIDRange>) {
        ranges = Array(unordered)
        normalise()
    }

    public init(_ uids: some Sequence<UID>) {
        self.init(uids.lazy.map { UIDRange($0, $0) })
    }

    public var isEmpty: Bool { ranges.isEmpty }
    public var first: UID? { ranges.first?.first }
    public var last: UID? { ranges.last?.last }

    /// How many UIDs it holds. O(ranges).
    public var count: Int { ranges.reduce(0) { $0 + $1.span } }

    /// - Complexity: O(log ranges).
    public func contains(_ uid: UID) -> Bool {
        let i = firstIndex(endingAtOrAfter: uid)
        return i < ranges.count && ranges[i].first <= uid
    }

    /// How many of its UIDs are below `uid`. O(ranges).
    public func count(below uid: UID) -> Int {
        var n = 0
        for range in ranges {
            if range.last < uid {
                n += range.span
            } else {
                if range.first < uid { n += Int(uid.rawValue - range.first.rawValue) }
                break
            }
        }
        return n
    }

    /// Adds a range. O(1) amortised at the end, else O(ranges).
    public mutating func insert(_ range: UIDRange) {
        guard let last = ranges.last else {
            ranges.append(range)
            return
        }
        if range.first > last.last {
            if range.first.rawValue - 1 == last.last.rawValue {
                ranges[ranges.count - 1] = UIDRange(last.first, range.last)
            } else {
                ranges.append(range)
            }
            return
        }
        // The ranges that touch the new one become one with it.
        let before = range.first.rawValue == 0 ? range.first : UID(range.first.rawValue - 1)
        let from = firstIndex(endingAtOrAfter: before)
        var to = from
        var first = range.first
        var end = range.last
        while to < ranges.count, ranges[to].first.rawValue <= end.rawValue
            || ranges[to].first.rawValue - 1 == end.rawValue
        {
            first = Swift.min(first, ranges[to].first)
            end = Swift.max(end, ranges[to].last)
            to += 1
        }
        ranges.replaceSubrange(from..<to, with: CollectionOfOne(UIDRange(first, end)))
    }

    public mutating func insert(_ uid: UID) { insert(UIDRange(uid, uid)) }

    /// - Complexity: O(n + m) in the numbers of ranges.
    public mutating func formUnion(_ other: UIDSet) {
        if other.isEmpty { return }
        if isEmpty {
            self = other
            return
        }
        ranges.append(contentsOf: other.ranges)
        normalise()
    }

    public func union(_ other: UIDSet) -> UIDSet {
        var result = self
        result.formUnion(other)
        return result
    }

    /// - Complexity: O(n + m) in the numbers of ranges.
    public func intersection(_ other: UIDSet) -> UIDSet {
        var result = UIDSet()
        var i = 0
        var j = 0
        while i < ranges.count, j < other.ranges.count {
            let first = Swift.max(ranges[i].first, other.ranges[j].first)
            let last = Swift.min(ranges[i].last, other.ranges[j].last)
            if first <= last { result.insert(UIDRange(first, last)) }
            if ranges[i].last < other.ranges[j].last { i += 1 } else { j += 1 }
        }
        return result
    }

    /// - Complexity: O(n + m) in the numbers of ranges.
    public func subtracting(_ other: UIDSet) -> UIDSet {
        if other.isEmpty { return self }
        var result = UIDSet()
        var j = 0
        for range in ranges {
            var first = UInt64(range.first.rawValue)
            let last = UInt64(range.last.rawValue)
            while j < other.ranges.count, other.ranges[j].last < range.first { j += 1 }
            var k = j
            while k < other.ranges.count, UInt64(other.ranges[k].first.rawValue) <= last {
                let cut = other.ranges[k]
                if UInt64(cut.first.rawValue) > first {
                    result.insert(UIDRange(UID(UInt32(first)), UID(cut.first.rawValue - 1)))
                }
                first = Swift.max(first, UInt64(cut.last.rawValue) + 1)
                k += 1
            }
            if first <= last { result.insert(UIDRange(UID(UInt32(first)), UID(UInt32(last)))) }
        }
        return result
    }

    /// Index of the first range whose last UID is at or after `uid`; `ranges.count` where there is none.
    private func firstIndex(endingAtOrAfter uid: UID) -> Int {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].last < uid { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func normalise() {
        guard ranges.count > 1 else { return }
        let ascending = zip(ranges, ranges.dropFirst()).allSatisfy { $0.first <= $1.first }
        if !ascending { ranges.sort { $0.first < $1.first } }
        var out = 0
        for i in 1..<ranges.count {
            let next = ranges[i]
            let current = ranges[out]
            if next.first <= current.last || next.first.rawValue - 1 == current.last.rawValue {
                ranges[out] = UIDRange(current.first, Swift.max(current.last, next.last))
            } else {
                out += 1
                ranges[out] = next
            }
        }
        ranges.removeSubrange((out + 1)...)
    }
}

extension UIDSet: ExpressibleByArrayLiteral, CustomStringConvertible {
    public init(arrayLiteral uids: UID...) { self.init(uids) }

    /// As IMAP writes it: `3:7,9`; empty for the empty set.
    public var description: String { ranges.map(\.description).joined(separator: ",") }
}
