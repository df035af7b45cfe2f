import ArgumentParser

@main
struct VarveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "varve",
        abstract: "Looks after the accounts and mail in a data folder of Varve.",
        discussion: """
            EXAMPLE
              varve user add --data mail alice
              varve import --data mail --user alice --mbox ~/mail/inbox.mbox
              varve stat --data mail --user alice
            """,
        subcommands: [
            UserCommand.self, ImportCommand.self, ExportCommand.self, MailboxCommand.self, StatCommand.self, CheckCommand.self, RepairCommand.self,
            CompactCommand.self, BackupCommand.self, RestoreCommand.self, KeyCommand.self,
        ])
}

/// Which data folder.
struct DataOption: ParsableArguments {
    @Option(name: .customLong("data"), help: ArgumentHelp("The data folder.", valueName: "dir"))
    var path: String
}

/// Which user's store.
struct AccountOptions: ParsableArguments {
    @OptionGroup var data: DataOption
    @Option(help: ArgumentHelp("Whose mail.", valueName: "name"))
    var user: String
    @OptionGroup var key: KeyOption
}
