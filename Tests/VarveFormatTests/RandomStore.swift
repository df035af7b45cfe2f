import MailModel
import TestSupport

@testable import Varve

/// A store on disk on which random things are done, the same for the same seed.
final class RandomStore {
    /// Far below what `Store.open` allows: several segments at the cost of a few messages.
    private static let segmentSize = 24 << 10
    private static let words = ["work", "$Forwarded", "Junk", "b", "käse", "\\Special", "del\u{7f}"]
    private static let names = ["Archive", "Archive/2023", "a", "a/b/c", "Entwürfe", "x\"y\\z", "z/\u{1F4E7}"]

    let path: String
    private(set) var store: Store
    private var random: SeededGenerator
    private var options = StoreOptions()
    private var pin: ViewPin?
    private(set) var segmentsRemoved = 0

    init(at path: String, seed: UInt64, masterKey: MasterKey? = nil) throws {
        self.path = path
        random = SeededGenerator(seed: seed)
        options = SampleStore.options()
        options.segmentSize = RandomStore.segmentSize
        options.masterKey = masterKey
        store = try RandomStore.open(path, options)
    }

    /// Opens a store whose segments may be smaller than `Store.open` allows.
    static func open(_ path: String, _ options: StoreOptions) throws -> Store {
        let files = options.fileSystem
        try files.createDirectory(path)
        try files.createDirectory("\(path)/\(FileNames.segments)")
        return try Recovery(path, options).open(files.lock("\(path)/\(FileNames.lock)"))
    }

    func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    func run(commits: Int) throws {
        for _ in 0..<commits {
            switch number(0...19) {
            case 0: try store.checkpoint()
            case 1...2: store.maintain()
            case 3: try reopen()
            case 4: try store.forgetExpunges(through: ModSeq(UInt64(number(1...Int(store.snapshot().modSeq.rawValue)))))
            case 5: try compact()
            case 6: pin = random.once(in: 2) ? nil : try mailbox().flatMap { try store.pin($0) }
            default: break
            }
            try store.commit { tx in for _ in 0..<number(1...4) { try operation(tx) } }
        }
    }

    /// Gives up every segment in which anything is dead, but for those that the pin's holder may still read.
    private func compact() throws {
        var options = CompactionOptions()
        options.deadShare = number(0...60)
        options.minimumDeadBytes = 1
        segmentsRemoved += try store.compact(options).segmentsRemoved
    }

    private func reopen() throws {
        pin = nil
        try store.close()
        store = try RandomStore.open(path, options)
    }

    private func mailbox() throws -> MailboxID? {
        var all: [MailboxID] = []
        try store.snapshot().forEachMailbox { info in
            all.append(info.id)
            return true
        }
        return all.randomElement(using: &random)
    }

    // MARK: Operations

    private func operation(_ tx: Transaction) throws {
        // It may be one that the transaction has deleted.
        guard let id = try mailbox(), let info = try tx.mailbox(id) else { return }
        switch number(0...99) {
        case 0...34:
            try tx.append(
                message(), to: id, flags: flags(),
                internalDate: InternalDate(
                    seconds: Int64(number(-3_000_000_000...9_000_000_000)), zoneMinutes: Int16(number(-1439...1439))))
        case 35...59:
            let flags = flags()
            let change: FlagChange = [.add(flags), .remove(flags), .replace(flags)].randomElement(using: &random)!
            _ = try tx.changeFlags(change, of: uids(info), in: id)
        case 60...72: _ = try tx.expunge(uids(info), in: id, onlyDeleted: random.once(in: 2))
        case 73...84:
            guard let to = try mailbox(), try tx.mailbox(to) != nil else { return }
            if random.once(in: 2) || info.messages > 60 {
                _ = try tx.move(uids(info), from: id, to: to)
            } else {
                _ = try tx.copy(uids(info), from: id, to: to)
            }
        case 85...87: _ = try tx.claimRecent(in: id)
        case 88...93:
            let name = name()
            if try tx.mailbox(named: name) == nil { try tx.createMailbox(name) }
        case 94...95:
            let name = name()
            if try tx.mailbox(named: name) == nil, !(name + "/").hasPrefix(info.name + "/"), try !tx.hasInferiors(info) {
                try tx.renameMailbox(id, to: name)
            }
        case 96: if info.name != "INBOX" { try tx.deleteMailbox(id) }
        case 97...98: try tx.subscribe(name())
        default: try tx.unsubscribe(name())
        }
    }

    private func name() -> String { RandomStore.names.randomElement(using: &random)! }

    private func flags() -> Flags {
        let words = RandomStore.words.filter { _ in random.once(in: 4) }
        return Flags(
            SystemFlags(rawValue: UInt16(number(0...31) & number(0...31))),
            keywords: words.map { random.once(in: 3) ? $0.uppercased() : $0 })
    }

    private func uids(_ mailbox: MailboxInfo) -> UIDSet {
        let top = Int(mailbox.uidNext.rawValue) + 2
        if random.once(in: 3) { return UIDSet((0..<number(1...6)).map { _ in UID(UInt32(number(1...top))) }) }
        let first = number(1...top)
        return UIDSet(UIDRange(UID(UInt32(first)), UID(UInt32(number(first...min(top, first + 12))))))
    }

    /// Bytes that shrink, that do not, and some of both; now and then more than a chunk of them.
    private func message() -> [UInt8] {
        let head = Array("Subject: \(number(0...999))\r\n\r\n".utf8)
        switch number(0...19) {
        case 0: return []
        case 1: return head + (0..<number(60_000...140_000)).map { UInt8(truncatingIfNeeded: $0 / 7 &* 31) }
        case 2: return head + noise(number(65_000...66_500))
        case 3...8: return head + noise(number(1...3000))
        default: return head + Array(String(repeating: "the quick brown fox\r\n", count: number(0...60)).utf8)
        }
    }

    private func noise(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
}

extension Transaction {
    fileprivate func hasInferiors(_ mailbox: MailboxInfo) throws -> Bool {
        try mailbox.name.withBytes { name throws(StoreError) in try index.state.hasInferiors(name, index.allocator.pages) }
    }
}
