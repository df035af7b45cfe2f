import Foundation
import MailModel
import MailboxEngines
import TestSupport
import Testing

/// Every engine must answer as a plain model does: else the bench compares what is not the same.
///
/// A failure names its seed. To run another: `VARVE_MODEL_SEED=n swift test --filter MailboxEngineTests`.
@Suite struct MailboxEngineTests {
    @Test(arguments: Engines.names) func answersAsAModelDoes(_ name: String) throws {
        let seed = ProcessInfo.processInfo.environment["VARVE_MODEL_SEED"].flatMap(UInt64.init) ?? 1
        try withSeed(seed) {
            let folder = TemporaryFolder()
            let engine = try #require(Engines.all.first { $0.name == name })
            var trial = try Trial(engine, folder.path, seed)
            for _ in 0..<60 { try trial.step() }
            try trial.check()
            try trial.reopen()
            try trial.check()
            try trial.close()
        }
    }

    @Test(arguments: Engines.names) func manyAppendAtOnce(_ name: String) throws {
        try append(name) { engine, mailbox, corpus in
            let uids = Collected()
            DispatchQueue.concurrentPerform(iterations: 8) { thread in
                for number in 0..<20 {
                    do {
                        uids.add(try engine.append(corpus.message(thread * 20 + number), to: mailbox))
                    } catch {
                        Issue.record(error)
                    }
                }
            }
            #expect(uids.sorted == (1...160).map { UID($0) })
        }
    }

    @Test(arguments: Engines.names) func manyAppendAndAreCalledBack(_ name: String) throws {
        try append(name) { engine, mailbox, corpus in
            guard let engine = engine as? any QueueingEngine else {
                for number in 0..<160 { _ = try engine.append(corpus.message(number), to: mailbox) }
                return
            }
            let all = DispatchGroup()
            DispatchQueue.concurrentPerform(iterations: 4) { thread in
                for number in 0..<40 {
                    all.enter()
                    engine.append(corpus.message(thread * 40 + number), to: mailbox) { outcome in
                        if case .failure(let error) = outcome { Issue.record(error) }
                        all.leave()
                    }
                }
            }
            all.wait()
        }
    }

    /// - Parameter work: appends messages 0 to 159, of which each must then be there once.
    private func append(_ name: String, _ work: (any MailboxEngine, MailboxKey, MessageCorpus) throws -> Void) throws {
        let folder = TemporaryFolder()
        let engine = try #require(Engines.all.first { $0.name == name }).open(folder.path)
        try engine.create(["one"])
        let mailbox = try engine.mailbox("one")
        let corpus = MessageCorpus(seed: 1, messageSize: 600)
        try work(engine, mailbox, corpus)
        #expect(try engine.status(of: mailbox).messages == 160)
        var bodies: Set<[UInt8]> = []
        for uid in 1...160 as ClosedRange<UInt32> {
            var body = [UInt8](repeating: 0, count: 600)
            try body.withUnsafeMutableBytes { try engine.read(uid, 0..<600, in: mailbox, into: $0) }
            bodies.insert(body)
        }
        #expect(bodies == Set((0..<160).map(corpus.message)))
        try engine.close()
    }

    private func withSeed(_ seed: UInt64, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            Issue.record("seed \(seed): \(error)")
        }
    }
}

private final class Collected: @unchecked Sendable {
    private let lock = NSLock()
    private var uids: [UID] = []

    func add(_ uid: UID) { lock.withLock { uids.append(uid) } }
    var sorted: [UID] { lock.withLock { uids.sorted() } }
}

/// Random work on an engine and on a model, and whether they agree.
private struct Trial {
    private struct Message {
        var flags: SystemFlags = []
        /// Counts changes: what changed after a moment has a number above the moment's.
        var change: Int
        var number: Int
    }

    private struct Box {
        var messages: [UInt32: Message] = [:]
        var gone: [UInt32: Int] = [:]
        var uidNext: UInt32 = 1
    }

    private struct Mismatch: Error, CustomStringConvertible {
        let description: String
    }

    private static let names = ["a", "a/one", "b"]
    private let type: any MailboxEngine.Type
    private let folder: String
    private let seed: UInt64
    private let corpus: MessageCorpus
    private var engine: any MailboxEngine
    private var random: SeededGenerator
    private var boxes: [Box]
    private var moment = 0
    private var nextMessage = 0
    /// Of each mailbox: modseqs that were its highest, and after which moment that was.
    private var known: [[(modSeq: UInt64, moment: Int)]]

    init(_ type: any MailboxEngine.Type, _ folder: String, _ seed: UInt64) throws {
        self.type = type
        self.folder = folder
        self.seed = seed
        random = SeededGenerator(seed: seed)
        // More than a chunk of Varve's, so that parts begin and end in other chunks.
        corpus = MessageCorpus(seed: seed, messageSize: 100_000)
        let engine = try type.open(folder)
        try engine.create(Trial.names)
        self.engine = engine
        boxes = Trial.names.map { _ in Box() }
        known = try Trial.names.map { name in [(try engine.status(of: engine.mailbox(name)).highestModSeq, 0)] }
    }

    mutating func reopen() throws {
        try engine.close()
        engine = try type.open(folder)
    }

    func close() throws { try engine.close() }

