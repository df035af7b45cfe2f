import MailModel
import Synchronization
import TestSupport
import Testing
import VarveSimulation
import VarveFormat

@testable import Varve

/// What an opening makes of damage that leaves more than one way to read what is there.
@Suite struct OpeningTests {
    private let path = Workload.path
    private let superblock = Workload.superblock
    private let index = Workload.index

    private func expect(_ disk: SimulatedDisk, _ expected: Summary, _ what: String) throws {
        disk.kill()
        let store = try Store.open(at: path, Workload.options(disk))
        #expect(try Summary(store).difference(expected) == "", "\(what)")
        let violations = Check.run(store.snapshot())
        #expect(violations.isEmpty, "\(what): \(violations)")
        try store.close()
    }

    private func expectRefusal(_ disk: SimulatedDisk, _ kind: StoreError.Kind, _ what: String) {
        disk.kill()
        #expect {
            try Store.open(at: path, Workload.options(disk)).close()
        } throws: { error in
            if (error as? StoreError)?.kind == kind { return true }
            Issue.record("\(what): \(error)")
            return false
        }
    }

    // MARK: Superblock

    /// After a sync that failed, the system takes what it has in memory for written: the next opening reads the new slot, and is
    /// about to use pages again that the old one, on disk, still reaches.
    @Test func aSlotThatOnlyMemoryHasIsBroughtToDisk() throws {
        func sequence(_ disk: SimulatedDisk) throws -> UInt64 {
            let file = try disk.open(superblock, create: false, writable: false)
            return try #require(try Recovery.readSuperblock(file, superblock).newest).sequence
        }
        /// - Parameter failing: which of the checkpoint's calls.
        /// - Returns: which of them was the last sync.
        func checkpoint(_ disk: SimulatedDisk, failing: Int? = nil) throws -> Int {
            let store = try Store.open(at: path, Workload.options(disk))
            try store.commit { _ = try $0.createMailbox("new") }
            let before = disk.calls.count
            if let failing { disk.fail(at: before + failing, with: .error(.io)) }
            do { try store.checkpoint() } catch { #expect(failing != nil) }
            let last = disk.calls[before...].lastIndex(of: .sync)! - before + 1
            try? store.close()
            return last
        }
        let (pristine, _) = try Workload.finished()
        var lost = 0
        for seed in UInt64(1)...12 {
            let last = try checkpoint(pristine.survivor(seed: seed))
            let disk = pristine.survivor(seed: seed)
            _ = try checkpoint(disk, failing: last)
            let seen = try sequence(disk)
            // Of what the failed sync was to write, some may have been written.
            guard try sequence(disk.survivor(seed: 1)) < seen else { continue }
            lost += 1
            // The process lives on.
            let store = try Store.open(at: path, Workload.options(disk))
            for other in UInt64(1)...8 {
                let left = try sequence(disk.survivor(seed: other))
                #expect(left >= seen, "seeds \(seed), \(other)")
            }
            try store.checkAndClose()
        }
        #expect(lost > 2)
    }

    @Test func aFlippedBitInASlotsVersionCostsNothing() throws {
        let (pristine, expected) = try Workload.finished()
        for slots in [[0], [1], [0, 1]] {
            let disk = pristine.afterPowerFailure(seed: 1)
            for slot in slots { disk.damage(superblock, at: slot * Superblock.slotSize + 8) { $0 ^ 4 } }
            try expect(disk, expected, "version of slots \(slots)")
        }
    }

    /// Not damage: its sum holds.
    @Test func aSlotOfAnotherVersionIsRefused() throws {
        let (disk, _) = try Workload.finished()
        var bytes = try #require(disk.contents(superblock))
        bytes[8] = UInt8(Format.major + 1)
        let sum = bytes.withBytes { crc32c(0, UnsafeRawBufferPointer(rebasing: $0[..<(Superblock.slotSize - 4)])) }
        bytes.replaceSubrange((Superblock.slotSize - 4)..<Superblock.slotSize, with: [UInt8]().appending(sum))
        try overwrite(disk, superblock, bytes)
        expectRefusal(disk, .unsupportedVersion, "a newer version")
    }

    private func overwrite(_ disk: SimulatedDisk, _ name: String, _ bytes: [UInt8]) throws {
        let file = try disk.open(name, create: false, writable: true)
        try bytes.withBytes { bytes throws(StoreError) in try file.write(at: 0, [bytes]) }
        try file.sync()
    }

    /// A slot that was written to the other one's place would be overwritten by the next checkpoint.
    @Test func aSlotInTheOthersPlaceDoesNotHold() throws {
        let (disk, expected) = try Workload.finished()
        let bytes = try #require(disk.contents(superblock))
        let sequences = [32, Superblock.slotSize + 32].map { at in bytes.withBytes { $0.baseAddress!.load64(at) } }
        let newer = sequences[0] > sequences[1] ? bytes.prefix(Superblock.slotSize) : bytes.suffix(Superblock.slotSize)
        try overwrite(disk, superblock, Array(newer + newer))
        let file = try disk.open(superblock, create: false, writable: false)
        #expect(try Recovery.readSuperblock(file, superblock).newest?.sequence == sequences.max())
        // And with nothing but the one that is out of place:
        let other = [UInt8](repeating: 0, count: Superblock.slotSize)
        try overwrite(disk, superblock, sequences[0] > sequences[1] ? other + newer : newer + other)
        #expect(try Recovery.readSuperblock(file, superblock).newest == nil)
        try expect(disk, expected, "a slot out of place")
    }

    /// Where only one slot holds, a page that the opening itself has no need of is looked at all the same.
    @Test func besideADamagedSlotNoPageIsTrusted() throws {
        let (disk, expected) = try Workload.finished()
        let bytes = try #require(disk.contents(index))
        var leaves = 0
        for page in stride(from: Format.pageSize, to: bytes.count, by: Format.pageSize)
        where bytes[page + Page.kindOffset] == PageKind.rowLeaf.rawValue && bytes[page + Page.treeOffset] == TreeID.uid.rawValue {
            disk.damage(index, at: page + 100)
            leaves += 1
        }
        #expect(leaves > 2)
        let slots = try #require(disk.contents(superblock))
        let sequences = [32, Superblock.slotSize + 32].map { at in slots.withBytes { $0.baseAddress!.load64(at) } }
        disk.damage(superblock, at: (sequences[0] < sequences[1] ? 0 : Superblock.slotSize) + 100)
        try expect(disk, expected, "leaves damaged")
    }

    /// The newer slot is damaged, and pages that the older one reaches were used again.
    @Test func anIndexThatWentOnBehindTheOlderSlotIsBuiltAnew() throws {
        for rounds in 1...4 {
            let disk = SimulatedDisk()
            let store = try Store.open(at: path, Workload.options(disk))
            let inbox = try store.mailbox("INBOX").id
            try store.commit { tx in for _ in 0..<600 { try tx.append([7], to: inbox, internalDate: noon) } }
            try store.checkpoint()
            for i in 0..<rounds {
                let change = FlagChange.add(Flags([], keywords: ["k\(i)"]))
                try store.commit { try $0.changeFlags(change, of: UIDSet(UIDRange(300, 310)), in: inbox) }
                if i < 2 { try store.checkpoint() }
            }
            let expected = try Summary(store)
            let survivor = disk.afterPowerFailure(seed: UInt64(rounds))
            try? store.close()
            let bytes = try #require(survivor.contents(superblock))
            let sequences = [32, Superblock.slotSize + 32].map { at in bytes.withBytes { $0.baseAddress!.load64(at) } }
            survivor.damage(superblock, at: (sequences[0] > sequences[1] ? 0 : Superblock.slotSize) + 100)
            try expect(survivor, expected, "\(rounds) rounds")
        }
    }

    /// A process was killed between the write of a slot and its sync.
    @Test func theSlotThatIsBuiltUponIsOnDisk() throws {
        for seed in 1...8 as ClosedRange<UInt64> {
            let disk = SimulatedDisk(seed: seed)
            let store = try Store.open(at: path, Workload.options(disk))
            let old = try #require(disk.contents(superblock))
            try store.commit { _ = try $0.createMailbox("mail") }
            try store.close()
            let new = try #require(disk.contents(superblock))
            try overwrite(disk, superblock, old)
            let file = try disk.open(superblock, create: false, writable: true)
            try new.withBytes { bytes throws(StoreError) in try file.write(at: 0, [bytes]) }
            _ = try Store.open(at: path, Workload.options(disk))
            #expect(disk.afterPowerFailure(seed: seed).contents(superblock) == new, "seed \(seed)")
        }
    }

    @Test func anIndexOfAnOlderMinorVersionIsBuiltAnew() throws {
        let (disk, expected) = try Workload.finished()
        disk.kill()
        var store = try Store.open(at: path, Workload.options(disk))
        let number = store.writer.superblock.indexNumber
        try store.close()
        let newer = Recovery(path, Workload.options(disk), newestIndex: Format.minor + 1)
        store = try newer.open(disk.lock("\(path)/\(FileNames.lock)"))
        #expect(store.writer.superblock.indexNumber == number + 1)
        #expect(try Summary(store).difference(expected) == "")
        try store.close()
        store = try Store.open(at: path, Workload.options(disk))
        #expect(store.writer.superblock.indexNumber == number + 1, "what it knows it trusts")
        try store.close()
    }

    // MARK: Log

    /// The index may know what a damaged log has lost.
    @Test func theIndexStaysWhereItIsTheLogThatIsDamaged() throws {
        let (disk, _) = try Workload.finished()
        let before = try #require(disk.contents(index))
        disk.kill()
        let store = try Store.open(at: path, Workload.options(disk))
        let inbox = try store.mailbox("INBOX").id
        let end = Int(store.writer.log.end.offset)
        for _ in 0..<2 { try store.commit { try $0.append([1], to: inbox, internalDate: noon) } }
        let last = Workload.segment(store.writer.log.current.number)
        let damaged = disk.afterPowerFailure(seed: 1)
        try? store.close()
        damaged.damage(last, at: end + 40)
        let names = [FileNames.index, FileNames.lock, FileNames.segments, FileNames.superblock]
        for wasCutShort in [false, true] {
            if wasCutShort { try damaged.rename(index, to: "\(path)/\(FileNames.damagedIndex)") }
            expectRefusal(damaged, .corrupt, "a damaged frame")
            #expect(try damaged.list(path).sorted() == names)
            #expect(damaged.contents(index)?.prefix(4096) == before.prefix(4096))
        }
        damaged.damage(last, at: end + 40)
        try damaged.rename(index, to: "\(path)/\(FileNames.damagedIndex)")
        damaged.kill()
        try Store.open(at: path, Workload.options(damaged)).checkAndClose()
        #expect(try damaged.list(path).sorted() == names)
    }

    /// A header is on disk before the segment before it is sealed: what damaged it may have taken more.
    @Test(arguments: [false, true]) func aDamagedHeaderBehindASealedSegmentIsRefusedAndStays(isSealed: Bool) throws {
        let disk = SimulatedDisk()
        let store = try Store.open(at: path, Workload.options(disk))
        let inbox = try store.mailbox("INBOX").id
        var random = SeededGenerator(seed: 5)
        let noise = (0..<1_100_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        try store.commit { try $0.append(noise, to: inbox, internalDate: noon) }
        try store.checkpoint()
        // The second segment holds nothing but its header.
        struct Refused: Error {}
        #expect(throws: Refused.self) { try store.commit { _ in throw Refused() } }
        if isSealed { store.maintain() }
        let survivor = disk.afterPowerFailure(seed: 1)
        try? store.close()
        survivor.damage(Workload.segment(2), at: 41)
        if isSealed {
            expectRefusal(survivor, .corrupt, "a damaged header")
            try #require(try survivor.exists(Workload.segment(2)))
            survivor.damage(Workload.segment(2), at: 41)
            survivor.kill()
        }
        let reopened = try Store.open(at: path, Workload.options(survivor))
        #expect(try reopened.mailbox("INBOX").view().count == 1)
        try reopened.checkAndClose()
    }

    /// A segment that cannot be sealed is no reason to refuse mail.
    @Test(arguments: [false, true]) func damageInAnUnsealedSegmentDoesNotEndCommits(isCut: Bool) throws {
        let disk = SimulatedDisk()
        let store = try Store.open(at: path, Workload.options(disk))
        let inbox = try store.mailbox("INBOX").id
        var random = SeededGenerator(seed: 5)
        let noise = (0..<1_100_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        try store.commit { try $0.append(noise, to: inbox, internalDate: noon) }
        for _ in 0..<2 {
            try store.commit { try $0.append([1], to: inbox, internalDate: noon) }
            try store.checkpoint()
        }
        let survivor = disk.afterPowerFailure(seed: 1)
        try? store.close()
        if isCut { survivor.cut(Workload.segment(1), to: 500_000) } else { survivor.damage(Workload.segment(1), at: 500_000) }
        let reopened = try Store.open(at: path, Workload.options(survivor))
        reopened.maintain()
        try reopened.commit { try $0.append([2], to: inbox, internalDate: noon) }
        let message = try #require(try reopened.mailbox("INBOX").view().message(1))
        #expect(throws: StoreError.self) { try reopened.body(of: message).bytes() }
        try reopened.close()
    }

    /// A store whose superblock was ever written is not a new one.
    @Test func aLogThatIsGoneIsNotANewStore() throws {
        let disk = SimulatedDisk()
        let store = try Store.open(at: path, Workload.options(disk))
        try store.commit { _ = try $0.createMailbox("mail") }
        try store.close()
        disk.cut(Workload.segment(1), to: 0)
        for slot in 0..<2 { disk.damage(superblock, at: slot * Superblock.slotSize + 40) }
        expectRefusal(disk, .corrupt, "an empty segment")
        try disk.remove(Workload.segment(1))
        expectRefusal(disk, .corrupt, "no segment")
        #expect(try !disk.exists(Workload.segment(1)))
    }

    /// Places in a segment are 32 bits wide; a file may be longer all the same.
    @Test func zerosBehindTheLastPlaceMeanNothing() throws {
        let (disk, expected) = try Workload.finished()
        var options = Workload.options(disk)
        options.fileSystem = SparseDisk(disk)
        disk.kill()
        let store = try Store.open(at: path, options)
        #expect(try Summary(store).difference(expected) == "")
        #expect(store.writer.log.current.zeroed == Int(UInt32.max))
        try store.commit { _ = try $0.createMailbox("more") }
        store.maintain()
        try store.checkAndClose()
    }

    @Test func noZerosAreWrittenBehindTheLastPlace() throws {
        let disk = SimulatedDisk()
        let store = try Store.open(at: path, Workload.options(disk))
        let current = store.writer.log.current
        #expect(store.isFillDue || current.zeroed - current.end > 0)
        store.writer.log.current.end = Int(UInt32.max) - 7
        store.writer.log.current.zeroed = Int(UInt32.max)
        #expect(!store.isFillDue)
        store.writer.log.current = current
        try store.close()
    }

    // MARK: Names

    /// A name that is not on disk yet may lead to an older file, which an opening that was cut short made under the same
    /// number.
    @Test(arguments: [false, true]) func aNewIndexIsOnDiskByItsNameBeforeASuperblockSpeaksOfIt(isDamaged: Bool) throws {
        let (disk, expected) = try Workload.finished()
        disk.kill()
        if isDamaged { disk.damage(index, at: 60) } else { try disk.remove(index) }
        let calls = Mutex<[String]>([])
        disk.setObserver { _, kind, name in calls.withLock { $0.append("\(kind) \(name)") } }
        try expect(disk, expected, "index damaged: \(isDamaged)")
        let made = calls.withLock { $0 }
        let name = try #require(made.lastIndex { $0 == "name \(index)" })
        let written = try #require(made[name...].firstIndex { $0 == "write \(superblock)" })
        #expect(made[name..<written].contains("syncDirectory \(path)"), "\(made[name...written])")
    }

    /// Killed before the folder above was synced, and opened again: from then on mail is acknowledged.
    @Test func aStoresNameIsOnDiskBeforeAnythingIsAcknowledged() throws {
        let baseline = SimulatedDisk()
        _ = try Store.open(at: path, Workload.options(baseline))
        for call in 1...baseline.calls.count {
            let disk = SimulatedDisk(seed: UInt64(call))
            disk.fail(at: call, with: .error(.io))
            let first = try? Store.open(at: path, Workload.options(disk))
            disk.kill()
            let store = try first ?? Store.open(at: path, Workload.options(disk))
            try store.commit { _ = try $0.createMailbox("mail") }
            let survivor = disk.afterPowerFailure(seed: UInt64(call) * 7)
            try? store.close()
            let reopened = try Store.open(at: path, Workload.options(survivor))
            #expect(try reopened.snapshot().mailbox(named: "mail") != nil, "call \(call): \(baseline.calls[call - 1])")
            try reopened.close()
        }
    }
}

extension [UInt8] {
    fileprivate func appending(_ value: UInt32) -> [UInt8] {
        var result = self
        result.append32(value)
        return result
    }
}
