import MailModel
import Synchronization
import TestSupport
import Testing
import VarveSimulation

@testable import Varve

/// Forgetting which messages were expunged, and what those are told who knew of them.
@Suite struct VanishedFloorTests {
    private func open(_ change: (inout StoreOptions) -> Void = { _ in }) throws -> Store {
        var options = Workload.options(SimulatedDisk(modelsPower: false))
        change(&options)
        return try Store.open(at: Workload.path, options)
    }

    private func fill(_ store: Store, _ count: Int, _ mailbox: MailboxID? = nil) throws {
        let id = try mailbox ?? store.mailbox("INBOX").id
        try store.commit { tx in for i in 0..<count { try tx.append(Array("m\(i)".utf8), to: id, internalDate: noon) } }
    }

    @discardableResult
    private func expunge(_ store: Store, _ uids: UIDSet) throws -> ModSeq {
        let inbox = try store.mailbox("INBOX").id
        try store.commit { try $0.expunge(uids, in: inbox, onlyDeleted: false) }
        return store.snapshot().modSeq
    }

    @Test func whoWasAwayForTooLongGetsACompleteAnswer() throws {
        let store = try open()
        let inbox = try store.mailbox("INBOX")
        try fill(store, 20)
        let start = store.snapshot().modSeq
        let first = try expunge(store, [1, 3, 5])
        let second = try expunge(store, [20])
        let third = try expunge(store, [8, 9])
        let highest = try inbox.view().mailbox.highestModSeq
        try store.forgetExpunges(through: second)
        let view = try inbox.view()
        #expect(view.mailbox.vanishedFloor == second)
        #expect(view.mailbox.highestModSeq == highest, "forgetting changes no mailbox")
        // From the floor on: exactly.
        #expect(try view.vanished(since: second).description == "8:9")
        #expect(try view.vanished(since: third).isEmpty)
        // From below it: all that no message has.
        for since in [0, start, first] { #expect(try view.vanished(since: since).description == "1,3,5,8:9,20") }
        try store.checkAndClose()
    }

    @Test func theAnswerFromBelowTheFloorIsThatOfAnEmptyMailboxToo() throws {
        let store = try open()
        let inbox = try store.mailbox("INBOX")
        try fill(store, 9)
        let gone = try expunge(store, UIDSet(UIDRange(.min, .max)))
        try store.forgetExpunges(through: gone)
        #expect(try inbox.view().vanished(since: 0).description == "1:9")
        let row = try #require(try store.snapshot().root.state.mailbox(inbox.id.rawValue, store.snapshot().root.pages))
        #expect(row.purged >= row.vanishedFloor && row.dead == 0)
        #expect(store.snapshot().root.state.vanished.root.height == 0, "nothing is left of what was forgotten")
        try store.checkAndClose()
    }

    @Test func whatASessionHasNotBeenToldIsKept() throws {
        let store = try open()
        let inbox = try store.mailbox("INBOX")
        try fill(store, 10)
        let told = try expunge(store, [2])
        let pin = try #require(try store.pin(inbox.id))
        try expunge(store, [4, 5])
        try store.forgetExpunges(through: .max)
        #expect(try inbox.view().mailbox.vanishedFloor == told)
        var view = try #require(try store.snapshot().view(pin.mark))
        #expect(try view.count == 9)
        #expect(view.untoldVanished.description == "4:5")
        #expect(try view.uid(at: 3) == 4)
        #expect(try view.message(4) != nil, "a message that the session still shows")
        pin.advance(to: view.newest)
        try store.forgetExpunges(through: .max)
        view = try #require(try store.snapshot().view(pin.mark))
        #expect(view.mailbox.vanishedFloor > told)
        #expect(try view.count == 7)
        try store.checkAndClose()
    }

    @Test func aMarkFromBelowTheFloorGivesNoView() throws {
        let store = try open()
        let inbox = try store.mailbox("INBOX")
        try fill(store, 10)
        let mark = try inbox.view().mark
        let gone = try expunge(store, [4])
        let later = try inbox.view().mark
        let before = store.snapshot()
        try store.forgetExpunges(through: gone)
        #expect(try store.snapshot().view(mark) == nil, "its sequence numbers would be wrong")
        #expect(try store.snapshot().view(later) != nil)
        #expect(try before.view(mark)?.count == 10, "an older snapshot stays as it is")
        let empty = ViewMark(mailbox: inbox.id, vanished: 0, changed: 0, uidNext: 1)
        #expect(try store.snapshot().view(empty)?.count == 0, "who knows no message can miss none")
        try store.checkAndClose()
    }

    @Test func forgettingTwiceWritesNothing() throws {
        let store = try open()
        try fill(store, 5)
        let gone = try expunge(store, [2, 4])
        try store.forgetExpunges(through: gone)
        let modSeq = store.snapshot().modSeq
        try store.forgetExpunges(through: gone)
        try store.forgetExpunges(through: 0)
        #expect(store.snapshot().modSeq == modSeq)
        try store.checkAndClose()
    }

    @Test func aReplayForgetsAlsoWhereNothingWasPurged() throws {
        let store = try open()
        try fill(store, 300)
        for uid in stride(from: UInt32(1), to: 300, by: 7) { try expunge(store, [UID(uid), UID(uid + 1)]) }
        let middle = ModSeq(store.snapshot().modSeq.rawValue / 2)
        try store.forgetExpunges(through: middle)
        try expunge(store, [150])
        try store.forgetExpunges(through: ModSeq(middle.rawValue + 20))
        // Opened again, and built from the log alone, without a purge in between.
        try store.checkAndClose()
    }

    @Test func aFloorThatCannotBeIsRefused() throws {
        let store = try open()
        try fill(store, 5)
        let gone = try expunge(store, [2])
        try store.forgetExpunges(through: gone)
        let inbox = try store.mailbox("INBOX").id.rawValue
        for floor in [gone.rawValue, 1, store.snapshot().modSeq.rawValue + 1, .max] {
            #expect(throws: StoreError.self) {
                try store.commit { try $0.forgetVanished(in: inbox, through: floor) }
            }
        }
        try store.checkAndClose()
    }

