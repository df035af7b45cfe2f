import ArgumentParser
import Varve
import VarveAccounts

struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Makes a backup of an account, also while varved serves it; looks after backups.",
        discussion: """
            A repository is a folder with backups, of one account or of many. Each backup is the whole account; what \
            several have in common is there once, and what an earlier backup has is not read again. Where repository and \
            account lie on one file system, most of a backup are hard links to the account's own files: those outlive \
            the account's folder, but not its disk. Keep a repository on another disk, or copy the repository.

            A backup that was interrupted is none. --verify proves that a backup would restore: it reads all of its files, \
            and goes through the whole log. With an account, it is the new backup that is verified; without, the \
            newest of each account in the repository.

            EXAMPLE
              varve backup --data mail --user alice --to /backup/mail
              varve backup --data mail --user alice --to /backup/mail --verify
              varve backup --to /backup/mail --list
              varve backup --to /backup/mail --verify --all
              varve backup --to /backup/mail --prune --keep 30
            """)

    @Option(help: ArgumentHelp("The repository of backups.", valueName: "dir"), completion: .directory)
    var to: String
    @OptionGroup var account: BackupAccount
    @Flag(help: "Copy all files, and link none.")
    var copy = false
    @Flag(help: "List the backups in the repository.")
    var list = false
    @Flag(help: "Prove that a backup would restore.")
    var verify = false
    @Option(help: ArgumentHelp("With --verify: this backup.", valueName: "id"))
    var id: String?
    @Flag(help: "With --verify: every backup in the repository.")
    var all = false
    @Flag(help: "Remove older backups, and what no other needs.")
    var prune = false
    @Option(help: ArgumentHelp("With --prune: how many backups of each account stay.", valueName: "n"))
    var keep: Int?
    @OptionGroup var key: KeyOption
    @Flag(help: "Write what was done as JSON.")
    var json = false

    func validate() throws {
        let isGiven = account.isGiven
        guard [list, prune, verify && !isGiven, isGiven].filter({ $0 }).count == 1 else {
            throw ValidationError("Give an account to back up, or one of --list, --verify and --prune.")
        }
        guard verify && !isGiven || id == nil && !all, id == nil || !all else {
            throw ValidationError("--id or --all is for --verify without an account.")
        }
        guard prune == (keep != nil), keep ?? 1 >= 1 else {
            throw ValidationError("--prune and --keep go together; at least 1 backup is kept.")
        }
    }

    private var repository: BackupRepository { BackupRepository(to) }

    func run() throws {
        try CommandFailure.explaining {
            if list { return try printList() }
            if prune { return try runPrune(keep!) }
            let backups = account.isGiven ? [try makeBackup()] : try chosen()
            guard verify else { return }
            let verdicts = try backups.map(verdict)
            if json, !account.isGiven { print(JSON.array(verdicts.map(\.json)).text) }
            if verdicts.contains(where: { !$0.isWhole }) { throw ExitCode(1) }
        }
    }

    // MARK: Making

    private func makeBackup() throws -> Backup {
        var options = BackupOptions()
        options.label = account.user ?? ""
        options.links = !copy
        let progress = ByteProgress("backing up")
        options.progress = { progress.update($0, of: $1) }
        defer { progress.finish() }
        let store = try account.storePath(isThere: true)
        let report = try repository.backUp(store, options)
        progress.finish()
        let backup = report.backup
        if json {
            print(
                JSON.object([
                    ("backup", backup.json), ("reusedFiles", .number(report.reusedFiles)),
                    ("linkedFiles", .number(report.linkedFiles)), ("copiedFiles", .number(report.copiedFiles)),
                    ("bytesRead", .number(report.bytesRead)), ("bytesWritten", .number(report.bytesWritten)),
                ]).text)
        } else {
            print(
                "backup \(backup.id): up to commit \(backup.modSeq) of \(backup.time), \(byteText(backup.size)) in "
                    + "\(backup.files.count) files; read \(byteText(report.bytesRead)), "
                    + "wrote \(byteText(report.bytesWritten)), \(report.linkedFiles) files linked, \(report.reusedFiles) were there")
        }
        return backup
    }

    // MARK: Looking

    private func printList() throws {
        let entries = try repository.entries()
        if json {
            print(
                JSON.array(
                    entries.map { entry in
                        switch entry {
                        case .backup(let backup): backup.json
                        case .unreadable(let id, let error):
                            .object([("id", .string(id)), ("problem", .string(error.message))])
                        }
                    }
                ).text)
            return
        }
        for entry in entries {
            switch entry {
            case .backup(let backup):
                print(
                    "\(backup.id)  \(backup.label.isEmpty ? "-" : backup.label)  commit \(backup.modSeq) of \(backup.time)  "
                        + "from \(BackupHorizon(backup))  \(byteText(backup.size))")
            case .unreadable(let id, let error): print("\(id)  damaged: \(error.message)")
            }
        }
    }

    private func chosen() throws -> [Backup] {
        if let id { return [try repository.backup(id)] }
        var backups: [Backup] = []
        for entry in try repository.entries() {
            switch entry {
            case .backup(let backup): backups.append(backup)
            // What it was a backup of is not known.
            case .unreadable(_, let error): throw error
            }
        }
        guard !backups.isEmpty else { throw CommandFailure("\(to): there is no backup") }
        if all { return backups }
        var newest: [Backup.Account: Backup] = [:]
        for backup in backups { newest[backup.account] = backup }
        return newest.values.sorted { $0.id < $1.id }
    }

    private func verdict(_ backup: Backup) throws -> BackupVerdict {
        var options = StoreOptions()
        options.masterKey = try key.masterKey()
        let progress = ByteProgress("verifying")
        defer { progress.finish() }
        let verdict = try repository.verify(backup, options) { progress.update($0, of: $1) }
        progress.finish()
        if !json || account.isGiven { verdict.printText(toStandardError: json) }
        return verdict
    }

    private func runPrune(_ keep: Int) throws {
        let report = try repository.prune(keep: keep)
        if json {
            print(
                JSON.object([
                    ("removed", .array(report.backups.map { .string($0) })), ("files", .number(report.objects)),
                    ("bytes", .number(report.bytes)),
                ]).text)
        } else {
            print("removed \(report.backups.count) backups, and \(report.objects) files (\(byteText(report.bytes)))")
        }
    }
}

