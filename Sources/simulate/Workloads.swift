import Foundation
import VarveSimulation

/// Workloads from one seed after the other, several at a time.
final class Workloads: @unchecked Sendable {
    /// A store of more steps is slower to recover, and finds no more.
    static let stepsEach = 100

    private let template: Simulation.Plan
    private let jobs: Int
    private let count: Int
    private let showsProgress: Bool
    private let begin = Date()

    private let lock = NSLock()
    // Guarded by `lock`.
    private var next = 0
    private var result = Result()

    /// - Parameter template: with the steps and crash points of all.
    init(_ template: Simulation.Plan, jobs: Int, showsProgress: Bool) {
        self.template = template
        self.jobs = jobs
        self.showsProgress = showsProgress
        count = template.crash == nil ? (template.steps + Workloads.stepsEach - 1) / Workloads.stepsEach : 1
    }

    struct Result: Sendable {
        var workloads = 0
        var steps = 0
        var crashPoints = 0
        var nestedCrashPoints = 0
        var recoveries = 0
        var seconds = 0.0
        var findings: [Simulation.Finding] = []
    }

    func run() -> Result {
        DispatchQueue.concurrentPerform(iterations: min(jobs, count)) { _ in
            while let plan = nextPlan() { note(Simulation(plan).run()) }
        }
        if showsProgress { write("\r\u{1B}[K") }
        result.seconds = Date().timeIntervalSince(begin)
        result.findings.sort { $0.plan.seed < $1.plan.seed }
        return result
    }

    private func nextPlan() -> Simulation.Plan? {
        lock.withLock {
            guard next < count, result.crashPoints < template.crashes else { return nil }
            var plan = template
            plan.seed += UInt64(next)
            plan.steps = min(Workloads.stepsEach, template.steps - next * Workloads.stepsEach)
            plan.crashes = template.crashes - result.crashPoints
            next += 1
            return plan
        }
    }

    private func note(_ outcome: Simulation.Outcome) {
        lock.withLock {
            result.workloads += 1
            result.steps += outcome.steps
            result.crashPoints += outcome.crashPoints
            result.nestedCrashPoints += outcome.nestedCrashPoints
            result.recoveries += outcome.recoveries
            if let finding = outcome.finding { result.findings.append(finding) }
            guard showsProgress else { return }
            let share = Double(result.workloads) / Double(count)
            let filled = Int(share * 24)
            let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: 24 - filled)
            let rate = Double(result.crashPoints) / max(0.001, Date().timeIntervalSince(begin))
            write(
                "\r[\(bar)] \(Int(share * 100)) %  \(result.crashPoints) crash points, \(Int(rate))/s, "
                    + "\(result.findings.count) violations\u{1B}[K")
        }
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

extension Workloads.Result {
    func printText(seed: UInt64) {
        for finding in findings { print(finding) }
        print(
            "seeds \(seed)...\(seed + UInt64(max(workloads, 1)) - 1): \(steps) steps, \(crashPoints) crash points "
                + "(\(nestedCrashPoints) of them in what followed another), \(recoveries) recoveries, "
                + "\(Int(Double(crashPoints) / max(0.001, seconds))) crash points/s, \(findings.count) violations")
    }

    private struct Report: Encodable {
        struct Violation: Encodable {
            let seed: UInt64
            let crash: String
            let what: String
            let again: String
        }
        let seed: UInt64
        let steps: Int
        let workloads: Int
        let crashPoints: Int
        let nestedCrashPoints: Int
        let recoveries: Int
        let seconds: Double
        let violations: [Violation]
    }

    func printJSON(seed: UInt64, steps: Int) throws {
        let report = Report(
            seed: seed, steps: self.steps, workloads: workloads, crashPoints: crashPoints,
            nestedCrashPoints: nestedCrashPoints, recoveries: recoveries, seconds: seconds,
            violations: findings.map {
                Report.Violation(
                    seed: $0.plan.seed, crash: $0.crash.map(String.init).joined(separator: "."), what: $0.what,
                    again: $0.command)
            })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(report), as: UTF8.self))
    }
}
