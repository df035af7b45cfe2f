import TestSupport
import Varve

/// One workload from one seed, crashed at each of its calls that change something on disk.
///
/// The workload runs once. At each call the disk tells what a power failure would leave at that moment, and the workload
/// goes on; what is left is opened, checked, and tried further, with power failures at seeded calls of that, and of what
/// follows them: two levels deep. So no crash costs the run that leads to it, and each has a name of its own that replays
/// it: the numbers of the calls at which the power fails, such as `211.4.9`.
package final class Simulation {
    package struct Plan: Sendable {
        package var seed: UInt64
        /// Of the workload.
        package var steps: Int
        /// Crash points at most.
        package var crashes: Int
        /// Only this crash, and those that lead to it; nil: all.
        package var crash: [Int]?
        package var canary: Canary?

        package init(seed: UInt64, steps: Int, crashes: Int = .max, crash: [Int]? = nil, canary: Canary? = nil) {
            self.seed = seed
            self.steps = steps
            self.crashes = crashes
            self.crash = crash
            self.canary = canary
        }
    }

    package struct Finding: Sendable, CustomStringConvertible {
        package let plan: Plan
        /// At which calls the power failed, the last one last; empty if the workload itself went wrong.
        package let crash: [Int]
        /// The calls in words.
        package let calls: [String]
        package let what: String

        /// The one line that does just this again.
        package var command: String {
            "swift run simulate --seed \(plan.seed) --steps \(plan.steps)"
                + (plan.canary.map { " --canary \($0.rawValue)" } ?? "")
                + (crash.isEmpty ? "" : " --crash \(crash.map(String.init).joined(separator: "."))")
        }

        package var description: String {
            let place = calls.isEmpty ? "no crash" : calls.joined(separator: ", then ")
            return "seed \(plan.seed), \(place): \(what)\n  again: \(command)"
        }
    }

    package struct Outcome: Sendable {
        /// Power failures that were recovered from, those during recoveries among them.
        package var crashPoints = 0
        package var nestedCrashPoints = 0
        /// Openings of what a crash left.
        package var recoveries = 0
        /// Steps of the workload that were done.
        package var steps = 0
        /// Calls of the workload that changed something on its disk.
        package var calls = 0
        package var finding: Finding?
    }

    private struct CrashPoint {
        let disk: SimulatedDisk
        let history: History
        let time: UInt64
        let crash: [Int]
        let calls: [String]
    }

    /// Crashes within what follows a crash.
    private static let deepest = 3
    /// In what follows a crash, the power fails again at one call in so many.
    private static let nestedOdds = 25

    private let plan: Plan
    private var outcome = Outcome()
    private var waiting: [CrashPoint] = []
    private var isFound = false

    package init(_ plan: Plan) { self.plan = plan }

    private var isEnough: Bool { outcome.crashPoints >= plan.crashes || isFound }

    /// Runs until the steps are done, the crashes are, or something is found.
    package func run() -> Outcome {
        let time: UInt64 = 1_700_000_000_000
        let workload = RandomWorkload(
            seed: plan.seed, disk: SimulatedDisk(seed: plan.seed ^ 0xd15c), history: History(newStoreAt: Int64(time / 1000)),
            time: time, canary: plan.canary
        ) { [unowned self] workload, call, kind, name in
            outcome.calls += 1
            meet(workload, call, kind, name, crash: [], calls: [])
        }
        attempt([], []) {
            try workload.open()
            recover()
            while outcome.steps < plan.steps, !isEnough {
                try workload.step()
                outcome.steps += 1
                recover()
            }
            if !isEnough {
                workload.endTrouble()
                try workload.close()
                try workload.open()
                recover()
            }
        }
        return outcome
    }

    private func attempt(_ crash: [Int], _ calls: [String], _ body: () throws -> Void) {
        do {
            try body()
        } catch {
            // The first thing that goes wrong is the one to look at.
            if outcome.finding == nil {
                outcome.finding = Finding(plan: plan, crash: crash, calls: calls, what: "\(error)")
            }
            isFound = true
        }
    }

    /// A call that changes something: what would a power failure leave?
    private func meet(
        _ workload: RandomWorkload, _ call: Int, _ kind: SimulatedDisk.Call, _ name: String, crash: [Int], calls: [String]
    ) {
        guard !isEnough else { return }
        let crash = crash + [call]
        if let wanted = plan.crash { guard wanted.starts(with: crash) else { return } }
        waiting.append(
            CrashPoint(
                disk: workload.disk.survivor(seed: seed(crash)), history: workload.history, time: workload.time,
                crash: crash, calls: calls + ["crash at call \(call) (\(kind) \(name))"]))
    }

    /// What all that is random after a crash comes from.
    private func seed(_ crash: [Int]) -> UInt64 {
        crash.reduce(plan.seed) { seed, call in
            var generator = SeededGenerator(seed: seed &* 0x1_0000_01b3 &+ UInt64(call))
            return generator.next()
        }
    }

    /// Opens and checks what the crashes have left.
    private func recover() {
        while let point = waiting.popLast(), !isEnough {
            outcome.crashPoints += 1
            if point.crash.count > 1 { outcome.nestedCrashPoints += 1 }
            attempt(point.crash, point.calls) { try recover(point) }
            if point.crash == plan.crash { isFound = true }
        }
    }

    private func recover(_ point: CrashPoint) throws {
        let seed = seed(point.crash)
        var choice = SeededGenerator(seed: seed &+ 1)
        let workload = RandomWorkload(
            seed: seed &+ 2, disk: point.disk, history: point.history, time: point.time, canary: plan.canary
        ) { [unowned self] workload, call, kind, name in
            guard point.crash.count < Simulation.deepest else { return }
            // Drawn at each call, so that a replay draws the same.
            guard choice.once(in: Simulation.nestedOdds) || plan.crash != nil else { return }
            meet(workload, call, kind, name, crash: point.crash, calls: point.calls)
        }
        outcome.recoveries += 1
        try workload.open()
        switch workload.number(0...6) {
        case 0...1: try openAgain(workload)
        case 2: try rebuild(workload)
        case 3...4: try goOn(workload)
        case 5: try workload.rot()
        default: try workload.readBodies(40)
        }
    }

    /// A recovery that is killed has done nothing that the next one would not do, and the next one has nothing to do.
    private func openAgain(_ workload: RandomWorkload) throws {
        let before = workload.history.built
        workload.kill()
        let writes = workload.disk.count(.write)
        let superblock = workload.disk.contents("\(RandomWorkload.path)/\(FileNames.superblock)")
        outcome.recoveries += 1
        try workload.open()
        guard workload.history.built == before else { throw Violation("a second recovery found another commit") }
        // The superblock's slot is written once more as it was.
        guard workload.disk.count(.write) == writes + 1,
            workload.disk.contents("\(RandomWorkload.path)/\(FileNames.superblock)") == superblock
        else { throw Violation("a second recovery wrote something") }
    }

    /// The log alone gives the same account.
    private func rebuild(_ workload: RandomWorkload) throws {
        workload.kill()
        try workload.removeIndex()
        outcome.recoveries += 1
        try workload.open()
    }

    /// What was recovered is as good as a store that never crashed.
    private func goOn(_ workload: RandomWorkload) throws {
        if workload.chance(3) {
            // What is left of a torn batch may come to life behind a commit of the same size.
            try workload.transact(.durable, like: true)
            workload.kill()
            outcome.recoveries += 1
            try workload.open()
        }
        for _ in 0..<3 { try workload.step() }
        workload.endTrouble()
        try workload.close()
        outcome.recoveries += 1
        try workload.open()
    }
}
