import Glibc
import NIOCore
import Testing

@testable import IMAPServer

/// Clients that are slow, hasty or too many.
@Suite(.serialized) struct LoadTests {
    private static let size = 1 << 20
    private static let times = 24

    /// A message that does not shrink, and a client logged in with its mailbox selected.
    private func clientWithLargeMessage(_ server: TestServer) throws -> (TestClient, [UInt8]) {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        let message = (0..<LoadTests.size).map { _ -> UInt8 in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
        let client = try TestClient(port: server.port)
        _ = try client.line()
        try client.command("a1", "LOGIN alice alice")
        try client.send("a2 APPEND INBOX {\(message.count)+}")
        try client.send(message + [13, 10])
        #expect(try client.line()?.hasPrefix("a2 OK") == true)
        try client.command("a3", "EXAMINE INBOX")
        return (client, message)
    }

    private func askForMuch(_ client: TestClient, _ tag: String) throws {
        let items = Array(repeating: "BODY.PEEK[]", count: LoadTests.times).joined(separator: " ")
        try client.send("\(tag) FETCH 1 (\(items))")
    }

    private func takeMuch(_ client: TestClient, _ message: [UInt8]) throws {
        #expect(try client.line() == "* 1 FETCH (BODY[] {\(message.count)}")
        for index in 0..<LoadTests.times {
            #expect(try client.bytes(message.count) == message, "copy \(index)")
            if index < LoadTests.times - 1 { #expect(try client.line() == " BODY[] {\(message.count)}") }
        }
        #expect(try client.line() == ")")
    }

    /// The session stops where the client does, and goes on where it does.
    @Test func clientThatDoesNotRead() async throws {
        let server = try TestServer()
        try await server.start()
        let (client, message) = try clientWithLargeMessage(server)
        try askForMuch(client, "b1")
        let unsent = try await stableUnsentBytes(server)
        #expect(unsent > Connection.maximumUnsentBytes / 2)
        #expect(unsent <= Connection.maximumUnsentBytes + 3 * Session.flushSize)
        try takeMuch(client, message)
        #expect(try client.line() == "b1 OK Fetch completed")
        try await server.stop()
    }

    /// What is not sent yet, once it changes no more.
    private func stableUnsentBytes(_ server: TestServer) async throws -> Int {
        let connection = try #require(server.server.connections.first)
        var last = -1
        var alike = 0
        for _ in 0..<1000 where alike < 20 {
            let now = connection.unsentBytes
            alike = now == last && now > 0 ? alike + 1 : 0
            last = now
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(alike == 20, "the session goes on sending")
        return last
    }

    @Test func manyCommandsAtOnce() async throws {
        let server = try TestServer()
        try await server.start()
        let client = try TestClient(port: server.port)
        _ = try client.line()
        var text = "a LOGIN alice alice\r\n"
        for number in 0..<200 {
            switch number % 4 {
            case 0: text += "t\(number) CREATE box\(number)\r\n"
            case 1: text += "t\(number) APPEND box\(number - 1) {5+}\r\nhello\r\n"
            case 2: text += "t\(number) STATUS box\(number - 2) (MESSAGES)\r\n"
            default: text += "t\(number) NOOP\r\n"
            }
        }
        try client.send(Array(text.utf8))
        #expect(try client.line()?.hasPrefix("a OK") == true)
        for number in 0..<200 {
            if number % 4 == 2 { #expect(try client.line() == "* STATUS box\(number - 2) (MESSAGES 1)") }
            #expect(try client.line()?.hasPrefix("t\(number) OK") == true)
        }
        try await server.stop()
    }

    /// The server stops: who waits hears BYE at once, what is under way comes to its end, and a delay is cut short.
    @Test func shutDown() async throws {
        let server = try TestServer {
            $0.limits.loginDelay = .hours(1)
            $0.limits.drainTimeout = .minutes(1)
        }
        try await server.start()
        let (busy, message) = try clientWithLargeMessage(server)
        try askForMuch(busy, "b1")
        let clients = try (0..<4).map { _ in try TestClient(port: server.port) }
        for client in clients { _ = try client.line() }
        for client in clients.dropFirst(2) { try client.command("a1", "LOGIN bob bob") }
        try clients[1].send("a1 LOGIN bob wrong")
        try clients[3].send("a2 IDLE")
        #expect(try clients[3].line() == "+ idling")
        let imap = server.server
        async let stopped: Void = imap.shutDown()
        async let stoppedToo: Void = imap.shutDown()
        for client in clients {
            var line = try client.line()
            // Whose password had been looked at hears what came of it.
            if line?.hasPrefix("a1 NO") == true { line = try client.line() }
            #expect(line == "* BYE The server shuts down")
            #expect(try client.line() == nil)
        }
        try takeMuch(busy, message)
        #expect(try busy.line() == "b1 OK Fetch completed")
        #expect(try busy.line() == "* BYE The server shuts down")
        #expect(try busy.line() == nil)
        _ = try await (stopped, stoppedToo)
        // Once more does nothing.
        try await server.stop()
    }

    @Test func oneConnectionTooMany() async throws {
        let server = try TestServer { $0.limits.maximumConnections = 1 }
        try await server.start()
        let first = try TestClient(port: server.port)
        _ = try first.line()
        let second = try TestClient(port: server.port)
        #expect(try second.line() == "* BYE Too many connections")
        #expect(try second.line() == nil)
        try first.command("a1", "NOOP")
        try await server.stop()
    }

    /// Bytes now and then do not keep a connection that never logs in.
    @Test func noLogin() async throws {
        let server = try TestServer { $0.limits.loginTimeout = .milliseconds(100) }
        try await server.start()
        let client = try TestClient(port: server.port)
        _ = try client.line()
        var lines: [String] = []
        for number in 0..<1000 {
            guard (try? client.send("a\(number) NOOP")) != nil, let line = try? client.line() else { break }
            lines.append(line)
            if line.hasPrefix("* BYE") { break }
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(lines.last?.hasPrefix("* BYE") == true)
        try await server.stop()
    }

    /// A failed login is answered after its time only, and what was sent behind it waits as long.
    @Test func failedLoginsWait() async throws {
        let server = try TestServer { $0.limits.loginDelay = .milliseconds(40) }
        try await server.start()
        let client = try TestClient(port: server.port)
        _ = try client.line()
        var times: [ContinuousClock.Instant] = [.now]
        try client.send("a1 LOGIN bob 1\r\na2 LOGIN bob 2\r\na3 LOGIN bob 3\r\na4 LOGIN bob 4\r\na5 LOGIN bob bob")
        for number in 1...3 {
            #expect(try client.line()?.hasPrefix("a\(number) NO [AUTHENTICATIONFAILED]") == true)
            times.append(.now)
        }
        // Each pause is a lower bound: no load makes it shorter.
        for number in 1...3 { #expect(times[number] - times[0] >= .milliseconds(40 * (1 << number - 1))) }
        #expect(try client.line() == "* BYE Too many failed logins")
        #expect(try client.line()?.hasPrefix("a4 NO") == true)
        #expect(try client.line() == nil)
        try await server.stop()
    }
}
