import MailModel
import Testing
import Varve

/// What a client hears of a mailbox, by what the store keeps of it (RFC 7162 §3.1.2.2, §5.1).
@Suite struct SyncModeTests {
    private func server(_ mode: SyncMode) async throws -> TestServer {
        let server = try TestServer { $0.store.syncMode = mode }
        try await server.start()
        return server
    }

    /// INBOX with messages 1 … 6, of which others expunged 2 and 4; the modseq before that, and the client that has QRESYNC on.
    private func prepared(_ server: TestServer) throws -> (client: TestClient, modSeq: Int) {
        let client = try TestClient(port: server.port)
        _ = try client.line()
        try client.command("a1", "LOGIN alice alice")
        try client.command("a2", "ENABLE QRESYNC")
        for uid in 1...6 { try client.command("b\(uid)", "APPEND INBOX {3+}\r\n\(uid)\r\n") }
        let selected = try client.command("a3", "EXAMINE INBOX")
        let code = selected.compactMap { $0.firstMatch(of: /\[HIGHESTMODSEQ (\d+)\]/)?.1 }.first
        let other = try TestClient(port: server.port)
        _ = try other.line()
        try other.command("a1", "LOGIN alice alice")
        try other.command("a2", "SELECT INBOX")
        try other.command("a3", "STORE 2,4 +FLAGS.SILENT (\\Deleted)")
        try other.command("a4", "EXPUNGE")
        try other.command("a5", "STORE 1 +FLAGS.SILENT (\\Flagged)")
        try other.command("a6", "LOGOUT")
        return (client, code.flatMap { Int($0) } ?? 0)
    }

    private func isStatus(_ lines: [String], _ status: String) -> Bool { lines.last?.contains(" \(status) ") ?? false }

    @Test func full() async throws {
        let server = try await server(.full)
        let (client, modSeq) = try prepared(server)
        let noop = try client.command("c1", "NOOP")
        #expect(noop.first == "* VANISHED 2,4")
        let fetched = try client.command("c2", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE \(modSeq) VANISHED)")
        #expect(fetched.count == 3 && fetched[0] == "* VANISHED (EARLIER) 2,4" && fetched[1].hasPrefix("* 1 FETCH (UID 1 "))
        let later = try client.command("c3", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE \(modSeq + 50) VANISHED)")
        #expect(later.count == 1)
        try await server.stop()
    }

    /// RFC 7162 §5.1: expunged messages are all told, of those asked for, whenever they went; never too few.
    @Test func withoutExpungeLog() async throws {
        let server = try await server(.noExpungeLog)
        let (client, modSeq) = try prepared(server)
        let noop = try client.command("c1", "NOOP")
        #expect(noop.first == "* VANISHED 2,4")
        let fetched = try client.command("c2", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE \(modSeq) VANISHED)")
        #expect(fetched.count == 3 && fetched[0] == "* VANISHED (EARLIER) 2,4" && fetched[1].hasPrefix("* 1 FETCH (UID 1 "))
        // Expunges before the last ones are forgotten: a client that asks from long ago hears of every UID that is gone, …
        for uid in 5...6 {
            try client.command("d1", "SELECT INBOX")
            try client.command("d2", "UID STORE \(uid) +FLAGS.SILENT (\\Deleted)")
            try client.command("d3", "EXPUNGE")
        }
        let old = try client.command("c3", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)")
        #expect(old.first == "* VANISHED (EARLIER) 2,4:6")
        // … and one that knows what it has, of these alone (§3.2.5.1), from where its numbers are wrong (§3.2.5.2).
        let select = try client.command("c4", "SELECT INBOX (QRESYNC (1700000000 \(modSeq) 1:5))")
        #expect(select.contains("* VANISHED (EARLIER) 2,4:5"), "\(select)")
        let matched = try client.command("c5", "SELECT INBOX (QRESYNC (1700000000 \(modSeq) 1:5 (2:3 3:4)))")
        #expect(matched.contains("* VANISHED (EARLIER) 4:5"), "\(matched)")
        #expect(matched.contains { $0.hasPrefix("* OK [HIGHESTMODSEQ ") })
        try await server.stop()
    }

