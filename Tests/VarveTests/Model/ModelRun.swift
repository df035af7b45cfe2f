import MailModel
import TestSupport
import Testing

@testable import Varve

/// Random operations on a store and on a model of it, and the comparison of the two.
final class ModelRun {
    static let path = "store"
    static let texts: [[UInt8]] = (0..<16).map { i in
        Array("Subject: message \(i)\r\n\r\n".utf8) + (0..<(i * i * 3)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ i) }
    }
    private static let bodies = texts.map { try! PreparedMessage($0) }
    private static let words = ["a", "b", "c", "d", "$Forwarded", "Junk", "\\read-report", "x1", "x2"]
    private static let names = [
        "INBOX", "a", "b", "a/x", "a/x/y", "b/z", "c", "d/e/f", "Mülleimer", "c/\u{600}", "c/\u{600}/n",
    ]

    struct Abort: Error {}

    let options: StoreOptions
    let path: String
    let seed: UInt64
    var random: SeededGenerator
    var store: Store
    var model = Model()
    var sessions: [ModelSession] = []
    var clients: [ModelClient] = []
    private(set) var operations = 0
    /// Told what the account is after each transaction.
    var onTransaction: ((Model) -> Void)?

    /// - Parameter adjust: changes the options that the store is opened with.
    init(
        seed: UInt64, path: String = ModelRun.path, files: any FileSystem, adjust: (inout StoreOptions) -> Void = { _ in }
    ) throws {
        self.seed = seed
        self.path = path
        random = SeededGenerator(seed: seed)
        var options = StoreOptions()
        options.fileSystem = files
        options.backgroundMaintenance = false
        options.segmentSize = 1 << 20
        options.checkpointInterval = 1 << 18
        options.clock = { 1_700_000_000_000 }
        options.dictionaries = DictionaryPolicy(size: 500, samples: 24, tests: 8)
        adjust(&options)
        self.options = options
        store = try Store.open(at: path, options)
        let inbox = try store.mailbox("INBOX")
        let info = try inbox.view().mailbox
        model.modSeq = store.snapshot().modSeq.rawValue
        model.lastUIDValidity = info.uidValidity.rawValue
        model.mailboxes[inbox.id.rawValue] = Model.Mailbox(
            name: "INBOX", uidValidity: info.uidValidity.rawValue, highestModSeq: model.modSeq)
    }

    func chance(_ count: Int) -> Bool { random.once(in: count) }
    func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    /// Every second one is made ready by the store, with the dictionary that it has.
    private func prepared(_ body: Int) throws -> PreparedMessage {
        chance(2) ? try store.prepare(ModelRun.texts[body]) : ModelRun.bodies[body]
    }

    func run(operations wanted: Int) throws {
        var nextCheck = 10_000
        while operations < wanted {
            try step()
            if operations >= nextCheck {
                nextCheck += 10_000
                try compareAll()
                let violations = Check.run(store)
                #expect(violations.isEmpty, "\(violations)")
            }
        }
        try compareAll()
        sessions.removeAll()
        try store.checkAndClose()
    }

    private func step() throws {
        switch number(0...999) {
        case 0...2: try reopen()
        case 3...12: try store.checkpoint()
        case 13...32: try compacting { store.maintain() }
        case 33...35: try compacting { try compact() }
        case 36...130: try openSession()
        case 131...420: try moveSession()
        case 421...520: try resynchronise()
        case 521...540: if let id = randomMailbox() { try compare(id) }
        case 541...560: try throwingTransaction()
        default: try transaction()
        }
    }

    // MARK: Compactions

    /// Commits of a compaction count, and change nothing else.
    private func compacting(_ body: () throws -> Void) throws {
        try body()
        model.modSeq = store.snapshot().modSeq.rawValue
    }

    private func compact() throws {
        var options = CompactionOptions()
        options.minimumDeadBytes = chance(2) ? 1 : 1 << 16
        options.deadShare = number(0...60)
        let report = try store.compact(options)
        try require(report.damage.isEmpty, "damage: \(report.damage)")
    }

    // MARK: Transactions

    private func transaction() throws {
        var changed = model
        var count = 0
        let before = model.modSeq
        try store.commit { tx in
            repeat {
                try operation(tx, &changed)
                if chance(4) { try compareChanges(tx, changed) }
                count += 1
            } while chance(2) && count < 6
        }
        operations += count
        let now = store.snapshot().modSeq.rawValue
        try require(now == before || now == before + 1, "modseq \(now) after \(before)")
        if now == before { changed.modSeq = before } else { changed.modSeq = now }
        model = changed
        onTransaction?(model)
    }

    /// What changed since some moment among some messages, the changes of the transaction under way included.
    private func compareChanges(_ tx: Transaction, _ model: Model) throws {
        guard let id = model.mailboxes.keys.sorted().randomElement(using: &random) else { return }
        let uids = someUIDs(model.mailboxes[id]!)
        let since = UInt64(number((chance(2) ? max(0, Int(model.modSeq) - 20) : 0)...Int(model.modSeq) + 1))
        let expected = model.mailboxes[id]!.messages.filter { $0.modSeq > since && uids.contains(UID($0.uid)) }
        try require(
            try tx.changed(of: uids, in: MailboxID(id), since: ModSeq(since)) == UIDSet(expected.map { UID($0.uid) }),
            "changed since \(since) among \(uids)")
    }

    private func throwingTransaction() throws {
        var discarded = model
        do {
            try store.commit { tx in
                for _ in 0..<number(1...4) {
                    try operation(tx, &discarded)
                    operations += 1
                }
                throw Abort()
            }
        } catch is Abort {}
        try require(store.snapshot().modSeq.rawValue == model.modSeq, "a transaction that threw left something")
    }

    func randomMailbox() -> UInt32? { model.mailboxes.keys.sorted().randomElement(using: &random) }

    /// A set over a mailbox' UIDs: one, a few, a range, all, or such as do not exist.
    private func someUIDs(_ mailbox: Model.Mailbox) -> UIDSet {
        let top = Int(mailbox.uidNext) + 3
        switch number(0...9) {
        case 0: return UIDSet(UIDRange(.min, .max))
        case 1...3:
            let first = number(1...top)
            return UIDSet(UIDRange(UID(UInt32(first)), UID(UInt32(number(first...min(top, first + 40))))))
        case 4...6: return UIDSet((0..<number(1...8)).map { _ in UID(UInt32(number(1...top))) })
        default:
            return mailbox.messages.randomElement(using: &random).map { UIDSet(UID($0.uid)) } ?? UIDSet()
        }
    }

    private func someFlags() -> Flags {
        Flags(
            SystemFlags(rawValue: UInt16(number(0...31) & number(0...31))),
            keywords: chance(2)
                ? []
                : Set((0..<number(1...3)).map { _ in ModelRun.words.randomElement(using: &random)! }).sorted().map {
                    chance(4) ? $0.uppercased() : $0
                })
    }

    private static func fold(_ keywords: [String]) -> Set<String> { Set(keywords.map { $0.lowercased() }) }

    private func operation(_ tx: Transaction, _ model: inout Model) throws {
        guard let id = model.mailboxes.keys.sorted().randomElement(using: &random) else { return }
        let mailbox = MailboxID(id)
        let count = model.mailboxes[id]!.messages.count
        switch number(0...99) {
        case 0...29:
            let flags = someFlags()
            let body = number(0...15)
            let uid = try tx.append(prepared(body), to: mailbox, flags: flags, internalDate: noon)
            try require(
                uid.rawValue == model.append(body, to: id, flags.system, ModelRun.fold(flags.keywords)), "UID of an append")
        case 30...59:
            let flags = someFlags()
            let uids = someUIDs(model.mailboxes[id]!)
            let kind = number(0...2)
            let change: FlagChange = kind == 0 ? .add(flags) : kind == 1 ? .remove(flags) : .replace(flags)
            let changed = try tx.changeFlags(change, of: uids, in: mailbox)
            let expected = model.changeFlags(kind, flags.system, ModelRun.fold(flags.keywords), of: uids, in: id)
            let live = model.mailboxes[id]!.messages.filter { changed.contains(UID($0.uid)) }.map(\.uid)
            try require(Set(live) == expected, "flags changed of \(live), expected \(expected.sorted())")
        case 60...74:
            let uids = someUIDs(model.mailboxes[id]!)
            let onlyDeleted = !chance(3)
            let gone = try tx.expunge(uids, in: mailbox, onlyDeleted: onlyDeleted)
            try require(
                gone == UIDSet(model.expunge(uids, in: id, onlyDeleted: onlyDeleted).map { UID($0) }), "UIDs expunged")
        case 75...86:
            guard let target = model.mailboxes.keys.sorted().randomElement(using: &random) else { return }
            let moves = chance(2)
            // Mailboxes are to stay small.
            guard moves || model.mailboxes[target]!.messages.count + count < 250 else { return }
            let uids = someUIDs(model.mailboxes[id]!)
            let first = model.mailboxes[target]!.uidNext
            let copied = model.copy(uids, from: id, to: target)
            if moves { _ = model.expunge(UIDSet(copied.map { UID($0) }), in: id, onlyDeleted: false) }
            let result =
                moves
                ? try tx.move(uids, from: mailbox, to: MailboxID(target))
                : try tx.copy(uids, from: mailbox, to: MailboxID(target))
            try require(result.source == UIDSet(copied.map { UID($0) }), "UIDs copied")
            try require(
                result.destination.count == copied.count && (copied.isEmpty || result.destination.first == UID(first)),
                "UIDs made")
        case 87...88:
            let recent = try tx.claimRecent(in: mailbox)
            try require(recent.rawValue == model.mailboxes[id]!.firstRecent, "recent from \(recent)")
            model.mailboxes[id]!.firstRecent = model.mailboxes[id]!.uidNext
        default: try mailboxOperation(tx, &model, id)
        }
    }

    private func mailboxOperation(_ tx: Transaction, _ model: inout Model, _ id: UInt32) throws {
        let name = ModelRun.names.randomElement(using: &random)!
        switch number(0...9) {
        case 0...4: try create(tx, &model, name)
        case 5...6: try rename(tx, &model, id, to: name)
        case 7:
            guard model.mailboxes[id]!.name != "INBOX", chance(3) else { return }
            try tx.deleteMailbox(MailboxID(id))
            model.mailboxes[id] = nil
        case 8:
            try tx.subscribe(name)
            model.subscriptions.insert(name)
        default:
            try tx.unsubscribe(name)
            model.subscriptions.remove(name)
        }
    }

    private func superiors(_ name: String) -> [String] {
        let levels = name.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
        return (1..<max(levels.count, 1)).map { levels[..<$0].joined(separator: "/") }
    }

    /// Takes over what the store made: ids and UIDVALIDITYs must be new.
    private func adopt(_ tx: Transaction, _ model: inout Model, _ name: String) throws {
        let info = try #require(try tx.mailbox(named: name))
        try require(info.uidValidity.rawValue > model.lastUIDValidity, "UIDVALIDITY of \(name)")
        model.lastUIDValidity = info.uidValidity.rawValue
        model.mailboxes[info.id.rawValue] = Model.Mailbox(
            name: name, uidValidity: info.uidValidity.rawValue, highestModSeq: model.modSeq + 1)
    }

    private func create(_ tx: Transaction, _ model: inout Model, _ name: String) throws {
        guard !model.hasName(name) else {
            #expect(throws: StoreError.self) { try tx.createMailbox(name) }
            return
        }
        try tx.createMailbox(name)
        for made in superiors(name) + [name] where !model.hasName(made) { try adopt(tx, &model, made) }
    }

    private func rename(_ tx: Transaction, _ model: inout Model, _ id: UInt32, to name: String) throws {
        let old = model.mailboxes[id]!.name
        let inferiors = model.mailboxes.filter { $0.value.name.utf8.starts(with: (old + "/").utf8) }
        func renamed(_ inferior: String) -> String {
            name + String(decoding: inferior.utf8.dropFirst(old.utf8.count), as: UTF8.self)
        }
        // What the engine refuses it refuses before, or the whole transaction with it: that is tested elsewhere.
        guard !model.hasName(name), !name.utf8.starts(with: (old + "/").utf8),
            old == "INBOX" || inferiors.values.allSatisfy({ !model.hasName(renamed($0.name)) })
        else { return }
        try tx.renameMailbox(MailboxID(id), to: name)
        for made in superiors(name) where !model.hasName(made) { try adopt(tx, &model, made) }
        if old == "INBOX" {
            try adopt(tx, &model, name)
            let target = model.id(name)!
            let moved = model.copy(UIDSet(UIDRange(.min, .max)), from: id, to: target)
            _ = model.expunge(UIDSet(moved.map { UID($0) }), in: id, onlyDeleted: false)
            return
        }
        model.mailboxes[id]!.name = name
        model.mailboxes[id]!.highestModSeq = model.modSeq + 1
        for (inferior, mailbox) in inferiors {
            model.mailboxes[inferior]!.name = renamed(mailbox.name)
            model.mailboxes[inferior]!.highestModSeq = model.modSeq + 1
        }
    }

    // MARK: The store as a whole

    private func reopen() throws {
        sessions.removeAll()
        try store.close()
        if chance(20) { try options.fileSystem.remove("\(path)/\(FileNames.index)") }
        store = try Store.open(at: path, options)
        if let id = randomMailbox() { try compare(id) }
    }

    struct Difference: Error, CustomStringConvertible { let description: String }

    func require(_ condition: Bool, _ what: @autoclosure () -> String) throws {
        if !condition { throw Difference(description: "seed \(seed), operation \(operations): \(what())") }
    }
}
