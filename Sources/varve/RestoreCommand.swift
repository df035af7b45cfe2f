import ArgumentParser
import MailModel
import Varve
import VarveAccounts

struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Makes an account from a backup, as it was at its end, at a commit or at a time.",
        discussion: """
            The account is made anew: there must be none yet. It appears when it is whole, checked and on disk.

            --time takes 2026-11-24, 2026-11-24T22:15, 2026-11-24T22:15:30Z or with a zone, 2026-11-24T23:15:30+01:00; \
            without a zone it is UTC. The state is that after the last commit at or before it. What lies before the \
            backup's horizon cannot be had from it; varve backup --list shows the horizons. The newest backup that \
            reaches back so far is taken.

            Mail programs fetch everything anew: each mailbox gets a new UIDVALIDITY, since what they were told after \
            that state has not happened. An account that was only moved, with no change after its backup, can \
            keep them with --keep-uidvalidity.

            EXAMPLE
              varve restore --from /backup/mail --data mail --user alice
              varve restore --from /backup/mail --data mail --user alice-before --time 2026-11-24T08:00
              varve restore --from /backup/mail --store alice.varve --modseq 4711
            """)

    @Option(help: ArgumentHelp("The repository of backups.", valueName: "dir"), completion: .directory)
    var from: String
    @OptionGroup var account: BackupAccount
    @Option(help: ArgumentHelp("This backup. (default: the newest that reaches back so far)", valueName: "id"))
    var id: String?
    @Option(help: ArgumentHelp("The state after this commit.", valueName: "n"))
    var modseq: UInt64?
    @Option(help: ArgumentHelp("The state at this time.", valueName: "time"))
    var time: String?
    @Option(
        help: ArgumentHelp(
            "Whose backups, in a repository of several accounts: as varve backup --list shows it.", valueName: "name"))
    var label: String?
    @Flag(help: "Let mail programs keep what they have: the account took no change after this state.")
    var keepUidvalidity = false
    @OptionGroup var key: KeyOption
    @Flag(help: "Write what was done as JSON.")
    var json = false

    func validate() throws {
        guard account.isGiven else { throw ValidationError("Give --data and --user, or --store: the account to make.") }
        guard modseq == nil || time == nil else { throw ValidationError("Give one of --modseq and --time.") }
        guard !keepUidvalidity || modseq == nil && time == nil else {
            throw ValidationError("An account that is set back cannot keep its UIDVALIDITYs.")
        }
        guard id == nil || label == nil else { throw ValidationError("Give one of --id and --label.") }
        if let time, BackupTime(time) == nil {
            throw ValidationError("'\(time)' is no time; write it as 2026-11-24T22:15:30Z.")
        }
    }

    func run() throws {
        try CommandFailure.explaining {
            let target = try account.storePath(isThere: false)
            var options = RestoreOptions()
            if let modseq { options.point = .modSeq(ModSeq(modseq)) }
            if let time { options.point = .time(BackupTime(time)!) }
            options.keepsUIDValidity = keepUidvalidity
            options.store.masterKey = try key.masterKey()
            let repository = BackupRepository(from)
            let backup = try repository.backup(id, label: label, for: options.point, options.store)
            let progress = ByteProgress("restoring")
            options.progress = { progress.update($0, of: $1) }
            defer { progress.finish() }
            let report = try repository.restore(backup, to: target, options)
            progress.finish()
            printReport(report, target)
        }
    }

    private func printReport(_ report: RestoreReport, _ target: String) {
        if json {
            print(
                JSON.object([
                    ("backup", .string(report.backup.id)), ("store", .string(target)),
                    ("modseq", .number(Int(report.modSeq.rawValue))), ("time", .string("\(report.time)")),
                    ("mailboxes", .number(report.mailboxes)), ("messages", .number(report.messages)),
                    ("bytesWritten", .number(report.bytesWritten)),
                ]).text)
        } else {
            print(
                "restored \(target) from backup \(report.backup.id), as it was after commit \(report.modSeq) of "
                    + "\(report.time): \(report.mailboxes) mailboxes, \(report.messages) messages")
        }
    }
}
