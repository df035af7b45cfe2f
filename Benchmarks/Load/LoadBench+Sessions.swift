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
        if plan.wants("memory"), contest.contestants.contains(where: { $0.server.process != nil }) {
            report.rows.append(try memoryRow(contest))
        }
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

    private func memoryRow(_ contest: Contest<LoadContestant>) throws -> BenchReport.Row {
        try contest.row(
            "memory", "memory of a session that idles on \(plan.messages) messages", .bytes, goals: [.timesAsGood(20, as: "Dovecot")],
            note: "proportional set sizes of the server's processes with \(plan.idlers) such sessions, less those with one"
        ) { contestant, _ in
            guard let process = contestant.server.process else { return nil }
            func session() throws -> LoadConnection {
                let idler = try LoadConnection(contestant.server)
                try idler.command("SELECT \(contestant.quoted(LoadBench.large))")
                if idler.supports("IDLE") { try idler.idle() }
                return idler
            }
            var idlers = [try session()]
            let before = try ServerMemory.bytes(of: process, contestant.name)
            for _ in 0..<plan.idlers { idlers.append(try session()) }
            let after = try ServerMemory.bytes(of: process, contestant.name)
            for idler in idlers where idler.supports("IDLE") { try idler.stopIdling() }
            return max(1, Double(after - before) / Double(plan.idlers))
        }
    }
}
