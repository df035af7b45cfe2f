import MailModel
import Synchronization
import TestSupport
import Testing
import VarveSimulation
import VarveFormat

@testable import Varve

/// The index file gets smaller again when what it held is gone.
@Suite struct ShrinkTests {
    private static let all = UIDSet(UIDRange(.min, .max))

    private func pages(_ disk: SimulatedDisk) throws -> Int { try #require(disk.size(Workload.index)) / Format.pageSize }

    private func expectWhole(_ store: Store) {
        let violations = Check.run(store)
        #expect(violations.isEmpty, "\(violations)")
    }

    /// INBOX is left with a few messages, which lie all over the file.
    private func thinOut(_ store: Store, _ count: Int) throws {
        let inbox = try store.mailbox("INBOX").id
        let kept = UIDSet(stride(from: UInt32(1), through: UInt32(count), by: 1000).map { UID($0) })
        try store.commit { try $0.expunge(ShrinkTests.all.subtracting(kept), in: inbox, onlyDeleted: false) }
        store.maintain()
        #expect(store.snapshot().root.state.deadRows == 0)
    }

    @Test func anIndexOfWhichNearlyAllIsGoneIsSmallAgain() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try PurgeTests.grown(100_000, disk)
        try store.checkpoint()
        let before = try pages(disk)
        try thinOut(store, 100_000)
        let changed = try store.mailbox("INBOX").view().mailbox.highestModSeq
        try store.shrinkIndex()
        let after = try pages(disk)
        #expect(before > 1400)
        #expect(after < 48, "\(after) pages for 100 messages")
        expectWhole(store)
        #expect(try store.mailbox("INBOX").view().count == 100)
        #expect(try store.mailbox("INBOX").view().mailbox.highestModSeq == changed)
        // And it can grow again.
        let inbox = try store.mailbox("INBOX").id
        for _ in 0..<8 { try store.commit { try $0.copy(ShrinkTests.all, from: inbox, to: inbox) } }
        expectWhole(store)
        try store.checkAndClose()
    }

