import MailFiles
import Varve
import VarveAccounts

/// Ends a command: one line on stderr, exit status 1.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }

    /// Says of an error from below what to do about it.
    static func explaining<R>(_ body: () throws -> R) throws -> R {
        do { return try body() } catch { throw explain(error) }
    }

    static func explain(_ error: any Error) -> any Error {
        switch error {
        case let error as StoreError:
            switch error.kind {
            case .locked: CommandFailure("\(error.message) (stop varved, or wait for the other command to end)")
            case .keyMissing, .wrongKey:
                CommandFailure("\(error.message) (--key-file, or \(MasterKey.environmentVariable))")
            case .corrupt: CommandFailure("\(error.message) (varve-dump shows what is there)")
            default: CommandFailure(error.message)
            }
        case let error as AccountError: CommandFailure(error.message)
        case let error as MailFileError: CommandFailure(error.message)
        default: error
        }
    }
}

extension AccountOptions {
    /// The data folder, in which the user is.
    func directory() throws -> AccountDirectory {
        let accounts = try AccountDirectory(data.path, create: false)
        guard try accounts.users().contains(where: { $0.utf8.elementsEqual(user.utf8) }) else {
            throw CommandFailure("there is no user \(user); to add one: varve user add --data \(data.path) \(user)")
        }
        return accounts
    }

    /// Opens the user's store, for this process alone.
    /// - Parameter create: makes the store of a user who has had no mail yet.
    func openStore(create: Bool) throws -> Store {
        try CommandFailure.explaining {
            let accounts = try directory()
            var options = StoreOptions()
            options.create = create
            options.masterKey = try key.masterKey()
            do throws(StoreError) {
                return try Store.open(at: accounts.storePath(user), options)
            } catch {
                guard error.kind == .notFound, !create else { throw error }
                throw CommandFailure("user \(user) has no mail yet")
            }
        }
    }
}
