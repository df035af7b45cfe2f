import Foundation
import IMAPServer
import MailModel
import Testing
import Varve

/// What searches cost a server whose mailbox is large: pages of the index, and never a message.
@Suite(.serialized) struct SearchCostTests {
    private static let messages = 64_000

    /// Alice's INBOX: all seen but five.
    private func fill(_ path: String) throws {
        var options = StoreOptions()
        options.clock = { 1_700_000_000_000 }
        let store = try Store.open(at: path, options)
        let inbox = try store.mailbox("INBOX").id
        let message = try PreparedMessage(Array("Subject: needle\r\n\r\nbody\r\n".utf8))
        try store.commit { tx in
            for _ in 0..<1000 { try tx.append(message, to: inbox, flags: [.seen], internalDate: InternalDate(seconds: 0)) }
        }
        var count = 1000
        while count < SearchCostTests.messages {
            try store.commit { try $0.copy(UIDSet(UIDRange(1, UID(UInt32(count)))), from: inbox, to: inbox) }
            count *= 2
        }
        try store.commit { tx in
            _ = try tx.changeFlags(.remove([.seen]), of: [5, 6, 30_000, 40_000, 63_990], in: inbox)
        }
        try store.commit { _ = try $0.changeFlags(.add(Flags(keywords: ["rare"])), of: [777, 50_000], in: inbox) }
        try store.commit { _ = try $0.claimRecent(in: inbox) }
        try store.close()
    }

    /// Every byte of the log behind the segments' headers becomes zero, in place: what reads a message fails.
    private func poison(_ path: String) throws {
        let folder = "\(path)/\(FileNames.segments)"
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: "\(folder)/\(name)"))
            let size = try file.seekToEnd()
            try file.seek(toOffset: 64)
            file.write(Data(count: Int(size) - 64))
            try file.close()
        }
    }

    @Test func searchesTouchWhatTheyFindAndReadNoMessage() async throws {
        let touches = PageTouchCounter()
        let server = try TestServer {
            $0.store.pageTouches = touches
            $0.store.backgroundMaintenance = false
        }
        let path = server.directory.storePath("alice")
        try fill(path)
        try await server.start()
        let alice = try TestClient(port: server.port)
        _ = try alice.line()
        try alice.command("a", "LOGIN alice alice")
        try alice.command("b", "EXAMINE INBOX")
        try poison(path)
        var number = 0
        func measure(_ command: String, _ answer: String, atMost pages: Int) throws {
            number += 1
            touches.reset()
            let lines = try alice.command("c\(number)", command)
            let heard = lines.first { $0.hasPrefix("* SEARCH") || $0.hasPrefix("* ESEARCH") }
            #expect(heard?.replacing("(TAG \"c\(number)\") ", with: "") == answer, "\(command): \(lines)")
            #expect(touches.count <= pages, "\(command): \(touches.count) pages")
            #expect(lines.last == "c\(number) OK Search completed", "\(lines)")
        }
        // Ways down a tree of height 3: the mailbox, its view, the end of the command, and what is asked for.
        let few = 60
        // Leaves are half full at least: 64,000 messages in some 1,778 of them.
        let all = 1_900
        try measure("SEARCH UNSEEN", "* SEARCH 5 6 30000 40000 63990", atMost: few)
        try measure("SEARCH NOT SEEN UID 100:50000", "* SEARCH 30000 40000", atMost: few)
        try measure("UID SEARCH RETURN () UNSEEN", "* ESEARCH UID ALL 5:6,30000,40000,63990", atMost: few)
        try measure("SEARCH RETURN (COUNT) UNSEEN", "* ESEARCH COUNT 5", atMost: few)
        try measure("SEARCH RETURN (COUNT) SEEN", "* ESEARCH COUNT 63995", atMost: few)
        try measure("SEARCH RETURN (COUNT) DELETED", "* ESEARCH COUNT 0", atMost: few)
        try measure("SEARCH RETURN (MIN MAX) UNSEEN", "* ESEARCH MIN 5 MAX 63990", atMost: few)
        try measure("SEARCH RETURN (MIN MAX COUNT ALL) ALL", "* ESEARCH MIN 1 MAX 64000 ALL 1:64000 COUNT 64000", atMost: few)
        try measure("UID SEARCH RETURN (ALL) ALL", "* ESEARCH UID ALL 1:64000", atMost: few)
        try measure("UID SEARCH RETURN (PARTIAL -1:-10) SEEN", "* ESEARCH UID PARTIAL (-1:-10 63991:64000)", atMost: 2 * few)
        try measure("UID SEARCH RETURN (PARTIAL 1:10) SEEN", "* ESEARCH UID PARTIAL (1:10 1:4,7:12)", atMost: few)
        try measure("UID SEARCH UID 40000:40020 UNSEEN", "* SEARCH 40000", atMost: few)
        try measure("SEARCH 40000:40001 FLAGGED", "* SEARCH", atMost: few)
        try measure("SEARCH KEYWORD Rare", "* SEARCH 777 50000", atMost: all)
        try measure("SEARCH RETURN (COUNT) OR FLAGGED UNKEYWORD rare", "* ESEARCH COUNT 63998", atMost: all)
        try measure("SEARCH UNSEEN LARGER 10 BEFORE 1-Feb-1970", "* SEARCH 5 6 30000 40000 63990", atMost: few)
        // The last two commits that changed messages.
        let modSeq = try highestModSeq(alice)
        try measure(
            "UID SEARCH RETURN (ALL) MODSEQ \(modSeq - 1)",
            "* ESEARCH UID ALL 5:6,777,30000,40000,50000,63990 MODSEQ \(modSeq)", atMost: 2 * few)
        // Where one must be read, what the index knows comes first.
        let read = try alice.command("e", "SEARCH FLAGGED BODY needle")
        #expect(read == ["* SEARCH", "e OK Search completed"])
        let damaged = try alice.command("f", "SEARCH UNSEEN SUBJECT needle")
        #expect(damaged.contains { $0.hasPrefix("* NO [CORRUPTION] 5 messages") }, "\(damaged)")
        try await server.server.shutDown()
    }

    private func highestModSeq(_ client: TestClient) throws -> Int {
        let line = try client.command("g", "UID FETCH 777 (MODSEQ)").first { $0.contains("MODSEQ (") } ?? ""
        return try #require(Int(line.split(separator: "(").last?.prefix { $0.isNumber } ?? ""), "\(line)")
    }
}
