import ArgumentParser
import MailModel
import Varve

struct MailboxCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mailbox", abstract: "Lists mailboxes, and says what they are for and how they are synchronised.",
        discussion: """
            EXAMPLE
              varve mailbox list --data mail --user alice
              varve mailbox set --data mail --user alice --mailbox Sent --special-use '\\Sent'
              varve mailbox set --data mail --user alice --mailbox Chats --sync no-expunge-log
            """,
        subcommands: [List.self, Set.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the mailboxes of an account.",
            discussion: "EXAMPLE\n  varve mailbox list --data mail --user alice --json")
        @OptionGroup var account: AccountOptions
        @Flag(help: "Write JSON.")
        var json = false

        func run() throws {
            try CommandFailure.explaining {
                let store = try account.openStore(create: false)
                defer { try? store.close() }
                var mailboxes: [MailboxInfo] = []
                try store.snapshot().forEachMailbox { info in
                    mailboxes.append(info)
                    return true
                }
                if json {
                    print(JSON.array(mailboxes.map(\.json)).text)
                } else {
                    for box in mailboxes { print(([box.name, box.syncMode.name] + box.uses).joined(separator: "\t")) }
                }
            }
        }
    }

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says what a mailbox is for, or how it is synchronised.",
            discussion: """
                --sync full keeps a log of what was expunged, for clients that were away (CONDSTORE, QRESYNC). no-expunge-log \
                forgets an expunge when all sessions have been told: a client that comes later is told of everything that is \
                not there. no-modseq offers no modification sequences at all (NOMODSEQ).

                --special-use gives the mailbox just the uses that are named, so that mail programs find it whatever its name: \
                \\All \\Archive \\Drafts \\Flagged \\Junk \\Sent \\Trash \\Important; none takes them away.

                EXAMPLE
                  varve mailbox set --data mail --user alice --mailbox Sent --special-use '\\Sent'
                  varve mailbox set --data mail --user alice --mailbox Chats --sync no-expunge-log --json
                """)
        @OptionGroup var account: AccountOptions
        @Option(help: ArgumentHelp("Which mailbox, levels separated by /.", valueName: "name"))
        var mailbox: String
        @Option(help: ArgumentHelp("full, no-expunge-log or no-modseq.", valueName: "mode"))
        var sync: SyncMode?
        @Option(
            name: .customLong("special-use"),
            help: ArgumentHelp("What it is for; may be given several times. none: nothing special.", valueName: "use"))
        var specialUse: [String] = []
        @Flag(help: "Write JSON.")
        var json = false

        func validate() throws {
            guard sync != nil || !specialUse.isEmpty else { throw ValidationError("Say --sync or --special-use.") }
            _ = try uses()
        }

        /// nil: they stay.
        private func uses() throws -> SpecialUse? {
            if specialUse.isEmpty { return nil }
            if specialUse == ["none"] { return [] }
            return SpecialUse(
                try specialUse.map { name in
                    guard let known = SpecialUse.names.first(where: { $0.name.lowercased() == name.lowercased() }) else {
                        let names = SpecialUse.names.map(\.name).joined(separator: " ")
                        throw ValidationError("\(name) is no special use; those there are: \(names), or none.")
                    }
                    return known.use
                })
        }

        func run() throws {
            let use = try uses()
            try CommandFailure.explaining {
                let store = try account.openStore(create: false)
                let result = Result { try set(use, in: store) }
                do {
                    try store.close()
                } catch {
                    // What went wrong first is what is told.
                    if case .success = result { throw error }
                }
                let info = try result.get()
                if json { print(info.json.text) }
            }
        }

        private func set(_ use: SpecialUse?, in store: Store) throws -> MailboxInfo {
            let name = inboxName(mailbox)
            return try store.commit { tx in
                guard let id = try tx.mailbox(named: name)?.id else {
                    throw CommandFailure(
                        "there is no mailbox \(name); those there are: varve mailbox list --data \(account.data.path) "
                            + "--user \(account.user)")
                }
                if let sync { try tx.setSyncMode(sync, of: id) }
                if let use { try tx.setSpecialUse(use, of: id) }
                return try tx.mailbox(id)!
            }
        }
    }
}

extension MailboxInfo {
    fileprivate var uses: [String] { SpecialUse.names.filter { self.specialUse.contains($0.use) }.map(\.name) }

    fileprivate var json: JSON {
        .object([
            ("name", .string(name)), ("sync", .string(self.syncMode.name)), ("specialUse", .array(uses.map { .string($0) })),
            ("messages", .number(self.messages)),
        ])
    }
}

extension SyncMode: ExpressibleByArgument {
    public init?(argument: String) { self.init(name: argument) }
    public var defaultValueDescription: String { name }
    public static var allValueStrings: [String] { allCases.map(\.name) }
}
