import TestSupport
import Testing

/// One session changes a mailbox at random while another searches it. What the searching one hears must be what a plain look
/// at each message gives: of the messages that it has been told of, those among them that are gone and of which it has not
/// been told, and with the flags that all have now.
@Suite(.serialized) struct SearchModelTests {
    private static let searches = 250

    @Test(arguments: [1, 2, 3] as [UInt64]) func searchesGiveWhatLooksGive(_ seed: UInt64) async throws {
        let server = try TestServer()
        try await server.start()
        var run = try SearchModelRun(port: server.port, seed: seed)
        try run.fill()
        for _ in 0..<SearchModelTests.searches {
            if run.random.once(in: 2) { try run.change() }
            try run.search()
        }
        try await server.stop()
    }
}

/// A message as the model has it.
private struct ModelMessage {
    let uid: Int
    var flags: Set<String>
    let size: Int
    /// Of February 2020, the internal date.
    let day: Int
    let word: String
    var modSeq = 0
    var isGone = false
}

private struct SearchModelRun {
    private let changer: TestClient
    private let searcher: TestClient
    private let seed: UInt64
    var random: SeededGenerator
    private var messages: [Int: ModelMessage] = [:]
    /// UIDs of what the searcher knows, by their numbers.
    private var known: [Int] = []
    /// What it saved.
    private var saved: [Int] = []
    private var uidNext = 1
    private var tag = 0

