import Glibc
import MailModel
import TestSupport
import Testing
import VarveFormat
import VarveSimulation

@testable import Varve

/// Random runs in which expunges are forgotten and the index is made smaller, while sessions, clients and old snapshots look on.
///
/// A failure names its seed. To run one again: `VARVE_MODEL_SEED=n swift test --filter TidyingTests`.
@Suite struct TidyingTests {
    private static let seeds: [UInt64] =
        getenv("VARVE_MODEL_SEED").flatMap { UInt64(String(cString: $0)) }.map { [$0] } ?? [1, 2, 3, 4]

    @Test(arguments: TidyingTests.seeds) func whoeverLooksOnSeesWhatIsThere(seed: UInt64) throws {
        var run = try TidyingRun(seed: seed)
        try run.run(steps: 400)
    }
}

/// A few mailboxes that grow to thousands of messages and are emptied again.
private struct TidyingRun {
    /// What a mailbox holds, and which commit expunged what is gone.
    private struct Box {
        var live: [UInt32] = []
        var next: UInt32 = 1
        var gone: [(uid: UInt32, modSeq: UInt64)] = []
    }
    private struct Session {
        let id: UInt32
        let pin: ViewPin
        var known: [UInt32]
    }
    private struct Client {
        let id: UInt32
        var modSeq: UInt64
        var known: Set<UInt32>
    }

    private static let message = try! PreparedMessage(Array("Subject: one of many\r\n\r\n".utf8))
    private static let all = UIDSet(UIDRange(.min, .max))

    private let seed: UInt64
    private let options: StoreOptions
    private let disk = SimulatedDisk(modelsPower: false)
    private var random: SeededGenerator
    private var store: Store
    private var boxes: [UInt32: Box] = [:]
    private var sessions: [Session] = []
    private var clients: [Client] = []
    private var held: [(snapshot: Snapshot, boxes: [UInt32: [UInt32]])] = []

    init(seed: UInt64) throws {
        self.seed = seed
        random = SeededGenerator(seed: seed)
        options = Workload.options(disk)
        store = try Store.open(at: Workload.path, options)
        boxes[try store.mailbox("INBOX").id.rawValue] = Box()
    }

    mutating func run(steps: Int) throws {
        var most = 0
        for step in 0..<steps {
            do { try self.step(step) } catch {
                Issue.record("seed \(seed), step \(step): \(error)")
                return
            }
            most = max(most, disk.size(Workload.index) ?? 0)
            if step % 20 == 0 { check("step \(step)") }
        }
        sessions.removeAll()
        held.removeAll()
        for id in boxes.keys.sorted() {
            try store.commit { tx in
                if id == 1 { try tx.expunge(TidyingRun.all, in: MailboxID(id), onlyDeleted: false) } else {
                    try tx.deleteMailbox(MailboxID(id))
                }
            }
        }
        store.maintain()
        try store.forgetExpunges(through: .max)
        try store.shrinkIndex()
        check("the end")
        let last = disk.size(Workload.index) ?? 0
        // A leaf of each tree, and once more where the checkpoint has another copy; the header, the free list.
        #expect(last <= (2 * TreeID.allCases.count + 2) * 4096 && most > 4 * last, "seed \(seed): \(last) bytes of \(most)")
        try store.checkAndClose()
    }

