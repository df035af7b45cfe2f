import MailModel
import TestSupport
import Testing
import VarveSimulation
import VarveFormat

@testable import Varve

/// Space in the log is given back, and nobody sees anything of it.
@Suite struct CompactionTests {
    private static let segmentSize = 1 << 20

    private func options(_ disk: any FileSystem, _ mode: CompactionMode = .onDemand) -> StoreOptions {
        var options = StoreOptions()
        options.fileSystem = disk
        options.backgroundMaintenance = false
        options.segmentSize = CompactionTests.segmentSize
        options.compaction = mode
        options.clock = { 1_700_000_000_000 }
        return options
    }

    /// Bytes that do not shrink, different for each number.
    private static func noise(_ number: Int, _ count: Int) -> [UInt8] {
        var random = SeededGenerator(seed: UInt64(number) + 1)
        return Array("Subject: \(number)\r\n\r\n".utf8) + (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    /// A store with `count` messages of 20,000 bytes in INBOX, under UIDs from 1 on.
    private func filled(_ disk: any FileSystem, count: Int, _ mode: CompactionMode = .onDemand) throws -> Store {
        let store = try Store.open(at: "store", options(disk, mode))
        let inbox = try store.mailbox("INBOX").id
        for number in 1...count {
            try store.commit { try $0.append(CompactionTests.noise(number, 20_000), to: inbox, internalDate: noon) }
        }
        store.maintain()
        return store
    }

    private func names(_ disk: SimulatedDisk) throws -> [String] { try disk.list("store/segments").sorted() }

    private func expectBodies(_ store: Store, _ mailbox: MailboxID, _ numbers: [UInt32: Int]) throws {
        let view = try #require(try store.snapshot().view(of: mailbox))
        let count = try view.count
        #expect(count == numbers.count)
        for (uid, number) in numbers {
            let message = try #require(try view.message(UID(uid)))
            #expect(try store.body(of: message).bytes() == CompactionTests.noise(number, 20_000), "UID \(uid)")
        }
    }

    // MARK: Space

    /// It holds its header and no more, so all of it is dead; no commit knows of it yet.
    @Test func aSegmentThatWasJustBegunIsNotGivenUp() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try filled(disk, count: 51)
        let inbox = try store.mailbox("INBOX").id
        try store.commit { try $0.expunge(UIDSet(UIDRange(1, 48)), in: inbox, onlyDeleted: false) }
        try store.commit { try $0.append(CompactionTests.noise(52, 20_000), to: inbox, internalDate: noon) }
        struct Refused: Error {}
        #expect(throws: Refused.self) { try store.commit { _ in throw Refused() } }
        try #require(try names(disk) == ["000000000001.seg", "000000000002.seg"])
        try #require(store.writer.log.current.end == SegmentHeader.size)
        #expect(try store.compact().segmentsRemoved == 1)
        try expectBodies(store, inbox, [49: 49, 50: 50, 51: 51, 52: 52])
        try store.checkAndClose()
    }

    @Test func whatIsExpungedGivesItsSpaceBack() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try filled(disk, count: 200)
        let inbox = try store.mailbox("INBOX").id
        let before = try store.statistics()
        #expect(before.segments.count == 4 && before.horizon == 0 && before.baseBytes == 0)
        try store.commit { try $0.expunge(UIDSet(UIDRange(1, 190)), in: inbox, onlyDeleted: false) }
        let summary = try Summary(store)
        let report = try store.compact()
        #expect(report.damage.isEmpty && report.segmentsWaiting == 0)
        #expect(report.segmentsRemoved == 4 && report.messagesMoved == 10)
        #expect(report.bytesAfter < 500_000 && report.bytesBefore > 4_000_000)
        #expect(report.horizon == ModSeq(summary.modSeq + 1), "one commit copies what lives, then comes the base")
        #expect(try names(disk) == ["000000000005.seg", "000000000006.base", "000000000006.seg"])
        let after = try store.statistics()
        #expect(after.horizon == report.horizon && after.baseBytes > 0)
        #expect(after.deadBytes < 10_000 && after.segments.count == 2)
        #expect(try Summary(store).lines == summary.lines, "nobody sees anything of it")
        try expectBodies(store, inbox, Dictionary(uniqueKeysWithValues: (191...200).map { (UInt32($0), $0) }))
        // And again: there is nothing more to be had.
        let again = try store.compact()
        #expect(again.segmentsRemoved == 0 && again.messagesMoved == 0 && again.horizon == report.horizon)
        try store.checkAndClose()
        let reopened = try Store.open(at: "store", options(disk))
        try expectBodies(reopened, inbox, Dictionary(uniqueKeysWithValues: (191...200).map { (UInt32($0), $0) }))
        try reopened.close()
    }