    private static let flags = ["\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "alpha", "beta"]
    private static let words = ["red", "green", "blue"]

    init(port: Int, seed: UInt64) throws {
        self.seed = seed
        random = SeededGenerator(seed: seed)
        changer = try TestClient(port: port)
        searcher = try TestClient(port: port)
        for client in [changer, searcher] {
            _ = try client.line()
            try client.command("l", "LOGIN alice alice")
            try client.command("s", "SELECT INBOX")
        }
    }

    // MARK: Changes

    @discardableResult
    private mutating func say(_ text: String, _ client: TestClient) throws -> [String] {
        tag += 1
        let lines = try client.command("t\(tag)", text)
        try #require(lines.last?.hasPrefix("t\(tag) OK") == true, "seed \(seed): \(text): \(lines.suffix(3))")
        return lines
    }

    /// Enough for several leaves of the index.
    mutating func fill() throws {
        for _ in 0..<40 { try append() }
        for _ in 0..<3 {
            let originals = messages.values.sorted { $0.uid < $1.uid }
            try say("UID COPY 1:* INBOX", changer)
            for original in originals {
                messages[uidNext] = ModelMessage(
                    uid: uidNext, flags: original.flags, size: original.size, day: original.day, word: original.word)
                uidNext += 1
            }
        }
        try learnModSeqs(Array(messages.keys))
        try tell(say("NOOP", searcher))
    }

    private mutating func append() throws {
        let word = SearchModelRun.words.randomElement(using: &random)!
        let text = "Subject: \(word)\r\n\r\n" + String(repeating: "x", count: Int.random(in: 0...20, using: &random)) + word
        let day = Int.random(in: 1...28, using: &random)
        let flags = someFlags()
        let date = "\"\(day < 10 ? "0" : "")\(day)-Feb-2020 12:00:00 +0000\""
        try say("APPEND INBOX (\(flags.sorted().joined(separator: " "))) \(date) {\(text.utf8.count)+}\r\n\(text)", changer)
        messages[uidNext] = ModelMessage(uid: uidNext, flags: flags, size: text.utf8.count, day: day, word: word)
        uidNext += 1
    }

    private mutating func someFlags() -> Set<String> {
        Set(SearchModelRun.flags.filter { _ in random.once(in: 4) })
    }

    /// Some UIDs, near each other.
    private mutating func some() -> [Int] {
        let first = Int.random(in: 1..<uidNext, using: &random)
        let last = random.once(in: 5) ? first + 60 : first + Int.random(in: 0...6, using: &random)
        return (first...last).filter { messages[$0]?.isGone == false }
    }

    mutating func change() throws {
        switch Int.random(in: 0..<8, using: &random) {
        case 0:
            try append()
            try learnModSeqs([uidNext - 1])
        case 1, 2:
            let gone = some()
            guard !gone.isEmpty, messages.values.count(where: { !$0.isGone }) > 100 else { return }
            try say("UID STORE \(SearchModelRun.set(gone)) +FLAGS.SILENT (\\Deleted)", changer)
            try say("UID EXPUNGE \(SearchModelRun.set(gone))", changer)
            for uid in gone {
                messages[uid]!.isGone = true
                messages[uid]!.flags.insert("\\Deleted")
            }
        default:
            let uids = some()
            let flags = someFlags()
            guard !uids.isEmpty else { return }
            let adds = random.once(in: 2)
            let names = flags.sorted().joined(separator: " ")
            try say("UID STORE \(SearchModelRun.set(uids)) \(adds ? "+" : "-")FLAGS.SILENT (\(names))", changer)
            for uid in uids {
                if adds { messages[uid]!.flags.formUnion(flags) } else { messages[uid]!.flags.subtract(flags) }
            }
            try learnModSeqs(uids)
        }
    }

    private mutating func learnModSeqs(_ uids: [Int]) throws {
        guard !uids.isEmpty else { return }
        let lines = try say("UID FETCH \(SearchModelRun.set(uids.sorted())) (UID MODSEQ)", changer)
        for line in lines where line.contains(" FETCH (") {
            let uid = try #require(number(behind: "UID ", in: line), "\(line)")
            messages[uid]!.modSeq = try #require(number(behind: "MODSEQ (", in: line), "\(line)")
        }
    }

    private func number(behind label: String, in line: String) -> Int? {
        guard let range = line.firstRange(of: label) else { return nil }
        return Int(line[range.upperBound...].prefix { $0.isNumber })
    }

    /// Takes in what the searcher heard beside an answer.
    private mutating func tell(_ lines: [String]) {
        for line in lines {
            let words = line.split(separator: " ")
            guard words.count >= 3, words[0] == "*", let number = Int(words[1]) else { continue }
            if words[2] == "EXPUNGE" {
                let uid = known.remove(at: number - 1)
                saved.removeAll { $0 == uid }
            } else if words[2] == "EXISTS" {
                let new = messages.keys.filter { $0 > (known.last ?? 0) && !messages[$0]!.isGone }.sorted()
                known += new
                #expect(known.count == number, "seed \(seed), tag \(tag)")
            }
        }
    }

    // MARK: Searches

    private typealias Key = (text: String, holds: (ModelMessage) -> Bool)

    mutating func search() throws {
        let byUID = random.once(in: 2)
        let (key, asksModSeq) = self.key(depth: 3)
        let matches = known.filter { key.holds(messages[$0]!) }
        let name = byUID ? "UID SEARCH" : "SEARCH"
        let shown = { [known] (uids: [Int]) in byUID ? uids : uids.map { known.firstIndex(of: $0)! + 1 } }
        if random.once(in: 4) {
            let lines = try say("\(name) \(key.text)", searcher)
            var expected = (["* SEARCH"] + shown(matches).map(String.init)).joined(separator: " ")
            if asksModSeq, let modSeq = highest(matches) { expected += " (MODSEQ \(modSeq))" }
            check(lines, expected, key)
            return tell(lines)
        }
        let options = ["MIN", "MAX", "COUNT", "SAVE"].filter { _ in random.once(in: 2) }
        let ends = (Int.random(in: 1...30, using: &random), Int.random(in: 30...60, using: &random))
        let range = random.once(in: 3) ? ends : nil
        let isFromEnd = random.once(in: 2)
        let asksAll = range == nil && random.once(in: 2)
        let rangeText = range.map { isFromEnd ? "-\($0.0):-\($0.1)" : "\($0.0):\($0.1)" }
        let all = options + (asksAll ? ["ALL"] : []) + (rangeText.map { ["PARTIAL \($0)"] } ?? [])
        let lines = try say("\(name) RETURN (\(all.joined(separator: " "))) \(key.text)", searcher)
        let part = range.map { range in
            let ordered = isFromEnd ? matches.reversed() : matches
            return ordered.dropFirst(range.0 - 1).prefix(range.1 - range.0 + 1).sorted()
        }
        var expected = "* ESEARCH (TAG \"t\(tag)\")" + (byUID ? " UID" : "")
        var returned = Set(part ?? [])
        if options.contains("MIN"), let first = matches.first {
            expected += " MIN \(shown([first])[0])"
            returned.insert(first)
        }
        if options.contains("MAX"), let last = matches.last {
            expected += " MAX \(shown([last])[0])"
            returned.insert(last)
        }
        if asksAll || all.isEmpty, !matches.isEmpty { expected += " ALL \(SearchModelRun.set(shown(matches)))" }
        if options.contains("COUNT") { expected += " COUNT \(matches.count)" }
        if let part, let rangeText {
            expected += " PARTIAL (\(rangeText) \(part.isEmpty ? "NIL" : SearchModelRun.set(shown(part))))"
        }
        if asksAll || options.contains("COUNT") || all.isEmpty || all == ["SAVE"] { returned = Set(matches) }
        if asksModSeq, let modSeq = highest(Array(returned)) { expected += " MODSEQ \(modSeq)" }
        check(lines, all == ["SAVE"] ? nil : expected, key)
        if options.contains("SAVE") { saved = returned.sorted() }
        tell(lines)
    }

    /// - Parameter expected: nil if nothing is to be heard.
    private func check(_ lines: [String], _ expected: String?, _ key: Key) {
        let heard = lines.first { $0.hasPrefix("* SEARCH") || $0.hasPrefix("* ESEARCH") }
        let isRight = if let heard, let expected { TranscriptTests.matches(heard, expected) } else { heard == expected }
        let told = "expected: \(expected ?? "nothing")\n  heard:    \(heard ?? "nothing")"
        #expect(isRight, "seed \(seed), tag \(tag): \(key.text)\n  \(told)")
    }

    /// Of messages that are gone the client knows an older state; which, the model does not.
    private func highest(_ uids: [Int]) -> String? {
        let live = uids.filter { !messages[$0]!.isGone }
        if live.count < uids.count { return "<any>" }
        return live.map { messages[$0]!.modSeq }.max().map(String.init)
    }

    private mutating func key(depth: Int) -> (Key, asksModSeq: Bool) {
        if depth > 0 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0:
                let (a, asksA) = key(depth: depth - 1)
                return (("NOT \(a.text)", { !a.holds($0) }), asksA)
            case 1:
                let (a, asksA) = key(depth: depth - 1)
                let (b, asksB) = key(depth: depth - 1)
                return (("OR \(a.text) \(b.text)", { a.holds($0) || b.holds($0) }), asksA || asksB)
            case 2, 3:
                let (a, asksA) = key(depth: depth - 1)
                let (b, asksB) = key(depth: depth - 1)
                return (("(\(a.text) \(b.text))", { a.holds($0) && b.holds($0) }), asksA || asksB)
            default: break
            }
        }
        if random.once(in: 8) {
            let modSeq = Int.random(in: 1...(tag + 60), using: &random)
            return (("MODSEQ \(modSeq)", { !$0.isGone && $0.modSeq >= modSeq }), true)
        }
        return (leaf(), false)
    }

    private mutating func leaf() -> Key {
        let flag = SearchModelRun.flags.randomElement(using: &random)!
        let isSet = random.once(in: 2)
        let number = Int.random(in: 1...28, using: &random)
        let word = SearchModelRun.words.randomElement(using: &random)!
        switch Int.random(in: 0..<12, using: &random) {
        case 0: return ("ALL", { _ in true })
        case 1, 2, 3:
            let name = flag.hasPrefix("\\") ? flag.dropFirst().uppercased() : "KEYWORD \(flag.uppercased())"
            return ("\(isSet ? "" : "UN")\(name)", { $0.flags.contains(flag) == isSet })
        case 4:
            let size = 22 + number
            return isSet ? ("LARGER \(size)", { $0.size > size }) : ("SMALLER \(size)", { $0.size < size })
        case 5: return ("ON \(number)-Feb-2020", { $0.day == number })
        case 6: return isSet
            ? ("BEFORE \(number)-Feb-2020", { $0.day < number }) : ("SINCE \(number)-Feb-2020", { $0.day >= number })
        case 7: return ("SUBJECT \(word)", { $0.word == word })
        case 8:
            let saved = Set(saved)
            return (isSet ? "$" : "UID $", { saved.contains($0.uid) })
        case 9:
            let first = Int.random(in: 1...known.count, using: &random)
            let last = min(known.count, first + number)
            let uids = Set(known[(first - 1)...(last - 1)])
            return ("\(first):\(last)", { uids.contains($0.uid) })
        case 10:
            let last = known.last!
            return ("UID \(number * 12):*", { $0.uid >= min(number * 12, last) })
        default:
            let first = Int.random(in: 1..<uidNext, using: &random)
            return ("UID \(first + number),\(first)", { $0.uid == first || $0.uid == first + number })
        }
    }

    /// As IMAP writes it.
    private static func set(_ numbers: [Int]) -> String {
        var ranges: [(Int, Int)] = []
        for number in numbers {
            if let last = ranges.last, last.1 + 1 == number {
                ranges[ranges.count - 1].1 = number
            } else {
                ranges.append((number, number))
            }
        }
        return ranges.map { $0 == $1 ? "\($0)" : "\($0):\($1)" }.joined(separator: ",")
    }
}
