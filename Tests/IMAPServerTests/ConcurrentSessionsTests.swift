import NIOPosix
import Testing

/// Several sessions change one mailbox at once, at random. What each client makes of the untagged responses alone must be
/// what the server then says the mailbox is: sequence numbers, UIDs and flags.
@Suite(.serialized) struct ConcurrentSessionsTests {
    private static let clients = 4
    private static let steps = 120

    @Test(arguments: [1, 2, 3] as [UInt64]) func bookkeeping(_ seed: UInt64) async throws {
        let server = try TestServer()
        try await server.start()
        let port = server.port
        let pool = NIOThreadPool(numberOfThreads: ConcurrentSessionsTests.clients)
        pool.start()
        let mailboxes = try await withThrowingTaskGroup(of: MailboxClient.self) { group in
            for number in 0..<UInt64(ConcurrentSessionsTests.clients) {
                group.addTask {
                    try await pool.runIfActive {
                        let client = try MailboxClient(port: port, seed: seed << 8 | number)
                        for _ in 0..<ConcurrentSessionsTests.steps { try client.step() }
                        return client
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        var states: [[String]] = []
        for client in mailboxes { states.append(try client.finish()) }
        #expect(Set(states).count == 1, "the clients see different mailboxes")
        #expect(states[0].count > 0)
        try await pool.shutdownGracefully()
        try await server.stop()
    }
}

/// What a client knows of a mailbox from untagged responses. Used by one thread after another.
final class MailboxClient: @unchecked Sendable {
    private struct Known {
        var uid: Int?
        var flags: Set<String>?
    }

    private let client: TestClient
    private let seed: UInt64
    private var random: UInt64
    private var messages: [Known] = []
    private var tag = 0
    private var log: [String] = []

    init(port: Int, seed: UInt64) throws {
        client = try TestClient(port: port)
        self.seed = seed
        random = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        _ = try client.line()
        try run("LOGIN alice alice")
        try run("SELECT INBOX")
        try learn()
    }

    private func pick(_ count: Int) -> Int {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return Int(random >> 11) % count
    }

    /// One command, chosen at random.
    func step() throws {
        let flag = ["\\Flagged", "\\Answered", "\\Deleted", "Work", "Todo"][pick(5)]
        let sign = ["+", "-", ""][pick(3)]
        let isSilent = pick(2) == 0
        let from = pick(max(messages.count, 1)) + 1
        let to = min(from + pick(4), max(messages.count, 1))
        switch messages.count < 5 ? 0 : pick(12) {
        case 0: try run("APPEND INBOX (\(flag)) {3+}\r\nabc")
        case 1, 2, 3:
            if isSilent { change(from, to, sign, flag) }
            try run("STORE \(from):\(to) \(sign)FLAGS\(isSilent ? ".SILENT" : "") (\(flag))", mayShift: false)
        case 4, 5:
            guard let uid = messages[from - 1].uid else { return try learn() }
            if isSilent { change(from, from, sign, flag) }
            try run("UID STORE \(uid) \(sign)FLAGS\(isSilent ? ".SILENT" : "") (\(flag))")
        case 6: try run("EXPUNGE")
        case 7: try run("FETCH \(from):\(to) (UID BODY[TEXT]<0.1>)", mayShift: false)
        case 8: try run("COPY \(from) INBOX", mayShift: false)
        case 9: try run("MOVE \(from) INBOX")
        case 10: try run("IDLE\r\nDONE")
        default: try run("NOOP")
        }
        try learn()
    }

    /// What the client does itself, and is not told.
    private func change(_ from: Int, _ to: Int, _ sign: String, _ flag: String) {
        for index in (from - 1)..<to where messages[index].flags != nil {
            switch sign {
            case "+": messages[index].flags!.insert(flag)
            case "-": messages[index].flags!.remove(flag)
            default: messages[index].flags = [flag]
            }
        }
    }

    /// Asks for what is new.
    private func learn() throws {
        guard let first = messages.firstIndex(where: { $0.uid == nil || $0.flags == nil }) else { return }
        try run("FETCH \(first + 1):* (UID FLAGS)", mayShift: false)
    }

    /// What the mailbox is to this client, a line a message, when the server has confirmed it.
    func finish() throws -> [String] {
        try run("NOOP")
        try learn()
        let known = messages
        let lines = try run("UID FETCH 1:* (UID FLAGS)").filter { $0.contains(" FETCH ") }
        #expect(lines.count == known.count, "\(trace)")
        for (index, message) in messages.enumerated() {
            #expect(known[index].uid == message.uid, "message \(index + 1); \(trace)")
            #expect(known[index].flags == message.flags, "message \(index + 1), UID \(message.uid ?? 0); \(trace)")
        }
        return messages.map { "\($0.uid ?? 0) \(($0.flags ?? []).sorted())" }
    }

    private var trace: String { "seed \(seed):\n\(log.suffix(200).joined(separator: "\n"))" }

    @discardableResult
    private func run(_ text: String, mayShift: Bool = true) throws -> [String] {
        tag += 1
        log.append("C: t\(tag) \(text)")
        try client.send("t\(tag) \(text)")
        var lines: [String] = []
        while var line = try client.line() {
            while line.hasSuffix("}") { line += try client.line() ?? "" }
            log.append("S: \(line)")
            lines.append(line)
            if line.hasPrefix("t\(tag) ") {
                let isFine = line.hasPrefix("t\(tag) OK") || line.hasPrefix("t\(tag) NO [EXPUNGEISSUED]")
                try #require(isFine, "\(trace)")
                return lines
            }
            try take(line, mayShift)
        }
        Issue.record("the connection ended; \(trace)")
        return lines
    }

    private func take(_ line: String, _ mayShift: Bool) throws {
        let words = line.split(separator: " ")
        guard words.count > 2, words[0] == "*", let number = Int(words[1]) else { return }
        switch words[2] {
        case "EXISTS":
            try #require(number >= messages.count, "EXISTS shrinks; \(trace)")
            while messages.count < number { messages.append(Known()) }
        case "EXPUNGE":
            try #require(mayShift && number >= 1 && number <= messages.count, "\(trace)")
            messages.remove(at: number - 1)
        case "FETCH":
            try #require(number >= 1 && number <= messages.count, "\(trace)")
            if let uid = line.firstMatch(of: /UID (\d+)/)?.1 {
                let known = messages[number - 1].uid
                try #require(known == nil || known == Int(uid), "message \(number) has another UID; \(trace)")
                messages[number - 1].uid = Int(uid)
            }
            if let flags = line.firstMatch(of: /FLAGS \(([^)]*)\)/)?.1 {
                messages[number - 1].flags = Set(flags.split(separator: " ").map(String.init)).subtracting(["\\Recent"])
            }
        default: break
        }
    }
}
