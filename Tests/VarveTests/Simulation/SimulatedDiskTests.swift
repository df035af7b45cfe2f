import TestSupport
import Testing
import VarveSimulation

@testable import Varve

/// The disk loses what its fault model says, no more and no less: simulations are worth what it is worth.
@Suite struct SimulatedDiskTests {
    private static let seeds = 1...200 as ClosedRange<UInt64>
    private let folder = "folder"
    private let name = "folder/file"
    private let sectors = 8

    private func write(_ file: any File, at offset: Int, _ byte: UInt8, _ count: Int) throws {
        try [UInt8](repeating: byte, count: count).withBytes { bytes throws(StoreError) in
            try file.write(at: offset, [bytes])
        }
    }

    /// A disk with a file of ones that is on disk, by its name too.
    private func disk(seed: UInt64 = 1) throws -> (SimulatedDisk, any File) {
        let disk = SimulatedDisk(seed: seed)
        try disk.createDirectory(folder)
        let file = try disk.open(name, create: true, writable: true)
        try write(file, at: 0, 1, sectors * 512)
        try file.sync()
        try disk.syncDirectory(folder)
        try disk.syncDirectory(".")
        return (disk, file)
    }

    @Test func whatIsSyncedStays() throws {
        let (disk, _) = try disk()
        for seed in SimulatedDiskTests.seeds {
            #expect(disk.survivor(seed: seed).contents(name) == [UInt8](repeating: 1, count: sectors * 512))
        }
    }

    @Test(arguments: [false, true]) func whatIsNotSyncedSurvivesInPart(isMapped: Bool) throws {
        let (disk, file) = try disk()
        if isMapped {
            let mapping = try file.map(sectors * 512, writable: true)
            mapping.base.initializeMemory(as: UInt8.self, repeating: 2, count: sectors * 512)
        } else {
            try write(file, at: 0, 2, sectors * 512)
        }
        var counts: Set<Int> = []
        var torn = 0
        var noise = 0
        for seed in SimulatedDiskTests.seeds {
            let bytes = try #require(disk.survivor(seed: seed).contents(name))
            let parts = (0..<sectors).map { bytes[($0 * 512)..<($0 * 512 + 512)] }
            counts.insert(parts.count { $0.allSatisfy { $0 == 2 } })
            let mixed = parts.filter { Set($0).count > 1 }
            #expect(mixed.count <= 1, "one sector may be torn, no more")
            if let sector = mixed.first { if Set(sector).isSubset(of: [1, 2]) { torn += 1 } else { noise += 1 } }
        }
        #expect(counts == Set(0...sectors))
        #expect(torn > 20 && noise > 5, "torn \(torn), with noise \(noise)")
        // Asking changes nothing.
        #expect(disk.contents(name) == [UInt8](repeating: 2, count: sectors * 512))
        #expect(disk.survivor(seed: 5).contents(name) == disk.survivor(seed: 5).contents(name))
    }

    @Test func aSizeThatIsNotSyncedIsTheOldOneTheNewOneOrBetween() throws {
        let (disk, file) = try disk()
        try write(file, at: sectors * 512, 2, 1000)
        let sizes = Set(SimulatedDiskTests.seeds.map { disk.survivor(seed: $0).size(name)! })
        #expect(sizes.contains(sectors * 512) && sizes.contains(sectors * 512 + 1000) && sizes.count > 4)
        #expect(sizes.allSatisfy { sectors * 512...sectors * 512 + 1000 ~= $0 })
    }

    @Test func namesAreThereOrNotUntilTheFolderIsSynced() throws {
        let (disk, _) = try disk()
        let other = try disk.open("folder/other", create: true, writable: true)
        try write(other, at: 0, 3, 10)
        try other.sync()
        try disk.rename(name, to: "folder/renamed")
        let found = Set(SimulatedDiskTests.seeds.map { disk.survivor(seed: $0).paths })
        #expect(found.count == 8, "three names, each there or not")
        try disk.syncDirectory(folder)
        for seed in SimulatedDiskTests.seeds {
            #expect(disk.survivor(seed: seed).paths == ["folder/other", "folder/renamed"])
        }
    }

    @Test func whatLiesInAFolderThatIsGoneIsGone() throws {
        let disk = SimulatedDisk()
        try disk.createDirectory(folder)
        _ = try disk.open(name, create: true, writable: true)
        try disk.syncDirectory(folder)
        #expect(Set(SimulatedDiskTests.seeds.map { disk.survivor(seed: $0).paths.count }) == [0, 1])
    }

