import BenchContest
import BenchReport
import MailModel
import MailboxEngines

// Durable changes of flags, and expunges.

extension EngineBench {
    /// Messages of the mailbox half of which is expunged.
    private static let halved = 100_000
    /// Messages that are changed one by one in a round.
    private static let changedSingly = 150

    func addChangeRows(to report: inout BenchReport, _ contest: Contest<EngineContestant>) throws {
        if plan.wants("store-one") { report.rows.append(try storeOneRow(contest)) }
        if plan.wants("store-all") { report.rows.append(try storeAllRow(contest)) }
        if plan.wants("expunge") { report.rows.append(try expungeRow(contest)) }
    }

    private func storeOneRow(_ contest: Contest<EngineContestant>) throws -> BenchReport.Row {
        var rounds: [String: Int] = [:]
        return try contest.row(
            "store-one", "durable flag change of one in \(plan.messages)", .seconds,
            limit: Limit(note: "write of 128 bytes and fdatasync, in a file written before") {
                try MachineLimits.durableWrite(bytes: 128, count: EngineBench.changedSingly, in: plan.folder)
            }, goals: [.first]
        ) { contestant, latencies in
            let mailbox = try contestant.mailbox(OwnProcess.mailbox)
            var own = Latencies()
            let before = try contestant.engine.status(of: mailbox).highestModSeq
            let round = rounds[contestant.name, default: 0]
            rounds[contestant.name] = round + 1
            // Some have vanished in other rows: those would not change.
            var gone: [UIDRange] = []
            try contestant.engine.vanished(in: mailbox, since: 0, into: &gone)
            let step = plan.messages / EngineBench.changedSingly
            let uids = (0..<EngineBench.changedSingly).map { UID(UInt32($0 * step + 1)) }.filter { uid in
                !gone.contains { $0.contains(uid) }
            }
            for uid in uids {
                try own.measure { try contestant.engine.change(.draft, isSet: round % 2 == 0, of: UIDSet(uid), in: mailbox) }
            }
            var changes: [Change] = []
            try contestant.engine.changed(in: mailbox, since: before, into: &changes)
            try EngineBench.require(changes.map { UID($0.uid) }.sorted() == uids, contestant, "\(changes)")
            latencies.add(own)
            return own.median
        }
    }

    private func storeAllRow(_ contest: Contest<EngineContestant>) throws -> BenchReport.Row {
        var isSet: [String: Bool] = [:]
        return try contest.row(
            "store-all", "durable flag change of all \(plan.messages)", .seconds,
            limit: Limit(note: "a copy of 64 bytes for each") { MachineLimits.copy(bytes: 64 * plan.messages) },
            goals: [.timesAsGood(5, as: "LMDB")]
        ) { contestant, latencies in
            let mailbox = try contestant.mailbox(OwnProcess.mailbox)
            let next = !(isSet[contestant.name] ?? false)
            isSet[contestant.name] = next
            let before = try contestant.engine.status(of: mailbox)
            try latencies.measure {
                try contestant.engine.change(.seen, isSet: next, of: UIDSet(UIDRange(.min, .max)), in: mailbox)
            }
            let after = try contestant.engine.status(of: mailbox)
            try EngineBench.require(
                after.unseen == (next ? 0 : before.messages) && after.highestModSeq > before.highestModSeq, contestant, "\(after)")
            return latencies.median
        }
    }

    private func expungeRow(_ contest: Contest<EngineContestant>) throws -> BenchReport.Row {
        let corpus = MessageCorpus(seed: plan.seed, messageSize: 512)
        let count = min(EngineBench.halved, plan.messages)
        let half = UIDSet(stride(from: 2, through: UInt32(count), by: 2).lazy.map { UID($0) })
        var round: [String: Int] = [:]
        return try contest.row(
            "expunge", "expunge of every second of \(count)", .seconds, goals: [.timesAsGood(5, as: "LMDB")]
        ) { contestant, latencies in
            round[contestant.name, default: 0] += 1
            let name = "expunge \(round[contestant.name]!)"
            try EngineBench.fill(contestant, [name], corpus, count: count)
            let mailbox = try contestant.mailbox(name)
            try latencies.measure { try contestant.engine.expunge(half, in: mailbox) }
            var ranges: [UIDRange] = []
            try contestant.engine.vanished(in: mailbox, since: 0, into: &ranges)
            try EngineBench.require(
                UIDSet(ranges) == half && Int(try contestant.engine.status(of: mailbox).messages) == count - half.count, contestant,
                "\(ranges.count) ranges")
            return latencies.median
        }
    }
}
