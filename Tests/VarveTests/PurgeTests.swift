import Glibc
import MailModel
import Testing
import VarveSimulation
import VarveFormat

@testable import Varve

/// What is left of expunged messages, what that costs, and how it goes: never much in one commit.
@Suite struct PurgeTests {
    /// A store with so many messages in INBOX.
    static func grown(
        _ count: Int, _ disk: SimulatedDisk = SimulatedDisk(modelsPower: false), _ change: (inout StoreOptions) -> Void = { _ in }
    ) throws -> Store {
        var options = Workload.options(disk)
        options.segmentSize = 64 << 20
        // What a purge costs is to be seen by itself.
        options.compaction = .onDemand
        change(&options)
        let store = try Store.open(at: Workload.path, options)
        let inbox = try store.mailbox("INBOX").id
        let message = try PreparedMessage(Array("Subject: one of many\r\n\r\n".utf8))
        var messages = min(count, 1000)
        try store.commit { tx in for _ in 0..<messages { try tx.append(message, to: inbox, internalDate: noon) } }
        while messages < count {
            let more = min(messages, count - messages)
            try store.commit { try $0.copy(UIDSet(UIDRange(1, UID(UInt32(more)))), from: inbox, to: inbox) }
            messages += more
        }
        return store
    }

    private static func everySecond(_ count: Int) -> UIDSet {
        UIDSet(stride(from: UInt32(1), through: UInt32(count), by: 2).lazy.map { UID($0) })
    }

    private func row(_ store: Store) throws -> MailboxRow {
        let root = store.snapshot().root
        return try #require(try root.state.mailbox(try store.mailbox("INBOX").id.rawValue, root.pages))
    }

    private func touch(_ store: Store, _ inbox: MailboxID, _ round: Int) throws {
        try store.commit { try $0.changeFlags(round % 2 == 0 ? .add([.flagged]) : .remove([.flagged]), of: [2], in: inbox) }
    }

    // MARK: In parts

    @Test func aCommitTakesOutSoManyRowsAtMost() throws {
        let store = try PurgeTests.grown(20_000)
        let inbox = try store.mailbox("INBOX").id
        try store.commit { try $0.expunge(PurgeTests.everySecond(20_000), in: inbox, onlyDeleted: false) }
        #expect(try row(store).dead == 10_000)
        var round = 0
        while try row(store).dead > 0 {
            let before = try row(store)
            try touch(store, inbox, round)
            let after = try row(store)
            #expect(before.dead - after.dead == min(before.dead, 1024), "round \(round)")
            #expect((after.purgedBelow > 0) == (after.dead > 0))
            if round == 3 {
                // What is half gone is half gone for the next opening, too.
                try store.checkpoint()
                let violations = Check.run(store)
                #expect(violations.isEmpty, "\(violations)")
            }
            round += 1
            try #require(round < 20)
        }
        try store.checkAndClose()
    }

    @Test func aLongRangeGoesInParts() throws {
        let store = try PurgeTests.grown(200_000)
        let inbox = try store.mailbox("INBOX").id
        try store.commit { try $0.expunge(UIDSet(UIDRange(11, 199_990)), in: inbox, onlyDeleted: false) }
        var steps: [UInt32] = []
        for round in 0..<5 {
            try touch(store, inbox, round)
            steps.append(try row(store).dead)
            let violations = Check.run(store)
            #expect(violations.isEmpty, "\(violations)")
        }
        #expect(steps == [134_444, 68_908, 3372, 0, 0])
        try store.checkAndClose()
    }

    @Test func maintenanceTakesOutTheRest() throws {
        let store = try PurgeTests.grown(20_000)
        let inbox = try store.mailbox("INBOX").id
        try store.commit { try $0.expunge(PurgeTests.everySecond(20_000), in: inbox, onlyDeleted: false) }
        #expect(store.isMaintenanceDue)
        let before = store.snapshot().modSeq.rawValue
        let changed = try row(store).highestModSeq
        store.maintain()
        #expect(try row(store).dead == 0)
        #expect(store.snapshot().root.state.deadRows == 0)
        #expect(store.snapshot().modSeq.rawValue - before == 2, "two steps")
        #expect(try row(store).highestModSeq == changed, "nothing has changed for a reader")
        store.maintain()
        #expect(store.snapshot().modSeq.rawValue - before == 2, "nothing to do")
        try store.checkAndClose()
    }

