import IMAPCodec
import MailMessage
import MailModel
import Varve

/// A search made ready: where to look, what to ask of the flags there, and what remains to be asked of each message.
struct SearchPlan {
    /// No message outside of these can match.
    let within: UIDSet
    let filter: FlagFilter
    /// What must hold beside these two; nil if nothing.
    let rest: SearchTest?
    /// Rows of the index that are looked at in one go: fewer, the more is asked of each.
    let rowsPerStep: Int

    /// Tests that read messages: each may read the whole of each, and a session's turn on its thread is one message.
    static let maximumReadingTests = 256
    /// Ranges of UIDs in all sets that a search names: numbers, UIDs, `$`, MODSEQ.
    static let maximumRanges = 4 << 20

    /// Every message in `within` matches.
    var isPlain: Bool { rest == nil && filter == .all }

    init(_ key: SearchKey, _ session: Session, _ view: View, recent: UIDSet) throws {
        var preparation = SearchPreparation(session: session, view: view, recent: recent)
        let conjunction = try preparation.conjunction(of: [key])
        within = conjunction.uids ?? UIDSet(UIDRange(.min, .max))
        filter = FlagFilter(has: conjunction.has, hasNot: conjunction.hasNot)
        rest = conjunction.others.isEmpty ? nil : .and(conjunction.others)
        let size = rest?.size ?? (tests: 0, reading: 0)
        guard size.reading <= SearchPlan.maximumReadingTests else {
            throw CommandFailure(.no("A search has \(SearchPlan.maximumReadingTests) strings at most", code: "LIMIT"))
        }
        rowsPerStep = max(256, 16_384 / (1 + size.tests / 4))
    }
}

/// What must hold together.
private struct Conjunction {
    /// nil: any.
    var uids: UIDSet?
    var has: SystemFlags = []
    var hasNot: SystemFlags = []
    /// The cheap ones first.
    var others: [SearchTest] = []

    var test: SearchTest {
        var tests: [SearchTest] = []
        if let uids {
            if uids.isEmpty { return .nothing }
            tests.append(.uids(uids))
        }
        if !has.isEmpty { tests.append(.has(has)) }
        if !hasNot.isEmpty { tests.append(.hasNot(hasNot)) }
        tests += others
        return tests.isEmpty ? .everything : tests.count == 1 ? tests[0] : .and(tests)
    }
}

/// Turns keys into tests. What only names messages becomes one set of UIDs, however it is put together.
private struct SearchPreparation {
    let session: Session
    let view: View
    let recent: UIDSet
    var ranges = 0
    let now = Int64(StoreOptions.systemClock() / 1000)

    private mutating func counted(_ set: UIDSet) throws -> SearchTest {
        ranges += set.ranges.count
        guard ranges <= SearchPlan.maximumRanges else {
            throw CommandFailure(.no("The search names too many messages one by one", code: "LIMIT"))
        }
        return .uids(set)
    }

    mutating func conjunction(of keys: [SearchKey]) throws -> Conjunction {
        var result = Conjunction()
        var sets: [UIDSet] = []
        var excluded: [UIDRange] = []
        func add(_ test: SearchTest) {
            switch test {
            case .uids(let uids): sets.append(uids)
            case .has(let flags): result.has.formUnion(flags)
            case .hasNot(let flags): result.hasNot.formUnion(flags)
            case .and(let tests): tests.forEach(add)
            default: result.others.append(test)
            }
        }
        for key in keys {
            // Many sets that are not to be are one.
            if case .not(let inner) = key {
                let test = try prepare(inner)
                if case .uids(let uids) = test { excluded += uids.ranges } else { add(negated(test)) }
            } else {
                add(try prepare(key))
            }
        }
        if !sets.isEmpty || !excluded.isEmpty {
            // The small ones first: what they leave is small.
            sets.sort { $0.ranges.count < $1.ranges.count }
            let all = sets.dropFirst().reduce(sets.first ?? UIDSet(UIDRange(.min, .max))) { $0.intersection($1) }
            result.uids = all.subtracting(UIDSet(excluded))
        }
        result.others.sort { $0.cost < $1.cost }
        return result
    }

    private func negated(_ test: SearchTest) -> SearchTest {
        switch test {
        case .uids(let uids): .uids(UIDSet(UIDRange(.min, .max)).subtracting(uids))
        case .has(let flags) where flags.rawValue.nonzeroBitCount == 1: .hasNot(flags)
        case .hasNot(let flags) where flags.rawValue.nonzeroBitCount == 1: .has(flags)
        case .not(let test): test
        default: .not(test)
        }
    }

    private mutating func prepare(_ key: SearchKey) throws -> SearchTest {
        func days(_ from: CalendarDay?, _ to: CalendarDay?) -> Range<Int> {
            (from?.daysSince1970 ?? Int.min)..<(to?.daysSince1970 ?? Int.max)
        }
        func day(_ day: CalendarDay) -> Range<Int> { day.daysSince1970..<(day.daysSince1970 + 1) }
        switch key {
        case .all, .saveDateSupported: return .everything
        case .has(let flags): return .has(flags)
        case .hasNot(let flags): return .hasNot(flags)
        case .keyword(let name): return .keyword(KeywordTest(name))
        case .notKeyword(let name): return .not(.keyword(KeywordTest(name)))
        case .recent: return try counted(recent)
        case .notRecent: return negated(try counted(recent))
        case .sequenceNumbers(let set): return try counted(try session.resolve(set, byUID: false, view))
        case .uids(let set): return try counted(try session.resolve(set, byUID: true, view))
        // Equal or greater (RFC 7162 §3.1.5).
        case .modSeq(let modSeq): return try counted(view.changedSet(since: ModSeq(modSeq > 0 ? modSeq - 1 : 0)))
        case .larger(let size): return .larger(Int(size))
        case .smaller(let size): return .smaller(Int(size))
        case .before(let date): return .received(days(nil, date))
        case .on(let date): return .received(day(date))
        case .since(let date): return .received(days(date, nil))
        case .sentBefore(let date): return .sent(days(nil, date))
        case .sentOn(let date): return .sent(day(date))
        case .sentSince(let date): return .sent(days(date, nil))
        case .savedBefore(let date): return .saved(days(nil, date))
        case .savedOn(let date): return .saved(day(date))
        case .savedSince(let date): return .saved(days(date, nil))
        // RFC 5032 §2: both have the second that lies so far back.
        case .older(let seconds): return .receivedAt(Int64.min..<(now - Int64(seconds) + 1))
        case .younger(let seconds): return .receivedAt((now - Int64(seconds))..<Int64.max)
        case .emailID(let id):
            return session.account?.objectIDs.identity(id).map { .identity($0) } ?? .nothing
        // No message has one (RFC 8474 §5.2).
        case .threadID: return .nothing
        case .header(let field, let text): return .header(field: field, TextSearch(text))
        case .body(let text): return .body(TextSearch(text))
        case .text(let text): return .text(TextSearch(text))
        case .not(let key): return negated(try prepare(key))
        case .or(let a, let b):
            let (first, second) = (try prepare(a), try prepare(b))
            if case .uids(let these) = first, case .uids(let those) = second { return .uids(these.union(those)) }
            return .or(first, second)
        case .and(let keys): return try conjunction(of: keys).test
        }
    }
}