/// Which account: a user's, or the one in a folder; or none.
struct BackupAccount: ParsableArguments {
    @Option(name: .customLong("data"), help: ArgumentHelp("The data folder.", valueName: "dir"), completion: .directory)
    var data: String?
    @Option(help: ArgumentHelp("Whose mail.", valueName: "name"))
    var user: String?
    @Option(
        help: ArgumentHelp("The folder of an account, instead of --data and --user.", valueName: "dir"),
        completion: .directory)
    var store: String?

    var isGiven: Bool { data != nil || user != nil || store != nil }

    func validate() throws {
        guard (data == nil) == (user == nil), data == nil || store == nil else {
            throw ValidationError("Give --data and --user, or --store.")
        }
    }

    /// - Parameter isThere: whether it is an account that has mail already.
    func storePath(isThere: Bool) throws -> String {
        if let store { return store }
        let accounts = try AccountDirectory(data!, create: false)
        guard try accounts.users().contains(where: { $0.utf8.elementsEqual(user!.utf8) }) else {
            throw CommandFailure("there is no user \(user!); to add one: varve user add --data \(data!) \(user!)")
        }
        let path = accounts.storePath(user!)
        if isThere, try !DiskFileSystem().exists(path) { throw CommandFailure("user \(user!) has no mail yet") }
        return path
    }
}

extension Backup {
    var storeID: String { "\(store)" }

    var json: JSON {
        .object([
            ("id", .string(id)), ("store", .string(storeID)), ("label", .string(label)), ("made", .string("\(made)")),
            ("modseq", .number(Int(modSeq.rawValue))), ("time", .string("\(time)")),
            ("horizon", .number(Int(horizon.rawValue))),
            ("horizonTime", horizon == 0 ? .string("") : .string("\(horizonTime)")),
            ("files", .number(files.count)), ("bytes", .number(size)),
        ])
    }
}

extension BackupVerdict {
    var json: JSON {
        .object([
            ("id", .string(backup.id)), ("label", .string(backup.label)), ("problems", .array(problems.map { .string($0) })),
            ("horizon", .number(Int(horizon?.modSeq.rawValue ?? backup.modSeq.rawValue))),
            ("mailboxes", .number(mailboxes)), ("messages", .number(messages)), ("bytes", .number(bytes)),
        ])
    }

    func printText(toStandardError: Bool) {
        let text: String
        if isWhole {
            text =
                "backup \(backup.id) would restore: \(mailboxes) mailboxes, \(messages) messages, \(byteText(bytes)) read; "
                + "points in time from \(horizon?.description ?? "its end") on"
        } else {
            text = (["backup \(backup.id) is not proven:"] + problems).joined(separator: "\n  ")
        }
        if toStandardError { printToStandardError(text + "\n") } else { print(text) }
    }
}
