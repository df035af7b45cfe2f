import MailModel
import TestSupport
import Testing
import VarveSimulation
import VarveFormat

@testable import Varve

/// Stores of an older major version are read, and gone on with.
@Suite struct VersionTests {
    private func patch(_ disk: SimulatedDisk, _ name: String, _ change: (inout [UInt8]) -> Void) throws {
        var bytes = try #require(disk.contents(name))
        change(&bytes)
        let file = try disk.open(name, create: false, writable: true)
        try bytes.withBytes { bytes throws(StoreError) in try file.write(at: 0, [bytes]) }
        try file.sync()
    }

    /// Puts the checksum of the bytes before it at a place.
    private func seal(_ bytes: inout [UInt8], _ range: Range<Int>, at place: Int) {
        bytes.withUnsafeMutableBytes { bytes in
            let sum = crc32c(0, UnsafeRawBufferPointer(rebasing: bytes[range]))
            bytes.baseAddress!.store32(sum, place)
        }
    }

    /// What a program of version 1.0 would have left.
    private func makeOld(_ disk: SimulatedDisk) throws {
        try patch(disk, Workload.superblock) { bytes in
            for slot in [0, Superblock.slotSize] {
                bytes[slot + 8] = 1
                bytes[slot + 100] = 8
                for at in (slot + 168)..<(slot + 176) { bytes[at] = 0 }
                for at in (slot + 4080)..<(slot + 4092) { bytes[at] = 0 }
                seal(&bytes, slot..<(slot + 4092), at: slot + 4092)
            }
        }
        let numbers = try disk.list("\(Workload.path)/\(FileNames.segments)").compactMap(FileNames.segmentNumber)
        for number in numbers {
            let end = disk.contents(Workload.segment(number + 1)).map { next in
                next.withBytes { Int($0.baseAddress!.load32(36)) }
            }
            try patch(disk, Workload.segment(number)) { bytes in
                bytes[8] = 1
                seal(&bytes, 0..<60, at: 60)
                // The footer's digest covers the header: without a footer, the segment is sealed anew.
                if let end { for i in end..<bytes.count { bytes[i] = 0 } }
            }
        }
        try patch(disk, Workload.index) { bytes in
            bytes[40] = 1
            seal(&bytes, 4..<4096, at: 0)
        }
        disk.kill()
    }

    @Test func aStoreOfVersionOneGoesOn() throws {
        let (disk, expected) = try Workload.finished()
        try makeOld(disk)
        var store = try Store.open(at: Workload.path, Workload.options(disk))
        #expect(try Summary(store).difference(expected) == "")
        #expect(store.writer.superblock.indexNumber == 2, "its index is built anew: it lacks a tree")
        let root = store.published.load()
        let cells = try root.state.segmentCells(root.pages)
        #expect(cells.map(\.number) == Array(1...store.writer.log.current.number))
        #expect(cells.dropLast().allSatisfy { $0.end > 64 } && cells.last?.end == 0)
        try store.commit { _ = try $0.createMailbox("new") }
        #expect(Check.run(store).isEmpty)
        try store.close()
        let slots = try #require(disk.contents(Workload.superblock))
        #expect([slots[8], slots[Superblock.slotSize + 8]].contains(UInt8(Format.major)))
        #expect(disk.contents(Workload.segment(1))?[8] == 1, "what is there stays")
        store = try Store.open(at: Workload.path, Workload.options(disk))
        #expect(store.writer.superblock.indexNumber == 2, "its own it trusts")
        #expect(try store.snapshot().mailbox(named: "new") != nil)
        try store.checkAndClose()
    }
}
