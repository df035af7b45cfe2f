import IMAPClient
import TestSupport

/// A run: sessions that change mailboxes of one user at random, and hold the server to what it tells them.
public struct Stress: Sendable {
    private let plan: StressPlan
    private let progress: @Sendable (Int) -> Void

    /// - Parameter progress: is told the rounds that are done.
    public init(_ plan: StressPlan, progress: @escaping @Sendable (Int) -> Void = { _ in }) {
        self.plan = plan
        self.progress = progress
    }

    /// - Throws: `Violation`; `ConnectionError` and the like where there is no server.
    public func run() async throws -> StressReport {
        let world = World(plan)
        let referee = try await blaming("referee", round: 0, nil) { try await Referee(plan) }
        try await blaming("referee", round: 0, referee.transcript) { try await referee.prepare(world) }
        let kinds = try kinds(referee)
        let sessions = (0..<max(1, plan.sessions)).map { StressSession($0, kinds[$0 % kinds.count], world) }
        for session in sessions { world.count { $0.sessions[session.kind.rawValue, default: 0] += 1 } }
        var random = SeededGenerator(seed: plan.seed)
        var round = 0
        while round < plan.rounds {
            let end = min(plan.rounds, round + max(1, plan.roundsBetweenChecks))
            if plan.isLockstep {
                for number in round..<end {
                    for _ in sessions {
                        let session = sessions[Int.random(in: 0..<sessions.count, using: &random)]
                        try await blaming(session, number) { try await session.step() }
                    }
                }
            } else {
                let span = round..<end
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for session in sessions {
                        group.addTask {
                            for number in span { try await blaming(session, number) { try await session.step() } }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            round = end
            try await settle(referee, sessions, world, round)
            world.count { $0.rounds = round }
            progress(round)
        }
        for session in sessions { await session.drop() }
        await referee.close()
        return world.report
    }

    private func settle(_ referee: Referee, _ sessions: [StressSession], _ world: World, _ round: Int) async throws {
        let truths = try await blaming("referee", round: round, referee.transcript) {
            var truths: [Int: Replica] = [:]
            for lease in world.mailboxes { truths[lease.id] = try await referee.examine(lease, world) }
            return truths
        }
        for session in sessions { try await blaming(session, round) { try await session.settle(truths) } }
    }

    private func kinds(_ referee: Referee) throws -> [StressSession.Kind] {
        var kinds: [StressSession.Kind] = [.plain]
        if referee.has("CONDSTORE") || referee.has("QRESYNC") { kinds.insert(.condstore, at: 0) }
        if referee.has("QRESYNC") { kinds.insert(.qresync, at: 0) }
        return kinds
    }

    // MARK: Who saw what is wrong

    private func blaming<Result: Sendable>(
        _ session: StressSession, _ round: Int, _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        try await blaming(session.name, round: round, session.transcript, body)
    }

    private func blaming<Result: Sendable>(
        _ name: String, round: Int, _ transcript: Transcript?, _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        do {
            return try await body()
        } catch let error as CancellationError {
            throw error
        } catch {
            if transcript == nil, !(error is Broken) { throw error }
            throw Violation(
                seed: plan.seed, round: round, session: name, what: "\(error)", transcript: transcript?.text ?? [])
        }
    }
}
