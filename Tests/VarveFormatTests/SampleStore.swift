import Glibc
import MailModel
import Synchronization
import Varve

/// The same store each time: its clock, UUID and background work are given.
enum SampleStore {
    /// - Parameter firstRandom: another one makes another UUID.
    static func options(firstRandom: UInt64 = 0x0123_4567_89ab_cdef) -> StoreOptions {
        var options = StoreOptions()
        options.segmentSize = 1 << 20
        options.backgroundMaintenance = false
        let time = Mutex<UInt64>(1_700_000_000_000)
        options.clock = {
            time.withLock { time in
                time += 1500
                return time
            }
        }
        let word = Mutex<UInt64>(firstRandom)
        options.random = {
            word.withLock { word in
                defer { word = word &* 3 }
                return word
            }
        }
        return options
    }

    private static func date(_ hours: Int64) -> InternalDate {
        InternalDate(seconds: 1_699_000_000 + hours * 3600, zoneMinutes: hours % 2 == 0 ? 60 : -210)
    }

    private static func message(_ subject: String, _ text: String) -> [UInt8] {
        Array("From: ann@example.org\r\nTo: bob@example.org\r\nSubject: \(subject)\r\n\r\n\(text)\r\n".utf8)
    }

    /// Some mailboxes and messages with all that can happen to them, closed. One segment.
    static func make(at path: String, masterKey: MasterKey? = nil) throws {
        var options = options()
        options.masterKey = masterKey
        let store = try Store.open(at: path, options)
        let inbox = try store.mailbox("INBOX").id
        try store.commit { tx in
            try tx.append(message("one", "Hello"), to: inbox, internalDate: date(0))
            try tx.append(message("two", "Hello again"), to: inbox, flags: [.seen], internalDate: date(1))
        }
        try store.commit { tx in
            let long = String(repeating: "the quick brown fox\r\n", count: 40)
            try tx.append(
                message("three", long), to: inbox, flags: Flags(.flagged, keywords: ["$Forwarded", "Work"]),
                internalDate: date(2))
        }
        let archive = try store.commit { tx in try tx.createMailbox("Archive/2023 \"old\"/Käse").id }
        try store.commit { tx in try tx.changeFlags(.add([.seen]), of: UIDSet(UIDRange(1, 3)), in: inbox) }
        try store.commit { tx in
            for i in 4...9 { try tx.append(message("number \(i)", "\(i)"), to: inbox, internalDate: date(Int64(i))) }
        }
        try store.checkpoint()
        try store.commit { tx in
            try tx.changeFlags(.replace(Flags(.deleted, keywords: ["work"])), of: [4, 6, 7], in: inbox)
        }
        try store.commit { tx in try tx.expunge(UIDSet(UIDRange(.min, .max)), in: inbox) }
        try store.commit { tx in try tx.copy([1, 3], from: inbox, to: archive) }
        try store.commit { tx in try tx.move([3, 5], from: inbox, to: archive) }
        try store.commit { tx in try tx.changeFlags(.remove([.seen]), of: [2], in: archive) }
        try store.commit { tx in
            try tx.renameMailbox(try tx.mailbox(named: "Archive")!.id, to: "Attic")
            try tx.subscribe("Attic")
            try tx.subscribe("Gone")
        }
        try store.commit { tx in
            try tx.unsubscribe("Gone")
            let scratch = try tx.createMailbox("Scratch").id
            try tx.append(message("scratch", "\u{0}\u{7f}\u{1b}[1m"), to: scratch, internalDate: date(20))
        }
        try store.commit { tx in try tx.deleteMailbox(try tx.mailbox(named: "Scratch")!.id) }
        try store.commit { tx in _ = try tx.claimRecent(in: inbox) }
        try store.close()
    }

    /// The first one, with all that nobody needs gone, and a commit behind that: a base, and the segment that begins with it.
    static func makeCompacted(at path: String) throws {
        try make(at: path)
        let store = try Store.open(at: path, options())
        var compaction = CompactionOptions()
        compaction.minimumDeadBytes = 1
        _ = try store.compact(compaction)
        let inbox = try store.mailbox("INBOX").id
        try store.commit { tx in try tx.changeFlags(.add([.answered]), of: [1], in: inbox) }
        try store.close()
    }

    /// More of it: three segments, the first two sealed, and trees of several levels; closed.
    static func makeLarge(at path: String, _ options: StoreOptions = options()) throws {
        let store = try Store.open(at: path, options)
        let inbox = try store.mailbox("INBOX").id
        var state: UInt32 = 1
        for round in 0..<22 {
            try store.commit { tx in
                for i in 0..<25 {
                    // Bytes that do not shrink fill segments quickly.
                    let noise = (0..<4000).map { _ -> UInt8 in
                        state = state &* 1_664_525 &+ 1_013_904_223
                        return UInt8(truncatingIfNeeded: state >> 24)
                    }
                    try tx.append(message("\(round) \(i)", "") + noise, to: inbox, internalDate: date(Int64(round)))
                }
                let name = "Folder \(round)/" + String(repeating: "n", count: 300)
                _ = try tx.createMailbox(name)
            }
            try store.commit { tx in
                let uids = UIDSet(stride(from: UInt32(round * 25 + 1), to: UInt32(round * 25 + 20), by: 2).map { UID($0) })
                try tx.changeFlags(.add([.seen]), of: uids, in: inbox)
            }
            store.maintain()
        }
        try store.commit { tx in try tx.expunge(UIDSet(UIDRange(30, 90)), in: inbox, onlyDeleted: false) }
        try store.checkpoint()
        try store.commit { tx in try tx.changeFlags(.add([.answered]), of: [1, 100], in: inbox) }
        try store.close()
    }
}
