import BenchContest
import BenchReport
import TestSupport

// Reading: flags, envelopes, bodies, searches.

extension LoadBench {
    private static let fetches = 200
    /// Envelopes that a client asks for at a time.
    private static let envelopes = 500

    func addFetchRows(to report: inout BenchReport, _ contest: Contest<LoadContestant>) throws {
        if plan.wants("flags") { report.rows.append(try flagsRow(contest)) }
        if plan.wants("envelopes") { report.rows.append(try envelopesRow(contest)) }
        if plan.wants("body") { report.rows += try bodyRows(contest) }
        if plan.wants("search") { report.rows += try searchRows(contest) }
    }

    private func flagsRow(_ contest: Contest<LoadContestant>) throws -> BenchReport.Row {
        let size = AnswerSize()
        return try contest.row(
            "fetch-flags", "FETCH 1:* (UID FLAGS) of \(plan.messages)", .seconds, limit: exchange(size),
            goals: [.first, .timesAsGood(5, as: "Dovecot")]
        ) { contestant, latencies in
            try contestant.connection.command("EXAMINE \(contestant.quoted(LoadBench.large))")
            let answer = try latencies.measure { try contestant.connection.command("FETCH 1:* (UID FLAGS)") }
            size.note(answer)
            let uids = answer.numbers(behind: "UID ")
            try contestant.require(uids.count == plan.messages && uids == uids.sorted(), "\(uids.count) messages are told")
            return latencies.median
        }
    }

    private func envelopesRow(_ contest: Contest<LoadContestant>) throws -> BenchReport.Row {
        let count = min(LoadBench.envelopes, plan.messages)
        let size = AnswerSize()
        return try contest.row(
            "fetch-envelopes", "FETCH of \(count) envelopes, sizes and dates", .seconds, limit: exchange(size), goals: [.first]
        ) { contestant, latencies in
            try contestant.connection.command("EXAMINE \(contestant.quoted(LoadBench.large))")
            let last = plan.messages
            let command = "FETCH \(last - count + 1):\(last) (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"
            let answer = try latencies.measure { try contestant.connection.command(command) }
            size.note(answer)
            try contestant.require(answer.count(of: "ENVELOPE (") == count, "\(answer.count(of: "ENVELOPE (")) envelopes")
            try contestant.require(answer.numbers(behind: "RFC822.SIZE ").allSatisfy { $0 == LoadPlan.smallMessage },
                "sizes \(Set(answer.numbers(behind: "RFC822.SIZE ")))")
            return latencies.median
        }
    }

    private func bodyRows(_ contest: Contest<LoadContestant>) throws -> [BenchReport.Row] {
        let one = try contest.row(
            "fetch-body", "UID FETCH of a body of 1 KiB", .seconds, limit: exchange(), goals: [.first]
        ) { contestant, latencies in
            try contestant.connection.command("EXAMINE \(contestant.quoted(LoadBench.large))")
            var random = SeededGenerator(seed: plan.seed)
            var own = Latencies()
            for _ in 0..<LoadBench.fetches {
                let uid = Int.random(in: 1...plan.messages, using: &random)
                let answer = try own.measure { try contestant.connection.command("UID FETCH \(uid) (BODY.PEEK[])") }
                try contestant.require(answer.literal.elementsEqual(small.message(uid - 1)), "the body of UID \(uid)")
            }
            latencies.add(own)
            return own.median
        }
        let many = try contest.row(
            "fetch-body-many", "UID FETCH of bodies of 1 KiB by \(plan.connections) clients", .perSecond, goals: [.first]
        ) { contestant, _ in
            let (messages, seed) = (plan.messages, plan.seed)
            let taken = try contestant.together(plan.connections) { number, connection in
                try connection.command("EXAMINE \(contestant.quoted(LoadBench.large))")
                var random = SeededGenerator(seed: seed + UInt64(number))
                for _ in 0..<LoadBench.fetches {
                    let answer = try connection.command("UID FETCH \(Int.random(in: 1...messages, using: &random)) (BODY.PEEK[])")
                    try contestant.require(answer.literal.count == LoadPlan.smallMessage, "a body of \(answer.literal.count) bytes")
                }
            }
            return Double(plan.connections * LoadBench.fetches) / taken
        }
        return [one, many]
    }

    private func searchRows(_ contest: Contest<LoadContestant>) throws -> [BenchReport.Row] {
        var expected: Int?
        return try [
            ("search-flags", "UID SEARCH UNSEEN SMALLER 100000 of \(plan.messages)", "UID SEARCH UNSEEN SMALLER 100000"),
            ("search-subject", "UID SEARCH SUBJECT of \(plan.messages)", "UID SEARCH SUBJECT \"drelo\""),
        ].map { id, title, command in
            expected = id == "search-flags" ? plan.messages : nil
            return try contest.row(id, title, .seconds, limit: exchange(), goals: [.first]) { contestant, latencies in
                try contestant.connection.command("EXAMINE \(contestant.quoted(LoadBench.large))")
                let answer = try latencies.measure { try contestant.connection.command(command) }
                let found = max(0, answer.text.split(whereSeparator: \.isWhitespace).count - 2)
                // All servers find the same.
                try contestant.require(found == expected ?? found, "\(found) messages are found")
                expected = found
                return latencies.median
            }
        }
    }
}
