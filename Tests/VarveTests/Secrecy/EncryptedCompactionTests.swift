import MailModel
import TestSupport
import Testing
import VarveFormat
import VarveSimulation

@testable import Varve

/// Bases and copied bodies of an encrypted store.
@Suite struct EncryptedCompactionTests {
    private let path = Workload.path

    @Test func aBaseShowsNothingAndIsOpened() throws {
        let ledger = SealLedger()
        let disk = SimulatedDisk()
        var workload = Workload(seed: 3, records: true) {
            EncryptedSample.encrypt(&$0, seed: 9)
            $0.fileSystem = WatchedFiles(below: disk, ledger: ledger)
        }
        try workload.run(on: disk)
        disk.kill()
        var options = EncryptedSample.options(disk, seed: 10)
        options.fileSystem = WatchedFiles(below: disk, ledger: ledger)
        let store = try Store.open(at: path, options)
        let before = try Summary(store)
        var compaction = CompactionOptions()
        compaction.deadShare = 0
        compaction.minimumDeadBytes = 1
        let report = try store.compact(compaction)
        #expect(report.segmentsRemoved > 0 && report.messagesMoved > 0, "\(report)")
        try store.close()
        let bases = try disk.list("\(path)/\(FileNames.segments)").filter { $0.hasSuffix(".base") }
        #expect(bases.count == 1)
        let header = try #require(disk.contents("\(path)/\(FileNames.segments)/\(bases[0])")).withBytes {
            bytes throws(FormatError) in try BaseHeader(bytes)
        }
        #expect(header.isEncrypted)
        try EncryptedSample.expectNone(of: ["folder", "renamed", "Subject", "INBOX", "new1"], on: disk)

        // The base leads to the same account, and to every body.
        try disk.remove(Workload.index)
        let again = try Store.open(at: path, options)
        let after = try Summary(again)
        #expect(after.lines.map(\.messages) == before.lines.map(\.messages) && after.subscriptions == before.subscriptions)
        try again.snapshot().forEachMailbox { info in
            guard let view = try? again.snapshot().view(of: info.id) else { return true }
            var messages: [Message] = []
            try? view.forEachMessage(in: UIDRange(.min, .max)) {
                messages.append($1)
                return true
            }
            for message in messages {
                #expect(throws: Never.self) { try again.body(of: message).bytes() }
            }
            return true
        }
        #expect(Check.run(again).isEmpty)
        try again.close()
        #expect(ledger.violations.isEmpty, "\(ledger.violations)")

        // A changed byte of it, its checksum made to hold, is not taken.
        let name = "\(path)/\(FileNames.segments)/\(bases[0])"
        let start = BaseHeader.size
        var bytes = try #require(disk.contents(name))
        let frame = try #require(bytes.withUnsafeBytes {
            FrameHeader(
                $0.baseAddress! + start, at: LogPosition(segment: header.number, offset: UInt32(start)),
                tag: header.store.tag, limit: $0.count - start)
        })
        bytes[start + FrameHeader.size + SealedRecords.recordsOffset + 3] ^= 1
        let payload = Array(bytes[(start + FrameHeader.size)..<(start + frame.frameLength)])
        var head = [UInt8](repeating: 0, count: FrameHeader.size)
        head.withUnsafeMutableBytes { out in
            frame.encode(into: out.baseAddress!, payloadChecksum: payload.withUnsafeBytes { crc32c(0, $0) })
        }
        for (i, byte) in (head + payload).enumerated() { disk.damage(name, at: start + i) { _ in byte } }
        try disk.remove(Workload.index)
        disk.kill()
        #expect { try Store.open(at: path, options) } throws: { ($0 as? StoreError)?.kind == .corrupt }
    }
}
