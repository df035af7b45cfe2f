import ArgumentParser
import Varve
import VarveAccounts

/// Which store: a user's, or the one in a folder.
struct StoreLocation: ParsableArguments {
    @Option(name: .customLong("data"), help: ArgumentHelp("The data folder.", valueName: "dir"))
    var data: String?
    @Option(help: ArgumentHelp("Whose mail.", valueName: "name"))
    var user: String?
    @OptionGroup var key: KeyOption
    @Argument(help: "The folder of a store, instead of --data and --user.")
    var path: String?

    func validate() throws {
        guard (data == nil) == (user == nil), (data == nil) != (path == nil) else {
            throw ValidationError("Give --data and --user, or the folder of a store.")
        }
    }

    func options() throws -> StoreOptions {
        var options = StoreOptions()
        options.masterKey = try key.masterKey()
        return options
    }

    func storePath() throws -> String {
        if let path { return path }
        return try CommandFailure.explaining {
            let accounts = try AccountDirectory(data!, create: false)
            guard try accounts.users().contains(where: { $0.utf8.elementsEqual(user!.utf8) }) else {
                throw CommandFailure("there is no user \(user!); those there are: varve user list --data \(data!)")
            }
            return accounts.storePath(user!)
        }
    }

    /// The store as the arguments of a command.
    var arguments: String { path ?? "--data \(data!) --user \(user!)" }
}
