import BenchContest
import MailboxEngines

/// An engine with the store that it works on.
final class EngineContestant: Contestant {
    let name: String
    let engine: any MailboxEngine
    private var mailboxes: [String: MailboxKey] = [:]

    init(_ type: any MailboxEngine.Type, _ folder: String) throws {
        name = type.name
        engine = try type.open(folder)
    }

    func mailbox(_ name: String) throws -> MailboxKey {
        if let known = mailboxes[name] { return known }
        let found = try engine.mailbox(name)
        mailboxes[name] = found
        return found
    }
}
