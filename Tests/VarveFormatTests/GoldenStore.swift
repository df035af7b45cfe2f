import Foundation
import MailModel
import TestSupport
import VarveFormat

@testable import Varve

/// Stores as released versions wrote them, in `Formats/golden`: `store-1.0/`, and what is in it, `store-1.0.json`.
///
/// How one is added with a release: `Formats/versions.md`.
struct GoldenStore: CustomStringConvertible {
    /// `1.0`.
    let version: String

    private static let folder = repository() + "/Formats/golden"
    var path: String { "\(GoldenStore.folder)/store-\(version)" }
    /// What `varve-dump --messages --json` says of it.
    var expectationPath: String { path + ".json" }
    var description: String { version }

    static var released: [GoldenStore] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasPrefix("store-") && !$0.hasSuffix(".json") }.sorted().map {
            GoldenStore(version: String($0.dropFirst("store-".count)))
        }
    }

    static let current = GoldenStore(version: "\(Format.major).\(Format.minor)")

    func copy(to path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for name in [FileNames.superblock, FileNames.index, FileNames.segments] {
            try FileManager.default.copyItem(atPath: "\(self.path)/\(name)", toPath: "\(path)/\(name)")
        }
    }

    /// Makes the store with this version of the engine: of all that a store can hold something, in few bytes.
    func record() throws {
        let folder = TemporaryFolder()
        let made = try GoldenStore.Maker(RandomStore.open(folder.path, GoldenStore.options()))
        try made.run()
        // Before it is closed: with commits behind the superblock, and rows of messages that a view may still show.
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for name in [FileNames.superblock, FileNames.index, FileNames.segments] {
            try FileManager.default.copyItem(atPath: "\(folder.path)/\(name)", toPath: "\(path)/\(name)")
        }
        try made.store.close()
    }

    private static func options() -> StoreOptions {
        var options = SampleStore.options()
        options.segmentSize = 6 << 10
        options.dictionaries = DictionaryPolicy(size: 512, samples: 16, tests: 4)
        return options
    }

    private struct Maker {
        let store: Store
        let inbox: MailboxID
        private let zones: [Int16] = [60, -210, 0, 1439, -1439]

        init(_ store: Store) throws {
            self.store = store
            inbox = try store.mailbox("INBOX").id
        }

        private func append(_ tx: Transaction, _ body: [UInt8], to mailbox: MailboxID, _ flags: Flags = []) throws {
            let count = try tx.mailbox(mailbox)!.uidNext.rawValue
            // Dates before 1970 as well.
            let date = InternalDate(
                seconds: 1_699_000_000 - Int64(count) * 200_000_000, zoneMinutes: zones[Int(count) % zones.count])
            try tx.append(body, to: mailbox, flags: flags, internalDate: date)
        }

        private func message(_ subject: String, _ text: String = "Hello") -> [UInt8] {
            Array("From: ann@example.org\r\nTo: bob@example.org\r\nSubject: \(subject)\r\n\r\n\(text)\r\n".utf8)
        }

        /// Three chunks: two that shrink to almost nothing, and a short one of bytes that do not shrink.
        private var large: [UInt8] {
            var random = SeededGenerator(seed: 1)
            return [UInt8](repeating: 65, count: 131_072) + (0..<300).map { _ in UInt8.random(in: 0...255, using: &random) }
        }

        func run() throws {
            let archive = try firstSegment()
            try secondSegment(archive)
            try store.checkpoint()
            try behindTheCheckpoint(archive)
        }

        private func firstSegment() throws -> MailboxID {
            try store.commit { tx in
                try append(tx, message("one"), to: inbox)
                try append(tx, message("two"), to: inbox, [.seen])
                try append(tx, [], to: inbox, Flags(.flagged, keywords: ["$Forwarded", "Work"]))
                try append(tx, Array(0...255), to: inbox, Flags(.draft, keywords: ["WORK", "käse"]))
            }
            let archive = try store.commit { tx in
                try tx.createMailbox("Archive/2023 \"old\"/Käse", specialUse: [.archive, .important]).id
            }
            try store.commit { tx in
                for i in 5...16 { try append(tx, message("number \(i)"), to: inbox, i % 3 == 0 ? [.deleted] : []) }
            }
            try store.commit { tx in _ = try tx.changeFlags(.add([.seen]), of: UIDSet(UIDRange(1, 9)), in: inbox) }
            try store.commit { tx in _ = try tx.expunge(UIDSet(UIDRange(.min, .max)), in: inbox) }
            try store.commit { tx in try append(tx, large, to: archive, [.answered]) }
            // A checkpoint in between leaves pages that are free again.
            try store.checkpoint()
            try store.commit { tx in for i in 17...24 { try append(tx, message("number \(i)", "\(i)"), to: inbox) } }
            return archive
        }

        private func secondSegment(_ archive: MailboxID) throws {
            try store.commit { tx in
                try tx.subscribe("Archive")
                try tx.subscribe("Gone")
                _ = try tx.claimRecent(in: inbox)
            }
            // The first segment gets its footer.
            store.maintain()
            try store.commit { tx in _ = try tx.copy([1, 3, 4], from: inbox, to: archive) }
            try store.commit { tx in _ = try tx.move([3, 20, 21], from: inbox, to: archive) }
            try store.commit { tx in
                let change = FlagChange.replace(Flags(.deleted, keywords: ["work", "new"]))
                _ = try tx.changeFlags(change, of: [4, 17, 22], in: inbox)
                let scratch = try tx.createMailbox("Scratch").id
                try append(tx, message("scratch"), to: scratch)
            }
            try store.commit { tx in _ = try tx.expunge([17, 18], in: inbox) }
            // A base has them.
            try store.commit { tx in
                let drafts = try tx.createMailbox("Entwürfe").id
                try tx.setSyncMode(.noExpungeLog, of: drafts)
                try append(tx, message("a draft"), to: drafts, [.draft])
                try append(tx, message("another one"), to: drafts, [.draft])
            }
            try store.commit { tx in
                _ = try tx.expunge([1], in: try tx.mailbox(named: "Entwürfe")!.id, onlyDeleted: false)
            }
            // What the first expunge took is no longer known.
            try store.forgetExpunges(through: 6)
            try compact(archive)
        }

        /// A base, segments given up before it, bodies copied behind it.
        private func compact(_ archive: MailboxID) throws {
            var options = CompactionOptions()
            options.deadShare = 0
            options.minimumDeadBytes = 1
            _ = try store.compact(options)
            try store.commit { tx in
                _ = try tx.copy([23, 24], from: inbox, to: archive)
                try append(tx, message("behind the base"), to: inbox, Flags(.answered, keywords: ["Work"]))
            }
            // The segment that begins with the base gets its footer.
            store.maintain()
        }

        private func behindTheCheckpoint(_ archive: MailboxID) throws {
            try store.commit { tx in
                try tx.renameMailbox(try tx.mailbox(named: "Archive")!.id, to: "Attic")
                try tx.unsubscribe("Gone")
                try tx.setSpecialUse(.drafts, of: try tx.mailbox(named: "Entwürfe")!.id)
                try tx.setSyncMode(.noModSeq, of: try tx.mailbox(named: "Attic")!.id)
                try tx.deleteMailbox(try tx.mailbox(named: "Scratch")!.id)
            }
            try store.commit { tx in
                try append(tx, message("the last one"), to: inbox, Flags([], keywords: ["New", "$Forwarded"]))
                _ = try tx.changeFlags(.remove(Flags([.seen], keywords: ["KÄSE", "WORK"])), of: [2, 4], in: inbox)
                _ = try tx.expunge([2], in: archive, onlyDeleted: false)
            }
        }
    }
}