    @Test func aDeletedMailboxGivesItsSpaceBack() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try filled(disk, count: 10)
        let inbox = try store.mailbox("INBOX").id
        let other = try store.commit { try $0.createMailbox("other").id }
        for number in 0..<150 {
            try store.commit { try $0.append(CompactionTests.noise(number, 20_000), to: other, internalDate: noon) }
        }
        try store.commit { try $0.deleteMailbox(other) }
        let report = try store.compact()
        #expect(report.bytesAfter < 500_000 && report.messagesMoved == 10)
        try expectBodies(store, inbox, Dictionary(uniqueKeysWithValues: (1...10).map { (UInt32($0), $0) }))
        try store.checkAndClose()
    }

    @Test func copiesShareTheirBodyAfterwards() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try filled(disk, count: 60)
        let inbox = try store.mailbox("INBOX").id
        let other = try store.commit { try $0.createMailbox("other").id }
        try store.commit { try $0.copy(UIDSet(UIDRange(55, 60)), from: inbox, to: other) }
        try store.commit { try $0.copy([60], from: inbox, to: inbox) }
        try store.commit { try $0.expunge(UIDSet(UIDRange(1, 57)), in: inbox, onlyDeleted: false) }
        let report = try store.compact()
        #expect(report.messagesMoved == 6)
        #expect(try store.statistics().segments.reduce(0) { $0 + $1.liveMessages } == 6)
        try expectBodies(store, inbox, [58: 58, 59: 59, 60: 60, 61: 60])
        try expectBodies(store, other, [1: 55, 2: 56, 3: 57, 4: 58, 5: 59, 6: 60])
        try store.checkAndClose()
    }

    /// Segments with little dead in them stay, and are known to be needed.
    @Test func segmentsThatAreNeededStay() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try filled(disk, count: 200)
        let inbox = try store.mailbox("INBOX").id
        // One segment holds 52 of them.
        try store.commit { try $0.expunge(UIDSet(UIDRange(60, 100)), in: inbox, onlyDeleted: false) }
        let report = try store.compact()
        #expect(report.segmentsRemoved == 1)
        let kept = try names(disk)
        #expect(
            kept == ["000000000001.seg", "000000000003.seg", "000000000004.seg", "000000000005.base", "000000000005.seg"])
        try store.checkAndClose()
        var numbers = Dictionary(uniqueKeysWithValues: (1...59).map { (UInt32($0), $0) })
        for number in 101...200 { numbers[UInt32(number)] = number }
        let reopened = try Store.open(at: "store", options(disk))
        try expectBodies(reopened, inbox, numbers)
        try reopened.close()
        // Without one of them the store does not open.
        try disk.remove("store/segments/000000000003.seg")
        for removesIndex in [false, true] {
            if removesIndex { try disk.remove("store/\(FileNames.index)") }
            #expect {
                try Store.open(at: "store", options(disk)).close()
            } throws: { error in
                (error as? StoreError)?.kind == .corrupt && "\(error)".contains("000000000003.seg: the segment is missing")
            }
        }
    }

    /// In the background: once it is idle, at most a quarter of the log and one segment are dead.
    @Test(arguments: [1, 2, 3] as [UInt64]) func theSpaceBoundHolds(seed: UInt64) throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try Store.open(at: "store", options(disk, .automatic))
        let inbox = try store.mailbox("INBOX").id
        var random = SeededGenerator(seed: seed)
        var runs = 0
        for _ in 0..<400 {
            let size = Int.random(in: 0..<60_000, using: &random)
            let body = CompactionTests.noise(Int.random(in: 0..<1000, using: &random), size)
            try store.commit { try $0.append(body, to: inbox, internalDate: noon) }
            if random.once(in: 3) {
                let next = try store.mailbox("INBOX").view().mailbox.uidNext.rawValue
                let first = UInt32.random(in: 1..<next, using: &random)
                let range = UIDRange(UID(first), UID(min(next - 1, first + UInt32.random(in: 0...12, using: &random))))
                try store.commit { try $0.expunge(UIDSet(range), in: inbox, onlyDeleted: false) }
            }
            let horizon = store.writer.base?.modSeq
            store.maintain()
            if store.writer.base?.modSeq != horizon { runs += 1 }
            #expect(!store.isCompactionDue, "seed \(seed)")
        }
        let statistics = try store.statistics()
        #expect(
            statistics.deadBytes <= statistics.logBytes / 4 + CompactionTests.segmentSize,
            "seed \(seed): \(statistics.deadBytes) of \(statistics.logBytes) bytes are dead")
        #expect(runs > 1, "seed \(seed)")
        try store.checkAndClose()
    }

    // MARK: Readers

    @Test func readersGoOnWithWhatTheyHave() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try filled(disk, count: 60)
        let inbox = try store.mailbox("INBOX").id
        let pin = try #require(try store.pin(inbox))
        var view: View? = try store.mailbox("INBOX").view()
        let pinned = try #require(try view?.message(5))
        let body = try store.body(of: pinned)
        let kept = try #require(try view?.message(60))
        try store.commit { try $0.expunge(UIDSet(UIDRange(1, 55)), in: inbox, onlyDeleted: false) }
        let report = try store.compact()
        #expect(report.segmentsRemoved == 2 && report.segmentsWaiting == 2, "the view is from before")
        #expect(try disk.exists("store/segments/000000000001.seg"))
        // The view's own state, bodies that were opened and such that were not.
        for uid in [1, 30, 60] as [UInt32] {
            let message = try #require(try view?.message(UID(uid)))
            #expect(try store.body(of: message).bytes() == CompactionTests.noise(Int(uid), 20_000))
        }
        #expect(try body.bytes() == CompactionTests.noise(5, 20_000))
        // What the pin's holder has not been told of is in the new state, too, and moved along.
        let now = try #require(try store.snapshot().view(pin.mark))
        let count = try now.count
        #expect(count == 60)
        let untold = try #require(try now.message(5))
        #expect(untold.isExpunged)
        view = nil
        store.maintain()
        #expect(try !disk.exists("store/segments/000000000001.seg"))
        #expect(try store.body(of: untold).bytes() == CompactionTests.noise(5, 20_000))
        #expect(try store.body(of: kept).bytes() == CompactionTests.noise(60, 20_000), "looked up before it moved")
        #expect(try body.bytes() == CompactionTests.noise(5, 20_000))
        try store.checkAndClose()
    }

    /// Commits go on between the steps: copies of what is about to move, expunges, deletions.
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64]) func commitsGoOnMeanwhile(seed: UInt64) throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try filled(disk, count: 150)
        let inbox = try store.mailbox("INBOX").id
        let other = try store.commit { try $0.createMailbox("other").id }
        try store.commit { tx in
            try tx.expunge(UIDSet(stride(from: UInt32(1), to: 150, by: 2).map { UID($0) }), in: inbox, onlyDeleted: false)
        }
        var random = SeededGenerator(seed: seed)
        var failure: (any Error)?
        let report = try store.compact { _ in
            do {
                let uid = UID(UInt32.random(in: 1...150, using: &random))
                try store.commit { try $0.copy([uid], from: inbox, to: other) }
                switch Int.random(in: 0...3, using: &random) {
                case 0: try store.commit { try $0.expunge([uid], in: inbox, onlyDeleted: false) }
                case 1: try store.commit { try $0.changeFlags(.add([.seen]), of: [uid], in: inbox) }
                case 2:
                    let scratch = try store.commit { try $0.createMailbox("scratch").id }
                    try store.commit { try $0.move([uid], from: inbox, to: scratch) }
                    try store.commit { try $0.deleteMailbox(scratch) }
                default: try store.checkpoint()
                }
            } catch {
                failure = error
            }
        }
        #expect(failure == nil, "seed \(seed)")
        #expect(report.segmentsRemoved >= 3, "seed \(seed)")
        let view = try store.mailbox("other").view()
        try view.forEachMessage(in: UIDRange(.min, .max)) { _, message in
            #expect(throws: Never.self) { try store.body(of: message).bytes() }
            return true
        }
        try store.checkAndClose()
    }

    // MARK: Base

    /// All that an account can have comes back from a base.
    @Test func aBaseHoldsTheWholeAccount() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try filled(disk, count: 80)
        let inbox = try store.mailbox("INBOX").id
        try store.commit { tx in
            for i in 0..<40 {
                let mailbox = try tx.createMailbox("folder \(i)/\u{e4}").id
                let flags = Flags(.flagged, keywords: ["k\(i % 7)", "Work"])
                try tx.append([UInt8(i)], to: mailbox, flags: flags, internalDate: noon)
                try tx.subscribe("folder \(i)")
            }
        }
        for i in 0..<20 {
            let change = FlagChange.add(Flags(.deleted, keywords: ["x\(i)"]))
            try store.commit { try $0.changeFlags(change, of: [UID(UInt32(3 * i + 1))], in: inbox) }
        }
        try store.commit { _ = try $0.claimRecent(in: inbox) }
        try store.commit { try $0.expunge(UIDSet(UIDRange(.min, .max)), in: inbox) }
        try store.commit { try $0.expunge(UIDSet(UIDRange(40, 70)), in: inbox, onlyDeleted: false) }
        try store.commit { try $0.deleteMailbox(try #require(try $0.mailbox(named: "folder 3")).id) }
        _ = try store.compact()
        #expect(store.writer.base != nil)
        let state = store.writer.state
        let keywords = Set(store.snapshot().keywords)
        try store.checkAndClose()
        let rebuilt = try Store.open(at: "store", options(disk))
        #expect(rebuilt.writer.superblock.indexNumber > 1)
        #expect(rebuilt.writer.state.nextMailbox == state.nextMailbox)
        #expect(rebuilt.writer.state.nextIdentity == state.nextIdentity)
        #expect(rebuilt.writer.state.lastUIDValidity == state.lastUIDValidity)
        #expect(Set(rebuilt.snapshot().keywords) == keywords)
        // It goes on from there.
        let work = Flags([], keywords: ["WORK"])
        let uid = try rebuilt.commit { try $0.append([1], to: inbox, flags: work, internalDate: noon) }
        #expect(uid == 81)
        try rebuilt.checkAndClose()
    }

    /// What it has begun when the disk fails says where the log ends: nothing acknowledged later may lie behind that.
    @Test func aCompactionThatFailsLosesNoLaterCommit() throws {
        var acknowledged = 0
        for call in 1...24 {
            let disk = SimulatedDisk(seed: UInt64(call))
            let store = try filled(disk, count: 8)
            let inbox = try store.mailbox("INBOX").id
            try store.commit { try $0.expunge(UIDSet(UIDRange(1, 6)), in: inbox, onlyDeleted: false) }
            disk.fail(at: disk.calls.count + call, with: .error(.io))
            _ = try? store.compact()
            let uid = try? store.commit { try $0.append(CompactionTests.noise(9, 20_000), to: inbox, internalDate: noon) }
            let left = disk.afterPowerFailure(seed: UInt64(call))
            let again = try Store.open(at: "store", options(left))
            if let uid {
                acknowledged += 1
                #expect(try again.mailbox("INBOX").view().message(uid) != nil, "call \(call)")
            }
            try again.checkAndClose()
        }
        #expect(acknowledged > 3)
    }

    /// Then the index is all there is of the commits that were given up: it is written down again before it is lost, too.
    @Test func aMissingBaseIsWrittenAnew() throws {
        let disk = SimulatedDisk(modelsPower: false)
        var store = try filled(disk, count: 120)
        let inbox = try store.mailbox("INBOX").id
        try store.commit { try $0.expunge(UIDSet(UIDRange(1, 110)), in: inbox, onlyDeleted: false) }
        _ = try store.compact()
        let expected = try Summary(store)
        try store.close()
        for name in try names(disk) where name.hasSuffix(".base") { try disk.remove("store/segments/\(name)") }
        store = try Store.open(at: "store", options(disk))
        try store.checkAndClose()
        #expect(try names(disk).contains { $0.hasSuffix(".base") })
        try disk.remove("store/index")
        store = try Store.open(at: "store", options(disk))
        #expect(try Summary(store).difference(expected) == "")
        try store.checkAndClose()
    }

    @Test func aDamagedBaseIsNotBuiltUpon() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try filled(disk, count: 60)
        let inbox = try store.mailbox("INBOX").id
        try store.commit { try $0.expunge(UIDSet(UIDRange(1, 55)), in: inbox, onlyDeleted: false) }
        _ = try store.compact()
        let expected = try Summary(store)
        try store.close()
        disk.damage("store/segments/000000000004.base", at: 200)
        // With an index it is not needed.
        let opened = try Store.open(at: "store", options(disk))
        #expect(try Summary(opened).difference(expected) == "")
        try opened.close()
        try disk.remove("store/\(FileNames.index)")
        #expect {
            try Store.open(at: "store", options(disk)).close()
        } throws: { error in (error as? StoreError)?.kind == .corrupt }
        disk.damage("store/segments/000000000004.base", at: 200)
        let again = try Store.open(at: "store", options(disk))
        #expect(try Summary(again).difference(expected) == "")
        // Where an index is whole, another base is to be had from it.
        disk.damage("store/segments/000000000004.base", at: 200)
        _ = try again.compact()
        try again.checkAndClose()
        try disk.remove("store/\(FileNames.index)")
        let last = try Store.open(at: "store", options(disk))
        #expect(try Summary(last).difference(expected) == "")
        try last.checkAndClose()
    }

    @Test func aMessageThatCannotBeReadStaysWithItsSegment() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try filled(disk, count: 120)
        let inbox = try store.mailbox("INBOX").id
        let message = try #require(try store.mailbox("INBOX").view().message(1))
        disk.damage("store/segments/000000000001.seg", at: Int(message.location.offset) + 5000)
        try store.commit { try $0.expunge(UIDSet(UIDRange(2, 115)), in: inbox, onlyDeleted: false) }
        let report = try store.compact()
        #expect(report.damage.count == 1 && report.segmentsRemoved == 2)
        #expect(try disk.exists("store/segments/000000000001.seg"))
        try store.close()
    }
}
