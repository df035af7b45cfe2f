import BenchContest
import BenchReport
import MailModel
import MailboxEngines

// What changed and what vanished since a modseq, in mailboxes of several sizes.

extension EngineBench {
    /// Polls of one repetition.
    private static let polls = 200

    func addSynchronisationRows(to report: inout BenchReport, _ contest: Contest<EngineContestant>) throws {
        guard plan.wants("changed") || plan.wants("vanished") || plan.wants("both") else { return }
        let sizes = [10_000, 100_000].filter { $0 < plan.messages } + [plan.messages]
        let corpus = MessageCorpus(seed: plan.seed, messageSize: 512)
        var since: [String: [UInt64]] = [:]
        for contestant in contest.contestants {
            for size in sizes {
                progress.show("100 changes and expunges in \(size): \(contestant.name)")
                if size != plan.messages { try EngineBench.fill(contestant, ["sync \(size)"], corpus, count: size) }
                since[contestant.name, default: []].append(try EngineBench.change(contestant, EngineBench.name(size, plan), size))
            }
        }
        for (id, title) in [("changed", "changed-since"), ("vanished", "vanished-since"), ("both", "changed- and vanished-since")]
        where plan.wants(id) {
            var curve = BenchReport.Curve(
                id: id, title: "\(title), \(EnginePlan.changes) changes", xTitle: "messages in the mailbox", unit: .seconds)
            for (index, size) in sizes.enumerated() {
                var goals: [GoalRule] = []
                if size == plan.messages {
                    if id == "changed" { goals.append(.timesAsGood(1, as: "LMDB")) }
                    if id == "vanished" { goals.append(.timesAsGood(1 / 1.5, as: "LMDB")) }
                    if let small = curve.lines[contest.contestants[0].name]?.first, index > 0 {
                        goals.append(.timesAsGoodAs(1 / 1.3, what: "with \(Int(small.x)) messages", figure: small.y))
                    }
                }
                let row = try contest.row(
                    "\(id)-\(size)", "\(title), \(EnginePlan.changes) in \(size)", .seconds, goals: goals
                ) { contestant, latencies in
                    var own = Latencies()
                    try EngineBench.poll(
                        contestant, EngineBench.name(size, plan), size, since: since[contestant.name]![index],
                        changed: id != "vanished", vanished: id != "changed", &own)
                    latencies.add(own)
                    return own.median
                }
                for (name, figure) in row.figures {
                    curve.lines[name, default: []].append(BenchReport.Point(x: Double(size), y: figure.median))
                }
                report.rows.append(row)
            }
            report.curves.append(curve)
        }
    }

    private static func name(_ size: Int, _ plan: EnginePlan) -> String {
        size == plan.messages ? OwnProcess.mailbox : "sync \(size)"
    }

    /// The UIDs that are changed, all over the mailbox; those that vanish come behind each.
    private static func scattered(_ size: Int) -> [UInt32] {
        (0..<EnginePlan.changes).map { UInt32($0 * (size / EnginePlan.changes) + 3) }
    }

    /// Each change is a transaction of its own. - Returns: the modseq before them.
    private static func change(_ contestant: EngineContestant, _ name: String, _ size: Int) throws -> UInt64 {
        let mailbox = try contestant.mailbox(name)
        let before = try contestant.engine.status(of: mailbox).highestModSeq
        for uid in scattered(size) {
            try contestant.engine.change(.answered, isSet: true, of: UIDSet(UID(uid)), in: mailbox)
            try contestant.engine.expunge(UIDSet(UID(uid + 2)), in: mailbox)
        }
        return before
    }

    private static func poll(
        _ contestant: EngineContestant, _ name: String, _ size: Int, since modSeq: UInt64, changed: Bool, vanished: Bool,
        _ latencies: inout Latencies
    ) throws {
        let mailbox = try contestant.mailbox(name)
        let engine = contestant.engine
        var changes: [Change] = []
        var ranges: [UIDRange] = []
        for _ in 0..<polls {
            changes.removeAll(keepingCapacity: true)
            ranges.removeAll(keepingCapacity: true)
            try latencies.measure {
                if changed { try engine.changed(in: mailbox, since: modSeq, into: &changes) }
                if vanished { try engine.vanished(in: mailbox, since: modSeq, into: &ranges) }
            }
        }
        let uids = scattered(size)
        try require(
            !changed || changes.map(\.uid).sorted() == uids && changes.allSatisfy { $0.flags == SystemFlags.answered.rawValue },
            contestant, "changed: \(changes)")
        try require(
            !vanished || UIDSet(ranges) == UIDSet(uids.lazy.map { UID($0 + 2) }), contestant, "vanished: \(ranges)")
    }
}