    @Test(arguments: [false, true]) func aFailedSyncDropsWhatItDidNotWrite(isMapped: Bool) throws {
        var lost = 0
        var forgotten = 0
        for seed in SimulatedDiskTests.seeds {
            let (disk, file) = try disk(seed: seed)
            let mapping = try isMapped ? file.map(sectors * 512, writable: true) : nil
            if let mapping { mapping.base.initializeMemory(as: UInt8.self, repeating: 2, count: sectors * 512) }
            if !isMapped { try write(file, at: 0, 2, sectors * 512) }
            disk.fail(at: disk.calls.count + 1, with: .error(.io))
            #expect(throws: StoreError.self) { try file.sync() }
            // A later one that succeeds says nothing about them.
            try file.sync()
            if try #require(disk.survivor(seed: seed).contents(name)).contains(1) { lost += 1 }
            #expect(disk.contents(name)?.contains(1) == false, "in memory they still are")
            // The process ends.
            let copy = disk.survivor(seed: seed).contents(name)
            disk.kill()
            if disk.contents(name)?.contains(1) == true {
                forgotten += 1
                #expect(disk.contents(name) == copy)
            }
            // What is written again is on disk with the next sync.
            let again = try disk.open(name, create: false, writable: true)
            try write(again, at: 0, 4, sectors * 512)
            try again.sync()
            #expect(disk.survivor(seed: seed).contents(name) == [UInt8](repeating: 4, count: sectors * 512))
            withExtendedLifetime(mapping) {}
        }
        #expect(lost > 100 && forgotten > 50 && forgotten < lost, "lost \(lost), forgotten \(forgotten)")
    }

    @Test func aFullDiskTakesAPart() throws {
        let (disk, file) = try disk()
        var faults = SimulatedDisk.Faults()
        faults.capacity = sectors * 512 + 700
        disk.faults = faults
        #expect { try file.allocate(sectors * 512 + 701) } throws: { ($0 as? StoreError)?.kind == .outOfSpace }
        #expect(disk.size(name) == sectors * 512)
        #expect { try write(file, at: sectors * 512, 5, 2000) } throws: { ($0 as? StoreError)?.kind == .outOfSpace }
        #expect(disk.size(name)! <= sectors * 512 + 700)
        try write(file, at: 0, 5, 2000)
    }

    @Test func eachCallFailsAtTimes() throws {
        let (disk, file) = try disk()
        var faults = SimulatedDisk.Faults()
        faults.errorOdds = 4
        disk.faults = faults
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 100, alignment: 8)
        defer { buffer.deallocate() }
        var number = 0
        let other = "folder/other"
        let calls: [(String, () throws -> Void)] = [
            ("write", { try write(file, at: 0, 6, 10) }), ("allocate", { try file.allocate(5000) }),
            ("truncate", { try file.truncate(4000) }), ("sync", { try file.sync() }), ("size", { _ = try file.size() }),
            ("read", { _ = try file.read(at: 0, into: buffer) }), ("map", { _ = try file.map(100, writable: false) }),
            ("open", { _ = try disk.open(name, create: false, writable: true) }), ("exists", { _ = try disk.exists(name) }),
            ("create", { number += 1; _ = try disk.open("folder/\(number)", create: true, writable: true) }),
            ("createDirectory", { number += 1; try disk.createDirectory("\(number)") }),
            ("list", { _ = try disk.list(folder) }), ("syncDirectory", { try disk.syncDirectory(folder) }),
            ("rename", {
                let isThere = disk.size(name) != nil
                try disk.rename(isThere ? name : other, to: isThere ? other : name)
            }),
            ("lock", { try disk.lock("folder/lock").release() }),
        ]
        for (what, call) in calls {
            var kinds: [StoreError.Kind?] = []
            for _ in 0..<100 {
                do {
                    try call()
                    kinds.append(nil)
                } catch {
                    kinds.append((error as? StoreError)?.kind)
                }
            }
            #expect(kinds.contains(.io) && kinds.contains(nil), "\(what): \(kinds)")
            let needsSpace = ["write", "allocate", "create", "createDirectory", "rename"].contains(what)
            #expect(kinds.contains(.outOfSpace) == needsSpace, "\(what): \(kinds)")
        }
    }

    @Test func theSystemWritesUnasked() throws {
        let (disk, file) = try disk()
        var faults = SimulatedDisk.Faults()
        faults.writeBackOdds = 1
        disk.faults = faults
        try write(file, at: 0, 2, sectors * 512)
        for _ in 0..<20 { try write(file, at: 0, 3, 1) }
        // Overwritten since, but it was there for a while.
        try write(file, at: 0, 1, sectors * 512)
        let found = Set(SimulatedDiskTests.seeds.flatMap { disk.survivor(seed: $0).contents(name)! })
        #expect(found.contains(2), "\(found)")
    }
}
