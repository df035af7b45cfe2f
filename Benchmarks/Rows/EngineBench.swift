import BenchContest
import BenchReport
import Foundation
import MailModel
import MailboxEngines

/// Puts the same work to each engine, row by row, and reports.
public struct EngineBench {
    let plan: EnginePlan
    let progress: ProgressLine
    private let types: [any MailboxEngine.Type]

    /// - Throws: `EngineError` if the build has not an engine that is asked for.
    public init(_ plan: EnginePlan, _ progress: ProgressLine) throws {
        self.plan = plan
        self.progress = progress
        types = try plan.engines.map { name in
            guard let type = Engines.all.first(where: { $0.name.lowercased() == name.lowercased() }) else {
                throw EngineError(name, "is not in this build; it has \(Engines.names.joined(separator: ", "))")
            }
            return type
        }
    }

    public func run(_ machine: BenchReport.Machine) throws -> BenchReport {
        var report = BenchReport(
            title: "engine", machine: machine,
            settings: [
                "messages": "\(plan.messages)", "mailboxes": "\(plan.mailboxes)", "repetitions": "\(plan.repetitions)",
                "seed": "\(plan.seed)",
            ],
            candidates: types.map { BenchReport.Candidate(name: $0.name, version: $0.version, setup: $0.setup) })
        try addLoadRows(to: &report)
        let contest = Contest(
            contestants: try types.map { try EngineContestant($0, folder($0.name)) }, repetitions: plan.repetitions, progress: progress)
        try addAppendRows(to: &report, contest)
        try addSynchronisationRows(to: &report, contest)
        try addReadingRows(to: &report, contest)
        try addChangeRows(to: &report, contest)
        for contestant in contest.contestants { try contestant.engine.close() }
        try addListRow(to: &report)
        return report
    }

    func folder(_ engine: String) -> String { "\(plan.folder)/\(engine)" }

    /// Makes mailboxes and fills them.
    static func fill(_ contestant: EngineContestant, _ names: [String], _ corpus: MessageCorpus, count: Int) throws {
        try contestant.engine.create(names)
        try contestant.engine.load(corpus, into: names.map { (try contestant.mailbox($0), count) })
    }

    /// An answer that is not what it must be.
    static func require(_ isRight: Bool, _ contestant: EngineContestant, _ what: @autoclosure () -> String) throws {
        guard isRight else { throw EngineError(contestant.name, "a wrong answer: \(what())") }
    }

    // MARK: What has processes of its own