    private func check(_ place: String) {
        let violations = Check.run(store)
        #expect(violations.isEmpty, "seed \(seed), \(place): \(violations)")
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    private mutating func someBox() -> UInt32 { boxes.keys.sorted().randomElement(using: &random)! }

    private mutating func step(_ step: Int) throws {
        switch number(0...19) {
        case 0...4: try grow()
        case 5...8: try expunge()
        case 9: try createOrDelete(step)
        case 10...11: try forget()
        case 12: try store.shrinkIndex()
        case 13: try store.checkpoint()
        case 14: store.maintain()
        case 15: try lookBack()
        case 16...17: try moveSession()
        case 18: try resynchronise()
        default:
            if number(0...3) == 0 { try reopen() } else {
                try store.commit { try $0.changeFlags(.add([.flagged]), of: TidyingRun.all, in: MailboxID(1)) }
                try store.commit { try $0.changeFlags(.remove([.flagged]), of: TidyingRun.all, in: MailboxID(1)) }
            }
        }
    }

    // MARK: Changes

    private mutating func grow() throws {
        let id = someBox()
        let from = someBox()
        let count = boxes[from]!.live.count
        if count > 0, boxes[id]!.live.count < 6000 {
            let copied = try store.commit { try $0.copy(TidyingRun.all, from: MailboxID(from), to: MailboxID(id)) }
            try require(copied.source.count == count, "copied \(copied.source.count) of \(count)")
            add(count, to: id)
        } else {
            try store.commit { tx in
                for _ in 0..<40 { try tx.append(TidyingRun.message, to: MailboxID(id), internalDate: noon) }
            }
            add(40, to: id)
        }
    }

    private mutating func add(_ count: Int, to id: UInt32) {
        let first = boxes[id]!.next
        boxes[id]!.live.append(contentsOf: first..<first + UInt32(count))
        boxes[id]!.next += UInt32(count)
    }

    private mutating func expunge() throws {
        let id = someBox()
        guard boxes[id]!.next > 1 else { return }
        let top = Int(boxes[id]!.next)
        let first = number(1...top)
        let last = number(first...top)
        let stride = [1, 1, 2, 7].randomElement(using: &random)!
        let uids = Set(Swift.stride(from: first, through: last, by: stride).map { UInt32($0) })
        let expected = boxes[id]!.live.filter { uids.contains($0) }
        let gone = try store.commit {
            try $0.expunge(UIDSet(uids.sorted().map { UID($0) }), in: MailboxID(id), onlyDeleted: false)
        }
        try require(gone == UIDSet(expected.map { UID($0) }), "expunged \(gone)")
        let modSeq = store.snapshot().modSeq.rawValue
        boxes[id]!.live.removeAll { uids.contains($0) }
        boxes[id]!.gone.append(contentsOf: expected.map { ($0, modSeq) })
    }

    private mutating func createOrDelete(_ step: Int) throws {
        let id = someBox()
        if id == 1 || boxes.count < 4 {
            let made = try store.commit { try $0.createMailbox("box\(step)").id }
            boxes[made.rawValue] = Box()
            return
        }
        try store.commit { try $0.deleteMailbox(MailboxID(id)) }
        boxes[id] = nil
        sessions.removeAll { $0.id == id }
        clients.removeAll { $0.id == id }
    }

    private mutating func forget() throws {
        let newest = store.snapshot().modSeq.rawValue
        let through = ModSeq(UInt64(number(0...Int(newest))))
        let before = store.snapshot()
        try store.forgetExpunges(through: through)
        for id in boxes.keys {
            let info = try store.snapshot().mailbox(MailboxID(id))!
            let told = sessions.filter { $0.id == id }.map(\.pin.mark.vanished).min() ?? .max
            try require(info.vanishedFloor <= max(through, try before.mailbox(MailboxID(id))!.vanishedFloor), "a floor too high")
            try require(info.vanishedFloor <= told, "a session was not told what is forgotten")
        }
    }

    private mutating func reopen() throws {
        sessions.removeAll()
        held.removeAll()
        try store.close()
        if number(0...2) == 0 { try disk.remove(Workload.index) }
        store = try Store.open(at: Workload.path, options)
    }

    // MARK: Looking on

    private func uids(_ view: View) throws -> [UInt32] {
        var result: [UInt32] = []
        try view.forEachMessage(in: UIDRange(.min, .max)) { _, message in
            result.append(message.uid.rawValue)
            return true
        }
        return result
    }

    private mutating func lookBack() throws {
        for (snapshot, boxes) in held {
            for (id, live) in boxes {
                let view = try snapshot.view(of: MailboxID(id))!
                try require(try uids(view) == live, "an old snapshot has other messages")
            }
        }
        if held.count > 2 { held.removeFirst(number(1...held.count)) }
        held.append((store.snapshot(), boxes.mapValues(\.live)))
    }

    private mutating func moveSession() throws {
        if sessions.count < 4 {
            let id = someBox()
            sessions.append(Session(id: id, pin: try store.pin(MailboxID(id))!, known: boxes[id]!.live))
            return
        }
        let index = number(0...sessions.count - 1)
        let session = sessions[index]
        guard let view = try store.snapshot().view(session.pin.mark) else {
            throw Difference("a session lost its mailbox \(session.id)")
        }
        try require(try view.count == session.known.count, "a session counts \(try view.count), not \(session.known.count)")
        try require(try uids(view) == session.known, "a session sees other messages")
        if let (place, uid) = session.known.enumerated().randomElement(using: &random) {
            try require(try view.uid(at: place + 1) == UID(uid), "UID of number \(place + 1)")
        }
        switch number(0...2) {
        case 0: sessions.remove(at: index)
        case 1:
            session.pin.advance(to: view.newest)
            sessions[index].known = boxes[session.id]!.live
        default: break
        }
    }

    private mutating func resynchronise() throws {
        let id = someBox()
        if clients.count < 4 { clients.append(Client(id: id, modSeq: 0, known: [])) }
        let index = number(0...clients.count - 1)
        var client = clients[index]
        let view = try store.snapshot().view(of: MailboxID(client.id))!
        let vanished = try view.vanished(since: ModSeq(client.modSeq))
        let box = boxes[client.id]!
        let exact = UIDSet(box.gone.filter { $0.modSeq > client.modSeq }.map(\.uid).sorted().map { UID($0) })
        if client.modSeq >= view.mailbox.vanishedFloor.rawValue {
            try require(vanished == exact, "vanished since \(client.modSeq): \(vanished), expected \(exact)")
        } else {
            try require(exact.subtracting(vanished).isEmpty, "not all that vanished since \(client.modSeq) is told")
        }
        for range in vanished.ranges { for uid in range.first.rawValue...range.last.rawValue { client.known.remove(uid) } }
        for range in try view.changed(since: ModSeq(client.modSeq)) {
            try view.forEachMessage(in: range) { _, message in
                client.known.insert(message.uid.rawValue)
                return true
            }
        }
        client.modSeq = view.snapshot.modSeq.rawValue
        clients[index] = client
        try require(client.known == Set(box.live), "a client has not what a full read gives")
    }

    private struct Difference: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    private func require(_ condition: Bool, _ what: @autoclosure () throws -> String) throws {
        if !condition { throw Difference(try what()) }
    }
}
