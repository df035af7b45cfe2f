import BenchContest
import BenchReport
import MailboxEngines

// Durable appends, by one and by many at a time.

extension EngineBench {
    private static let committers = [2, 4, 8, 16, 32]
    /// Appends of one repetition by one committer; many get more, so that they are at it for about as long.
    private static let appends = 200

    func addAppendRows(to report: inout BenchReport, _ contest: Contest<EngineContestant>) throws {
        guard plan.wants("append") else { return }
        let corpus = MessageCorpus(seed: plan.seed, messageSize: EnginePlan.message)
        for contestant in contest.contestants { try contestant.engine.create(["append"]) }
        let one = try contest.row(
            "append-1", "durable append of 4 KiB", .seconds,
            limit: Limit(note: "write of as many bytes and fdatasync, in a file written before") {
                try MachineLimits.durableWrite(bytes: EnginePlan.message, count: EngineBench.appends, in: plan.folder)
            },
            goals: [.first, .shareOfLimit(0.85)]
        ) { contestant, latencies in
            let own = try EngineBench.append(corpus, to: contestant, by: 1, count: EngineBench.appends).latencies
            latencies.add(own)
            return own.median
        }
        report.rows.append(one)
        var curve = BenchReport.Curve(
            id: "append-committers", title: "durable appends of 4 KiB", xTitle: "committers", unit: .perSecond)
        // One waits for the other's end: its rate follows from what one takes.
        for (name, figure) in one.figures { curve.lines[name] = [BenchReport.Point(x: 1, y: 1 / figure.median)] }
        for count in EngineBench.committers {
            let alone = curve.lines[contest.contestants[0].name]?.first?.y
            var goals: [GoalRule] = []
            if count == 32, let alone {
                goals = [.timesAsGood(2, as: "RocksDB"), .timesAsGoodAs(8, what: "one committer", figure: alone)]
            }
            let row = try contest.row(
                "append-by-\(count)", "durable appends of 4 KiB by \(count) committers", .perSecond,
                limit: Limit(note: "one write of a message from each and fdatasync, in a file written before") {
                    let seconds = try MachineLimits.durableWrite(bytes: EnginePlan.message * count, count: 100, in: plan.folder)
                    return Double(count) / seconds
                }, goals: goals,
                note: "each appends its next message when the last one is on disk; where an engine tells that, none has a thread"
            ) { contestant, latencies in
                let run = try EngineBench.append(corpus, to: contestant, by: count, count: EngineBench.appends * min(count, 16))
                latencies.add(run.latencies)
                return run.perSecond
            }
            for (name, figure) in row.figures {
                curve.lines[name, default: []].append(BenchReport.Point(x: Double(count), y: figure.median))
            }
            if count == 32 { report.rows.append(row) }
        }
        report.curves.append(curve)
    }

    private static func append(
        _ corpus: MessageCorpus, to contestant: EngineContestant, by committers: Int, count: Int
    ) throws -> (latencies: Latencies, perSecond: Double) {
        let mailbox = try contestant.mailbox("append")
        let engine = contestant.engine
        let before = try engine.status(of: mailbox).messages
        let run = AppendRun(engine, mailbox, (0..<min(count, 512)).map(corpus.message), count: count)
        let taken: Double
        if committers > 1, let queueing = engine as? any QueueingEngine {
            taken = seconds { run.queued(by: committers, on: queueing) }
        } else {
            taken = seconds { run.waiting(committers) }
        }
        let latencies = try run.finish()
        let added = try engine.status(of: mailbox).messages - before
        try require(Int(added) == count, contestant, "\(added) messages came of \(count)")
        return (latencies, Double(count) / taken)
    }
}
