import MailModel
import TestSupport
import Testing
import VarveSimulation
import VarveFormat

@testable import Varve

/// Bytes on disk that are not what was written: an error, or no harm; never a trap, and never mail lost in silence.
@Suite struct DamageTests {
    private let path = Workload.path
    private let superblock = Workload.superblock
    private let index = Workload.index

    /// Opens and reads all there is. - Returns: nil where that is refused as damage.
    private func readAll(_ disk: SimulatedDisk, _ what: String) throws -> Summary? {
        disk.kill()
        do {
            let store = try Store.open(at: path, Workload.options(disk))
            let summary = try Summary(store)
            _ = Check.run(store.snapshot())
            var views: [View] = []
            try store.snapshot().forEachMailbox { info in
                if let view = try? store.snapshot().view(of: info.id) { views.append(view) }
                return true
            }
            for view in views {
                var messages: [Message] = []
                try view.forEachMessage(in: UIDRange(.min, .max)) {
                    messages.append($1)
                    return true
                }
                for message in messages.prefix(40) {
                    _ = try? store.body(of: message).bytes()
                    _ = try? store.body(of: message).withSummary { _ in }
                }
            }
            if let id = views.first?.mailbox.id {
                _ = try? store.commit { tx in try tx.append([1, 2, 3], to: id, internalDate: noon) }
            }
            try? store.close()
            return summary
        } catch {
            #expect((error as? StoreError)?.kind == .corrupt, "\(what): \(error)")
            return nil
        }
    }

    @Test(arguments: [false, true]) func aFlippedBitIsAnErrorOrNoHarm(withoutIndex: Bool) throws {
        let (pristine, expected) = try Workload.finished()
        var random = SeededGenerator(seed: 11)
        var refused = 0
        for round in 0..<120 {
            let disk = pristine.afterPowerFailure(seed: 1)
            let file =
                withoutIndex ? Workload.segment(UInt32(1 + round % 2)) : [superblock, index, Workload.segment(1), Workload.segment(2)][round % 4]
            let size = try #require(disk.size(file))
            // Where there is something: the begin of the file, or anywhere.
            let offset = Int.random(in: 0..<(Bool.random(using: &random) ? min(size, 4096) : size), using: &random)
            let bit = UInt8(1) << UInt8.random(in: 0...7, using: &random)
            disk.damage(file, at: offset) { $0 ^ bit }
            if withoutIndex { try disk.remove(index) }
            let what = "\(file), offset \(offset), bit \(bit)"
            if let found = try readAll(disk, what) {
                let difference = found.difference(expected)
                #expect(difference == "", "\(what): \(difference)")
            } else {
                refused += 1
            }
        }
        #expect(!withoutIndex || refused > 20, "the log's checksums must have caught more than \(refused)")
    }

    @Test func aSegmentThatIsCutShortIsRefused() throws {
        let (pristine, _) = try Workload.finished()
        for withoutIndex in [false, true] {
            let disk = pristine.afterPowerFailure(seed: 1)
            let last = try lastSegment(disk)
            disk.cut(Workload.segment(last), to: 4096)
            if withoutIndex { try disk.remove(index) }
            #expect(try readAll(disk, "cut") == nil)
        }
    }

    private func lastSegment(_ disk: SimulatedDisk) throws -> UInt32 {
        try #require(try disk.list("\(path)/\(FileNames.segments)").compactMap(FileNames.segmentNumber).max())
    }

