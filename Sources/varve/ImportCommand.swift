import ArgumentParser
import MailFiles
import Varve

extension MboxQuoting: ExpressibleByArgument, CaseIterable {
    public static var allCases: [MboxQuoting] { [.mboxrd, .mboxo, .none] }
    public init?(argument: String) {
        guard let value = MboxQuoting.allCases.first(where: { "\($0)" == argument }) else { return nil }
        self = value
    }
    public var defaultValueDescription: String { "\(self)" }
    public static var allValueStrings: [String] { allCases.map { "\($0)" } }
}

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Brings mail from an mbox file or a Maildir into a mailbox.",
        discussion: """
            A bare LF becomes CRLF, and nothing else in a message is changed. Flags come from Status, X-Status and \
            X-Keywords (mbox) or from the files' names (Maildir), dates from the From_ lines or the files' times. The \
            folders of a Maildir++ become mailboxes below the one given, or at their own names if none is.

            All of it comes into the mailbox at once, when it is complete. If the command is interrupted, nothing has come; \
            what a killed one has left behind, the next one removes.

            EXAMPLE
              varve import --data mail --user alice --mbox inbox.mbox
              varve import --data mail --user alice --mailbox Archive --maildir ~/Maildir
            """)

    @OptionGroup var account: AccountOptions
    @Option(help: ArgumentHelp("The mailbox, made if it is not there. (default: INBOX)", valueName: "name"))
    var mailbox: String?
    @Option(help: ArgumentHelp("An mbox file.", valueName: "file"))
    var mbox: String?
    @Option(help: ArgumentHelp("A Maildir.", valueName: "dir"))
    var maildir: String?
    @Option(help: "How lines that begin with 'From ' are hidden in the mbox file.")
    var quoting = MboxQuoting.mboxrd
    @Flag(help: "Read the source once more, and compare every byte, before the mail comes into the mailbox.")
    var verify = false
    @Flag(help: "Write what was done as JSON.")
    var json = false

    func validate() throws {
        guard (mbox == nil) != (maildir == nil) else { throw ValidationError("Give one of --mbox and --maildir.") }
        if let mailbox, let problem = MailboxName.problem(mailbox) { throw ValidationError(problem) }
    }

    @MainActor func run() async throws {
        do {
            let sources = try self.sources()
            Interruption.watch()
            let store = try account.openStore(create: true)
            defer { try? store.close() }
            let run = ImportRun(store)
            let summary = try await run.run(sources, verify: verify)
            try store.close()
            report(summary)
        } catch {
            throw CommandFailure.explain(error)
        }
    }

    /// Opens the sources, so that what is wrong with them is said before the store is touched.
    @MainActor private func sources() throws -> [ImportRun.Source] {
        if let mbox {
            let quoting = quoting
            return [
                try ImportRun.Source(mailbox: inboxName(mailbox ?? MailboxName.inbox)) {
                    try MboxReader(path: mbox, quoting: quoting)
                }
            ]
        }
        return try Maildir.folders(in: maildir!).map { folder in
            var name = mailbox ?? folder.name ?? MailboxName.inbox
            if let mailbox, let below = folder.name { name = "\(mailbox)/\(below)" }
            if let problem = MailboxName.problem(name) { throw CommandFailure("\(folder.path): \(problem)") }
            return try ImportRun.Source(mailbox: inboxName(name)) { try MaildirReader(folder) }
        }
    }

    /// INBOX may be written in any case (RFC 3501 §5.1).
    private func report(_ summary: ImportRun.Summary) {
        for (place, reason) in summary.skipped { printToStandardError("skipped: \(place): \(reason)\n") }
        guard json else {
            let names = summary.mailboxes.map(\.name).joined(separator: ", ")
            print("imported \(summary.messages) messages (\(byteText(summary.bytes))) into \(names)")
            return
        }
        print(
            JSON.object([
                ("messages", .number(summary.messages)), ("bytes", .number(summary.bytes)),
                (
                    "mailboxes",
                    .array(
                        summary.mailboxes.map {
                            .object([
                                ("name", .string($0.name)), ("messages", .number($0.messages)),
                                ("bytes", .number($0.bytes)),
                            ])
                        })
                ),
                (
                    "skipped",
                    .array(
                        summary.skipped.map { .object([("place", .string("\($0.place)")), ("reason", .string($0.reason))]) })
                ),
            ]).text)
    }
}
