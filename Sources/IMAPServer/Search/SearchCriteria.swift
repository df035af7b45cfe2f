import IMAPCodec
import MailMessage
import MailModel
import Varve

/// A search key made ready: sets of messages resolved to UIDs, strings to `TextSearch`, cheap tests before dear ones.
indirect enum SearchTest {
    case all
    case has(SystemFlags)
    case hasNot(SystemFlags)
    case keyword(String)
    case recent(UIDSet)
    case uids(UIDSet)
    case larger(Int)
    case smaller(Int)
    case received(Range<Int>)
    /// Seconds since 1970 of the internal date.
    case receivedAt(Range<Int64>)
    /// Days since 1970 on which it came into the mailbox.
    case saved(Range<Int>)
    /// Changed at or after.
    case modSeq(ModSeq)
    case identity(MessageIdentity?)
    case sent(Range<Int>)
    case header(field: String, TextSearch)
    case body(TextSearch)
    case text(TextSearch)
    case not(SearchTest)
    case or(SearchTest, SearchTest)
    case and([SearchTest])

    /// What must be read for it: 0 the index, 1 the summary or the header, 2 bodies.
    var cost: Int {
        switch self {
        case .all, .has, .hasNot, .keyword, .recent, .uids, .larger, .smaller, .received, .receivedAt, .saved, .modSeq,
            .identity: 0
        case .sent, .header: 1
        case .body, .text: 2
        case .not(let test): test.cost
        case .or(let a, let b): max(a.cost, b.cost)
        case .and(let tests): tests.map(\.cost).max() ?? 0
        }
    }
}

extension SearchTest {
    /// How many of its tests read messages.
    var readingTests: Int {
        switch self {
        case .not(let test): test.readingTests
        case .or(let a, let b): a.readingTests + b.readingTests
        case .and(let tests): tests.reduce(0) { $0 + $1.readingTests }
        default: cost > 0 ? 1 : 0
        }
    }
}

struct SearchCriteria {
    let test: SearchTest
    /// Tests that read messages: each may read the whole of each, and a session's turn on its thread is one message.
    static let maximumReadingTests = 256
    /// No message outside of these can match.
    let candidates: UIDSet

    init(_ key: SearchKey, _ session: Session, _ view: View, recent: UIDSet) throws {
        test = try SearchCriteria.prepare(key, session, view, recent)
        guard test.readingTests <= SearchCriteria.maximumReadingTests else {
            throw CommandFailure(.no("A search has \(SearchCriteria.maximumReadingTests) strings at most", code: "LIMIT"))
        }
        candidates = SearchCriteria.bound(test)
    }

    private static func prepare(_ key: SearchKey, _ session: Session, _ view: View, _ recent: UIDSet) throws -> SearchTest {
        func day(_ day: CalendarDay) -> Int { day.daysSince1970 }
        let now = Int64(StoreOptions.systemClock() / 1000)
        switch key {
        case .all: return .all
        case .has(let flags): return .has(flags)
        case .hasNot(let flags): return .hasNot(flags)
        case .keyword(let name): return .keyword(name.lowercased())
        case .notKeyword(let name): return .not(.keyword(name.lowercased()))
        case .recent: return .recent(recent)
        case .notRecent: return .not(.recent(recent))
        case .sequenceNumbers(let set): return .uids(try session.resolve(set, byUID: false, view))
        case .uids(let set): return .uids(try session.resolve(set, byUID: true, view))
        case .larger(let size): return .larger(Int(size))
        case .smaller(let size): return .smaller(Int(size))
        case .before(let date): return .received(Int.min..<day(date))
        case .on(let date): return .received(day(date)..<(day(date) + 1))
        case .since(let date): return .received(day(date)..<Int.max)
        case .sentBefore(let date): return .sent(Int.min..<day(date))
        case .sentOn(let date): return .sent(day(date)..<(day(date) + 1))
        case .sentSince(let date): return .sent(day(date)..<Int.max)
        case .savedBefore(let date): return .saved(Int.min..<day(date))
        case .savedOn(let date): return .saved(day(date)..<(day(date) + 1))
        case .savedSince(let date): return .saved(day(date)..<Int.max)
        case .saveDateSupported: return .all
        case .older(let seconds): return .receivedAt(Int64.min..<(now - Int64(seconds) + 1))
        case .younger(let seconds): return .receivedAt((now - Int64(seconds) + 1)..<Int64.max)
        case .modSeq(let modSeq): return .modSeq(ModSeq(modSeq))
        case .emailID(let id): return .identity(session.account?.objectIDs.identity(id))
        case .threadID: return .not(.all)
        case .header(let field, let text): return .header(field: field, TextSearch(text))
        case .body(let text): return .body(TextSearch(text))
        case .text(let text): return .text(TextSearch(text))
        case .not(let key): return .not(try prepare(key, session, view, recent))
        case .or(let a, let b):
            return .or(try prepare(a, session, view, recent), try prepare(b, session, view, recent))
        case .and(let keys):
            var tests: [SearchTest] = []
            for key in keys { tests.append(try prepare(key, session, view, recent)) }
            return .and(tests.sorted { $0.cost < $1.cost })
        }
    }

    private static func bound(_ test: SearchTest) -> UIDSet {
        switch test {
        case .uids(let uids): uids
        case .recent(let uids): uids
        case .and(let tests):
            tests.reduce(UIDSet(UIDRange(.min, .max))) { $0.intersection(bound($1)) }
        case .or(let a, let b): bound(a).union(bound(b))
        default: UIDSet(UIDRange(.min, .max))
        }
    }

    func matches(_ candidate: inout SearchCandidate) throws -> Bool { try SearchCriteria.matches(test, &candidate) }

    private static func matches(_ test: SearchTest, _ candidate: inout SearchCandidate) throws -> Bool {
        let message = candidate.message
        switch test {
        case .all: return true
        case .has(let flags): return message.flags.isSuperset(of: flags)
        case .hasNot(let flags): return message.flags.isDisjoint(with: flags)
        case .keyword(let name):
            return candidate.keywords.contains { $0.lowercased() == name }
        case .recent(let uids), .uids(let uids): return uids.contains(message.uid)
        case .larger(let size): return message.size > size
        case .smaller(let size): return message.size < size
        case .received(let days): return days.contains(CalendarDay(message.internalDate).daysSince1970)
        case .receivedAt(let seconds): return seconds.contains(message.internalDate.seconds)
        case .saved(let days): return days.contains(CalendarDay(InternalDate(seconds: message.saveDate)).daysSince1970)
        case .modSeq(let modSeq): return message.modSeq >= modSeq
        case .identity(let identity): return message.identity == identity
        case .sent(let days): return try candidate.sentDay().map(days.contains) ?? false
        case .header(let field, let text): return try candidate.hasHeader(field, text)
        case .body(let text): return try candidate.hasText(text, header: false)
        case .text(let text): return try candidate.hasText(text, header: true)
        case .not(let test): return try !matches(test, &candidate)
        case .or(let a, let b): return try matches(a, &candidate) || matches(b, &candidate)
        case .and(let tests):
            for test in tests where try !matches(test, &candidate) { return false }
            return true
        }
    }
}
