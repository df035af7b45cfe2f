import Logging
import Testing

@testable import IMAPServer

@Suite(.serialized) struct LoginTests {
    /// Names that look alike and are equal as strings are two users with two stores.
    @Test func namesThatLookAlike() async throws {
        let composed = "zo\u{E9}"
        let decomposed = "zoe\u{301}"
        #expect(composed == decomposed)
        let server = try TestServer()
        try server.directory.add(composed, password: Array("one".utf8))
        try server.directory.add(decomposed, password: Array("two".utf8))
        try await server.start()
        let clients = try (0..<2).map { _ in try TestClient(port: server.port) }
        for (client, (user, password)) in zip(clients, [(composed, "one"), (decomposed, "two")]) {
            _ = try client.line()
            #expect(try client.command("a", "LOGIN \"\(user)\" \(password)").last?.hasPrefix("a OK") == true)
        }
        #expect(try clients[0].command("b", "CREATE secret").last?.hasPrefix("b OK ") == true)
        #expect(try clients[1].command("b", "STATUS secret (MESSAGES)").last?.hasPrefix("b NO [NONEXISTENT]") == true)
        try await server.stop()
    }

    /// A store is closed some time after its last session, and opened again for the next.
    @Test func accountsThatNobodyUses() async throws {
        let server = try TestServer { $0.limits.accountLinger = .nanoseconds(1) }
        try await server.start()
        for number in 0..<20 {
            let client = try TestClient(port: server.port)
            _ = try client.line()
            try client.command("a", "LOGIN alice alice")
            #expect(try client.command("b", "APPEND INBOX {1+}\r\nx").last?.hasPrefix("b OK [APPENDUID") == true)
            let status = try client.command("c", "STATUS INBOX (MESSAGES)")
            #expect(status.first == "* STATUS INBOX (MESSAGES \(number + 1))")
            try client.command("d", "LOGOUT")
        }
        try await server.stop()
    }

    @Test(arguments: [
        ("alice", "alice"), ("alice@example.org", "alice@example.org"), ("", "\"\""), ("a b", "\"a b\""),
        ("x\r\n2026 notice", #""x\r\n2026 notice""#), ("x tls=true", "\"x tls=true\""), ("\"", #""\"""#),
        ("\u{1B}[2J", #""\u{1B}[2J""#), ("\u{202E}gro", #""\u{202E}gro""#), ("\u{85}", #""\u{0085}""#),
    ]) func whatIsLogged(_ text: String, _ expected: String) {
        #expect(Logger.MetadataValue.foreign(text).description == expected)
        let long = Logger.MetadataValue.foreign(String(repeating: text, count: 10_000)).description
        #expect(long.utf8.count <= 160)
    }
}