    mutating func step() throws {
        let index = Int.random(in: 0..<boxes.count, using: &random)
        let mailbox = try engine.mailbox(Trial.names[index])
        moment += 1
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<3:
            let uid = try engine.append(corpus.message(nextMessage), to: mailbox)
            guard uid.rawValue == boxes[index].uidNext else { throw mismatch("UID \(uid)") }
            add(index)
        case 3:
            let count = Int.random(in: 1...12, using: &random)
            // `load` takes the corpus from its beginning.
            let before = nextMessage
            try engine.load(corpus, into: [(mailbox, count)])
            for number in 0..<count { add(index, number: number) }
            nextMessage = before
        case 4..<8:
            let flag = SystemFlags.names.randomElement(using: &random)!.flag
            let isSet = Bool.random(using: &random)
            let uids = someUIDs(index)
            try engine.change(flag, isSet: isSet, of: uids, in: mailbox)
            for uid in boxes[index].messages.keys where uids.contains(UID(uid)) {
                var message = boxes[index].messages[uid]!
                if isSet { message.flags.insert(flag) } else { message.flags.remove(flag) }
                guard message.flags != boxes[index].messages[uid]!.flags else { continue }
                message.change = moment
                boxes[index].messages[uid] = message
            }
        default:
            let uids = someUIDs(index)
            try engine.expunge(uids, in: mailbox)
            for uid in boxes[index].messages.keys where uids.contains(UID(uid)) {
                boxes[index].messages[uid] = nil
                boxes[index].gone[uid] = moment
            }
        }
        known[index].append((try engine.status(of: mailbox).highestModSeq, moment))
    }

    private mutating func add(_ index: Int, number: Int? = nil) {
        boxes[index].messages[boxes[index].uidNext] = Message(change: moment, number: number ?? nextMessage)
        boxes[index].uidNext += 1
        if number == nil { nextMessage += 1 }
    }

    private mutating func someUIDs(_ index: Int) -> UIDSet {
        let last = max(boxes[index].uidNext - 1, 1)
        if random.once(in: 4) { return UIDSet(UIDRange(.min, UID(last))) }
        return UIDSet(
            (0..<3).map { _ in
                let first = UInt32.random(in: 1...last, using: &random)
                return UIDRange(UID(first), UID(min(last, first + UInt32.random(in: 0...4, using: &random))))
            })
    }

    private func mismatch(_ what: String) -> Mismatch { Mismatch(description: "\(type.name): \(what)") }

    mutating func check() throws {
        var list = ListDigest()
        for (index, box) in boxes.enumerated() {
            let mailbox = try engine.mailbox(Trial.names[index])
            let numbers = try engine.status(of: mailbox)
            let expected = MailboxNumbers(
                messages: UInt32(box.messages.count),
                unseen: UInt32(box.messages.values.count { !$0.flags.contains(.seen) }),
                uidNext: box.uidNext, highestModSeq: numbers.highestModSeq)
            guard numbers == expected else { throw mismatch("\(numbers), not \(expected)") }
            Array(mailbox.name.utf8).withUnsafeBytes { list.add(name: $0, numbers) }
            try check(box, mailbox, known[index])
        }
        // Varve has an INBOX of its own.
        if let inbox = try? engine.mailbox("INBOX") {
            let numbers = try engine.status(of: inbox)
            Array("INBOX".utf8).withUnsafeBytes { list.add(name: $0, numbers) }
        }
        let listed = try engine.list()
        guard listed == list else { throw mismatch("\(listed), not \(list)") }
    }

    private mutating func check(_ box: Box, _ mailbox: MailboxKey, _ known: [(modSeq: UInt64, moment: Int)]) throws {
        let live = box.messages.keys.sorted()
        var digest = ScanDigest()
        for uid in live { digest.add(uid: uid, flags: box.messages[uid]!.flags.rawValue) }
        let scanned = try engine.scan(mailbox)
        guard scanned == digest else { throw mismatch("scan \(scanned), not \(digest)") }

        var numbers: [UInt32] = []
        try engine.sequenceNumbers(of: live, in: mailbox, into: &numbers)
        guard numbers == live.indices.map({ UInt32($0 + 1) }) else { throw mismatch("sequence numbers \(numbers) of \(live)") }
        var uids: [UInt32] = []
        try engine.uids(at: numbers, in: mailbox, into: &uids)
        guard uids == live else { throw mismatch("UIDs \(uids), not \(live)") }

        for (modSeq, moment) in known {
            var changes: [Change] = []
            try engine.changed(in: mailbox, since: modSeq, into: &changes)
            let changed = box.messages.filter { $0.value.change > moment }
            guard Set(changes.map(\.uid)) == Set(changed.keys), changes.count == changed.count,
                changes.allSatisfy({ $0.flags == box.messages[$0.uid]!.flags.rawValue && $0.modSeq > modSeq })
            else { throw mismatch("changed since \(modSeq): \(changes), not \(changed)") }
            var ranges: [UIDRange] = []
            try engine.vanished(in: mailbox, since: modSeq, into: &ranges)
            let vanished = UIDSet(box.gone.filter { $0.value > moment }.keys.map { UID($0) }.sorted())
            guard UIDSet(ranges) == vanished else { throw mismatch("vanished since \(modSeq): \(ranges), not \(vanished)") }
        }
        for uid in live {
            let body = corpus.message(box.messages[uid]!.number)
            let from = Int.random(in: 0..<body.count, using: &random)
            for part in [0..<body.count, from..<Int.random(in: from...body.count, using: &random)] {
                var read = [UInt8](repeating: 0, count: body.count)
                try read.withUnsafeMutableBytes { try engine.read(uid, part, in: mailbox, into: $0) }
                guard read[..<part.count].elementsEqual(body[part]) else { throw mismatch("message \(uid), bytes \(part)") }
            }
        }
    }
}
