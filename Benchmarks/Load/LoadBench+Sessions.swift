import BenchContest
import BenchReport
import Foundation
import TestSupport

// Many sessions: those that wait, those that do all sorts of things, and what they take of the memory.

extension LoadBench {
    private static let wakes = 10
    /// Nanoseconds.
    private static let patience: UInt64 = 5_000_000_000
    private static let mixedSteps = 100

    func addManySessionRows(to report: inout BenchReport, _ contest: Contest<LoadContestant>) throws {
        if plan.wants("idle") { report.rows.append(try idleRow(contest)) }
        if plan.wants("mixed") { report.rows.append(try mixedRow(contest)) }
    }

    private func idleRow(_ contest: Contest<LoadContestant>) throws -> BenchReport.Row {
        for contestant in contest.contestants { try contestant.connection.command("CREATE \(contestant.quoted("heard"))") }
        return try contest.row(
            "idle", "from an APPEND's begin until \(plan.idlers) idling sessions know", .seconds, goals: [.first]
        ) { contestant, latencies in
            guard contestant.connection.supports("IDLE") else { return nil }
            _ = try contestant.connection.attempt("UNSELECT")
            let idlers = try (0..<plan.idlers).map { _ in
                let idler = try LoadConnection(contestant.server)
                try idler.command("SELECT \(contestant.quoted("heard"))")
                try idler.idle()
                return idler
            }
            var own = Latencies()
            let start = now()
            // Who lets its clients wait for a minute is not asked ten times.
            for number in 0..<LoadBench.wakes where number == 0 || now() - start < LoadBench.patience {
                try own.measure {
                    try contestant.connection.append([small.message(number)], to: contestant.mailbox("heard"))
                    for idler in idlers { try idler.hearOfMessages() }
                }
            }
            for idler in idlers { try idler.stopIdling() }
            latencies.add(own)
            return own.median
        }
    }

    private func mixedRow(_ contest: Contest<LoadContestant>) throws -> BenchReport.Row {
        for contestant in contest.contestants { try contestant.connection.command("CREATE \(contestant.quoted("mixed"))") }
        var round: UInt64 = 0
        return try contest.row(
            "mixed", "of 10 steps 5 fetches, 2 flags, 2 appends, 1 NOOP, by \(plan.connections) clients", .perSecond, goals: [.first]
        ) { contestant, _ in
            round += 1
            let (messages, seed, small) = (plan.messages, plan.seed &+ round, small)
            let before = try contestant.status("mixed", "MESSAGES")
            let connections = plan.connections
            let taken = try contestant.together(connections) { number, connection in
                try connection.command("SELECT \(contestant.quoted(LoadBench.large))")
                var random = SeededGenerator(seed: seed &* 1000 &+ UInt64(number))
                for step in 0..<LoadBench.mixedSteps {
                    let uid = Int.random(in: 1...messages, using: &random)
                    switch step % 10 {
                    case 0..<5:
                        let answer = try connection.command("UID FETCH \(uid) (FLAGS BODY.PEEK[])")
                        try contestant.require(answer.literal.count == LoadPlan.smallMessage, "a body of \(answer.literal.count) bytes")
                    case 5..<7:
                        try connection.command("UID STORE \(uid) \(Bool.random(using: &random) ? "+" : "-")FLAGS.SILENT (\\Flagged)")
                    case 7..<9: try connection.append([small.message(step)], to: contestant.mailbox("mixed"))
                    default: try connection.command("NOOP")
                    }
                }
            }
            let added = try contestant.status("mixed", "MESSAGES") - before
            try contestant.require(added == connections * LoadBench.mixedSteps / 5, "\(added) messages were appended")
            return Double(connections * LoadBench.mixedSteps) / taken
        }
    }

    func addMemoryRow(to report: inout BenchReport, _ contestants: [LoadContestant]) throws {
        var row = BenchReport.Row(
            id: "memory", title: "memory of a session that idles on \(plan.messages) messages", unit: .bytes)
        row.note = "proportional set sizes of the server's processes with \(plan.idlers) such sessions more, once"
        for contestant in contestants {
            guard let process = contestant.server.process else { continue }
            progress.show("\(row.title): \(contestant.name)")
            func session() throws -> LoadConnection {
                let idler = try LoadConnection(contestant.server)
                try idler.command("SELECT \(contestant.quoted(LoadBench.large))")
                if idler.supports("IDLE") { try idler.idle() }
                return idler
            }
            // The first one brings what all of them share.
            var idlers = [try session()]
            let before = try ServerMemory.bytes(of: process, contestant.name)
            for _ in 0..<plan.idlers { idlers.append(try session()) }
            let after = try ServerMemory.bytes(of: process, contestant.name)
            for idler in idlers where idler.supports("IDLE") { try idler.stopIdling() }
            // Less than nothing is what a server shows that has memory left.
            row.figures[contestant.name] = BenchReport.Figure(repetitions: [max(0, Double(after - before) / Double(plan.idlers))])
        }
        guard !row.figures.isEmpty else { return }
        row.goals = [GoalRule.timesAsGood(20, as: "Dovecot").judge(row, first: contestants[0].name)]
        report.rows.append(row)
    }
}
