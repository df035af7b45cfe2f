import BenchContest
import BenchReport
import TestSupport

// Flags, expunges, and what those who synchronise are told of them.

extension LoadBench {
    private static let changedSingly = 100
    /// Messages of the mailbox half of which is expunged, at most.
    private static let halved = 10_000

    func addChangeRows(to report: inout BenchReport, _ contest: Contest<LoadContestant>) throws {
        if plan.wants("store-one") { report.rows.append(try storeOneRow(contest)) }
        if plan.wants("store-all") { report.rows.append(try storeAllRow(contest)) }
        if plan.wants("expunge") { report.rows.append(try expungeRow(contest)) }
    }

    private func storeOneRow(_ contest: Contest<LoadContestant>) throws -> BenchReport.Row {
        try contest.row(
            "store-one", "UID STORE of one flag in \(plan.messages)", .seconds, limit: exchange(), goals: [.first]
        ) { contestant, latencies in
            try contestant.connection.command("SELECT \(contestant.quoted(LoadBench.large))")
            let step = max(1, plan.messages / LoadBench.changedSingly)
            let uids = (0..<LoadBench.changedSingly).map { min($0 * step + 1, plan.messages) }
            // Each round takes back what the one before it did.
            let isSet = try contestant.connection.command("FETCH 1 (FLAGS)").count(of: "\\Flagged") == 0
            var own = Latencies()
            for uid in uids {
                _ = try own.measure { try contestant.connection.command("UID STORE \(uid) \(isSet ? "+" : "-")FLAGS.SILENT (\\Flagged)") }
            }
            let answer = try contestant.connection.command("UID FETCH \(uids.map(String.init).joined(separator: ",")) (FLAGS)")
            let flagged = answer.count(of: "\\Flagged")
            try contestant.require(flagged == (isSet ? Set(uids).count : 0), "\(flagged) messages are flagged")
            latencies.add(own)
            return own.median
        }
    }

    private func storeAllRow(_ contest: Contest<LoadContestant>) throws -> BenchReport.Row {
        try contest.row(
            "store-all", "STORE of one flag on all of \(plan.messages)", .seconds, limit: exchange(), goals: [.first]
        ) { contestant, latencies in
            try contestant.connection.command("SELECT \(contestant.quoted(LoadBench.large))")
            let isSet = try contestant.connection.command("FETCH 1 (FLAGS)").count(of: "\\Answered") == 0
            _ = try latencies.measure { try contestant.connection.command("STORE 1:* \(isSet ? "+" : "-")FLAGS.SILENT (\\Answered)") }
            let answered = try contestant.connection.command("FETCH 1:* (FLAGS)").count(of: "\\Answered")
            try contestant.require(answered == (isSet ? plan.messages : 0), "\(answered) messages are answered")
            return latencies.median
        }
    }

    private func expungeRow(_ contest: Contest<LoadContestant>) throws -> BenchReport.Row {
        let count = min(LoadBench.halved, plan.messages)
        return try contest.row(
            "expunge", "EXPUNGE of every second of \(count)", .seconds, limit: exchange(), goals: [.first]
        ) { contestant, latencies in
            try contestant.fill("halved", count, small.message)
            try contestant.connection.command("SELECT \(contestant.quoted("halved"))")
            let odd = stride(from: 1, through: count, by: 2).map(String.init)
            for from in stride(from: 0, to: odd.count, by: 500) {
                let some = odd[from..<min(from + 500, odd.count)].joined(separator: ",")
                try contestant.connection.command("UID STORE \(some) +FLAGS.SILENT (\\Deleted)")
            }
            let answer = try latencies.measure { try contestant.connection.command("EXPUNGE") }
            try contestant.require(
                answer.count(of: " EXPUNGE\r\n") == odd.count, "\(answer.count(of: " EXPUNGE\r\n")) of \(odd.count) expunges are told")
            let left = try contestant.connection.command("UID SEARCH ALL").text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
            try contestant.require(left.count == count - odd.count && left.allSatisfy { $0 % 2 == 0 }, "\(left.count) messages are left")
            try contestant.connection.command("CLOSE")
            try contestant.connection.command("DELETE \(contestant.quoted("halved"))")
            return latencies.median
        }
    }

    // MARK: Synchronisation

    func addSynchronisationRows(to report: inout BenchReport, _ contest: Contest<LoadContestant>) throws {
        guard plan.wants("changedsince") || plan.wants("qresync") else { return }
        var known: [String: (connection: LoadConnection, validity: Int, modSeq: Int)] = [:]
        let step = plan.messages / LoadPlan.changes
        let changed = (0..<LoadPlan.changes).map { $0 * step + 1 }
        // Some vanish that are fetched by number elsewhere: in a mailbox of its own, then.
        for contestant in contest.contestants where contestant.connection.supports("CONDSTORE") {
            progress.show("\(LoadPlan.changes) changes in \(plan.messages): \(contestant.name)")
            try contestant.fill("changed", plan.messages, small.message)
            // One of its own: QRESYNC changes how expunges are told, for good.
            let connection = try LoadConnection(contestant.server)
            if connection.supports("QRESYNC") { try connection.command("ENABLE QRESYNC") }
            let selected = try connection.command("SELECT \(contestant.quoted("changed")) (CONDSTORE)")
            guard let modSeq = selected.number(behind: "HIGHESTMODSEQ "), let validity = selected.number(behind: "UIDVALIDITY ") else { continue }
            known[contestant.name] = (connection, validity, modSeq)
            for uid in changed { try connection.command("UID STORE \(uid) +FLAGS.SILENT (\\Flagged)") }
            let gone = changed.map { "\($0 + 1)" }.joined(separator: ",")
            try connection.command("UID STORE \(gone) +FLAGS.SILENT (\\Deleted)")
            try connection.command("EXPUNGE")
        }
        if plan.wants("changedsince") {
            report.rows.append(
                try contest.row(
                    "changedsince", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE), \(LoadPlan.changes) in \(plan.messages)", .seconds,
                    limit: exchange(), goals: [.first]
                ) { contestant, latencies in
                    guard let (connection, _, modSeq) = known[contestant.name] else { return nil }
                    try connection.command("SELECT \(contestant.quoted("changed"))")
                    var own = Latencies()
                    for _ in 0..<20 {
                        let answer = try own.measure { try connection.command("UID FETCH 1:* (FLAGS) (CHANGEDSINCE \(modSeq))") }
                        try contestant.require(answer.numbers(behind: "UID ").sorted() == changed, "\(answer.numbers(behind: "UID ").count) changes")
                    }
                    latencies.add(own)
                    return own.median
                })
        }
        if plan.wants("qresync") {
            report.rows.append(
                try contest.row(
                    "qresync", "SELECT (QRESYNC), \(LoadPlan.changes) changed and \(LoadPlan.changes) vanished in \(plan.messages)", .seconds,
                    limit: exchange(), goals: [.first]
                ) { contestant, latencies in
                    guard let (connection, validity, modSeq) = known[contestant.name], connection.supports("QRESYNC") else { return nil }
                    var own = Latencies()
                    for _ in 0..<20 {
                        _ = try connection.attempt("UNSELECT")
                        let answer = try own.measure {
                            try connection.command("SELECT \(contestant.quoted("changed")) (QRESYNC (\(validity) \(modSeq)))")
                        }
                        try contestant.require(answer.vanished == Set(changed.map { $0 + 1 }), "vanished: \(answer.vanished.count)")
                        try contestant.require(answer.count(of: " FETCH (") == changed.count, "\(answer.count(of: " FETCH (")) changes")
                    }
                    latencies.add(own)
                    return own.median
                })
        }
    }
}
