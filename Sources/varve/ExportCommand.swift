import ArgumentParser
import MailFiles
import Varve

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Writes mail into a new mbox file or Maildir.",
        discussion: """
            Imported again, every message has the very same bytes. What an mbox file cannot hold is a message whose last \
            line has no end: it gets one. Flags are in the names of a Maildir's files; an mbox file has none of them \
            without --status-headers, which puts header fields before each message's own.

            Nothing is overwritten; what is written appears when it is complete.

            EXAMPLE
              varve export --data mail --user alice --mailbox Archive --mbox archive.mbox
              varve export --data mail --user alice --all --maildir alice-maildir
            """)

    @OptionGroup var account: AccountOptions
    @Option(help: ArgumentHelp("The mailbox. (default: INBOX)", valueName: "name"))
    var mailbox: String?
    @Flag(help: "All mailboxes: folders of the Maildir, or files in a folder that --mbox names.")
    var all = false
    @Option(help: ArgumentHelp("The mbox file to write.", valueName: "file"))
    var mbox: String?
    @Option(help: ArgumentHelp("The Maildir to write.", valueName: "dir"))
    var maildir: String?
    @Flag(help: "End lines with CRLF, as the messages have them, instead of LF.")
    var crlf = false
    @Flag(help: "Put flags into Status, X-Status and X-Keywords fields of the mbox file; alters the messages.")
    var statusHeaders = false
    @Flag(help: "Write what was done as JSON.")
    var json = false

    func validate() throws {
        guard (mbox == nil) != (maildir == nil) else { throw ValidationError("Give one of --mbox and --maildir.") }
        guard !(all && mailbox != nil) else { throw ValidationError("Give one of --mailbox and --all.") }
        guard !(statusHeaders && mbox == nil) else { throw ValidationError("--status-headers is for --mbox.") }
    }

    func run() throws {
        try CommandFailure.explaining {
            Interruption.watch()
            let store = try account.openStore(create: false)
            defer { try? store.close() }
            let snapshot = store.snapshot()
            var mailboxes: [MailboxInfo] = []
            if all {
                try snapshot.forEachMailbox { info in
                    mailboxes.append(info)
                    return true
                }
            } else {
                let name = inboxName(mailbox ?? MailboxName.inbox)
                guard let info = try snapshot.mailbox(named: name) else {
                    throw CommandFailure("there is no mailbox \(name); those there are: varve stat")
                }
                mailboxes = [info]
            }
            var run = ExportRun(store, snapshot, mailboxes)
            let lineEnds: LineEnds = crlf ? .crlf : .lf
            if let maildir {
                try run.writeMaildir(maildir, lineEnds, asFolders: all)
            } else if let mbox {
                var options = MboxWriter.Options()
                options.lineEnds = lineEnds
                options.statusHeaders = statusHeaders
                if all { try run.writeMboxFiles(mbox, options) } else { try run.writeMbox(mbox, mailboxes[0], options) }
            }
            run.progress.finish()
            report(run, mailboxes)
        }
    }

    private func report(_ run: ExportRun, _ mailboxes: [MailboxInfo]) {
        if run.completedLines > 0 {
            printToStandardError(
                "note: \(run.completedLines) messages got an end of their last line, which an mbox file needs\n")
        }
        if json {
            print(
                JSON.object([
                    ("messages", .number(run.messages)), ("bytes", .number(run.bytes)),
                    ("mailboxes", .array(mailboxes.map { .string($0.name) })),
                    ("completedLines", .number(run.completedLines)),
                ]).text)
        } else {
            let names = mailboxes.map(\.name).joined(separator: ", ")
            print("exported \(run.messages) messages (\(byteText(run.bytes))) of \(names)")
        }
    }
}