    private func addLoadRows(to report: inout BenchReport) throws {
        var load = BenchReport.Row(id: "load", title: "bulk load, \(plan.messages) × 1 KiB", unit: .perSecond)
        var disk = BenchReport.Row(id: "disk", title: "on disk after it", unit: .bytes)
        var memory = BenchReport.Row(id: "memory", title: "memory at most in it, no file's", unit: .bytes)
        var resident = BenchReport.Row(id: "resident", title: "memory at most in it, mapped files too", unit: .bytes)
        var opened = BenchReport.Row(id: "open", title: "open in a new process", unit: .seconds)
        var crashed = BenchReport.Row(id: "open-crashed", title: "open after a crash, 1,000 appends behind", unit: .seconds)
        func add(_ value: Double, _ row: inout BenchReport.Row, _ name: String) {
            row.figures[name, default: BenchReport.Figure(repetitions: [])].repetitions.append(value)
        }
        // A load takes seconds: three of them tell.
        for round in 0..<(plan.wants("load") ? min(3, plan.repetitions) : 1) {
            for type in types {
                progress.show("\(load.title): \(type.name), \(round + 1)")
                try? FileManager.default.removeItem(atPath: folder(type.name))
                try FileManager.default.createDirectory(atPath: folder(type.name), withIntermediateDirectories: true)
                let told = try OwnProcess.run(.load, engine: type.name, folder: folder(type.name), plan)
                add(Double(plan.messages) / told.seconds, &load, type.name)
                add(Double(told.anonymous), &memory, type.name)
                add(Double(told.resident), &resident, type.name)
                add(Double(EngineBench.bytesOnDisk(folder(type.name))), &disk, type.name)
            }
        }
        for round in 0..<(plan.wants("open") ? plan.repetitions : 0) {
            for type in types {
                progress.show("\(opened.title): \(type.name), \(round + 1)")
                add(try OwnProcess.run(.open, engine: type.name, folder: folder(type.name), plan).seconds, &opened, type.name)
            }
        }
        for round in 0..<(plan.wants("open") ? min(3, plan.repetitions) : 0) {
            for type in types {
                progress.show("\(crashed.title): \(type.name), \(round + 1)")
                _ = try OwnProcess.run(.crash, engine: type.name, folder: folder(type.name), plan)
                add(try OwnProcess.run(.open, engine: type.name, folder: folder(type.name), plan).seconds, &crashed, type.name)
            }
        }
        let corpus = MessageCorpus(seed: plan.seed, messageSize: EnginePlan.smallMessage)
        load.limit = 1 / MachineLimits.compress(corpus.message(0))
        load.limitNote = "LZ4 of each message on one core"
        let first = types[0].name
        load.goals = [GoalRule.first.judge(load, first: first)]
        disk.goals = [GoalRule.first.judge(disk, first: first)]
        opened.goals = [GoalRule.atMost(0.0003, text: "≤ 0.3 ms").judge(opened, first: first)]
        if plan.wants("load") { report.rows += [load, disk, memory, resident] }
        if plan.wants("open") { report.rows += [opened, crashed] }
    }

    private static func bytesOnDisk(_ folder: String) -> Int {
        var sum = 0
        let files = FileManager.default.enumerator(atPath: folder)
        while let name = files?.nextObject() as? String {
            var status = stat()
            if stat("\(folder)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG { sum += Int(status.st_blocks) * 512 }
        }
        return sum
    }

    // MARK: Many mailboxes

    private static let messagesOfEach = 3

    private func addListRow(to report: inout BenchReport) throws {
        guard plan.wants("list-status") else { return }
        let corpus = MessageCorpus(seed: plan.seed, messageSize: 512)
        // Chats, and sessions of each below it. None stands below a name that is no mailbox: Varve would make one of it.
        let names = (0..<plan.mailboxes).map { $0 % 10 == 0 ? "chat \($0 / 10)" : "chat \($0 / 10)/session \($0 % 10)" }
        let contestants = try types.map { type in
            let folder = folder(type.name + "-many")
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let contestant = try EngineContestant(type, folder)
            progress.show("\(plan.mailboxes) mailboxes: \(type.name)")
            try EngineBench.fill(contestant, names, corpus, count: EngineBench.messagesOfEach)
            return contestant
        }
        let contest = Contest(contestants: contestants, repetitions: plan.repetitions, progress: progress)
        report.rows.append(
            try contest.row(
                "list-status", "LIST-STATUS of \(plan.mailboxes) mailboxes", .seconds,
                limit: Limit(note: "a copy of 64 bytes for each") { MachineLimits.copy(bytes: 64 * plan.mailboxes) },
                goals: [.timesAsGood(1 / 1.5, as: "LMDB")]
            ) { contestant, latencies in
                var own = Latencies()
                for _ in 0..<20 {
                    let digest = try own.measure { try contestant.engine.list() }
                    // Varve has an INBOX beside them, which is empty.
                    let messages = UInt64(names.count * EngineBench.messagesOfEach)
                    try EngineBench.require(
                        (0...1).contains(digest.count - names.count) && digest.messages == messages && digest.unseen == messages, contestant,
                        "\(digest)")
                }
                latencies.add(own)
                return own.median
            })
        for contestant in contestants { try contestant.engine.close() }
    }
}