    /// Its pages lie in memory, and sealed on disk: both are cut.
    @Test func theIndexOfAnEncryptedStoreIsSmallAgain() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try PurgeTests.grown(20_000, disk) { EncryptedSample.encrypt(&$0, seed: 1) }
        try store.checkpoint()
        let before = try #require(disk.size(Workload.index))
        try thinOut(store, 20_000)
        try store.shrinkIndex()
        let after = try #require(disk.size(Workload.index))
        #expect(before > 300 * SealedPage.stride && after < 48 * SealedPage.stride, "\(before) bytes, then \(after)")
        expectWhole(store)
        let inbox = try store.mailbox("INBOX").id
        for _ in 0..<8 { try store.commit { try $0.copy(ShrinkTests.all, from: inbox, to: inbox) } }
        try store.checkAndClose()
    }

    @Test func aShrinkWithNothingToDoWritesNothing() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try PurgeTests.grown(30_000, disk)
        try thinOut(store, 30_000)
        try store.shrinkIndex()
        let calls = disk.calls.count
        let modSeq = store.snapshot().modSeq
        try store.shrinkIndex()
        store.maintain()
        #expect(disk.calls.count == calls)
        #expect(store.snapshot().modSeq == modSeq)
        try store.close()
    }

    @Test func theSpaceOfADeletedMailboxReturns() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try PurgeTests.grown(5000, disk)
        let inbox = try store.mailbox("INBOX").id
        let big = try store.commit { try $0.createMailbox("big").id }
        for _ in 0..<20 { try store.commit { try $0.copy(ShrinkTests.all, from: inbox, to: big) } }
        try store.commit { try $0.changeFlags(.add([.flagged]), of: ShrinkTests.all, in: inbox) }
        try store.checkpoint()
        let before = try pages(disk)
        try store.commit { try $0.deleteMailbox(big) }
        // Nobody asks for it: the maintenance sees to it, after the next checkpoint.
        try store.checkpoint()
        #expect(store.isMaintenanceDue)
        store.maintain()
        let after = try pages(disk)
        #expect(before > 1400 && after < 130, "\(before) pages, then \(after)")
        #expect(!store.isShrinkDue)
        expectWhole(store)
        try store.checkAndClose()
    }

    @Test func whatAReaderHoldsStays() throws {
        let folder = TemporaryFolder()
        var options = StoreOptions()
        options.backgroundMaintenance = false
        let store = try Store.open(at: "\(folder.path)/store", options)
        let inbox = try store.mailbox("INBOX").id
        let message = try PreparedMessage(Array("m".utf8))
        try store.commit { tx in for _ in 0..<1000 { try tx.append(message, to: inbox, internalDate: noon) } }
        for _ in 0..<5 { try store.commit { try $0.copy(ShrinkTests.all, from: inbox, to: inbox) } }
        try store.checkpoint()
        let file = try options.fileSystem.open("\(folder.path)/store/\(FileNames.index)", create: false, writable: false)
        let before = try file.size()
        var snapshot: Snapshot? = store.snapshot()
        try thinOut(store, 32_000)
        try store.shrinkIndex()
        #expect(try file.size() > before / 2, "pages that the reader sees were cut off")
        try expectAscending(snapshot!, inbox, 32_000)
        expectWhole(store)
        // What changes now goes to other pages.
        for _ in 0..<3 { try store.commit { try $0.copy(ShrinkTests.all, from: inbox, to: inbox) } }
        #expect(Check.run(snapshot!).isEmpty)
        snapshot = nil
        try store.commit { try $0.changeFlags(.add([.seen]), of: [1], in: inbox) }
        try store.shrinkIndex()
        #expect(try file.size() < before / 4)
        expectWhole(store)
        try store.checkAndClose()
    }

    /// Reads every page of the mailbox, by a mapping older than the cut.
    private func expectAscending(_ snapshot: Snapshot, _ inbox: MailboxID, _ expected: Int) throws {
        let view = try #require(try snapshot.view(of: inbox))
        var count = 0
        try view.forEachMessage(in: UIDRange(.min, .max)) { number, found in
            count += 1
            return found.uid.rawValue == UInt32(number)
        }
        #expect(count == expected)
        #expect(Check.run(snapshot).isEmpty)
    }

    /// The superblock speaks of fewer pages before the file is cut: a crash between leaves a file that is too long.
    @Test func aFileThatIsTooLongIsTakenAndCutLater() throws {
        let disk = SimulatedDisk()
        let store = try PurgeTests.grown(30_000, disk)
        try thinOut(store, 30_000)
        let calls = disk.calls.count
        try store.shrinkIndex()
        let cut = try #require(disk.calls[calls...].firstIndex(of: .truncate))
        try store.close()

        let second = SimulatedDisk()
        let again = try PurgeTests.grown(30_000, second)
        try thinOut(again, 30_000)
        second.fail(at: cut + 1, with: .powerFailure)
        #expect(throws: StoreError.self) { try again.shrinkIndex() }
        let survivor = second.afterPowerFailure(seed: 1)
        #expect(try pages(survivor) > 400)
        let opened = try Store.open(at: Workload.path, Workload.options(survivor))
        #expect(opened.writer.superblock.pageCount < 48)
        #expect(try opened.mailbox("INBOX").view().count == 30)
        expectWhole(opened)
        try opened.shrinkIndex()
        #expect(try pages(survivor) < 48)
        try opened.checkAndClose()
    }

    @Test func othersReadAndCommitMeanwhile() throws {
        let folder = TemporaryFolder()
        let store = try Store.open(at: "\(folder.path)/store")
        let inbox = try store.mailbox("INBOX").id
        let message = try PreparedMessage(Array("m".utf8))
        try store.commit { tx in for _ in 0..<1000 { try tx.append(message, to: inbox, internalDate: noon) } }
        let isOver = Mutex(false)
        let failures = Mutex<[String]>([])
        let other = try store.commit { try $0.createMailbox("other").id }
        let committer = inThread {
            while !isOver.withLock({ $0 }) {
                do {
                    try store.commit { try $0.append(message, to: other, internalDate: noon) }
                } catch { failures.withLock { $0.append("\(error)") } }
            }
        }
        let reader = inThread {
            while !isOver.withLock({ $0 }) {
                let violations = Check.run(store.snapshot())
                if !violations.isEmpty { failures.withLock { $0.append("\(violations)") } }
            }
        }
        for round in 0..<4 {
            for _ in 0..<4 { try store.commit { try $0.copy(ShrinkTests.all, from: inbox, to: inbox) } }
            let last = try #require(try store.mailbox("INBOX").view().lastUID)
            let gone = UIDSet(UIDRange(.min, UID(last.rawValue - 500)))
            try store.commit { try $0.expunge(gone, in: inbox, onlyDeleted: false) }
            if round == 2 { try store.forgetExpunges(through: .max) }
            try store.shrinkIndex()
        }
        isOver.withLock { $0 = true }
        committer.join()
        reader.join()
        #expect(failures.withLock { $0 } == [])
        expectWhole(store)
        try store.checkAndClose()
    }
}
