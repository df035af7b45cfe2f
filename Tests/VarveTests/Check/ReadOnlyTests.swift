import MailModel
import TestSupport
import Testing
import VarveSimulation
import VarveFormat

@testable import Varve

/// Stores opened for reading: sound ones show all there is, damaged ones what can be shown, and nothing is ever written.
@Suite struct ReadOnlyTests {
    private let path = Workload.path

    private func options(_ disk: SimulatedDisk, _ access: StoreOptions.Access) -> StoreOptions {
        var options = Workload.options(disk)
        options.access = access
        return options
    }

    /// Opens for reading, and expects nothing of the disk to change.
    private func read(
        _ disk: SimulatedDisk, _ access: StoreOptions.Access, _ body: (Store) throws -> Void
    ) throws {
        disk.kill()
        let files = try disk.list(path) + disk.list("\(path)/\(FileNames.segments)").map { "\(FileNames.segments)/\($0)" }
        let before = files.map { disk.contents("\(path)/\($0)") }
        let calls = disk.calls.count
        let store = try Store.open(at: path, options(disk, access))
        #expect(store.isReadOnly)
        #expect { try store.commit { tx in _ = try tx.createMailbox("New") } } throws: {
            ($0 as? StoreError)?.kind == .readOnly
        }
        #expect { try store.checkpoint() } throws: { ($0 as? StoreError)?.kind == .readOnly }
        store.maintain()
        try body(store)
        try store.close()
        #expect(files.map { disk.contents("\(path)/\($0)") } == before)
        if access == .readOnly { #expect(disk.calls.count == calls, "something was written") }
    }

    @Test func aSoundStoreIsShownWhole() throws {
        let (disk, expected) = try Workload.finished()
        for lost in [nil, Workload.index, Workload.superblock] {
            if let lost { try disk.remove(lost) }
            try read(disk, .readOnly) { store in
                #expect(store.damage == nil)
                let difference = try Summary(store).difference(expected)
                #expect(difference == "", "without \(lost ?? "loss"): \(difference)")
                #expect(Check.run(store.snapshot()).isEmpty)
            }
        }
        #expect(throws: StoreError.self) { try Store.open(at: "nowhere", options(disk, .readOnly)) }
    }

    /// Without a fault, what is opened for both is opened for writing.
    @Test func aSoundStoreCanBeWrittenTo() throws {
        let (disk, _) = try Workload.finished()
        disk.kill()
        let store = try Store.open(at: path, options(disk, .readOnlyIfDamaged))
        #expect(!store.isReadOnly && store.damage == nil)
        try store.commit { tx in _ = try tx.createMailbox("New") }
        try store.close()
    }

    /// What a crash left is no damage: a reader sees the same as who opens the store for writing, and changes nothing.
    @Test func aTornTailIsPassedOver() throws {
        let whole = SimulatedDisk()
        var workload = Workload(seed: 7, records: true)
        try workload.run(on: whole)
        for call in stride(from: 8, through: whole.calls.count, by: 13) {
            let disk = SimulatedDisk(seed: UInt64(call))
            disk.fail(at: call, with: .powerFailure)
            var broken = Workload(seed: 7)
            try? broken.run(on: disk)
            let left = disk.afterPowerFailure(seed: UInt64(call) + 1)
            guard broken.acknowledged > 0 else { continue }
            try read(left, .readOnly) { store in
                #expect(store.damage == nil, "call \(call)")
                let modSeq = store.snapshot().modSeq.rawValue
                #expect(modSeq >= broken.acknowledged, "call \(call)")
                let expected = try #require(workload.states[modSeq])
                let difference = try Summary(store).difference(expected)
                #expect(difference == "", "call \(call): \(difference)")
            }
        }
    }

    @Test func damageBehindTheCheckpoint() throws {
        let disk = SimulatedDisk()
        let options = Workload.options(disk)
        let store = try Store.open(at: path, options)
        let inbox = try store.mailbox("INBOX").id
        var ends: [Int] = []
        for i in 0..<10 {
            try store.commit { tx in try tx.append(Array("message \(i)".utf8), to: inbox, internalDate: noon) }
            ends.append(Int(store.published.load().logEnd.offset))
            if i == 4 { try store.checkpoint() }
        }
        disk.damage(Workload.segment(1), at: ends[7] - 40)
        disk.kill()
        #expect { try Store.open(at: path, options) } throws: { ($0 as? StoreError)?.kind == .corrupt }
        for withoutIndex in [false, true] {
            if withoutIndex { try disk.remove(Workload.index) }
            try read(disk, .readOnlyIfDamaged) { store in
                let damage = try #require(store.damage)
                #expect(damage.message.contains("\(FileNames.segment(1)), offset"))
                #expect(try store.mailbox("INBOX").view().count == 7)
                #expect(store.snapshot().modSeq == 8)
                do {
                    try store.commit { tx in try tx.createMailbox("New") }
                } catch let error as StoreError {
                    #expect(error.message.contains(damage.message) && error.message.contains("varve repair"))
                }
            }
        }
    }

    @Test func damageBeforeTheCheckpoint() throws {
        let (pristine, expected) = try Workload.finished()
        for what in ["missing", "header", "foreign"] {
            let disk = pristine.afterPowerFailure(seed: 1)
            switch what {
            case "missing": try disk.remove(Workload.segment(1))
            case "header": disk.damage(Workload.segment(1), at: 50)
            default:
                let other = SegmentHeader(store: StoreUUID(high: 1, low: 2), number: 1, firstModSeq: 1, previousEnd: 0).encode()
                for (i, byte) in other.enumerated() { disk.damage(Workload.segment(1), at: i) { _ in byte } }
            }
            try read(disk, .readOnlyIfDamaged) { store in
                let damage = try #require(store.damage)
                #expect(damage.message.contains(FileNames.segments), "\(what): \(damage)")
                // The index shows everything; bodies that are gone are errors for who reads them.
                #expect(try Summary(store).difference(expected) == "", "\(what)")
                let view = try store.mailbox("INBOX").view()
                let first = try #require(try view.uid(at: 1))
                let message = try #require(try view.message(first))
                if what == "missing" {
                    #expect { try store.body(of: message) } throws: { ($0 as? StoreError)?.kind == .corrupt }
                }
            }
        }
    }

    @Test func aFlippedBitAnywhereLeavesSomethingToRead() throws {
        let (pristine, _) = try Workload.finished()
        var random = SeededGenerator(seed: 23)
        var damaged = 0
        for _ in 0..<60 {
            let disk = pristine.afterPowerFailure(seed: 1)
            let last = try #require(try disk.list("\(path)/\(FileNames.segments)").compactMap(FileNames.segmentNumber).max())
            for _ in 0..<3 {
                let number = UInt32.random(in: 1...last, using: &random)
                let file = try #require([Workload.superblock, Workload.index, Workload.segment(number)].randomElement(using: &random))
                let size = try #require(disk.size(file))
                disk.damage(file, at: Int.random(in: 0..<min(size, 16384), using: &random)) { $0 ^ 4 }
            }
            try read(disk, .readOnly) { store in
                if store.damage != nil { damaged += 1 }
                #expect(Check.run(store.snapshot()).isEmpty)
            }
        }
        #expect(damaged > 5)
    }
}
