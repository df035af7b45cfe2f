import MailModel
import TestSupport
import Testing
import VarveFormat
import VarveSimulation

@testable import Varve

/// The check and the opening for reading of an encrypted store, with its key and without.
@Suite struct EncryptedCheckTests {
    private let path = Workload.path
    private let key = "\(Workload.path)/\(FileNames.key)"

    private func finished() throws -> (SimulatedDisk, Summary) {
        let disk = SimulatedDisk()
        var workload = Workload(seed: 3, records: true) { EncryptedSample.encrypt(&$0, seed: 9) }
        try workload.run(on: disk)
        return (disk, try #require(workload.states[workload.acknowledged]))
    }

    private func check(_ disk: SimulatedDisk, _ masterKey: MasterKey?) throws -> CheckReport {
        disk.kill()
        var options = Workload.options(disk)
        options.masterKey = masterKey
        return try StoreCheck.run(at: path, options)
    }

    @Test func aSoundStoreIsSoundWithTheKeyAndWithout() throws {
        let (disk, _) = try finished()
        let writes = disk.calls.count
        let whole = try check(disk, EncryptedSample.masterKey())
        #expect(whole.violations.isEmpty && whole.remarks.isEmpty, "\(whole.violations) \(whole.remarks)")
        #expect(whole.pages > 5 && whole.commits > 50 && whole.modSeq == UInt64(whole.commits))
        let outside = try check(disk, nil)
        #expect(outside.violations.isEmpty, "\(outside.violations)")
        #expect(outside.commits == whole.commits && outside.messageFrames == whole.messageFrames)
        #expect(outside.remarks.count == 1 && outside.remarks[0].contains("no key was given"))
        #expect { try check(disk, EncryptedSample.masterKey(1)) } throws: { ($0 as? StoreError)?.kind == .wrongKey }
        #expect(disk.calls.count == writes, "a check has written something")
    }

    @Test func changedBytesOfTheLogAreFoundWithoutTheKey() throws {
        let (pristine, _) = try finished()
        var random = SeededGenerator(seed: 5)
        let end = try #require(pristine.contents(Workload.segment(1))?.lastIndex { $0 != 0 })
        for _ in 0..<30 {
            let disk = pristine.afterPowerFailure(seed: 1)
            let offset = Int.random(in: SegmentHeader.size..<end, using: &random)
            disk.damage(Workload.segment(1), at: offset)
            for masterKey in [nil, EncryptedSample.masterKey()] {
                #expect(try !check(disk, masterKey).isSound, "offset \(offset), with the key: \(masterKey != nil)")
            }
        }
    }

    @Test func pagesAreLookedAtWithTheKey() throws {
        let (pristine, _) = try finished()
        let root = Int(try Superblock.newest(pristine).roots[TreeID.uid.slot].page)
        let disk = pristine.afterPowerFailure(seed: 1)
        disk.damage(Workload.index, at: root * SealedPage.stride + 1000)
        let report = try check(disk, EncryptedSample.masterKey())
        #expect(report.remedy == .rebuildIndex)
        let place = root * SealedPage.stride
        #expect(report.violations.contains { $0.kind == .page && $0.offset == place }, "\(report.violations)")
    }

    @Test func aDamagedSlotOfTheKeyIsFoundAndMended() throws {
        let (disk, _) = try finished()
        disk.damage(key, at: 60)
        for masterKey in [nil, EncryptedSample.masterKey()] {
            let report = try check(disk, masterKey)
            #expect(report.violations.map(\.kind) == [.key] && report.remedy == .open)
        }
        disk.kill()
        try Store.open(at: path, EncryptedSample.options(disk, seed: 11)).close()
        #expect(try check(disk, EncryptedSample.masterKey()).isSound)
        disk.damage(key, at: 60)
        disk.damage(key, at: KeySlot.size + 60)
        #expect(try check(disk, EncryptedSample.masterKey()).remedy == .repair)
    }

    @Test func itOpensForReadingAlone() throws {
        let (disk, summary) = try finished()
        disk.kill()
        let writes = disk.calls.count
        var options = EncryptedSample.options(disk, seed: 12)
        options.access = .readOnly
        for withoutIndex in [false, true] {
            if withoutIndex { try disk.remove(Workload.index) }
            let before = disk.calls.count
            let store = try Store.open(at: path, options)
            #expect(try Summary(store).difference(summary) == "")
            let view = try store.mailbox("INBOX").view()
            var bodies = 0
            var found: [Message] = []
            try view.forEachMessage(in: UIDRange(.min, .max)) {
                found.append($1)
                return found.count < 5
            }
            for message in found where try store.body(of: message).bytes().count == message.size { bodies += 1 }
            #expect(bodies > 0 && bodies == found.count)
            try store.close()
            #expect(disk.calls.count == before)
        }
        #expect(writes > 0)
        options.masterKey = nil
        #expect { try Store.open(at: path, options) } throws: { ($0 as? StoreError)?.kind == .keyMissing }
    }

    @Test func aDamagedOneOpensForReading() throws {
        let (disk, _) = try finished()
        disk.kill()
        try disk.remove(Workload.index)
        let bytes = try #require(disk.contents(Workload.segment(2)))
        disk.damage(Workload.segment(2), at: try #require(bytes.indices.last { $0 > 4096 && bytes[$0] != 0 }))
        var options = EncryptedSample.options(disk, seed: 13)
        options.access = .readOnlyIfDamaged
        let store = try Store.open(at: path, options)
        #expect(try store.snapshot().mailbox(named: "INBOX") != nil)
        try store.close()
    }
}

extension Superblock {
    fileprivate static func newest(_ disk: SimulatedDisk) throws -> Superblock {
        let file = try disk.open(Workload.superblock, create: false, writable: false)
        return try #require(try Recovery.readSuperblock(file, Workload.superblock).newest)
    }
}
