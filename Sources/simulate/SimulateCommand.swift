import ArgumentParser
import Foundation
import VarveSimulation

@main
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Lets the power fail at every write of random work on a Varve store, and checks what is left.",
        discussion: """
            The store lies on a simulated disk in memory, whose faults are told in the head of SimulatedDisk.swift: \
            nothing is written anywhere. A workload of at most \(Workloads.stepsEach) steps grows from each seed; more \
            steps take the next seeds. What a crash leaves is opened and checked; sometimes the power fails again \
            meanwhile, also a third time.

            What goes wrong is printed with the one line that does just this again. Exit status: 0 nothing was found; 1 \
            something was.

            EXAMPLES
              swift run -c release simulate --seed 1 --steps 100000
              swift run simulate --seed 7 --steps 100 --crash 211.4
              swift run simulate --seed 1 --steps 1000 --canary skipsSegmentSync
            """)

    @Option(help: "Where the first workload grows from.")
    var seed: UInt64 = 1

    @Option(help: "Steps of all workloads.")
    var steps = 10_000

    @Option(help: "Crash points of all workloads at most.")
    var crashes = Int.max

    @Option(help: ArgumentHelp("Only this crash of the first workload, as a violation names it.", valueName: "call[.call…]"))
    var crash: String?

    @Option(
        help: ArgumentHelp(
            "Break a promise on purpose: \(Canary.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "name"))
    var canary: String?

    @Option(help: "Workloads at a time.")
    var jobs = ProcessInfo.processInfo.activeProcessorCount

    @Flag(help: "Write one JSON object.")
    var json = false

    func validate() throws {
        guard steps > 0, crashes > 0, jobs > 0 else { throw ValidationError("Numbers from 1 on are wanted.") }
        guard seed <= UInt64.max / 2 else { throw ValidationError("A seed is at most \(UInt64.max / 2).") }
        if let crash, path(crash) == nil {
            throw ValidationError("'\(crash)' is not a crash: call numbers with dots between.")
        }
        if let canary, Canary(rawValue: canary) == nil { throw ValidationError("There is no canary '\(canary)'.") }
    }

    private func path(_ text: String) -> [Int]? {
        let numbers = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
        return numbers.contains { $0 == nil } ? nil : numbers.compactMap { $0 }
    }

    func run() throws {
        var template = Simulation.Plan(seed: seed, steps: steps, crashes: crashes)
        template.crash = crash.flatMap(path)
        template.canary = canary.flatMap(Canary.init)
        let workloads = Workloads(template, jobs: jobs, showsProgress: isatty(STDERR_FILENO) == 1)
        let result = workloads.run()
        if json { try result.printJSON(seed: seed, steps: steps) } else { result.printText(seed: seed) }
        if !result.findings.isEmpty { throw ExitCode(1) }
    }
}
