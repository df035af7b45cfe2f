import MailModel
import TestSupport
import Testing
import Varve

/// What happens while a client takes long to read what it is told.
@Suite struct SlowClientTests {
    private static let messages = 6000

    /// An account whose INBOX has that many messages, and one more.
    private func server() async throws -> TestServer {
        let server = try TestServer()
        var options = StoreOptions()
        options.clock = { 1_700_000_000_000 }
        let store = try Store.open(at: server.directory.storePath("alice"), options)
        let inbox = try store.mailbox("INBOX").id
        let message = try PreparedMessage(Array("Subject: one of many\r\n\r\n".utf8))
        try store.commit { tx in
            for _ in 0...SlowClientTests.messages {
                try tx.append(message, to: inbox, flags: [.seen], internalDate: InternalDate(seconds: 0))
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
        try client.command("a2", "SELECT INBOX (CONDSTORE)")
        return client
    }

    /// RFC 7162 §3.2: a client that is cut off after a command's end must not have heard of a mod-sequence above that of a change
    /// that it has not heard of. Here messages change while a client is told of a change before.
    @Test func noModSeqOvertakesAChange() async throws {
        let server = try await server()
        let count = SlowClientTests.messages
        let slow = try client(server)
        let other = try client(server)
        // So much that it cannot all be on its way: the sockets hold 6 MB at most.
        let keywords = (1...12).map { "K\($0)" + String(repeating: "x", count: 240) }.joined(separator: " ")
        try other.command("b1", "UID STORE 1:\(count) +FLAGS.SILENT (\(keywords))")
        try slow.send("b1 NOOP")
        // Its first line shows that the look has been taken.
        _ = try slow.line()
        try other.command("b2", "UID STORE \(count + 1) +FLAGS.SILENT (\\Flagged)")
        try other.command("b3", "UID STORE \(count) +FLAGS.SILENT (\\Flagged)")
        let told = try rest(slow, of: "b1")
        let later = try slow.command("b2", "NOOP")
        func modSeqs(_ lines: [String], of uid: Int) -> [Int] {
            lines.compactMap { line in
                line.hasPrefix("* \(uid) FETCH ") ? line.firstMatch(of: /MODSEQ \((\d+)\)/).flatMap { Int($0.1) } : nil
            }
        }
        let highest = told.compactMap { $0.firstMatch(of: /MODSEQ \((\d+)\)/).flatMap { Int($0.1) } }.max() ?? 0
        let missed = modSeqs(later, of: count + 1)
        #expect(modSeqs(told, of: count + 1).isEmpty)
        #expect(missed.count == 1 && missed[0] > highest, "told \(highest), and then \(missed)")
        #expect(modSeqs(later, of: count).count == 1)
        try await server.stop()
    }

    private func rest(_ client: TestClient, of tag: String) throws -> [String] {
        var lines: [String] = []
        while let line = try client.line() {
            lines.append(line)
            if line.hasPrefix("\(tag) ") { break }
        }
        return lines
    }
}
