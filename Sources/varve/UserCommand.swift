import ArgumentParser
import VarveAccounts

struct UserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Adds, changes, removes and lists users.",
        discussion: """
            May be used while varved runs, which sees the change at the next login.

            EXAMPLE
              varve user add --data mail alice
              pass mail/alice | varve user passwd --data mail alice --password-stdin
              varve user list --data mail --json
            """,
        subcommands: [Add.self, Passwd.self, Remove.self, List.self])

    struct PasswordOption: ParsableArguments {
        @Flag(name: .customLong("password-stdin"), help: "Read the password from standard input, without asking.")
        var fromStandardInput = false
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a user; makes the data folder if it is not there.",
            discussion: "EXAMPLE\n  varve user add --data mail alice")
        @OptionGroup var data: DataOption
        @OptionGroup var password: PasswordOption
        @Argument var name: String

        func run() throws {
            try CommandFailure.explaining {
                let accounts = try AccountDirectory(data.path, create: true)
                guard try !accounts.users().contains(where: { $0.utf8.elementsEqual(name.utf8) }) else {
                    throw CommandFailure("there is a user \(name) already; for a new password: varve user passwd")
                }
                var bytes = try Password.read(fromStandardInput: password.fromStandardInput)
                defer { Password.forget(&bytes) }
                try accounts.add(name, password: bytes)
            }
        }
    }

    struct Passwd: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives a user another password.", discussion: "EXAMPLE\n  varve user passwd --data mail alice")
        @OptionGroup var data: DataOption
        @OptionGroup var password: PasswordOption
        @Argument var name: String

        func run() throws {
            try CommandFailure.explaining {
                let accounts = try AccountDirectory(data.path, create: false)
                var bytes = try Password.read(fromStandardInput: password.fromStandardInput)
                defer { Password.forget(&bytes) }
                try accounts.setPassword(name, bytes)
            }
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes a user, who can no longer log in. The mail stays where it is.",
            discussion: "EXAMPLE\n  varve user remove --data mail alice")
        @OptionGroup var data: DataOption
        @Argument var name: String

        func run() throws {
            try CommandFailure.explaining {
                let accounts = try AccountDirectory(data.path, create: false)
                try accounts.remove(name)
                print("removed \(name); the mail, if any, stays in \(accounts.storePath(name))")
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the users.", discussion: "EXAMPLE\n  varve user list --data mail --json")
        @OptionGroup var data: DataOption
        @Flag(help: "Write JSON.")
        var json = false

        func run() throws {
            try CommandFailure.explaining {
                let accounts = try AccountDirectory(data.path, create: false)
                let users = try accounts.users()
                if json {
                    print(
                        JSON.array(
                            users.map { .object([("user", .string($0)), ("store", .string(accounts.storePath($0)))]) }
                        ).text)
                } else {
                    for user in users { print(user) }
                }
                for problem in try accounts.problems() { printToStandardError("warning: \(problem.message)\n") }
            }
        }
    }
}