    /// RFC 7162 §5.1, §3.2.10: what a session is still shown is not forgotten, and never told as long gone.
    @Test func withoutExpungeLogWhileASessionIsSlow() async throws {
        let server = try await server(.noExpungeLog)
        let (client, modSeq) = try prepared(server)
        let other = try TestClient(port: server.port)
        _ = try other.line()
        try other.command("a1", "LOGIN alice alice")
        for uid in [5, 1, 6] {
            try other.command("b1", "SELECT INBOX")
            try other.command("b2", "UID STORE \(uid) +FLAGS.SILENT (\\Deleted)")
            try other.command("b3", "EXPUNGE")
        }
        // One that comes in and goes again, …
        try other.command("b4", "APPEND INBOX (\\Deleted) {3+}\r\n7\r\n")
        try other.command("b5", "EXPUNGE")
        // … and a session for which all still have their numbers: in answer to FETCH none goes.
        let numbers = try client.command("c1", "FETCH 1:6 (UID)")
        #expect(Array(numbers.prefix(6)) == (1...6).map { "* \($0) FETCH (UID \($0))" })
        #expect(numbers.contains { $0.contains("[HIGHESTMODSEQ \(modSeq)]") }, "\(numbers)")
        #expect(numbers.contains("* 7 EXISTS"), "\(numbers)")
        let since = try client.command("c2", "UID FETCH 1:20 (UID) (CHANGEDSINCE 1 VANISHED)")
        #expect(!since.contains { $0.contains("EARLIER") }, "\(since)")
        #expect(since.contains("* VANISHED 1:2,4:7"), "\(since)")
        let all = try client.command("c3", "UID FETCH 1:20 (UID) (CHANGEDSINCE 1 VANISHED)")
        #expect(all.contains("* VANISHED (EARLIER) 1:2,4:7"), "\(all)")
        #expect(all.count == 3 && all[1].hasPrefix("* 1 FETCH (UID 3 MODSEQ ("), "\(all)")
        try await server.stop()
    }

    @Test func withoutModSeqs() async throws {
        let server = try await server(.noModSeq)
        let (client, _) = try prepared(server)
        // RFC 7162 §3.2.3: not VANISHED; §3.2.7: no HIGHESTMODSEQ.
        let noop = try client.command("c1", "NOOP")
        #expect(Array(noop.prefix(2)) == ["* 4 EXPUNGE", "* 2 EXPUNGE"])
        #expect(noop[2].hasPrefix("* 1 FETCH (UID 1 FLAGS (\\Flagged"))
        #expect(noop.last == "c1 OK Noop completed")
        // §3.1.2.2: BAD while the mailbox is selected
        for command in [
            "FETCH 1 (FLAGS) (CHANGEDSINCE 1)", "UID FETCH 1 (FLAGS) (CHANGEDSINCE 1 VANISHED)", "FETCH 1 (MODSEQ)",
            "SEARCH MODSEQ 1", "UID SEARCH RETURN (COUNT) OR SEEN NOT MODSEQ 1",
            "UID STORE 1 (UNCHANGEDSINCE 1) -FLAGS (\\Seen)",
        ] {
            let answer = try client.command("c2", command)
            #expect(isStatus(answer, "BAD"), "\(command)")
        }
        // §3.1.7
        let status = try client.command("c3", "STATUS INBOX (MESSAGES HIGHESTMODSEQ)")
        #expect(status.first == "* STATUS INBOX (MESSAGES 4 HIGHESTMODSEQ 0)")
        // §3.2.5.1: what the client knows is passed over
        let select = try client.command("c4", "SELECT INBOX (QRESYNC (1700000000 1 1:6))")
        #expect(select.contains { $0.hasPrefix("* OK [NOMODSEQ]") })
        #expect(!select.contains { $0.contains("VANISHED") || $0.contains(" FETCH ") || $0.contains("HIGHESTMODSEQ") })
        #expect(isStatus(select, "OK"))
        let conditional = try client.command("c5", "STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\\Seen)")
        #expect(isStatus(conditional, "BAD"))
        let stored = try client.command("c6", "STORE 1 +FLAGS (\\Seen)")
        #expect(stored.first == "* 1 FETCH (UID 1 FLAGS (\\Seen \\Flagged))")
        try await server.stop()
    }
}
