import Glibc
import MailModel
import TestSupport
import Testing
import VarveSimulation

@testable import Varve

let noon = InternalDate(seconds: 1_700_000_000, zoneMinutes: 60)

extension Store {
    /// Every store test ends with this: the state must fulfil all invariants, and so must the one that the log alone
    /// gives, which must be the same to a reader.
    /// - Parameter hasBodies: false where a test made up records of messages that are nowhere.
    func checkAndClose(hasBodies: Bool = true) throws {
        let violations = Check.run(self)
        #expect(violations.isEmpty, "\(violations)")
        let before = try Summary(self)
        try close()
        let report = try StoreCheck.run(at: path, options)
        #expect(report.violations.allSatisfy { $0.kind == .body && !hasBodies }, "\(report.violations)")
        let reopened = try Store.open(at: path, options)
        let afterReopening = try Summary(reopened).difference(before)
        #expect(afterReopening == "", "after reopening: \(afterReopening)")
        #expect(Check.run(reopened).isEmpty)
        try reopened.close()
        try options.fileSystem.remove("\(path)/\(FileNames.index)")
        let rebuilt = try Store.open(at: path, options)
        let afterRebuilding = try Summary(rebuilt).difference(before)
        #expect(afterRebuilding == "", "rebuilt from the log: \(afterRebuilding)")
        #expect(Check.run(rebuilt).isEmpty)
        try rebuilt.close()
        #expect(try StoreCheck.run(at: path, options).violations == report.violations)
    }
}

/// All that a reader can see of an account.
struct Summary: Equatable {
    struct Line: Equatable {
        var name: String
        var numbers: [UInt64]
        var messages: [String]
        var vanished: String
        var changed: [String]
    }
    var modSeq: UInt64
    var lines: [Line] = []
    var subscriptions: [String] = []

    init(_ store: Store) throws {
        let snapshot = store.snapshot()
        modSeq = snapshot.modSeq.rawValue
        var ids: [MailboxID] = []
        try snapshot.forEachMailbox { info in
            ids.append(info.id)
            return true
        }
        for id in ids {
            guard let view = try snapshot.view(of: id) else { continue }
            let info = view.mailbox
            var messages: [String] = []
            try view.forEachMessage(in: UIDRange(.min, .max)) { number, message in
                messages.append(
                    "\(number) \(message.uid) \(snapshot.flags(of: message).names.sorted()) \(message.modSeq) "
                        + "\(message.identity) \(message.size) \(message.internalDate) \(message.saveDate)")
                return true
            }
            // The ranges may span UIDs that no message has, and be cut differently.
            var live: [UInt32] = []
            try view.forEachMessage(in: UIDRange(.min, .max)) { _, message in
                live.append(message.uid.rawValue)
                return true
            }
            let changed = try view.changed(since: 0).flatMap { range in
                let from = live.partitioningIndex { $0 >= range.first.rawValue }
                return live[from...].prefix { $0 <= range.last.rawValue }
            }
            lines.append(
                Line(
                    name: info.name,
                    numbers: [
                        UInt64(info.id.rawValue), UInt64(info.uidValidity.rawValue), UInt64(info.uidNext.rawValue),
                        info.highestModSeq.rawValue, UInt64(info.messages), UInt64(info.unseen), UInt64(info.deleted),
                        info.bytes, UInt64(info.firstRecent.rawValue), info.vanishedFloor.rawValue,
                        UInt64(info.specialUse.rawValue), UInt64(info.syncMode.rawValue),
                    ],
                    messages: messages,
                    vanished: "\(try view.vanished(since: 0)), since the floor \(try view.vanished(since: info.vanishedFloor))",
                    changed: changed.map(\.description)))
        }
        try snapshot.forEachSubscription {
            subscriptions.append($0)
            return true
        }
    }
}

