import MailModel
import TestSupport
import Testing
import VarveSimulation
import VarveFormat

@testable import Varve

/// What mailboxes are for, and how their history is kept: settings that outlive all that befalls a store.
@Suite struct MailboxAttributesTests {
    private let path = Workload.path

    private func attributes(_ store: Store) throws -> [String: String] {
        var result: [String: String] = [:]
        try store.snapshot().forEachMailbox { info in
            let uses = SpecialUse.names.filter { info.specialUse.contains($0.use) }.map(\.name)
            result[info.name] = (uses + [info.syncMode.name]).joined(separator: " ")
            return true
        }
        return result
    }

    private func make(_ disk: SimulatedDisk) throws -> Store {
        let store = try Store.open(at: path, Workload.options(disk))
        try store.commit { tx in
            try tx.createMailbox("Post/Gesendet", specialUse: [.sent])
            let box = try tx.createMailbox("Archive").id
            try tx.setSpecialUse([.archive, .important], of: box)
            try tx.setSyncMode(.noExpungeLog, of: box)
            let other = try tx.createMailbox("Sent", specialUse: .sent).id
            try tx.setSyncMode(.noModSeq, of: other)
        }
        return store
    }

    private let expected = [
        "INBOX": "full", "Post": "full", "Post/Gesendet": "\\Sent full", "Archive": "\\Archive \\Important no-expunge-log",
        "Sent": "\\Sent no-modseq",
    ]

    @Test func theyStayThroughOpeningsRebuildsAndCompactions() throws {
        let disk = SimulatedDisk()
        var store = try make(disk)
        #expect(try attributes(store) == expected)
        for loss in ["", FileNames.index, FileNames.superblock] {
            try store.checkAndClose()
            if !loss.isEmpty { try disk.remove("\(path)/\(loss)") }
            store = try Store.open(at: path, Workload.options(disk))
            #expect(try attributes(store) == expected, "without \(loss)")
        }
        var compaction = CompactionOptions()
        compaction.deadShare = 0
        compaction.minimumDeadBytes = 1
        #expect(try store.compact(compaction).segmentsRemoved > 0)
        try store.checkAndClose()
        // Nothing but the base is left to say it.
        try disk.remove("\(path)/\(FileNames.index)")
        store = try Store.open(at: path, Workload.options(disk))
        #expect(try attributes(store) == expected)
        try store.checkAndClose()
    }

    @Test func theyAreNoChangesOfAMailbox() throws {
        let store = try make(SimulatedDisk())
        let box = try store.mailbox("Archive").view().mailbox
        let before = store.snapshot().modSeq
        try store.commit { tx in
            try tx.setSpecialUse([], of: box.id)
            try tx.setSyncMode(.full, of: box.id)
            #expect(try tx.mailbox(box.id)?.specialUse == [] && tx.mailbox(box.id)?.syncMode == .full)
        }
        #expect(store.snapshot().modSeq == ModSeq(before.rawValue + 1))
        let after = try store.mailbox("Archive").view().mailbox
        #expect(after.highestModSeq == box.highestModSeq)
        // What is so already is no commit.
        try store.commit { tx in
            try tx.setSpecialUse([], of: box.id)
            try tx.setSyncMode(.full, of: box.id)
        }
        #expect(store.snapshot().modSeq == ModSeq(before.rawValue + 1))
        // Bits that mean nothing are not kept.
        try store.commit { try $0.setSpecialUse(SpecialUse(rawValue: 0xff01), of: box.id) }
        #expect(try store.mailbox("Archive").view().mailbox.specialUse == .all)
        #expect(throws: StoreError.self) { try store.commit { try $0.setSpecialUse(.all, of: MailboxID(99)) } }
        #expect(throws: StoreError.self) { try store.commit { try $0.setSyncMode(.full, of: MailboxID(99)) } }
        try store.checkAndClose()
    }

    /// A mailbox keeps them under another name. What leaves INBOX goes to a new mailbox, which has what every new one has.
    @Test func renames() throws {
        let store = try make(SimulatedDisk())
        let inbox = try store.mailbox("INBOX").id
        try store.commit { tx in
            try tx.setSpecialUse(.important, of: inbox)
            try tx.setSyncMode(.noModSeq, of: inbox)
            try tx.renameMailbox(try #require(try tx.mailbox(named: "Post")).id, to: "Mail")
            try tx.renameMailbox(inbox, to: "Old")
        }
        let found = try attributes(store)
        #expect(found["Mail/Gesendet"] == "\\Sent full")
        #expect(found["INBOX"] == "\\Important no-modseq" && found["Old"] == "full")
        try store.checkAndClose()
    }

    @Test func newMailboxesHaveTheStoresMode() throws {
        let disk = SimulatedDisk()
        var options = Workload.options(disk)
        options.syncMode = .noModSeq
        var store = try Store.open(at: path, options)
        try store.commit { _ = try $0.createMailbox("a/b") }
        #expect(try attributes(store) == ["INBOX": "no-modseq", "a": "no-modseq", "a/b": "no-modseq"])
        try store.checkAndClose()
        options.syncMode = .full
        store = try Store.open(at: path, options)
        try store.commit { _ = try $0.createMailbox("a/c") }
        #expect(try attributes(store)["a/b"] == "no-modseq", "what is there keeps its own")
        #expect(try attributes(store)["a/c"] == "full")
        try store.checkAndClose()
    }

    /// A program of version 2.0 drops what it does not know from the rows that it writes, and says which version it is.
    @Test func anIndexOfVersionTwoIsBuiltAnew() throws {
        let disk = SimulatedDisk()
        try make(disk).checkAndClose()
        let sound = try Store.open(at: path, Workload.options(disk))
        let number = sound.writer.superblock.indexNumber
        try sound.close()
        let superblock = Workload.superblock
        var bytes = try #require(disk.contents(superblock))
        for slot in [0, Superblock.slotSize] {
            bytes[slot + 8] = 2
            bytes[slot + 10] = 0
            bytes.withUnsafeMutableBytes { bytes in
                let sum = crc32c(0, UnsafeRawBufferPointer(rebasing: bytes[slot..<(slot + 4092)]))
                bytes.baseAddress!.store32(sum, slot + 4092)
            }
        }
        let file = try disk.open(superblock, create: false, writable: true)
        try bytes.withBytes { bytes throws(StoreError) in try file.write(at: 0, [bytes]) }
        try file.sync()
        let check = try StoreCheck.run(at: path, Workload.options(disk))
        #expect(check.remedy == .none && check.remarks.contains { $0.contains("older version") }, "\(check)")
        let store = try Store.open(at: path, Workload.options(disk))
        #expect(store.writer.superblock.indexNumber == number + 1)
        #expect(try attributes(store) == expected)
        try store.checkAndClose()
    }

    @Test func aRepairKeepsThem() throws {
        let disk = SimulatedDisk()
        try make(disk).checkAndClose()
        // By the log, and by the index where the log is gone.
        for (target, loss) in [("by-log", FileNames.index), ("by-index", FileNames.segment(1))] {
            let copy = disk.afterPowerFailure(seed: 1)
            if loss == FileNames.index { try copy.remove("\(path)/\(loss)") } else { copy.damage("\(path)/\(loss)", at: 200) }
            guard case .repaired = try StoreRepair.run(path, into: target, Workload.options(copy), isForced: true) else {
                Issue.record("no repair \(target)")
                continue
            }
            let store = try Store.open(at: target, Workload.options(copy))
            #expect(try attributes(store) == expected, "\(target)")
            try store.checkAndClose()
        }
    }
}
