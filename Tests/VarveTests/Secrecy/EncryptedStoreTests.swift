import MailModel
import TestSupport
import Testing
import VarveSimulation
import VarveFormat
import VarveSimulation

@testable import Varve

/// `Formats/encryption.md`: what comes back, what does not show, and what is said where it cannot be read.
@Suite struct EncryptedStoreTests {
    private let path = Workload.path

    private func open(_ disk: SimulatedDisk, _ key: MasterKey? = EncryptedSample.masterKey()) throws -> Store {
        var options = EncryptedSample.options(disk)
        options.masterKey = key
        return try Store.open(at: path, options)
    }

    private func kind(_ body: () throws -> Void) -> StoreError.Kind? {
        do {
            try body()
            return nil
        } catch {
            return (error as? StoreError)?.kind
        }
    }

    /// A disk on which all of the workload has been done.
    private func finished() throws -> (SimulatedDisk, Summary) {
        let disk = SimulatedDisk()
        var workload = Workload(seed: 3, records: true) { EncryptedSample.encrypt(&$0, seed: 9) }
        try workload.run(on: disk)
        return (disk, try #require(workload.states[workload.acknowledged]))
    }

    @Test(arguments: [UInt64(21), 22]) func anEncryptedStoreAgreesWithAModelAndShowsNothing(seed: UInt64) throws {
        let disk = SimulatedDisk(modelsPower: false)
        let run = try ModelRun(seed: seed, files: disk) { EncryptedSample.encrypt(&$0, seed: seed) }
        try run.run(operations: 6000)
        #expect(run.store.isEncrypted)
        try EncryptedSample.expectNone(
            of: ["Subject: ", "INBOX", "Mülleimer", "Forwarded", "read-report", "Junk"], on: disk, "seed \(seed)")
        // The search can find something: the same run without a key.
        let plain = SimulatedDisk(modelsPower: false)
        let other = try ModelRun(seed: seed, files: plain)
        try other.run(operations: 300)
        try other.store.close()
        let files = try EncryptedSample.files(plain)
        for text in ["Subject: ", "INBOX"] {
            #expect(files.contains { EncryptedSample.contains($0.value, Array(text.utf8)) }, "\(text)")
        }
    }

    @Test func theIndexIsReadAgainAndRebuilt() throws {
        let (disk, summary) = try finished()
        for step in ["read", "rebuilt"] {
            if step == "rebuilt" { try disk.remove("\(path)/\(FileNames.index)") }
            let store = try open(disk)
            #expect(try Summary(store).difference(summary) == "", "\(step)")
            #expect(Check.run(store).isEmpty)
            #expect(store.writer.superblock.indexNumber == (step == "read" ? 1 : 2))
            try store.close()
        }
        try EncryptedSample.expectNone(of: ["folder", "renamed", "Subject", "INBOX"], on: disk)
    }

    @Test func bodiesComeBackAsTheyWere() throws {
        let disk = SimulatedDisk()
        let store = try open(disk)
        let inbox = try store.mailbox("INBOX").id
        var random = SeededGenerator(seed: 5)
        let texts: [[UInt8]] = [
            [], [7], Array("Subject: one\r\n\r\n".utf8),
            (0..<200_000).map { _ in UInt8.random(in: 0...255, using: &random) },
            Array(String(repeating: "Subject: much the same\r\n", count: 20_000).utf8),
        ]
        for text in texts {
            let prepared = try store.prepare(text)
            #expect(prepared.sealedFor == store.uuid)
            let uids = try store.commit { tx in
                [
                    try tx.append(prepared, to: inbox, internalDate: noon),
                    try tx.append(text, to: inbox, internalDate: noon),
                    try tx.append(PreparedMessage(text), to: inbox, internalDate: noon),
                ]
            }
            let view = try store.mailbox("INBOX").view()
            for uid in uids {
                let body = try store.body(of: #require(try view.message(uid)))
                #expect(try body.bytes() == text)
                var part = [UInt8](repeating: 0, count: text.count / 3)
                let from = text.count / 2
                try part.withUnsafeMutableBytes { try body.read(from..<(from + $0.count), into: $0) }
                #expect(part == Array(text[from..<(from + part.count)]))
                #expect(try body.withSummary { Array($0) } == PreparedMessage(text).summaryForTests())
            }
        }
        try store.close()
    }

    @Test func withoutTheKeyNothingIsReadAndNothingIsWritten() throws {
        let (disk, summary) = try finished()
        let before = try EncryptedSample.files(disk)
        #expect { try open(disk, nil) } throws: {
            let error = $0 as? StoreError
            return error?.kind == .keyMissing && error!.message.contains(EncryptedSample.masterKey().id)
        }
        let stranger = EncryptedSample.masterKey(1)
        #expect { try open(disk, stranger) } throws: {
            let error = $0 as? StoreError
            return error?.kind == .wrongKey && error!.message.contains(stranger.id)
                && error!.message.contains(EncryptedSample.masterKey().id)
        }
        #expect(try EncryptedSample.files(disk) == before)
        let store = try open(disk)
        #expect(try Summary(store).difference(summary) == "")
        try store.close()
        try disk.remove("\(path)/\(FileNames.key)")
        #expect(kind { _ = try open(disk) } == .corrupt)
    }