extension [UInt32] {
    /// The first place at which an ascending array fulfils a condition that all behind it fulfil too.
    fileprivate func partitioningIndex(_ isBehind: (UInt32) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

extension Summary {
    /// Where two accounts differ first; empty if they do not.
    func difference(_ other: Summary) -> String {
        if modSeq != other.modSeq { return "modseq \(modSeq) and \(other.modSeq)" }
        if subscriptions != other.subscriptions { return "subscriptions \(subscriptions) and \(other.subscriptions)" }
        if lines.map(\.name) != other.lines.map(\.name) {
            return "names \(lines.map(\.name)) and \(other.lines.map(\.name))"
        }
        for (a, b) in zip(lines, other.lines) where a != b {
            if a.numbers != b.numbers { return "\(a.name): \(a.numbers) and \(b.numbers)" }
            if a.vanished != b.vanished { return "\(a.name): vanished \(a.vanished) and \(b.vanished)" }
            if a.changed != b.changed { return "\(a.name): changed \(a.changed) and \(b.changed)" }
            for (m, n) in zip(a.messages, b.messages) where m != n { return "\(a.name): \(m) and \(n)" }
            return "\(a.name): \(a.messages.count) messages and \(b.messages.count)"
        }
        return ""
    }
}

@Suite struct StoreTests {
    @Test func aMessageComesBackAsItWas() throws {
        let folder = TemporaryFolder()
        let store = try Store.open(at: folder.path)
        let inbox = try store.mailbox("INBOX")
        let text = Array("Subject: hello\r\n\r\n".utf8) + (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 7 / 11) }
        let uid = try store.commit { tx in
            try tx.append(text, to: inbox.id, flags: Flags(.seen, keywords: ["$Forwarded"]), internalDate: noon)
        }
        #expect(uid == 1)
        let view = try inbox.view()
        let message = try #require(try view.message(uid))
        #expect(message.internalDate == noon)
        #expect(view.snapshot.flags(of: message) == Flags(.seen, keywords: ["$Forwarded"]))
        let body = try store.body(of: message)
        #expect(try body.bytes() == text)
        var part = [UInt8](repeating: 0, count: 70_000)
        try part.withUnsafeMutableBytes { try body.read(65_000..<135_000, into: $0) }
        #expect(part == Array(text[65_000..<135_000]))
        try store.checkAndClose()
    }

    @Test func flagsExpungesCopiesAndMoves() throws {
        let folder = TemporaryFolder()
        let store = try Store.open(at: folder.path)
        let inbox = try store.mailbox("INBOX").id
        try store.commit { tx in
            for i in 0..<10 { try tx.append(Array("m\(i)".utf8), to: inbox, internalDate: noon) }
        }
        let start = store.snapshot().modSeq
        let changed = try store.commit { tx in try tx.changeFlags(.add([.seen]), of: [2, 3, 4, 99], in: inbox) }
        #expect(changed.description == "2:4")
        #expect(try store.mailbox("INBOX").view().changed(since: start).map(\.description) == ["2:4"])
        try store.commit { tx in try tx.changeFlags(.add([.deleted]), of: [3, 9], in: inbox) }
        #expect(try store.mailbox("INBOX").view().changed(since: start).map(\.description) == ["2", "4", "3", "9"])
        let gone = try store.commit { tx in try tx.expunge(UIDSet(UIDRange(1, 10)), in: inbox) }
        #expect(gone.description == "3,9")
        let view = try store.mailbox("INBOX").view()
        #expect(try view.vanished(since: start).description == "3,9")
        #expect(try view.count == 8)
        #expect(try view.uid(at: 3) == 4)
        #expect(try view.sequenceNumber(of: 10) == 8)
        #expect(try view.firstUnseen == 1)
        let archive = try store.commit { tx in try tx.createMailbox("a/b/c") }
        #expect(try store.snapshot().mailbox(named: "a/b") != nil)
        let result = try store.commit { tx in try tx.move([1, 2, 3], from: inbox, to: archive.id) }
        #expect(result.source.description == "1:2")
        #expect(result.destination.description == "1:2")
        try store.commit { tx in try tx.renameMailbox(try tx.mailbox(named: "a")!.id, to: "z") }
        #expect(try store.snapshot().mailbox(named: "z/b/c")?.messages == 2)
        try store.checkAndClose()
    }

    @Test func aThrowingTransactionLeavesNothing() throws {
        let folder = TemporaryFolder()
        let store = try Store.open(at: folder.path)
        let before = try Summary(store)
        #expect(throws: StoreError.self) {
            try store.commit { tx in
                let made = try tx.createMailbox("gone")
                try tx.append([1, 2, 3], to: made.id, internalDate: noon)
                throw StoreError(.limit, "enough")
            }
        }
        #expect(try Summary(store) == before)
        try store.checkAndClose()
    }

    @Test func aSecondOpeningIsRefused() throws {
        let folder = TemporaryFolder()
        let store = try Store.open(at: folder.path)
        #expect { try Store.open(at: folder.path) } throws: { ($0 as? StoreError)?.kind == .locked }
        try store.checkAndClose()
    }

    @Test func aPinnedViewStillShowsWhatOthersExpunged() throws {
        let folder = TemporaryFolder()
        let store = try Store.open(at: folder.path)
        let inbox = try store.mailbox("INBOX").id
        try store.commit { tx in
            for i in 0..<5 { try tx.append(Array("m\(i)".utf8), to: inbox, internalDate: noon) }
        }
        let pin = try #require(try store.pin(inbox))
        try store.commit { tx in try tx.expunge([2, 4], in: inbox, onlyDeleted: false) }
        try store.commit { tx in try tx.append([9], to: inbox, internalDate: noon) }
        let view = try #require(try store.snapshot().view(pin.mark))
        #expect(try view.count == 5)
        #expect(try (1...6).map { try view.uid(at: $0) } == [1, 2, 3, 4, 5, nil])
        #expect(try view.sequenceNumber(of: 5) == 5)
        let lost = try #require(try view.message(2))
        #expect(lost.isExpunged)
        #expect(try store.body(of: lost).bytes() == Array("m1".utf8))
        #expect(view.untoldVanished.description == "2,4")
        pin.advance(to: view.newest)
        try store.commit { tx in try tx.append([9], to: inbox, internalDate: noon) }
        #expect(try store.snapshot().mailbox(inbox)?.messages == 5)
        try store.checkAndClose()
    }
}
