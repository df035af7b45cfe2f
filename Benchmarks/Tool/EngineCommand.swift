import ArgumentParser
import BenchReport
import EngineBench
import Foundation
import MailboxEngines

struct EngineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine",
        abstract: "Measures the work of mailboxes on Varve, and on other stores beside it.",
        discussion: """
            All stores do the same work, row by row and in turns, and their answers are checked outside the clock. Figures are \
            medians; only ratios within one run say anything. SQLite, LMDB and RocksDB are in builds with the package trait \
            Rivals, which needs their libraries: apt-get install libsqlite3-dev liblmdb-dev librocksdb-dev.

            The stores are made below --folder, which should be on the disk that is to be measured, and are removed at \
            the end; a run that is killed leaves its folder, varve-bench-PID. Exit status: 0 measured; 1 a wrong answer, or a store failed.

            EXAMPLES
              varve-bench engine
              varve-bench engine --rivals --html figures.html
              varve-bench engine --rivals --rows append,changed --messages 100000 --json
            From the sources: swift run -c release --traits Rivals varve-bench engine --rivals
            """)

    @Flag(help: "Measure the other stores of this build too.")
    var rivals = false

    @Option(
        help: ArgumentHelp(
            "Some of the rows, with commas between: \(EnginePlan.allGroups.joined(separator: ", ")).", valueName: "names"))
    var rows = ""

    private var groups: [String] { rows.split(separator: ",").map(String.init) }

    @Option(help: "Messages of the large mailbox.")
    var messages = 1_000_000

    @Option(help: "Mailboxes of the account that is listed.")
    var mailboxes = 10_000

    @Option(help: "Where all data grows from.")
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Where the stores are made; else the folder for temporary files.", valueName: "path"))
    var folder: String?

    @OptionGroup var output: ReportOptions

    func validate() throws {
        guard 1000...10_000_000 ~= messages else { throw ValidationError("Messages are from 1,000 to 10,000,000.") }
        guard 1...1_000_000 ~= mailboxes else { throw ValidationError("Mailboxes are from 1 to 1,000,000.") }
        for group in groups where !EnginePlan.allGroups.contains(group) { throw ValidationError("There are no rows '\(group)'.") }
        guard !rivals || Engines.hasRivals else {
            throw ValidationError("This build has no rivals: swift run -c release --traits Rivals varve-bench engine --rivals")
        }
    }

    func run() throws {
        let parent = folder ?? NSTemporaryDirectory()
        let own = URL(fileURLWithPath: parent).appendingPathComponent("varve-bench-\(ProcessInfo.processInfo.processIdentifier)").path
        var plan = EnginePlan()
        plan.messages = messages
        plan.mailboxes = mailboxes
        plan.repetitions = output.repetitions
        plan.seed = seed
        plan.folder = own
        plan.program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        plan.engines = rivals ? Engines.names : [Engines.names[0]]
        plan.groups = groups
        try output.tell { progress in
            try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: own) }
            return try EngineBench(plan, progress).run(.current)
        } status: { _ in
            ExitCode(1)
        }
    }
}

/// What `engine` runs to have a process of its own.
struct EngineProcessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "engine-process", shouldDisplay: false)

    @Argument var work: String
    @Option var engine: String
    @Option var folder: String
    @Option var messages: Int
    @Option var seed: UInt64

    func run() throws {
        guard let work = OwnProcess.Work(rawValue: work) else { throw ValidationError("There is no work '\(work)'.") }
        let report = try OwnProcess.perform(work, engine: engine, folder: folder, messages: messages, seed: seed)
        FileHandle.standardOutput.write(try JSONEncoder().encode(report))
        // As it is after a crash: nothing is closed.
        if work == .crash { _exit(0) }
    }
}