    @Test func whatASessionStillShowsStaysAmidAPurge() throws {
        let store = try PurgeTests.grown(6000)
        let inbox = try store.mailbox("INBOX").id
        try store.commit { try $0.expunge(PurgeTests.everySecond(6000), in: inbox, onlyDeleted: false) }
        try touch(store, inbox, 0)
        #expect(try row(store).dead == 3000 - 1024)
        let pin = try #require(try store.pin(inbox))
        try store.commit { try $0.expunge([4, 5000], in: inbox, onlyDeleted: false) }
        for round in 1..<6 { try touch(store, inbox, round) }
        store.maintain()
        #expect(try row(store).dead == 2, "what was told is gone, what was not is there")
        let view = try #require(try store.snapshot().view(pin.mark))
        #expect(try view.count == 3000)
        #expect(try view.uid(at: 2) == 4)
        #expect(try view.message(5000)?.isExpunged == true)
        pin.advance(to: view.newest)
        try touch(store, inbox, 0)
        #expect(try row(store).dead == 0)
        try store.checkAndClose()
    }

    @Test func forgettingWaitsForRowsToGo() throws {
        let store = try PurgeTests.grown(60_000)
        let inbox = try store.mailbox("INBOX").id
        try store.commit { try $0.expunge(PurgeTests.everySecond(60_000), in: inbox, onlyDeleted: false) }
        let gone = store.snapshot().modSeq
        try store.forgetExpunges(through: gone)
        #expect(store.snapshot().modSeq.rawValue - gone.rawValue >= 4, "it takes several steps")
        #expect(try row(store).dead == 0)
        #expect(try row(store).vanishedFloor == gone.rawValue)
        #expect(try store.mailbox("INBOX").view().vanished(since: 0) == PurgeTests.everySecond(60_000))
        try store.checkAndClose()
    }

    // MARK: What it costs

    private struct Sizes {
        var log: Int
        var live: Int
        var vanished: Int
        var changed: Int

        init(_ store: Store) throws {
            store.monitor.lock()
            defer { store.monitor.unlock() }
            let end = store.writer.log.end
            log = Int(end.offset)
            precondition(end.segment == 1, "all of it is in one segment")
            let allocator = store.writer.allocator
            live = (Int(allocator.pageCount) - allocator.unneeded.count - store.writer.freeListPages.count) * 4096
            let root = store.published.load()
            vanished = try Sizes.leaves(root.state.vanished, root.pages) * 4096
            changed = try Sizes.leaves(root.state.changed, root.pages) * 4096
        }

        private static func leaves<Schema: RowSchema>(_ tree: RowTree<Schema>, _ pages: Pages) throws -> Int {
            var count = 0
            try tree.forEachLeaf(0, .max, pages) { _, _ in
                count += 1
                return true
            }
            return count
        }
    }

    private static let scattered = getenv("VARVE_EXPUNGES").flatMap { Int(String(cString: $0)) } ?? 100_000

    /// A million expunges, kept for ever: in the index for those who ask what vanished, in the log as one record. The worst case
    /// is every second message; it costs so much for each, however many they are (`VARVE_EXPUNGES=1000000`).
    @Test(arguments: [(1_000_000, 1), (PurgeTests.scattered, 2)])
    func aMillionExpungesCostLittle(expunged: Int, of each: Int) throws {
        let store = try PurgeTests.grown(expunged * each)
        let inbox = try store.mailbox("INBOX").id
        let before = try Sizes(store)
        let uids = each == 2 ? PurgeTests.everySecond(expunged * 2) : UIDSet(UIDRange(.min, .max))
        let gone = try store.commit { try $0.expunge(uids, in: inbox, onlyDeleted: false) }
        #expect(gone.count == expunged)
        let logged = try Sizes(store)
        store.maintain()
        let after = try Sizes(store)
        #expect(try row(store).dead == 0)
        let record = logged.log - before.log
        print(
            "\(expunged) expunges of \(expunged * each): \(record) bytes of log, \(after.vanished) bytes of vanished and "
                + "\(after.changed) of changed in the index; the index in use was \(before.live) bytes, is \(after.live)")
        if each == 2 {
            #expect(record <= 8 * expunged + 200, "8 bytes of log for each")
            #expect(after.vanished <= 21 * expunged, "20 bytes of index for each")
            #expect(after.live <= before.live + 22 * expunged)
        } else {
            #expect(record <= 128)
            #expect(after.vanished == 4096)
            #expect(after.live < 20 * 4096, "nearly all of the index is free")
        }
        #expect(after.changed <= 4096, "the others were not changed")
        try store.close()
    }
}
