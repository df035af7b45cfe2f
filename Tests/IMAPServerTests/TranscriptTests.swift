import Glibc
import TestSupport
import Testing

/// Conversations as a person would read them, one a file in `Transcripts/`.
///
///     # says what the following is about
///     C: a1 LOGIN alice alice
///     S: a1 OK <any>
///     2C: …            a second connection's client; 2S: what it hears
///     2S: <end>        the server has closed it
///     C: <end>         the client closes its side, and hears on
///     C: a<crlf>b      two lines in one packet
///     C: <9000>        so many bytes and no line end
///
/// `<any>` stands for anything within the line. Each file begins with a fresh server, and each connection with the server's
/// greeting taken.
@Suite(.serialized) struct TranscriptTests {
    static let folder = "Tests/IMAPServerTests/Transcripts"

    static var names: [String] {
        guard let directory = opendir("\(Repository.path)/\(folder)") else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name.hasSuffix(".txt") { names.append(name) }
        }
        return names.sorted()
    }

    @Test(arguments: names) func transcript(_ name: String) async throws {
        let server = try TestServer()
        try await server.start()
        try play(try Repository.text("\(TranscriptTests.folder)/\(name)"), name, port: server.port)
        try await server.stop()
    }

    @Test func thereAreTranscripts() { #expect(TranscriptTests.names.count >= 10) }

    private func play(_ text: String, _ name: String, port: Int) throws {
        var clients: [Int: TestClient] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.isEmpty || line.hasPrefix("#") { continue }
            let colon = try #require(line.firstIndex(of: ":"), "\(name):\(index + 1): neither C: nor S:")
            var head = line[..<colon]
            let side = head.removeLast()
            let number = head.isEmpty ? 1 : try #require(Int(head), "\(name):\(index + 1): \(line)")
            var content = line[line.index(after: colon)...]
            if content.hasPrefix(" ") { content = content.dropFirst() }
            let client: TestClient
            if let known = clients[number] {
                client = known
            } else {
                client = try TestClient(port: port)
                clients[number] = client
                _ = try client.line()
            }
            switch side {
            case "C": try say(String(content), client)
            case "S":
                let heard = try client.line()
                if content == "<end>" {
                    #expect(heard == nil, "\(name):\(index + 1): expected the end")
                } else {
                    try #require(
                        TranscriptTests.matches(heard ?? "<end>", String(content)),
                        "\(name):\(index + 1)\n  expected: \(content)\n  heard:    \(heard ?? "<end>")")
                }
            default: Issue.record("\(name):\(index + 1): neither C: nor S:")
            }
        }
    }

    private func say(_ content: String, _ client: TestClient) throws {
        if content == "<end>" { return client.closeOutput() }
        if content.hasPrefix("<"), content.hasSuffix(">"), let count = Int(content.dropFirst().dropLast()) {
            return try client.send([UInt8](repeating: UInt8(ascii: "x"), count: count))
        }
        try client.send(content.replacing("<crlf>", with: "\r\n"))
    }

    /// `<any>` in the expected line stands for anything.
    static func matches(_ line: String, _ expected: String) -> Bool {
        var rest = line[...]
        let pieces = expected.split(separator: "<any>", omittingEmptySubsequences: false)
        guard rest.hasPrefix(pieces[0]) else { return false }
        rest = rest.dropFirst(pieces[0].count)
        for (index, piece) in pieces.enumerated().dropFirst() {
            if index == pieces.count - 1 { return rest.hasSuffix(piece) }
            guard let found = rest.firstRange(of: piece) else { return false }
            rest = rest[found.upperBound...]
        }
        return rest.isEmpty
    }

    @Test(arguments: [
        ("a OK done", "a OK <any>", true), ("a OK done", "a OK done", true), ("a NO", "a OK<any>", false),
        ("* 1 x 2", "* <any> x <any>", true), ("abc", "ab", false), ("ab", "abc", false), ("a b", "a <any>c", false),
    ]) func matching(_ line: String, _ expected: String, _ result: Bool) {
        #expect(TranscriptTests.matches(line, expected) == result)
    }
}
