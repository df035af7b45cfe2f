import ArgumentParser
import Varve

/// The master key that encrypted accounts are opened with, and that new ones are encrypted with.
struct KeyOption: ParsableArguments {
    @Option(
        name: .customLong("key-file"),
        help: ArgumentHelp(
            "The master key of encrypted accounts; a new account is encrypted with it. (default: the environment variable "
                + "\(MasterKey.environmentVariable), if it is set)", valueName: "file"))
    var path: String?

    /// - Returns: nil if no key is given.
    func masterKey() throws(StoreError) -> MasterKey? {
        if let path { return try MasterKey(file: path) }
        return try MasterKey.fromEnvironment()
    }
}

struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Makes master keys, and gives an encrypted account another one.",
        discussion: """
            An account is encrypted if its store is made with a master key: when the first mail comes, by varve import \
            or by varved. Who loses the key loses the mail: keep a copy of its file where the mail is not.

            EXAMPLE
              varve key new /etc/varve/master.key
              varve import --data mail --user alice --mbox inbox.mbox --key-file /etc/varve/master.key
              varve key rewrap --data mail --user alice --key-file old.key --new-key-file new.key
            """,
        subcommands: [New.self, Rewrap.self])

    struct New: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a new master key.",
            discussion: """
                The file has 64 hexadecimal digits and is readable for its owner alone. A file that is there is never \
                written over.

                EXAMPLE
                  varve key new master.key
                """)
        @Argument(help: "The file to make.", completion: .file())
        var file: String

        func run() throws {
            try CommandFailure.explaining {
                let key = try MasterKey.create(file: file)
                print("made \(file), master key \(key.id); keep a copy of it where the mail is not")
            }
        }
    }

    struct Rewrap: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets an encrypted account be opened with another master key, and no longer with the old one.",
            discussion: """
                Only the file 'key' of the account is written; the mail stays as it is. An older copy of that file, as a \
                backup has it, can still be opened with the old key.

                EXAMPLE
                  varve key rewrap --data mail --user alice --key-file old.key --new-key-file new.key
                """)
        @OptionGroup var account: AccountOptions
        @Option(name: .customLong("new-key-file"), help: ArgumentHelp("The new master key.", valueName: "file"))
        var newKeyFile: String

        func run() throws {
            try CommandFailure.explaining {
                guard let old = try account.key.masterKey() else {
                    throw CommandFailure(
                        "give the master key that the account has now: --key-file, or \(MasterKey.environmentVariable)")
                }
                let new = try MasterKey(file: newKeyFile)
                let accounts = try account.directory()
                try Store.rewrap(at: accounts.storePath(account.user), from: old, to: new)
                print("user \(account.user): the account takes the master key \(new.id) now")
            }
        }
    }
}
