import Testing

/// What a search may ask for at most.
@Suite(.serialized) struct SearchLimitTests {
    private func client(_ server: TestServer) throws -> TestClient {
        let client = try TestClient(port: server.port)
        _ = try client.line()
        try client.command("a", "LOGIN alice alice")
        for _ in 0..<9 { try client.command("b", "APPEND INBOX {12+}\r\nSubject: x\r\n") }
        try client.command("c", "SELECT INBOX")
        return client
    }

    /// RFC 5182 §2.5: NO [NOTSAVED], and `$` is empty.
    @Test func aResultOfTooManyRunsIsNotSaved() async throws {
        let server = try TestServer { $0.limits.maximumSavedRanges = 3 }
        try await server.start()
        let alice = try client(server)
        #expect(try alice.command("d", "SEARCH RETURN (SAVE) 1,3:4,8").last?.hasPrefix("d OK") == true)
        #expect(try alice.command("e", "SEARCH $") == ["* SEARCH 1 3 4 8", "e OK Search completed"])
        let refused = try alice.command("f", "SEARCH RETURN (SAVE COUNT) 1,3,5,7")
        #expect(refused.first == "* ESEARCH (TAG \"f\") COUNT 4")
        #expect(refused.last?.hasPrefix("f NO [NOTSAVED]") == true, "\(refused)")
        #expect(try alice.command("g", "SEARCH $") == ["* SEARCH", "g OK Search completed"])
        // What is kept of it is one message.
        #expect(try alice.command("h", "SEARCH RETURN (SAVE MIN) 1,3,5,7").last?.hasPrefix("h OK") == true)
        #expect(try alice.command("i", "SEARCH $") == ["* SEARCH 1", "i OK Search completed"])
        try await server.stop()
    }

    /// RFC 5530 §3: NO [LIMIT]; and who wanted that saved has saved nothing (RFC 5182 §2.1).
    @Test func manyKeysAreTakenAndManyStringsAreNot() async throws {
        let server = try TestServer()
        try await server.start()
        let alice = try client(server)
        try alice.command("d", "SEARCH RETURN (SAVE) ALL")
        let strings = Array(repeating: "BODY x", count: 257).joined(separator: " ")
        #expect(try alice.command("e", "SEARCH \(strings)").last?.hasPrefix("e NO [LIMIT]") == true)
        #expect(try alice.command("f", "SEARCH $").first == "* SEARCH 1 2 3 4 5 6 7 8 9")
        #expect(try alice.command("g", "SEARCH RETURN (SAVE) \(strings)").last?.hasPrefix("g NO [LIMIT]") == true)
        #expect(try alice.command("h", "SEARCH $").first == "* SEARCH")
        for (key, answer) in [("NOT UID 2", "1 3 4 5 6 7 8 9"), ("UNKEYWORD y", "1 2 3 4 5 6 7 8 9"), ("OR SEEN 1", "1")] {
            let keys = Array(repeating: key, count: 4000).joined(separator: " ")
            #expect(try alice.command("i", "SEARCH \(keys)").first == "* SEARCH \(answer)")
        }
        try await server.stop()
    }
}
