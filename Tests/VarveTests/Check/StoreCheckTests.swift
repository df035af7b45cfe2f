import MailModel
import TestSupport
import Testing
import VarveSimulation
import VarveFormat

@testable import Varve

/// A check of a store's files: silent about sound ones, and it finds every byte that means something and was changed.
@Suite struct StoreCheckTests {
    private let path = Workload.path

    private func check(_ disk: SimulatedDisk) throws -> CheckReport {
        disk.kill()
        return try StoreCheck.run(at: path, Workload.options(disk))
    }

    @Test func aSoundStoreIsSound() throws {
        let (disk, _) = try Workload.finished()
        let writes = disk.calls.count
        var steps: [(Int, Int)] = []
        disk.kill()
        let report = try StoreCheck.run(at: path, Workload.options(disk)) { steps.append(($0, $1)) }
        #expect(report.violations.isEmpty, "\(report.violations)")
        #expect(report.remarks.isEmpty, "\(report.remarks)")
        #expect(report.remedy == .none)
        #expect(report.segments >= 2 && report.commits > 50 && report.messageFrames > 30)
        #expect(report.modSeq == UInt64(report.commits))
        #expect(disk.calls.count == writes, "a check has written something")
        #expect(steps.last.map { $0 == $1 } == true && steps.allSatisfy { $0.0 <= $0.1 })
    }

    @Test func anOpenStoreIsNotLookedAt() throws {
        let (disk, _) = try Workload.finished()
        disk.kill()
        let store = try Store.open(at: path, Workload.options(disk))
        #expect { try StoreCheck.run(at: path, Workload.options(disk)) } throws: { ($0 as? StoreError)?.kind == .locked }
        try store.close()
        #expect(throws: StoreError.self) { try StoreCheck.run(at: "nowhere", Workload.options(disk)) }
    }

    @Test func whatACrashLeavesNeedsNoRepair() throws {
        let whole = SimulatedDisk()
        var workload = Workload(seed: 7)
        try workload.run(on: whole)
        for call in stride(from: 3, through: whole.calls.count, by: 11) {
            let disk = SimulatedDisk(seed: UInt64(call))
            disk.fail(at: call, with: .powerFailure)
            var workload = Workload(seed: 7)
            try? workload.run(on: disk)
            let left = disk.afterPowerFailure(seed: UInt64(call) + 1)
            guard try left.exists(Workload.segment(1)), workload.acknowledged > 0 else { continue }
            let report = try check(left)
            #expect(report.remedy != .repair, "power fails at call \(call): \(report.violations)")
            let store = try Store.open(at: path, Workload.options(left))
            try store.close()
            let after = try check(left)
            #expect(after.isSound, "power fails at call \(call), and the store was opened: \(after.violations)")
        }
    }

    /// Pages of the index that the superblock reaches.
    private func meaningfulPages(_ disk: SimulatedDisk) throws -> Set<UInt32> {
        let found = try Recovery.readSuperblock(disk.open(Workload.superblock, create: false, writable: false), path)
        let block = try #require(found.newest)
        let file = try disk.open(Workload.index, create: false, writable: false)
        let size = try file.size()
        let pages = Pages(
            mapping: try file.map(size, writable: false),
            verifier: PageVerifier(pageCount: 0, tag: block.store.tag, newest: .max), touches: nil)
        let chain = try PageAllocator.readFreeList(first: block.freeList, pageCount: block.pageCount, pages: pages).chain
        return Check.violations(ofTreesIn: IndexState(block), pages).reached.union(chain).union([0])
    }

    @Test func noBitThatMeansSomethingIsOverlooked() throws {
        let (pristine, _) = try Workload.finished()
        let meaningful = try meaningfulPages(pristine)
        var random = SeededGenerator(seed: 17)
        var silent = 0
        for _ in 0..<90 {
            let disk = pristine.afterPowerFailure(seed: 1)
            let segments = try disk.list("\(path)/\(FileNames.segments)").compactMap(FileNames.segmentNumber)
            let last = try #require(segments.max())
            let number = UInt32.random(in: 1...last, using: &random)
            let file = try #require([Workload.superblock, Workload.index, Workload.segment(number)].randomElement(using: &random))
            let size = try #require(disk.size(file))
            let offset = Int.random(in: 0..<(random.once(in: 2) ? min(size, 8192) : size), using: &random)
            let bit = UInt8(1) << UInt8.random(in: 0...7, using: &random)
            let bytes = try #require(disk.contents(file))
            let end = (bytes.lastIndex { $0 != 0 } ?? 0) & ~7 + 8
            disk.damage(file, at: offset) { $0 ^ bit }
            let what = "\(file), offset \(offset), bit \(bit)"
            let report = try check(disk)
            if file == Workload.index, !meaningful.contains(UInt32(offset / 4096)) {
                #expect(report.isSound, "\(what): \(report.violations)")
                silent += 1
            } else if file == Workload.segment(last), offset >= end {
                #expect(report.isSound && report.remarks.count == 1, "\(what): \(report.violations)")
                silent += 1
            } else {
                #expect(!report.isSound, "\(what): nothing was found")
                let named = report.violations.contains { what.hasPrefix($0.file) || "\(path)/\($0.file)" == file }
                #expect(named, "\(what): another file is named: \(report.violations)")
            }
        }
        #expect(silent < 45)
    }

    @Test func anIndexThatIsNotWhatTheLogSaysIsFound() throws {
        let (pristine, _) = try Workload.finished()
        var differing = 0
        for change in 0..<3 {
            let disk = pristine.afterPowerFailure(seed: 1)
            disk.kill()
            let store = try Store.open(at: path, Workload.options(disk))
            // What a fault of the engine would do: the index changes, and no record says so.
            store.monitor.lock()
            let modSeq = store.writer.state.modSeq
            store.writer.allocator.begin(modSeq, oldestState: 0)
            let writer = IndexWriter(
                store.writer.state, store.writer.allocator, modSeq: modSeq, time: 0,
                place: store.writer.log.place)
            switch change {
            case 0: try writer.setSubscribed("nobody", true)
            case 1: _ = try writer.keywordSet(["unheard-of"])
            default: try writer.claimRecent(1, below: 2)
            }
            let state = try writer.finish()
            store.writer.allocator.commit(lastBoundary: modSeq)
            store.writer.state = state
            let root = store.published.load()
            store.published.publish(
                Root(state: state, pages: store.writer.allocator.pages, segments: root.segments, logEnd: root.logEnd))
            store.writer.superblock.modSeq = 0
            store.monitor.unlock()
            try store.close()
            let report = try check(disk)
            if report.violations.contains(where: { $0.kind == .difference }) { differing += 1 }
            #expect(report.remedy == .rebuildIndex, "change \(change): \(report.violations)")
        }
        // A page that was changed in its place is damaged by itself.
        #expect(differing >= 2)
    }
}