    @Test func oneOfTwoSlotsIsEnoughAndTheOtherIsWrittenAnew() throws {
        let (disk, summary) = try finished()
        let key = "\(path)/\(FileNames.key)"
        let whole = disk.contents(key)
        for slot in 0..<2 {
            disk.damage(key, at: slot * KeySlot.size + 90)
            let store = try open(disk)
            #expect(try Summary(store).difference(summary) == "")
            try store.close()
            #expect(disk.contents(key) == whole)
        }
        for slot in 0..<2 { disk.damage(key, at: slot * KeySlot.size + 90) }
        #expect(kind { _ = try open(disk) } == .corrupt)
    }

    @Test func aPlainStoreStaysPlain() throws {
        let disk = SimulatedDisk()
        try Store.open(at: path, Workload.options(disk)).close()
        let store = try open(disk)
        #expect(!store.isEncrypted)
        let inbox = try store.mailbox("INBOX").id
        try store.commit { try $0.append(Array("Subject: in the clear\r\n\r\n".utf8), to: inbox, internalDate: noon) }
        try store.close()
        #expect(try !disk.exists("\(path)/\(FileNames.key)"))
        let files = try EncryptedSample.files(disk)
        #expect(EncryptedSample.contains(files[Workload.segment(1)]!, Array("in the clear".utf8)))
    }

    @Test func aMessageOfAnotherStoreIsRefused() throws {
        let store = try open(SimulatedDisk())
        var options = EncryptedSample.options(SimulatedDisk(), seed: 2)
        options.random = { 77 }
        let other = try Store.open(at: path, options)
        let plain = try Store.open(at: path, Workload.options(SimulatedDisk()))
        let message = try store.prepare(Array("Subject: x\r\n\r\n".utf8))
        for target in [other, plain] {
            let inbox = try target.mailbox("INBOX").id
            let modSeq = target.snapshot().modSeq
            #expect(
                kind { try target.commit { _ = try $0.append(message, to: inbox, internalDate: noon) } } == .notPermitted)
            #expect(target.snapshot().modSeq == modSeq)
        }
    }

    /// A key that is there may be all that is left of a store.
    @Test func aKeyIsNeverWrittenOver() throws {
        let (disk, _) = try finished()
        let key = disk.contents("\(path)/\(FileNames.key)")
        let segments = "\(path)/\(FileNames.segments)"
        for name in try disk.list(segments) { try disk.remove("\(segments)/\(name)") }
        #expect(kind { _ = try open(disk) } == .corrupt)
        try disk.remove("\(path)/\(FileNames.superblock)")
        #expect(kind { _ = try open(disk, nil) } == .keyMissing)
        #expect(kind { _ = try open(disk, EncryptedSample.masterKey(1)) } == .wrongKey)
        try open(disk).close()
        #expect(disk.contents("\(path)/\(FileNames.key)") == key)
    }
}

extension PreparedMessage {
    /// The summary of a message in the clear.
    fileprivate func summaryForTests() throws -> [UInt8] {
        let disk = SimulatedDisk()
        let store = try Store.open(at: Workload.path, Workload.options(disk))
        let inbox = try store.mailbox("INBOX")
        let uid = try store.commit { try $0.append(self, to: inbox.id, internalDate: noon) }
        return try store.body(of: inbox.view().message(uid)!).withSummary { Array($0) }
    }
}
