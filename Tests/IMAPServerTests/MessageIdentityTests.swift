import MailModel
import Synchronization
import Testing

@testable import Varve

/// EMAILID and SAVEDATE where time goes on.
@Suite struct MessageIdentityTests {
    private func logIn(_ server: TestServer) throws -> TestClient {
        let client = try TestClient(port: server.port)
        _ = try client.line()
        try client.command("login", "LOGIN alice alice")
        return client
    }

    /// RFC 8474 §5.1: an account that was restored, and gives anew the identities of what it lost, gives no EMAILID anew.
    @Test func emailIDsOfALostFutureAreNotGivenAgain() async throws {
        let server = try TestServer()
        let path = server.directory.storePath("alice")
        try await server.start()
        let client = try logIn(server)
        try client.command("a", "APPEND INBOX {4+}\r\nkept {4+}\r\nlost")
        try client.command("b", "SELECT INBOX")
        let before = try client.command("c", "FETCH 1:* EMAILID").dropLast()
        #expect(before == ["* 1 FETCH (EMAILID (M1700000000-1))", "* 2 FETCH (EMAILID (M1700000000-2))"])
        // What a restore does when it has brought back the state of an earlier commit.
        try await server.server.shutDown()
        let store = try Store.open(at: path)
        let inbox = try store.mailbox("INBOX").id
        try store.renewUIDValidities(after: 0)
        let renewed = try #require(try store.snapshot().mailbox(inbox)).uidValidity
        #expect(renewed.rawValue > 1_700_000_000)
        try store.commit { tx in try tx.append(Array("new".utf8), to: inbox, internalDate: InternalDate(seconds: 0)) }
        try store.close()

        let again = try TestServer(on: server)
        try await again.start()
        let other = try logIn(again)
        try other.command("b", "SELECT INBOX")
        let after = try other.command("c", "FETCH 1:* EMAILID").dropLast()
        #expect(Array(after) == (1...3).map { "* \($0) FETCH (EMAILID (M\(renewed)-\($0)))" })
        try await again.stop()
    }

    /// RFC 8514 §3: a copy's save date is the time of the copying, the original's stays as it is.
    @Test func aSaveDateIsOfThePlaceAndNotOfTheMessage() async throws {
        final class Clock: Sendable {
            let now = Mutex<UInt64>(1_700_000_000_000)
        }
        let time = Clock()
        let server = try TestServer { $0.store.clock = { time.now.withLock { $0 } } }
        try await server.start()
        let client = try logIn(server)
        try client.command("a1", "APPEND INBOX \" 1-Jan-1990 00:00:00 +0000\" {1+}\r\n1 \" 1-Jan-1990 00:00:00 +0000\" {1+}\r\n2")
        try client.command("a2", "CREATE Trash")
        try client.command("a3", "SELECT INBOX")
        time.now.withLock { $0 += 86_400_000 }
        try client.command("a4", "COPY 1 Trash")
        try client.command("a5", "STORE 1 +FLAGS (\\Seen)")
        time.now.withLock { $0 += 86_400_000 }
        try client.command("a6", "MOVE 2 Trash")
        #expect(try client.command("a7", "FETCH 1:* SAVEDATE").first == "* 1 FETCH (SAVEDATE \"14-Nov-2023 22:13:20 +0000\")")
        try client.command("a8", "SELECT Trash")
        #expect(
            try client.command("a9", "FETCH 1:* (INTERNALDATE SAVEDATE)").dropLast() == [
                "* 1 FETCH (INTERNALDATE \" 1-Jan-1990 00:00:00 +0000\" SAVEDATE \"15-Nov-2023 22:13:20 +0000\")",
                "* 2 FETCH (INTERNALDATE \" 1-Jan-1990 00:00:00 +0000\" SAVEDATE \"16-Nov-2023 22:13:20 +0000\")",
            ])
        try await server.stop()
    }
}
