import MailModel
import TestSupport
import Testing
import VarveSimulation
import VarveFormat

@testable import Varve

/// Commits that say anything, with checksums that hold: applied or refused, and what is applied is sound.
@Suite struct ReplayNoiseTests {
    private let path = Workload.path
    private static let values: [UInt8] = [0, 1, 2, 0x7f, 0x80, 0xff]

    @Test(arguments: [1, 2, 3] as [UInt64]) func noiseInRecordsIsRefusedOrSound(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let pristine = try sample()
        let name = "\(path)/\(FileNames.segment(1))"
        let sound = try #require(pristine.contents(name))
        let commits = self.commits(sound)
        #expect(commits.count > 8)
        var opened = 0
        for round in 0..<150 {
            let disk = pristine.afterPowerFailure(seed: 1)
            var bytes = sound
            let commit = try #require(commits.randomElement(using: &random))
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let value = Bool.random(using: &random) ? UInt8.random(in: 0...255, using: &random)
                    : try #require(ReplayNoiseTests.values.randomElement(using: &random))
                bytes[Int.random(in: commit.payload, using: &random)] = value
            }
            seal(&bytes, commit)
            let file = try disk.open(name, create: false, writable: true)
            try bytes.withBytes { bytes throws(StoreError) in try file.write(at: 0, [bytes]) }
            try disk.remove("\(path)/\(FileNames.index)")
            do {
                let store = try Store.open(at: path, Workload.options(disk))
                let violations = Check.run(store.snapshot())
                #expect(violations.isEmpty, "seed \(seed), round \(round): \(violations.prefix(2))")
                try store.close()
                opened += 1
            } catch {
                #expect(error.kind == .corrupt, "seed \(seed), round \(round): \(error)")
            }
        }
        #expect(opened > 5 && opened < 145, "\(opened) of 150 were accepted")
    }

    /// A store with records of every kind.
    private func sample() throws -> SimulatedDisk {
        let disk = SimulatedDisk()
        let store = try Store.open(at: path, Workload.options(disk))
        let inbox = try store.mailbox("INBOX").id
        let other = try store.commit { try $0.createMailbox("a/b").id }
        try store.commit { tx in
            for i in 0..<9 {
                try tx.append([65], to: inbox, flags: Flags(.seen, keywords: ["k\(i % 3)"]), internalDate: noon)
            }
        }
        try store.commit { _ = try $0.copy(UIDSet(UIDRange(2, 6)), from: inbox, to: other) }
        try store.commit { _ = try $0.move(UIDSet(UIDRange(3, 4)), from: inbox, to: other) }
        let change = FlagChange.add(Flags(.deleted, keywords: ["x"]))
        try store.commit { _ = try $0.changeFlags(change, of: UIDSet(UIDRange(5, 7)), in: inbox) }
        try store.commit { _ = try $0.expunge(UIDSet(UIDRange(1, 6)), in: inbox) }
        try store.commit { _ = try $0.claimRecent(in: inbox) }
        try store.commit { tx in
            try tx.subscribe("a/b")
            try tx.renameMailbox(other, to: "c")
            try tx.unsubscribe("a/b")
        }
        try store.commit { _ = try $0.append([66], to: other, internalDate: noon) }
        try store.commit { try $0.deleteMailbox(other) }
        try store.close()
        return disk
    }

    private struct Place {
        var start: Int
        var payload: Range<Int>
        var end: Int
    }

    private func commits(_ bytes: [UInt8]) -> [Place] {
        var result: [Place] = []
        var at = SegmentHeader.size
        bytes.withBytes { raw in
            let base = raw.baseAddress!
            while at < bytes.count, base.load8(at + 24) != 0 {
                let length = Int(base.load32(at + 4))
                let end = at + FrameHeader.frameLength(payload: length)
                if base.load8(at + 24) == FrameKind.commit.rawValue {
                    let payload = at + FrameHeader.size
                    result.append(Place(start: at, payload: payload..<(payload + length), end: end))
                }
                at = end
            }
        }
        return result
    }

    /// Gives a frame the checksum that it should have.
    private func seal(_ bytes: inout [UInt8], _ place: Place) {
        bytes.withUnsafeMutableBytes { bytes in
            let payload = UnsafeRawBufferPointer(rebasing: bytes[place.payload.lowerBound..<place.end])
            let head = UnsafeRawBufferPointer(rebasing: bytes[(place.start + 4)..<place.payload.lowerBound])
            bytes.baseAddress!.store32(crc32c(crc32c(0, payload), head), place.start)
        }
    }
}
