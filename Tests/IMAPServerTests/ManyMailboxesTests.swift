import MailModel
import TestSupport
import Testing
import Varve

/// LIST over thousands of mailboxes equals what the RFC says, read at any cost.
@Suite struct ManyMailboxesTests {
    /// An account with names of all kinds: mailboxes, names above them that are none, subscriptions of both and of neither.
    private func fill(_ store: Store, mailboxes count: Int, _ random: inout SeededGenerator) throws -> ListModel {
        var model = ListModel()
        let message = try PreparedMessage(Array("Subject: x\r\n\r\n".utf8))
        try store.commit { tx in
            while model.mailboxes.count < count {
                // Beside few names with much below them many without.
                var name = ListModel.randomName(&random)
                if Int.random(in: 0..<3, using: &random) > 0 { name = "wide/\(model.mailboxes.count)/" + name }
                guard try tx.mailbox(named: name) == nil else { continue }
                let mailbox = try tx.createMailbox(name)
                for (index, character) in name.enumerated() where character == "/" {
                    let superior = String(name.prefix(index))
                    model.mailboxes[superior] = model.mailboxes[superior] ?? 0
                }
                let messages = Int.random(in: 0..<3, using: &random)
                for _ in 0..<messages { try tx.append(message, to: mailbox.id, internalDate: InternalDate(seconds: 0)) }
                model.mailboxes[name] = messages
            }
            for name in model.mailboxes.keys.sorted() where name != "INBOX" && Int.random(in: 0..<4, using: &random) == 0 {
                try tx.deleteMailbox(try #require(try tx.mailbox(named: name)).id)
                model.mailboxes[name] = nil
                if Bool.random(using: &random) { model.subscriptions.insert(name) }
            }
            for name in model.mailboxes.keys.sorted() where Int.random(in: 0..<3, using: &random) == 0 {
                model.subscriptions.insert(name)
            }
            for _ in 0..<(count / 20) { model.subscriptions.insert("gone/" + ListModel.randomName(&random)) }
            for name in model.subscriptions.sorted() { try tx.subscribe(name) }
        }
        return model
    }

    @Test(arguments: [(60, 150), (3_000, 25)], 1...2 as ClosedRange<UInt64>)
    func answersAreTheModels(_ size: (mailboxes: Int, queries: Int), seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let server = try TestServer()
        let store = try Store.open(at: server.directory.storePath("alice"))
        let model = try fill(store, mailboxes: size.mailboxes, &random)
        try store.close()
        try await server.start()
        let client = try TestClient(port: server.port)
        _ = try client.line()
        try client.command("a", "LOGIN alice alice")
        let names = Array(model.mailboxes.keys).sorted() + model.subscriptions.sorted()
        for number in 0..<size.queries {
            let query = ListModel.randomQuery(names, &random)
            var lines = try client.command("q\(number)", query.text)
            #expect(lines.removeLast().hasPrefix("q\(number) OK"), "seed \(seed): \(query.text)")
            var answer: [String] = []
            for line in lines {
                if line.hasPrefix("* STATUS"), let last = answer.popLast() {
                    answer.append("\(last)\n\(line)")
                } else {
                    answer.append(line)
                }
            }
            let expected = model.answer(query)
            // RFC 5258 §3.3: at most one response for a name.
            #expect(answer.count == Set(answer).count, "seed \(seed): \(query.text)")
            let missing = expected.subtracting(answer).sorted().prefix(5)
            let unexpected = Set(answer).subtracting(expected).sorted().prefix(5)
            try #require(
                missing.isEmpty && unexpected.isEmpty,
                "seed \(seed): \(query.text)\n  missing: \(missing)\n  unexpected: \(unexpected)")
        }
        try await server.stop()
    }
}
