import ArgumentParser
import BenchReport
import Foundation
import IMAPLoad
import IMAPStress

struct IMAPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "imap",
        abstract: "Measures IMAP servers, or tries one.",
        discussion: """
            Several servers get the same load, row by row and in turns, and their answers are checked outside of the clock; \
            only ratios within one run say anything. Each needs a user of the same name and password, who may log in \
            without TLS. What a server cannot do has no figure. Mailboxes whose names begin with the prefix are DELETED \
            first, and in the end. Benchmarks/servers.sh measures varved, Dovecot and Cyrus so.

            --stress tries one server: it changes mailboxes of one user from several sessions at random, and checks all that \
            the server tells: each session keeps a copy of its mailbox by QRESYNC, by CONDSTORE or by NOOP and IDLE alone, \
            breaks its connection off and comes back, and must always have what the mailbox is. With --lockstep one session \
            acts at a time: the same seed makes the same run.

            Exit status: 0 measured, or nothing was found; 1 a wrong answer, or the server broke a promise; 2 there was no \
            answer.

            EXAMPLES
              varve-bench imap localhost:1143 --user alice --password secret --rows append,flags
              varve-bench imap Varve=localhost:1143 Dovecot=localhost:2143 --user u --password p --html figures.html
              varve-bench imap localhost:1143 --stress --user alice --password secret
              varve-bench imap localhost:143 --stress --user u --password p --seed 7 --rounds 500 --sessions 9 --lockstep
            """)

    @Argument(help: ArgumentHelp("Servers, in the clear; the first is held to the goals.", valueName: "[name=]host:port"))
    var servers: [String]

    @Flag(help: "Sessions that change mailboxes at random, and check what they are told.")
    var stress = false

    @Option(help: ArgumentHelp("Whose mailboxes.", valueName: "name"))
    var user: String

    @Option(help: "The user's password.")
    var password: String

    @Option(help: "Where all choices and all data grow from.")
    var seed: UInt64 = 1

    @Option(
        help: ArgumentHelp(
            "Some of the rows, with commas between: \(LoadPlan.allGroups.joined(separator: ", ")).", valueName: "names"))
    var rows = ""

    @Option(help: "Messages of the large mailbox.")
    var messages = 20_000

    @Option(help: "Mailboxes that are listed.")
    var mailboxes = 1000

    @Option(help: "Clients of the rows that have many.")
    var connections = 10

    @Option(help: "Sessions that idle.")
    var idlers = 100

    @Option(
        help: ArgumentHelp("A process of a server's, whose memory is told with that of its descendants.", valueName: "name=id"))
    var process: [String] = []

    @Option(help: "Rounds; in each of them each session acts once.")
    var rounds = 200

    @Option(help: "Sessions: a third each with QRESYNC, with CONDSTORE and with neither.")
    var sessions = 6

    @Flag(help: "One action at a time.")
    var lockstep = false

    @Option(help: "What the mailboxes' names begin with.")
    var prefix = "varve-bench"

    @Option(
        help: ArgumentHelp(
            "A check that is left out: \(StressPlan.Quirks.names.map(\.name).joined(separator: ", ")).", valueName: "quirk"))
    var allow: [String] = []

    @OptionGroup var output: ReportOptions

    /// A server's name, where it is, and its process; nil if it is not told as it must be.
    private func server(_ text: String) -> LoadServer? {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard let place = parts.last, let (host, port) = address(place), parts.count < 2 || !text.hasPrefix("=") else { return nil }
        var server = LoadServer(name: parts[0], host: host, port: port, user: user, password: password)
        for told in process where told.hasPrefix(server.name + "=") { server.process = Int32(told.dropFirst(server.name.count + 1)) }
        return server
    }

    private var groups: [String] { rows.split(separator: ",").map(String.init) }

    private func address(_ server: String) -> (host: String, port: Int)? {
        guard let colon = server.lastIndex(of: ":"), colon > server.startIndex,
            let port = Int(server[server.index(after: colon)...]), 1...65535 ~= port
        else { return nil }
        let host = server[..<colon]
        return (host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : String(host), port)
    }

    func validate() throws {
        for text in servers where server(text) == nil { throw ValidationError("'\(text)' is neither HOST:PORT nor NAME=HOST:PORT.") }
        let told = servers.compactMap(server)
        guard !stress || told.count == 1 else { throw ValidationError("One server is tried at a time.") }
        guard Set(told.map(\.name)).count == told.count else { throw ValidationError("Two servers have the same name.") }
        for text in process where !told.contains(where: { text.hasPrefix($0.name + "=") && $0.process != nil }) {
            throw ValidationError("'\(text)' is not NAME=PROCESS of one of the servers.")
        }
        for group in groups where !LoadPlan.allGroups.contains(group) { throw ValidationError("There are no rows '\(group)'.") }
        guard 1000...10_000_000 ~= messages else { throw ValidationError("Messages are from 1,000 to 10,000,000.") }
        guard 1...100_000 ~= mailboxes, 1...1000 ~= connections, 1...10_000 ~= idlers else {
            throw ValidationError("Mailboxes are from 1 to 100,000, connections to 1,000, idlers to 10,000.")
        }
        guard rounds > 0, sessions > 0, sessions <= 1000 else { throw ValidationError("Rounds and sessions are from 1 on.") }
        guard !prefix.isEmpty, prefix.utf8.allSatisfy({ $0 > 0x2C && $0 < 0x7B && $0 != 0x5C }) else {
            throw ValidationError("A prefix has letters, digits and '-'.")
        }
        for name in allow where !StressPlan.Quirks.names.contains(where: { $0.name == name }) {
            throw ValidationError("There is no quirk '\(name)'.")
        }
    }

    func run() async throws {
        if stress { try await tryServer() } else { try measure() }
    }

    private func measure() throws {
        var plan = LoadPlan()
        plan.servers = servers.compactMap(server)
        plan.messages = messages
        plan.mailboxes = mailboxes
        plan.connections = connections
        plan.idlers = idlers
        plan.repetitions = output.repetitions
        plan.seed = seed
        plan.prefix = prefix
        plan.groups = groups
        try output.tell { try LoadBench(plan, $0).run(.current) } status: { error in
            ExitCode((error as? LoadError)?.isWrongAnswer == true ? 1 : 2)
        }
    }

    private func tryServer() async throws {
        let server = server(servers[0])!
        var plan = StressPlan()
        plan.host = server.host
        plan.port = server.port
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
            print(output.json ? report.json(seed: seed) : report.text(seed: seed))
        } catch let violation as Violation {
            progress.clear()
            print(output.json ? violation.json : "\(violation)")
            throw ExitCode(1)
        } catch {
            progress.clear()
            FileHandle.standardError.write(Data("varve-bench: \(server.name): \(error)\n".utf8))
            throw ExitCode(2)
        }
    }
}
