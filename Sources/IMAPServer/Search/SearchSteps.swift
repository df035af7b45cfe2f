import MailModel
import Varve

/// What a search has found so far, ascending. Only what is asked for is kept.
struct SearchMatches {
    let keepsUIDs: Bool
    let keepsNumbers: Bool
    /// All of them are messages of the view.
    var uids = UIDSet()
    /// Sequence numbers.
    var numbers = UIDSet()
    var count = 0

    mutating func insert(_ uid: UID, _ number: Int) {
        count += 1
        if keepsUIDs { uids.insert(uid) }
        if keepsNumbers { numbers.insert(SearchMatches.number(number)) }
    }

    /// A run of messages without gaps in their UIDs; where UIDs are not kept, with gaps perhaps.
    mutating func insert(_ range: UIDRange, _ run: Range<Int>) {
        count += run.count
        if keepsUIDs { uids.insert(range) }
        if keepsNumbers {
            numbers.insert(UIDRange(SearchMatches.number(run.lowerBound), SearchMatches.number(run.upperBound - 1)))
        }
    }

    /// What a damaged index counts may be anything.
    private static func number(_ number: Int) -> UID { UID(UInt32(clamping: number)) }

    /// Some of them, by their ranks from 0.
    func part(_ ranks: Range<Int>) -> SearchMatches {
        var result = SearchMatches(keepsUIDs: keepsUIDs, keepsNumbers: keepsNumbers)
        result.uids = SearchMatches.part(uids, ranks)
        result.numbers = SearchMatches.part(numbers, ranks)
        result.count = ranks.count
        return result
    }

    private static func part(_ set: UIDSet, _ ranks: Range<Int>) -> UIDSet {
        var result: [UIDRange] = []
        var before = 0
        for range in set.ranges {
            let from = max(ranks.lowerBound - before, 0)
            let to = min(ranks.upperBound - before, range.span)
            before += range.span
            if from < to {
                let first = range.first.rawValue
                result.append(UIDRange(UID(first + UInt32(from)), UID(first + UInt32(to - 1))))
            }
        }
        return UIDSet(result)
    }

    /// Those of several, the first of which are the last ones.
    init(keepsUIDs: Bool, keepsNumbers: Bool, descending parts: [SearchMatches] = []) {
        self.keepsUIDs = keepsUIDs
        self.keepsNumbers = keepsNumbers
        uids = UIDSet(parts.reversed().lazy.flatMap(\.uids.ranges))
        numbers = UIDSet(parts.reversed().lazy.flatMap(\.numbers.ranges))
        count = parts.reduce(0) { $0 + $1.count }
    }
}

/// A message that a step has come upon where some must be read.
struct SearchFinding {
    let number: Int
    let uid: UID
    /// It must be read; nil: it matches.
    let message: Message?
}

/// Goes through ranges of UIDs, upwards, in steps each of which looks at so many rows of the index and no more.
struct SearchSteps {
    let plan: SearchPlan
    private let ranges: [UIDRange]
    private var index = 0
    /// Where to go on in `ranges[index]`.
    private var resume: UID?
    /// UIDs that are tried to be taken as one run without gaps.
    private var window = Int(UInt32.max)

    /// Messages that one step hands out to be read.
    static let maximumFindings = 256
    /// Rows that the way down to a leaf counts as.
    private static let rowsPerDescent = 32
    /// Where a run has gaps it is looked for in halves, down to this many UIDs.
    private static let smallestWindow = 4096

    init(_ plan: SearchPlan, _ ranges: [UIDRange]) {
        self.plan = plan
        self.ranges = ranges
    }

    var isAtEnd: Bool { index == ranges.count }

    /// - Returns: what is to be read, and what was found between; where the index knows all that is asked for, nothing: then
    ///   all that was found is in `matches`.
    mutating func next(_ view: View, limit: Int, _ matches: inout SearchMatches) throws -> [SearchFinding] {
        var rows = plan.rowsPerStep
        var findings: [SearchFinding] = []
        while index < ranges.count, rows > 0, findings.count < SearchSteps.maximumFindings, matches.count < limit {
            rows -= SearchSteps.rowsPerDescent
            let last = min(ranges[index].last.rawValue, view.mark.uidNext.rawValue &- 1)
            let first = max(resume ?? ranges[index].first, .min).rawValue
            guard first <= last, view.mark.uidNext > .min else {
                advance(to: nil)
                continue
            }
            let range = UIDRange(UID(first), UID(last))
            if plan.isPlain {
                advance(to: try takeRun(range, view, limit, &rows, &matches))
            } else {
                advance(to: try scan(range, view, limit, &rows, &findings, &matches))
            }
        }
        return findings
    }

    private mutating func advance(to uid: UID?) {
        resume = uid
        if uid == nil { index += 1 }
    }

    /// Looks at each message.
    private func scan(
        _ range: UIDRange, _ view: View, _ limit: Int, _ rows: inout Int, _ findings: inout [SearchFinding],
        _ matches: inout SearchMatches
    ) throws -> UID? {
        let snapshot = view.snapshot
        let needsMessage = plan.rest?.needsMessage ?? false
        return try view.scan(range, where: plan.filter, rows: &rows) { number, fields in
            let verdict = plan.rest.map { $0.verdict(fields, snapshot) } ?? true
            if verdict == false { return true }
            guard needsMessage else {
                matches.insert(fields.uid, number)
                return matches.count < limit
            }
            let message = verdict == true ? nil : fields.message
            findings.append(SearchFinding(number: number, uid: fields.uid, message: message))
            return findings.count < SearchSteps.maximumFindings
        }
    }

    /// Takes all messages of a range, by counting them: a run without gaps has as many as UIDs.
    /// - Returns: where to go on.
    private mutating func takeRun(
        _ range: UIDRange, _ view: View, _ limit: Int, _ rows: inout Int, _ matches: inout SearchMatches
    ) throws -> UID? {
        let last = UID(UInt32(min(UInt64(range.last.rawValue), UInt64(range.first.rawValue) + UInt64(window) - 1)))
        let run = UIDRange(range.first, last)
        let next = last < range.last ? UID(last.rawValue + 1) : nil
        var numbers = try view.numbers(in: run)
        if numbers.count > limit - matches.count {
            numbers = numbers.lowerBound..<(numbers.lowerBound + limit - matches.count)
        }
        if numbers.isEmpty {
            grow()
            return next
        }
        let end = try view.uid(at: numbers.upperBound - 1) ?? last
        let start = try view.uid(at: numbers.lowerBound) ?? run.first
        let shown = UIDRange(start, max(start, end))
        if !matches.keepsUIDs || shown.span == numbers.count {
            matches.insert(shown, numbers)
            grow()
            return matches.count < limit ? next : nil
        }
        guard run.span <= SearchSteps.smallestWindow else {
            window = max(run.span / 2, SearchSteps.smallestWindow)
            return range.first
        }
        grow()
        return try view.scan(run, rows: &rows) { number, fields in
            matches.insert(fields.uid, number)
            return matches.count < limit
        } ?? next
    }

    private mutating func grow() { window = min(window * 2, Int(UInt32.max)) }
}
