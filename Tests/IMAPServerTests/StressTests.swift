import IMAPStress
import Testing

@testable import VarveAccounts

/// Clients that change mailboxes at random over the wire, synchronise by QRESYNC, by CONDSTORE or by NOOP and IDLE alone,
/// break off and come back: what each believes is what the server holds.
@Suite(.serialized) struct StressTests {
    /// A server that runs. Clients come back hundreds of times, and what a password costs is no matter here.
    private func started() async throws -> TestServer {
        let server = try TestServer()
        let cost = ScryptCost(logN: 10, blockSize: 1, parallelism: 1)
        try AccountDirectory(server.path, create: false, cost: cost).setPassword("alice", Array("alice".utf8))
        try await server.start()
        return server
    }

    private func plan(_ server: TestServer, seed: UInt64, rounds: Int) -> StressPlan {
        var plan = StressPlan()
        plan.port = server.port
        plan.user = "alice"
        plan.password = "alice"
        plan.seed = seed
        plan.rounds = rounds
        return plan
    }

    private func run(_ plan: StressPlan) async throws -> StressReport? {
        // Should the server trap or hang, this is what the output ends with.
        print("stress: seed \(plan.seed), \(plan.rounds) rounds\(plan.isLockstep ? ", lockstep" : "")")
        do {
            return try await Stress(plan).run()
        } catch {
            Issue.record("\(error)")
            return nil
        }
    }

    /// One action at a time: what the server holds is known, and a seed makes the same run each time.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64]) func lockstep(_ seed: UInt64) async throws {
        let server = try await started()
        var plan = plan(server, seed: seed, rounds: 250)
        plan.isLockstep = true
        if let report = try await run(plan) {
            #expect(report.rounds == plan.rounds && report.comparisons > plan.rounds)
            #expect(report.reconnections > plan.rounds / 4)
            #expect(report.sessions.count == 3, "not all ways to synchronise were tried: \(report.sessions)")
        }
        try await server.stop()
    }

    /// All at once; they stand still now and then, and all must agree.
    @Test(arguments: [101, 102] as [UInt64]) func concurrent(_ seed: UInt64) async throws {
        let server = try await started()
        var plan = plan(server, seed: seed, rounds: 100)
        plan.sessions = 9
        if let report = try await run(plan) { #expect(report.rounds == plan.rounds && report.comparisons > 60) }
        try await server.stop()
    }

    /// What a lying server says is found out.
    @Test(arguments: StressPlan.Canary.allCases) func lyingServer(_ canary: StressPlan.Canary) async throws {
        let server = try await started()
        var plan = plan(server, seed: 1, rounds: 100)
        plan.isLockstep = true
        plan.canary = canary
        do {
            let report = try await Stress(plan).run()
            Issue.record("\(canary) is believed: \(report)")
        } catch let violation as Violation {
            print("\(canary) is found out in round \(violation.round): \(violation.what)")
        }
        try await server.stop()
    }

    /// The same seed, the same run: what was found is found again.
    @Test func aRunRepeats() async throws {
        var reports: [StressReport] = []
        for _ in 0..<2 {
            let server = try await started()
            var plan = plan(server, seed: 7, rounds: 30)
            plan.isLockstep = true
            if let report = try await run(plan) { reports.append(report) }
            try await server.stop()
        }
        #expect(reports.count == 2 && reports.first == reports.last)
    }
}
