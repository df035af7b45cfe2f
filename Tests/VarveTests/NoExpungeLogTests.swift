import MailModel
import TestSupport
import Testing
import VarveSimulation

@testable import Varve

/// Mailboxes that forget what was expunged as soon as everybody who is there has been told.
@Suite struct NoExpungeLogTests {
    private func open(_ disk: SimulatedDisk = SimulatedDisk(modelsPower: false)) throws -> Store {
        var options = Workload.options(disk)
        options.syncMode = .noExpungeLog
        return try Store.open(at: Workload.path, options)
    }

    private func fill(_ store: Store, _ count: Int) throws {
        let inbox = try store.mailbox("INBOX").id
        let message = try PreparedMessage(Array("m".utf8))
        try store.commit { tx in for _ in 0..<count { try tx.append(message, to: inbox, internalDate: noon) } }
    }

    @discardableResult
    private func expunge(_ store: Store, _ uids: UIDSet) throws -> ModSeq {
        let inbox = try store.mailbox("INBOX").id
        try store.commit { try $0.expunge(uids, in: inbox, onlyDeleted: false) }
        return store.snapshot().modSeq
    }

    private func known(_ store: Store) throws -> [UIDRange] {
        let root = store.snapshot().root
        return try root.state.vanished.ranges(
            of: try store.mailbox("INBOX").id.rawValue, from: 0, through: .max, root.pages)
    }

    @Test func eachExpungeForgetsTheOnesBefore() throws {
        let store = try open()
        let inbox = try store.mailbox("INBOX")
        try fill(store, 20)
        let first = try expunge(store, [2])
        #expect(try inbox.view().mailbox.vanishedFloor == 0)
        let second = try expunge(store, [4])
        var view = try inbox.view()
        #expect(view.mailbox.vanishedFloor == first && view.mailbox.highestModSeq == second)
        #expect(try known(store).map(\.description) == ["4"])
        #expect(try view.vanished(since: first).description == "4")
        #expect(try view.vanished(since: ModSeq(first.rawValue - 1)).description == "2,4", "every UID that is not there")
        // Any commit takes its turn.
        try store.commit { try $0.subscribe("x") }
        view = try inbox.view()
        #expect(view.mailbox.vanishedFloor == second && view.mailbox.highestModSeq == second)
        #expect(try known(store).isEmpty)
        #expect(store.writer.deadMailboxes.isEmpty)
        #expect(try view.vanished(since: second).isEmpty && view.vanished(since: first).description == "2,4")
        try store.checkAndClose()
    }

    @Test func whoHasNotBeenToldKeepsThem() throws {
        let store = try open()
        let inbox = try store.mailbox("INBOX")
        try fill(store, 20)
        let pin = try #require(try store.pin(inbox.id))
        let gone = try expunge(store, [2])
        for uid in 3...9 as ClosedRange<UInt32> { try expunge(store, [UID(uid)]) }
        var view = try #require(try store.snapshot().view(pin.mark))
        #expect(view.mailbox.vanishedFloor == 0)
        #expect(try view.uid(at: 2) == 2 && view.count == 20 && view.message(5)?.isExpunged == true)
        #expect(try view.vanished(since: pin.mark.vanished).description == "2:9")
        var mark = view.newest
        mark.vanished = gone
        pin.advance(to: mark)
        try expunge(store, [10])
        view = try #require(try store.snapshot().view(pin.mark))
        #expect(view.mailbox.vanishedFloor == gone)
        #expect(try known(store).first?.first == 3)
        pin.advance(to: view.newest)
        try expunge(store, [11])
        #expect(try known(store).map(\.description) == ["11"])
        try store.checkAndClose()
    }

    /// However many were expunged: neither the tree nor a base tells of them, and a rebuild finds the same.
    @Test func whatIsKeptDoesNotGrow() throws {
        let disk = SimulatedDisk(modelsPower: false)
        var store = try open(disk)
        try fill(store, 1500)
        // Each second one: nothing of it joins.
        for uid in stride(from: 1, to: 1200, by: 2) { try expunge(store, [UID(UInt32(uid))]) }
        #expect(try known(store).count == 1)
        #expect(store.snapshot().root.state.deadRows == 1)
        #expect(store.snapshot().root.state.vanished.root.height == 1)
        let expected = try Summary(store)
        try store.checkAndClose()
        try disk.remove(Workload.index)
        store = try open(disk)
        #expect(try Summary(store).difference(expected) == "")
        var compaction = CompactionOptions()
        compaction.minimumDeadBytes = 1
        _ = try store.compact(compaction)
        #expect(try known(store).isEmpty, "a compaction's commits take their turn, too")
        try store.checkAndClose()
        let base = disk.paths.filter { $0.hasSuffix(".base") }
        #expect(base.count == 1)
        // 52 bytes for each message that is left.
        #expect(base.allSatisfy { disk.size($0)! < 900 * 52 + 1000 })
    }

    /// A mailbox may have a long history when it gets the mode.
    @Test func theModeMayComeLater() throws {
        let store = try Store.open(at: Workload.path, Workload.options(SimulatedDisk(modelsPower: false)))
        let inbox = try store.mailbox("INBOX")
        try fill(store, 100)
        for uid in stride(from: 1, to: 60, by: 2) { try expunge(store, [UID(UInt32(uid))]) }
        let last = store.snapshot().modSeq
        #expect(try known(store).count == 30)
        try store.commit { try $0.setSyncMode(.noExpungeLog, of: inbox.id) }
        #expect(try inbox.view().mailbox.vanishedFloor == last && known(store).isEmpty)
        #expect(try inbox.view().vanished(since: 0).count == 30)
        // And go: from then on it is remembered.
        try store.commit { try $0.setSyncMode(.full, of: inbox.id) }
        for uid in [2, 4, 6] as [UInt32] { try expunge(store, [UID(uid)]) }
        #expect(try known(store).count == 3 && inbox.view().mailbox.vanishedFloor == last)
        try store.checkAndClose()
    }

    /// Many rows go in steps, between which others commit.
    @Test func manyAtOnce() throws {
        let store = try open()
        let inbox = try store.mailbox("INBOX")
        try fill(store, 1000)
        for _ in 0..<7 { try store.commit { try $0.copy(UIDSet(UIDRange(.min, .max)), from: inbox.id, to: inbox.id) } }
        let gone = try expunge(store, UIDSet(UIDRange(10, 127_000)))
        for _ in 0..<3 { try store.commit { try $0.append([1], to: inbox.id, internalDate: noon) } }
        #expect(try inbox.view().mailbox.vanishedFloor == gone)
        #expect(store.snapshot().root.state.deadRows == 0)
        #expect(try inbox.view().vanished(since: 0).description == "10:127000")
        try store.checkAndClose()
    }
}
