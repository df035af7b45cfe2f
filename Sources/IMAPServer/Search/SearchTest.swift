import IMAPCodec
import MailMessage
import MailModel
import Varve

/// A search key made ready: sets of messages resolved to UIDs, strings to `TextSearch`.
indirect enum SearchTest {
    /// Just the messages of the view that have these UIDs, which may span UIDs of no message: sequence numbers, UIDs,
    /// `$`, ALL, \Recent, MODSEQ.
    case uids(UIDSet)
    case has(SystemFlags)
    case hasNot(SystemFlags)
    case keyword(KeywordTest)
    case larger(Int)
    case smaller(Int)
    /// Days since 1970 of the internal date, in its own zone.
    case received(Range<Int>)
    /// Seconds since 1970 of the internal date.
    case receivedAt(Range<Int64>)
    /// Days since 1970 on which it came into the mailbox.
    case saved(Range<Int>)
    case identity(MessageIdentity)
    case sent(Range<Int>)
    case header(field: String, TextSearch)
    case body(TextSearch)
    case text(TextSearch)
    case not(SearchTest)
    case or(SearchTest, SearchTest)
    case and([SearchTest])

    static var everything: SearchTest { .uids(UIDSet(UIDRange(.min, .max))) }
    static var nothing: SearchTest { .uids(UIDSet()) }

    /// What must be read for it: 0 hot fields of the index, 1 others of it, 2 the summary or the header, 3 bodies.
    var cost: Int {
        switch self {
        case .uids, .has, .hasNot, .keyword: 0
        case .larger, .smaller, .received, .receivedAt, .saved, .identity: 1
        case .sent, .header: 2
        case .body, .text: 3
        case .not(let test): test.cost
        case .or(let a, let b): max(a.cost, b.cost)
        case .and(let tests): tests.map(\.cost).max() ?? 0
        }
    }

    /// Something is asked for that the index does not know.
    var needsMessage: Bool { cost > 1 }

    /// How many tests it is made of, and how many of these read messages.
    var size: (tests: Int, reading: Int) {
        func sum(_ a: (tests: Int, reading: Int), _ b: (tests: Int, reading: Int)) -> (tests: Int, reading: Int) {
            (a.tests + b.tests, a.reading + b.reading)
        }
        switch self {
        case .not(let test): return test.size
        case .or(let a, let b): return sum(a.size, b.size)
        case .and(let tests): return tests.reduce((0, 0)) { sum($0, $1.size) }
        default: return (1, needsMessage ? 1 : 0)
        }
    }
}

/// Whether a message bears a keyword, by the number of its set of keywords: each set is looked into once.
final class KeywordTest {
    private let name: String
    private var known: [UInt32: Bool] = [:]
    /// Sets that are remembered at one time.
    private static let maximumKnown = 4096

    init(_ name: String) { self.name = name.lowercased() }

    /// - Parameter snapshot: of the message, whose set it must know.
    func holds(_ set: UInt32, _ snapshot: Snapshot) -> Bool {
        if set == 0 { return false }
        if let answer = known[set] { return answer }
        let answer = snapshot.keywords(ofSet: set).contains { $0.lowercased() == name }
        if known.count >= KeywordTest.maximumKnown { known.removeAll(keepingCapacity: true) }
        known[set] = answer
        return answer
    }
}

/// What tests look at: a row of the index where it lies, or a copy of it.
protocol SearchedFields: ~Copyable {
    var uid: UID { get }
    var flags: SystemFlags { get }
    var keywordSet: UInt32 { get }
    var size: Int { get }
    var internalDate: InternalDate { get }
    var saveDate: Int64 { get }
    var identity: MessageIdentity { get }
}

extension Message: SearchedFields {}
extension MessageFields: SearchedFields {}

extension SearchTest {
    /// What the index alone says of a message; nil if the message must be read for that.
    func verdict(_ fields: borrowing some SearchedFields & ~Copyable, _ snapshot: Snapshot) -> Bool? {
        switch self {
        case .uids(let uids): return uids.contains(fields.uid)
        case .has(let flags): return fields.flags.isSuperset(of: flags)
        case .hasNot(let flags): return fields.flags.isDisjoint(with: flags)
        case .keyword(let test): return test.holds(fields.keywordSet, snapshot)
        case .larger(let size): return fields.size > size
        case .smaller(let size): return fields.size < size
        case .received(let days): return days.contains(CalendarDay(fields.internalDate).daysSince1970)
        case .receivedAt(let seconds): return seconds.contains(fields.internalDate.seconds)
        case .saved(let days): return days.contains(CalendarDay(InternalDate(seconds: fields.saveDate)).daysSince1970)
        case .identity(let identity): return fields.identity == identity
        case .sent, .header, .body, .text: return nil
        case .not(let test): return test.verdict(fields, snapshot).map { !$0 }
        case .or(let a, let b):
            let first = a.verdict(fields, snapshot)
            if first == true { return true }
            let second = b.verdict(fields, snapshot)
            return second == true ? true : first == nil ? nil : second
        case .and(let tests):
            var result: Bool? = true
            for test in tests {
                switch test.verdict(fields, snapshot) {
                case true?: continue
                case false?: return false
                case nil: result = nil
                }
            }
            return result
        }
    }

    /// Whether it holds, the message being read where it must.
    func matches(_ candidate: inout SearchCandidate, _ snapshot: Snapshot) throws -> Bool {
        if let verdict = verdict(candidate.message, snapshot) { return verdict }
        switch self {
        case .sent(let days): return try candidate.sentDay().map(days.contains) ?? false
        case .header(let field, let text): return try candidate.hasHeader(field, text)
        case .body(let text): return try candidate.hasText(text, header: false)
        case .text(let text): return try candidate.hasText(text, header: true)
        case .not(let test): return try !test.matches(&candidate, snapshot)
        case .or(let a, let b): return try a.matches(&candidate, snapshot) || b.matches(&candidate, snapshot)
        case .and(let tests):
            for test in tests where try !test.matches(&candidate, snapshot) { return false }
            return true
        default: return false
        }
    }
}
