import ArgumentParser
import Varve

struct RepairCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair", abstract: "Saves what is whole in a damaged store into a new one, or builds an index anew.",
        discussion: """
            With --into, the damaged store is read and never written to; every message and every commit that checks goes \
            into a new store, and what was lost is listed. Look at the new store, then put it in the old one's place \
            yourself. Messages that no commit names any more are in its mailbox 'Recovered'. A mailbox that may have given \
            UIDs to messages that are lost has a new UIDVALIDITY, so that mail programs fetch it anew.

            With --index, the index is built anew in its place; the log is not touched. That is enough where 'varve check' \
            says so.

            EXIT STATUS
              0  done, and nothing was lost
              1  done, and what is listed was lost
              2  nothing was done

            EXAMPLE
              varve repair --data mail --user alice --into alice-repaired
              varve repair --index --data mail --user alice
            """)

    @OptionGroup var location: StoreLocation
    @Option(help: ArgumentHelp("The folder to make, for the new store.", valueName: "dir"))
    var into: String?
    @Flag(help: "Build the index anew, in its place.")
    var index = false
    @Flag(help: "Make the new store although the log is whole.")
    var force = false
    @Flag(help: "Write JSON.")
    var json = false

    func validate() throws {
        guard index != (into != nil) else { throw ValidationError("Give one of --into and --index.") }
        guard !(index && force) else { throw ValidationError("--force is for --into.") }
    }

    func run() throws {
        let outcome: StoreRepair.Outcome?
        do {
            let path = try location.storePath()
            var progress = ProgressBar("reading", total: 0)
            defer { progress.finish() }
            if let into {
                outcome = try StoreRepair.run(path, into: into, location.options(), isForced: force) { done, total in
                    progress.total = total
                    progress.update(bytes: done)
                }
            } else {
                try Store.rebuildIndex(at: path, location.options())
                outcome = nil
            }
        } catch {
            printToStandardError("Error: \(CommandFailure.explain(error))\n")
            throw ExitCode(2)
        }
        switch outcome {
        case nil: print(json ? JSON.object([("index", .string("rebuilt"))]).text : "the index is built anew")
        case .notNeeded(let check):
            if json {
                print(JSON.object([("repaired", .boolean(false)), ("remedy", .string(check.remedy.rawValue))]).text)
            } else {
                print("the log is whole, and nothing was made: " + advice(check))
            }
        case .repaired(let report):
            if json { print(report.json.text) } else { printText(report) }
            if !report.isWhole { throw ExitCode(1) }
        }
    }

    private func advice(_ check: CheckReport) -> String {
        switch check.remedy {
        case .rebuildIndex: "build the index anew with varve repair --index \(location.arguments)"
        case .open: "the next opening puts right what is wrong"
        case .none, .repair: "nothing is wrong"
        }
    }

    private func printText(_ report: RepairReport) {
        for bytes in report.lostBytes { print("lost: \(bytes)") }
        for range in report.lostCommits {
            print("lost: commit \(range.lowerBound)" + (range.count > 1 ? " to \(range.upperBound)" : ""))
        }
        if report.indexModSeq > 0 {
            print("note: what lost commits up to \(report.indexModSeq) made was taken from the index")
        }
        for message in report.lostMessages { print("lost: message \(message)") }
        if report.lostMessageCount > report.lostMessages.count {
            print("lost: and \(report.lostMessageCount - report.lostMessages.count) more messages")
        }
        for name in report.renewedMailboxes { print("note: mailbox \(name) has a new UIDVALIDITY") }
        for remark in report.remarks { print("note: \(remark)") }
        if let name = report.recoveredMailbox {
            print("note: \(report.recovered) messages that no commit names are in mailbox \(name)")
        }
        for violation in report.check.violations { print("in the new store: \(violation)") }
        print(
            "saved \(report.messages) messages in \(report.mailboxes) mailboxes, \(report.commits) commits, into \(into ?? ""); "
                + "lost \(report.lostMessageCount) messages, \(report.lostCommitCount) commits")
    }
}

extension RepairReport {
    /// All that was in the store is in the new one.
    fileprivate var isWhole: Bool {
        lostBytes.isEmpty && lostCommits.isEmpty && lostMessageCount == 0 && check.isSound
    }

    fileprivate var json: JSON {
        .object([
            ("repaired", .boolean(true)), ("messages", .number(messages)), ("mailboxes", .number(mailboxes)),
            ("commits", .number(commits)), ("recovered", .number(recovered)),
            ("recoveredMailbox", recoveredMailbox.map { .string($0) } ?? .null),
            ("indexModseq", .number(Int(clamping: indexModSeq))),
            (
                "lostBytes",
                .array(
                    lostBytes.map {
                        .object([
                            ("file", .string($0.file)), ("offset", .number($0.offset)),
                            ("count", $0.count.map { .number($0) } ?? .null), ("text", .string($0.text)),
                        ])
                    })
            ),
            (
                "lostCommits",
                .array(
                    lostCommits.map {
                        .array([.number(Int(clamping: $0.lowerBound)), .number(Int(clamping: $0.upperBound))])
                    })
            ),
            ("lostMessageCount", .number(lostMessageCount)),
            (
                "lostMessages",
                .array(
                    lostMessages.map {
                        .object([
                            ("mailbox", .string($0.mailbox)), ("uid", .number(Int($0.uid))), ("bytes", .number(Int($0.size))),
                        ])
                    })
            ),
            ("renewedMailboxes", .array(renewedMailboxes.map { .string($0) })),
            ("notes", .array(remarks.map { .string($0) })), ("check", check.json),
        ])
    }
}
