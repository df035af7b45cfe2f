import MailModel
import Varve

/// A search while it is carried out. No state of the account is held from one step to the next; the session's mark keeps
/// sequence numbers as they are.
struct SearchRun {
    let plan: SearchPlan
    let account: Account
    let selected: SelectedMailbox
    let keepsUIDs: Bool
    let keepsNumbers: Bool
    /// Messages that could not be read.
    var damaged = 0

    /// Messages that are looked at first where the last matches are sought, doubled until there are enough.
    static let firstWindow = 1024
    static let largestWindow = 1 << 20
    /// Ranges whose messages are counted in one go.
    static let maximumCountedRanges = 1024
    /// A search has its thread for so long before others have it, or for one message.
    static let turn = Duration.milliseconds(1)

    /// How many match, if counters say so.
    func countedMatches() throws -> Int? {
        guard plan.rest == nil, plan.within.ranges.count <= SearchRun.maximumCountedRanges else { return nil }
        let view = try selected.view(account)
        var sum = 0
        for range in plan.within.ranges {
            guard let count = try view.count(in: range, where: plan.filter) else { return nil }
            sum += count
        }
        return sum
    }
}

extension Session {
    /// The first matches, `limit` of them at most.
    func findFirst(_ limit: Int, _ run: inout SearchRun) async throws -> SearchMatches {
        try await find(run.plan.within.ranges, limit, &run)
    }

    /// The last matches, `limit` of them at most.
    func findLast(_ limit: Int, _ run: inout SearchRun) async throws -> SearchMatches {
        var left = run.plan.within.ranges
        var parts: [SearchMatches] = []
        var count = 0
        var window = SearchRun.firstWindow
        while count < limit, !left.isEmpty, !state.isLoggedOut {
            let ranges = try takeLast(window, &left, run)
            parts.append(try await find(ranges, .max, &run))
            count += parts.last?.count ?? 0
            window = min(window * 2, SearchRun.largestWindow)
        }
        let all = SearchMatches(keepsUIDs: run.keepsUIDs, keepsNumbers: run.keepsNumbers, descending: parts)
        return all.part(max(0, all.count - limit)..<all.count)
    }

    /// Takes from the end of `left` what has so many messages of the view.
    private func takeLast(_ count: Int, _ left: inout [UIDRange], _ run: SearchRun) throws -> [UIDRange] {
        let view = try run.selected.view(run.account)
        var taken: [UIDRange] = []
        var missing = count
        while missing > 0, let range = left.popLast() {
            // Also a range without messages has its cost.
            missing -= 1
            let numbers = try view.numbers(in: range)
            guard !numbers.isEmpty else { continue }
            if numbers.count > missing + 1, let first = try view.uid(at: numbers.upperBound - missing - 1),
                first > range.first
            {
                left.append(UIDRange(range.first, UID(first.rawValue - 1)))
                taken.append(UIDRange(first, range.last))
                break
            }
            taken.append(range)
            missing -= numbers.count
        }
        return taken.reversed()
    }

    private func find(_ ranges: [UIDRange], _ limit: Int, _ run: inout SearchRun) async throws -> SearchMatches {
        var matches = SearchMatches(keepsUIDs: run.keepsUIDs, keepsNumbers: run.keepsNumbers)
        var steps = SearchSteps(run.plan, ranges)
        var turn = ContinuousClock.now
        while !steps.isAtEnd, matches.count < limit {
            let findings = try steps.next(run.selected.view(run.account), limit: limit, &matches)
            for finding in findings where matches.count < limit {
                guard let message = finding.message else {
                    matches.insert(finding.uid, finding.number)
                    continue
                }
                if try isMatch(message, finding.number, &run) { matches.insert(finding.uid, finding.number) }
                // Others have the thread, too; to hand it over costs more than a small message does.
                guard ContinuousClock.now - turn > SearchRun.turn else { continue }
                await Task.yield()
                turn = .now
                if connection.isClosed { state = leaving() }
                if state.isLoggedOut { return matches }
            }
            await Task.yield()
            turn = .now
            if connection.isClosed { state = leaving() }
            if state.isLoggedOut { break }
        }
        return matches
    }

    private func isMatch(_ message: Message, _ number: Int, _ run: inout SearchRun) throws -> Bool {
        guard let rest = run.plan.rest else { return true }
        do {
            let entry = MessageBatches.Entry(number: number, message: message, keywords: [])
            var candidate = SearchCandidate(entry, run.account.store)
            return try rest.matches(&candidate, run.account.store.snapshot())
        } catch let error as StoreError where error.kind == .corrupt {
            // One damaged message keeps nobody from the others.
            logger.critical("damage", metadata: ["uid": "\(message.uid)", "error": "\(error)"])
            run.damaged += 1
            return false
        }
    }

    /// The highest mod-sequence of some messages; nil for none. One that is expunged and still shown has the last that the
    /// client may know of: from what it hears here it must not conclude that it has been told of the expunge.
    func highestModSeq(of uids: UIDSet, _ run: SearchRun) async throws -> ModSeq? {
        var highest: ModSeq?
        var index = 0
        var resume: UID?
        while index < uids.ranges.count, !state.isLoggedOut {
            let view = try run.selected.view(run.account)
            var rows = run.plan.rowsPerStep
            while index < uids.ranges.count, rows > 0 {
                let range = uids.ranges[index]
                rows -= 1
                resume = try view.scan(UIDRange(resume ?? range.first, range.last), rows: &rows) { _, fields in
                    highest = max(highest ?? .zero, fields.isExpunged ? view.mark.vanished : fields.modSeq)
                    return true
                }
                if resume == nil { index += 1 }
            }
            await Task.yield()
        }
        return highest
    }
}
