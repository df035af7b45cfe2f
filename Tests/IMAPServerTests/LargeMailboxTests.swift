import MailModel
import Testing
import Varve

/// Changes of a whole large mailbox: ranges in the log, ranges on the wire.
@Suite struct LargeMailboxTests {
    private static let messages: UInt32 = 100_000

    /// An account whose INBOX has that many messages, without much being written.
    private func server() async throws -> TestServer {
        let server = try TestServer()
        var options = StoreOptions()
        options.clock = { 1_700_000_000_000 }
        let store = try Store.open(at: server.directory.storePath("alice"), options)
        let inbox = try store.mailbox("INBOX").id
        let message = try PreparedMessage(Array("Subject: one of many\r\n\r\n".utf8))
        try store.commit { tx in
            var count: UInt32 = 1
            try tx.append(message, to: inbox, internalDate: InternalDate(seconds: 0))
            while count < LargeMailboxTests.messages {
                let more = min(count, LargeMailboxTests.messages - count)
                try tx.copy(UIDSet(UIDRange(1, UID(more))), from: inbox, to: inbox)
                count += more
            }
        }
        try store.close()
        try await server.start()
        return server
    }

    private func client(_ server: TestServer) throws -> TestClient {
        let client = try TestClient(port: server.port)
        _ = try client.line()
        try client.command("a1", "LOGIN alice alice")
        try client.command("a2", "ENABLE QRESYNC")
        return client
    }

    @Test func everythingIsExpungedInOneLine() async throws {
        let server = try await server()
        let count = LargeMailboxTests.messages
        let first = try client(server)
        let second = try client(server)
        let select = try first.command("b1", "SELECT INBOX")
        #expect(select.contains("* \(count) EXISTS"))
        try second.command("b1", "SELECT INBOX")
        // RFC 7162 §3.1.3: each message's mod-sequence is told; the other session is told of each, too, and both in a stream.
        let stored = try first.command("b2", "UID STORE 1:* +FLAGS.SILENT (\\Deleted)")
        #expect(stored.count == Int(count) + 1)
        #expect(stored[Int(count) - 1].hasPrefix("* \(count) FETCH (UID \(count) MODSEQ ("))
        let told = try second.command("b3", "NOOP")
        #expect(told.count { $0.contains(" FETCH (UID ") && $0.contains("\\Deleted") } == Int(count))
        // The expunge is one range to everybody.
        let expunged = try first.command("b4", "UID EXPUNGE 1:\(count - 1)")
        #expect(expunged.count == 2 && expunged[0] == "* VANISHED 1:\(count - 1)", "\(expunged.prefix(3))")
        let vanished = try second.command("b5", "NOOP")
        #expect(vanished.count == 2 && vanished[0] == "* VANISHED 1:\(count - 1)", "\(vanished.prefix(3))")
        let known = try second.command("b6", "SELECT INBOX (QRESYNC (1700000000 1))")
        #expect(known.contains("* VANISHED (EARLIER) 1:\(count - 1)"))
        #expect(known.contains { $0.hasPrefix("* 1 FETCH (UID \(count) MODSEQ (") })
        try await server.stop()
    }
}
