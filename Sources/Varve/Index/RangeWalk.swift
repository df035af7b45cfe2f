import MailModel

/// Goes along the ranges of a set beside rows that ascend as they do.
///
/// Ranges that lie close together are one stretch: their rows are found with one descent into a tree, which costs more than to pass
/// over the rows between them.
struct RangeWalk {
    private let ranges: [UIDRange]
    private var index = 0
    /// Whether no row of the current range was noted (`noteTaken`).
    private(set) var isNewRange = true

    /// Rows between two ranges of a stretch at most: about a leaf full.
    private static let closeness: UInt32 = 64

    init(_ uids: UIDSet) { ranges = Array(uids.ranges) }

    /// Calls `body` with the ends of each stretch.
    mutating func forEachStretch(
        _ body: (inout RangeWalk, _ first: UInt32, _ last: UInt32) throws(StoreError) -> Void
    ) throws(StoreError) {
        var begin = 0
        while begin < ranges.count {
            var end = begin + 1
            while end < ranges.count, ranges[end].first.rawValue - ranges[end - 1].last.rawValue <= RangeWalk.closeness { end += 1 }
            try body(&self, ranges[begin].first.rawValue, ranges[end - 1].last.rawValue)
            begin = end
        }
    }

    /// Whether a UID is in a range. Not called with lower UIDs afterwards.
    mutating func take(_ uid: UInt32) -> Bool {
        advance(to: uid)
        return index < ranges.count && ranges[index].first.rawValue <= uid
    }

    /// Whether one of the UIDs `first ... last` is in a range; none below `first` is asked for afterwards.
    mutating func reaches(_ first: UInt32, _ last: UInt32) -> Bool {
        advance(to: first)
        return index < ranges.count && ranges[index].first.rawValue <= last
    }

    /// Whether all UIDs `first ... last` are in one range; as far as is known without going on.
    func covers(_ first: UInt32, _ last: UInt32) -> Bool {
        index < ranges.count && ranges[index].first.rawValue <= first && last <= ranges[index].last.rawValue
    }

    private mutating func advance(to uid: UInt32) {
        while index < ranges.count, ranges[index].last.rawValue < uid {
            index += 1
            isNewRange = true
        }
    }

    /// A row of the current range has been seen to.
    mutating func noteTaken() { isNewRange = false }
}