    // MARK: The horizon

    @Test func theHorizonIsKeptByItself() throws {
        let clock = TestClock(1_000_000_000)
        let day: UInt64 = 86_400_000
        let store = try open {
            $0.clock = { clock.now }
            $0.expungeHorizon = 30 * day
        }
        let inbox = try store.mailbox("INBOX")
        try fill(store, 20)
        let first = try expunge(store, [1, 2])
        clock.advance(10 * day)
        try expunge(store, [5])
        store.maintain()
        #expect(try inbox.view().mailbox.vanishedFloor == 0)
        clock.advance(25 * day)
        store.maintain()
        #expect(try inbox.view().mailbox.vanishedFloor == first)
        let modSeq = store.snapshot().modSeq
        store.maintain()
        #expect(store.snapshot().modSeq == modSeq, "nothing to do")
        #expect(try inbox.view().vanished(since: first).description == "5")
        try store.checkAndClose()
    }

    @Test func timesLeadToCommits() throws {
        let clock = TestClock(5000)
        let store = try open { $0.clock = { clock.now } }
        var times: [(time: UInt64, modSeq: UInt64)] = [(5000, 1)]
        let inbox = try store.mailbox("INBOX").id
        var random = SeededGenerator(seed: 5)
        let noise = (0..<60_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        for i in 0..<90 {
            clock.advance(UInt64.random(in: 0...50, using: &random))
            try store.commit { try $0.append(noise, to: inbox, internalDate: noon) }
            times.append((clock.now, UInt64(i + 2)))
            store.maintain()
        }
        #expect(store.snapshot().root.segments.files.count >= 4, "the log is to have several segments")
        #expect(try store.modSeq(at: 4999) == nil)
        #expect(try store.modSeq(at: .max) == store.snapshot().modSeq)
        for time in 5000...clock.now + 1 {
            let expected = times.last { $0.time <= time }!.modSeq
            let found = try store.modSeq(at: time)
            #expect(found == ModSeq(expected), "at \(time)")
        }
        try store.close()
    }
}

/// Milliseconds that a test decides upon.
final class TestClock: Sendable {
    private let value: Mutex<UInt64>
    init(_ now: UInt64) { value = Mutex(now) }
    var now: UInt64 { value.withLock { $0 } }
    func advance(_ milliseconds: UInt64) { value.withLock { $0 += milliseconds } }
}
