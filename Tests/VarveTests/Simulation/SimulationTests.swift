import Testing
import VarveSimulation

/// Random work on a simulated disk, crashed at each call: 10,000 crash points in all. More of them, and one alone, with
/// `swift run simulate`; a violation prints the line.
@Suite struct SimulationTests {
    private static let crashesEach = 500

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func whatIsAcknowledgedSurvives(seed: UInt64) {
        let outcome = Simulation(Simulation.Plan(seed: seed, steps: 1000, crashes: SimulationTests.crashesEach)).run()
        if let finding = outcome.finding {
            Issue.record("\(finding)")
            return
        }
        #expect(outcome.crashPoints == SimulationTests.crashesEach, "seed \(seed)")
        #expect(outcome.nestedCrashPoints > 50 && outcome.calls > 100, "seed \(seed): \(outcome)")
        print("simulation, seed \(seed): \(outcome.crashPoints) crash points, \(outcome.recoveries) recoveries")
    }

    /// What is broken on purpose is found, and its command finds it again.
    @Test(arguments: Canary.allCases) func aBrokenPromiseIsFound(canary: Canary) throws {
        var finding: Simulation.Finding?
        var tried = 0
        for seed in 1...40 as ClosedRange<UInt64> where finding == nil {
            let outcome = Simulation(Simulation.Plan(seed: seed, steps: 100, crashes: 1000, canary: canary)).run()
            tried += outcome.crashPoints
            finding = outcome.finding
        }
        let found = try #require(finding, "\(canary) was not found in \(tried) crash points")
        var plan = found.plan
        plan.crash = found.crash
        let again = Simulation(plan).run()
        #expect(again.finding?.what == found.what && again.crashPoints == found.crash.count, "\(found)")
        print("simulation, \(canary): found in \(tried) crash points")
    }
}