    @Test func aMissingSegmentIsRefused() throws {
        let (pristine, _) = try Workload.finished()
        let last = try lastSegment(pristine)
        #expect(last >= 2)
        for number in [1, last] {
            for lost in [[], [superblock], [index]] {
                let disk = pristine.afterPowerFailure(seed: 1)
                try disk.remove(Workload.segment(number))
                for file in lost { try disk.remove(file) }
                #expect(try readAll(disk, "segment \(number) of \(last) missing, and \(lost)") == nil)
                #expect(
                    try disk.list("\(path)/\(FileNames.segments)").count == Int(last) - 1, "a segment was made or removed")
            }
        }
    }

    @Test func aDamagedTailIsRefusedAlsoWithoutTheIndex() throws {
        let (pristine, _) = try Workload.finished()
        let disk = pristine.afterPowerFailure(seed: 1)
        let last = Workload.segment(try lastSegment(disk))
        let bytes = try #require(disk.contents(last))
        let end = try #require(bytes.lastIndex { $0 != 0 })
        disk.damage(last, at: end - 20)
        try disk.remove(index)
        #expect(try readAll(disk, "the last frame") == nil)
    }

    @Test func theIndexIsBuiltAnewWithoutASuperblock() throws {
        let (pristine, expected) = try Workload.finished()
        for slots in [[0], [1], [0, 1]] {
            let disk = pristine.afterPowerFailure(seed: 1)
            for slot in slots { disk.damage(superblock, at: slot * Superblock.slotSize + 40) }
            let found = try readAll(disk, "slots \(slots)")
            #expect(found?.difference(expected) == "", "slots \(slots)")
        }
    }

    /// A superblock of long ago leads to pages that were used again since, with checksums that hold.
    @Test func anIndexThatIsNewerThanTheSuperblockIsBuiltAnew() throws {
        for rounds in 1...12 {
            let disk = SimulatedDisk()
            let store = try Store.open(at: path, Workload.options(disk))
            let inbox = try store.mailbox("INBOX").id
            try store.commit { tx in for _ in 0..<200 { try tx.append([7], to: inbox, internalDate: noon) } }
            try store.checkpoint()
            let old = try #require(disk.contents(superblock))
            for i in 0..<rounds {
                // Done twice, this would leave other counters.
                let uid = UID(UInt32(i * 70 % 200 + 1))
                try store.commit { try $0.changeFlags(.add([.seen, .deleted]), of: UIDSet(uid), in: inbox) }
                try store.checkpoint()
            }
            let expected = try Summary(store)
            try store.close()
            let file = try disk.open(superblock, create: false, writable: true)
            try old.withBytes { bytes throws(StoreError) in try file.write(at: 0, [bytes]) }
            #expect(try readAll(disk, "an old superblock")?.difference(expected) == "", "\(rounds) rounds")
        }
    }

    @Test func aForeignIndexIsBuiltAnew() throws {
        let (pristine, expected) = try Workload.finished()
        for (what, change) in [
            ("header", { $0.damage("store/index", at: 60) }), ("cut", { $0.cut("store/index", to: 8192) }),
            ("empty", { $0.cut("store/index", to: 0) }),
        ] as [(String, (SimulatedDisk) -> Void)] {
            let disk = pristine.afterPowerFailure(seed: 1)
            change(disk)
            #expect(try readAll(disk, what)?.difference(expected) == "", "\(what)")
        }
    }

    // MARK: A log whose checksums hold

    @Test func recordsThatCannotBeAreRefused() throws {
        let many = Flags([], keywords: (0..<3000).map { "k\($0)" })
        let long = String(repeating: "x", count: 5000)
        let location = LogPosition(segment: 1, offset: 64)
        func append(uid: UInt32, identity: UInt64 = 9000, flags: Flags = [], zone: Int16 = 0, mailbox: UInt32 = 1) -> Record
        {
            .append(
                AppendRecord(
                    mailbox: mailbox, uid: uid, identity: identity, location: location, size: 5,
                    internalDate: InternalDate(seconds: .max, zoneMinutes: zone), flags: flags))
        }
        let all = UIDSet(UIDRange(1, .max))
        let first = Victims(uids: [1], count: 1, digest: Victims.extend(0, with: 1))
        try accept([append(uid: 4), .copy(from: 1, to: 1, firstUID: 5, victims: first)])
        let records: [Record] = [
            .createMailbox(id: .max, uidValidity: 1, name: "z"), .createMailbox(id: 0, uidValidity: 1, name: "z"),
            .createMailbox(id: 900, uidValidity: .max, name: long), .createMailbox(id: 900, uidValidity: 9, name: ""),
            .createMailbox(id: 900, uidValidity: 9, name: "INBOX"), .renameMailbox(id: 1, name: long),
            .renameMailbox(id: 77, name: "z"), .deleteMailbox(id: 77), .subscribe(name: long), .subscribe(name: ""),
            append(uid: .max), append(uid: 1), append(uid: 5000, identity: .max), append(uid: 5000, flags: many),
            append(uid: 5000, zone: .min), append(uid: 5000, mailbox: 77),
            .changeFlags(mailbox: 1, operation: .add, flags: many, uids: all),
            .changeFlags(mailbox: 1, operation: .replace, flags: Flags([], keywords: [long]), uids: all),
            .expunge(mailbox: 1, victims: Victims(uids: all, count: 3, digest: 1)),
            .copy(from: 1, to: 77, firstUID: 1, victims: Victims(uids: all, count: 3, digest: 1)),
            .move(from: 1, to: 1, firstUID: .max, victims: Victims(uids: [], count: 0, digest: 7)),
            .claimRecent(mailbox: 1, uid: .max),
            .renewUIDValidity(mailbox: 77, uidValidity: .max), .renewUIDValidity(mailbox: 1, uidValidity: 1),
            .setSpecialUse(mailbox: 77, use: .sent), .setSyncMode(mailbox: 77, mode: .noExpungeLog),
            append(uid: 4, identity: 3),
            // UIDs have no gaps.
            append(uid: 5), .copy(from: 1, to: 1, firstUID: 9, victims: first),
        ]
        for record in records { try refuse([record]) }
    }

    @Test func countersAtTheirEndDoNotTrap() throws {
        // As many mailbox ids and UIDVALIDITYs as there can be: refused, but nothing breaks.
        let disk = try storeWithCommit([.createMailbox(id: .max - 1, uidValidity: .max, name: "last")])
        let store = try Store.open(at: path, Workload.options(disk))
        #expect { try store.commit { try $0.createMailbox("more") } } throws: { ($0 as? StoreError)?.kind == .limit }
        try store.checkAndClose()
    }

    private func accept(_ records: [Record]) throws {
        let store = try Store.open(at: path, Workload.options(try storeWithCommit(records)))
        #expect(store.snapshot().modSeq == 4)
        try store.checkAndClose(hasBodies: false)
    }

    private func refuse(_ records: [Record]) throws {
        let disk = try storeWithCommit(records)
        do {
            let store = try Store.open(at: path, Workload.options(disk))
            // An empty copy is nothing, not damage.
            #expect(store.snapshot().modSeq == 4 && records.description.contains("count: 0"), "accepted: \(records)")
        } catch {
            #expect(error.kind == .corrupt, "\(error), \(records)")
        }
    }

    /// A store of three commits, behind which a fourth is written that no engine would write.
    private func storeWithCommit(_ records: [Record]) throws -> SimulatedDisk {
        let disk = SimulatedDisk()
        let store = try Store.open(at: path, Workload.options(disk))
        let inbox = try store.mailbox("INBOX").id
        try store.commit { tx in for _ in 0..<3 { try tx.append([65], to: inbox, internalDate: noon) } }
        try store.commit { _ = try $0.createMailbox("second") }
        let end = store.writer.log.end
        try store.close()
        var payload: [UInt8] = []
        CommitHeader(modSeq: 4, time: .max, records: UInt32(records.count)).encode(into: &payload)
        for record in records { record.encode(into: &payload) }
        var frames = FrameBuilder(at: end, synced: end, tag: store.uuid.tag)
        frames.add(.commit, payload: payload)
        let file = try disk.open(Workload.segment(1), create: false, writable: true)
        try file.write(at: Int(end.offset), frames.blocks.map { UnsafeRawBufferPointer(rebasing: $0.block.bytes[$0.range]) })
        try file.sync()
        return disk
    }
}
