import ArgumentParser
import BenchReport
import Foundation
import IMAPStress

struct IMAPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "imap",
        abstract: "Tries an IMAP server.",
        discussion: """
            --stress changes mailboxes of one user from several sessions at random, and checks all that the server tells: \
            each session keeps a copy of its mailbox by QRESYNC, by CONDSTORE or by NOOP and IDLE alone, breaks its \
            connection off and comes back, and must always have what the mailbox is. Mailboxes whose names begin with the \
            prefix are DELETED first.

            With --lockstep one session acts at a time: the same seed makes the same run. Exit status: 0 nothing was found; \
            1 the server broke a promise; 2 there was no answer.

            EXAMPLES
              varve-bench imap localhost:1143 --stress --user alice --password secret
              varve-bench imap localhost:143 --stress --user u --password p --seed 7 --rounds 500 --sessions 9 --lockstep
            """)

    @Argument(help: ArgumentHelp("The server, in the clear.", valueName: "host:port"))
    var server: String

    @Flag(help: "Sessions that change mailboxes at random, and check what they are told.")
    var stress = false

    @Option(help: ArgumentHelp("Whose mailboxes.", valueName: "name"))
    var user: String

    @Option(help: "The user's password.")
    var password: String

    @Option(help: "Where all choices grow from.")
    var seed: UInt64 = 1

    @Option(help: "Rounds; in each of them each session acts once.")
    var rounds = 200

    @Option(help: "Sessions: a third each with QRESYNC, with CONDSTORE and with neither.")
    var sessions = 6

    @Flag(help: "One action at a time.")
    var lockstep = false

    @Option(help: "What the mailboxes' names begin with.")
    var prefix = "stress"

    @Option(
        help: ArgumentHelp(
            "A check that is left out: \(StressPlan.Quirks.names.map(\.name).joined(separator: ", ")).", valueName: "quirk"))
    var allow: [String] = []

    @Flag(help: "Write one JSON object.")
    var json = false

    private var address: (host: String, port: Int)? {
        guard let colon = server.lastIndex(of: ":"), colon > server.startIndex,
            let port = Int(server[server.index(after: colon)...]), 1...65535 ~= port
        else { return nil }
        let host = server[..<colon]
        return (host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : String(host), port)
    }

    func validate() throws {
        guard address != nil else { throw ValidationError("'\(server)' is not HOST:PORT.") }
        guard stress else { throw ValidationError("What is to be done? --stress") }
        guard rounds > 0, sessions > 0, sessions <= 1000 else { throw ValidationError("Rounds and sessions are from 1 on.") }
        guard !prefix.isEmpty, prefix.utf8.allSatisfy({ $0 > 0x2C && $0 < 0x7B && $0 != 0x5C }) else {
            throw ValidationError("A prefix has letters, digits and '-'.")
        }
        for name in allow where !StressPlan.Quirks.names.contains(where: { $0.name == name }) {
            throw ValidationError("There is no quirk '\(name)'.")
        }
    }

    func run() async throws {
        var plan = StressPlan()
        (plan.host, plan.port) = address!
        plan.user = user
        plan.password = password
        plan.seed = seed
        plan.rounds = rounds
        plan.sessions = sessions
        plan.isLockstep = lockstep
        plan.prefix = prefix
        for (quirk, name) in StressPlan.Quirks.names where allow.contains(name) { plan.quirks.formUnion(quirk) }
        let progress = ProgressLine()
        let stress = Stress(plan) { [rounds, seed] done in progress.show("stress, seed \(seed): \(done) of \(rounds) rounds") }
        do {
            let report = try await stress.run()
            progress.clear()
            print(json ? report.json(seed: seed) : report.text(seed: seed))
        } catch let violation as Violation {
            progress.clear()
            print(json ? violation.json : "\(violation)")
            throw ExitCode(1)
        } catch {
            progress.clear()
            FileHandle.standardError.write(Data("varve-bench: \(server): \(error)\n".utf8))
            throw ExitCode(2)
        }
    }
}
