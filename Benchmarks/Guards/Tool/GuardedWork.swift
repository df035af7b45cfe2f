import CAllocations
import MailModel
import MailboxEngines
import TestSupport

/// Operations of Varve's whose instructions and allocations are counted and held to what they were: `Benchmarks/guards.py` runs each
/// under callgrind, which counts within `countedSection` alone.
enum GuardedWork: String, CaseIterable, Sendable {
    case append, load, changed, vanished, scan, list, expunge, body
    case bodyPart = "body-part"
    case sequenceNumber = "sequence-number"
    case uidAt = "uid-at"
    case storeOne = "store-one"
    case storeAll = "store-all"

    /// Messages of the mailbox that is worked on, mailboxes of the account that is listed.
    private static let messages = 4000
    private static let mailboxes = 1000
    private static let largeBodies = 4
    /// Bytes of most messages.
    private static let message = 4096

    /// Does the work in a store of its own.
    /// - Parameter folder: an empty one.
    func perform(folder: String, seed: UInt64) throws -> Counted {
        let engine = try VarveEngine.open(folder)
        defer { try? engine.close() }
        let corpus = MessageCorpus(seed: seed, messageSize: GuardedWork.message, texts: 64)
        let names = self == .list ? (0..<GuardedWork.mailboxes).map { "chat \($0)" } : ["work"]
        try engine.create(names)
        let mailbox = try engine.mailbox(names[0])
        switch self {
        case .append:
            for number in 0..<400 { _ = try engine.append(corpus.message(number), to: mailbox) }
            try GuardedWork.settle(engine, corpus, mailbox)
            return try GuardedWork.counted(200) { for number in 0..<$0 { _ = try engine.append(corpus.message(number), to: mailbox) } }
        case .load:
            return try GuardedWork.counted(2000) { try engine.load(corpus, into: [(mailbox, $0)]) }
        case .list:
            let small = MessageCorpus(seed: seed, messageSize: 512)
            try engine.load(small, into: try names.map { (try engine.mailbox($0), 1) })
            _ = try engine.list()
            return try GuardedWork.counted(names.count) { _ in _ = try engine.list() }
        case .bodyPart:
            let large = MessageCorpus(seed: seed, messageSize: 1 << 20)
            try engine.load(large, into: [(mailbox, GuardedWork.largeBodies)])
            return try GuardedWork.read(engine, mailbox, of: GuardedWork.largeBodies) { 70_000 * ($0 % 14)..<70_000 * ($0 % 14) + GuardedWork.message }
        default:
            try engine.load(corpus, into: [(mailbox, GuardedWork.messages)])
            try GuardedWork.settle(engine, corpus, mailbox)
        }
        return try perform(engine, mailbox, seed)
    }

    /// Sees to it that nothing is left to be done beside the work that is counted, as the making of a dictionary.
    private static func settle(_ engine: VarveEngine, _ corpus: MessageCorpus, _ mailbox: MailboxKey) throws {
        for number in 0..<2 {
            _ = try engine.append(corpus.message(number), to: mailbox)
            engine.settle()
        }
    }

    private func perform(_ engine: VarveEngine, _ mailbox: MailboxKey, _ seed: UInt64) throws -> Counted {
        var random = SeededGenerator(seed: seed)
        let asked = (0..<1000).map { _ in UInt32.random(in: 1...UInt32(GuardedWork.messages), using: &random) }
        let all = UIDSet(UIDRange(UID(1), UID(UInt32(GuardedWork.messages))))
        switch self {
        case .changed, .vanished:
            let since = try engine.status(of: mailbox).highestModSeq
            for uid in asked.prefix(100) { try engine.change(.answered, isSet: true, of: UIDSet(UID(uid)), in: mailbox) }
            for uid in asked.suffix(100) { try engine.expunge(UIDSet(UID(uid)), in: mailbox) }
            var changes: [Change] = []
            var ranges: [UIDRange] = []
            return try GuardedWork.counted(100) {
                for _ in 0..<$0 {
                    changes.removeAll(keepingCapacity: true)
                    ranges.removeAll(keepingCapacity: true)
                    if self == .changed { try engine.changed(in: mailbox, since: since, into: &changes) }
                    if self == .vanished { try engine.vanished(in: mailbox, since: since, into: &ranges) }
                }
            }
        case .scan:
            return try GuardedWork.counted(GuardedWork.messages) { _ in _ = try engine.scan(mailbox) }
        case .sequenceNumber, .uidAt:
            var told: [UInt32] = []
            told.reserveCapacity(asked.count)
            return try GuardedWork.counted(asked.count) { _ in
                if self == .uidAt {
                    try engine.uids(at: asked, in: mailbox, into: &told)
                } else {
                    try engine.sequenceNumbers(of: asked, in: mailbox, into: &told)
                }
            }
        case .body:
            return try GuardedWork.read(engine, mailbox, of: GuardedWork.messages) { _ in 0..<GuardedWork.message }
        case .storeOne:
            return try GuardedWork.counted(200) {
                for uid in asked.prefix($0) { try engine.change(.flagged, isSet: true, of: UIDSet(UID(uid)), in: mailbox) }
            }
        case .storeAll:
            return try GuardedWork.counted(GuardedWork.messages) { _ in try engine.change(.seen, isSet: true, of: all, in: mailbox) }
        case .expunge:
            let odd = UIDSet((0..<GuardedWork.messages / 2).lazy.map { UID(UInt32(2 * $0 + 1)) })
            return try GuardedWork.counted(GuardedWork.messages / 2) { _ in try engine.expunge(odd, in: mailbox) }
        case .append, .load, .list, .bodyPart: preconditionFailure("done before")
        }
    }

    private static func read(
        _ engine: VarveEngine, _ mailbox: MailboxKey, of messages: Int, _ part: (Int) -> Range<Int>
    ) throws -> Counted {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: GuardedWork.message, alignment: 16)
        defer { buffer.deallocate() }
        return try counted(200) {
            for number in 0..<$0 {
                try engine.read(UInt32(1 + number * 37 % messages), part(number), in: mailbox, into: buffer)
            }
        }
    }

    private static func counted(_ count: Int, _ work: (Int) throws -> Void) throws -> Counted {
        let before = bench_allocations()
        try countedSection { try work(count) }
        return Counted(times: count, allocations: Int(bench_allocations() - before))
    }
}

/// What was done while callgrind counted.
struct Counted {
    /// Messages, mailboxes or calls: what the counts are to be divided by.
    let times: Int
    /// Of all threads.
    let allocations: Int
}

/// What callgrind counts: a function that it finds by its name (`--toggle-collect`).
@inline(never)
private func countedSection(_ body: () throws -> Void) rethrows { try body() }
