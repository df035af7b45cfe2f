import BenchReport
import Histogram
import MailboxEngines

/// An engine with the store that it works on.
final class Contestant {
    let name: String
    let engine: any MailboxEngine
    private var mailboxes: [String: MailboxKey] = [:]

    init(_ type: any MailboxEngine.Type, _ folder: String) throws {
        name = type.name
        engine = try type.open(folder)
    }

    func mailbox(_ name: String) throws -> MailboxKey {
        if let known = mailboxes[name] { return known }
        let found = try engine.mailbox(name)
        mailboxes[name] = found
        return found
    }
}

/// How long single operations took.
struct Latencies {
    private(set) var histogram = Histogram<UInt64>(highestTrackableValue: 3_600_000_000_000, numberOfSignificantValueDigits: .three)

    init() { histogram.autoResize = true }

    /// Measures one operation. - Returns: what it returns.
    mutating func measure<R>(_ body: () throws -> R) rethrows -> R {
        let start = now()
        let result = try body()
        add(now() - start)
        return result
    }

    mutating func add(_ nanoseconds: UInt64) { histogram.record(nanoseconds) }

    mutating func add(_ other: Latencies) { histogram.add(other.histogram) }

    /// Seconds.
    var median: Double { Double(histogram.median) / 1e9 }
}

/// Runs each row's work on all engines in turns, A B C A B C, so that what disturbs the machine disturbs all of them; one round more
/// before them warms up and is not counted.
struct Contest {
    let contestants: [Contestant]
    let repetitions: Int
    let progress: ProgressLine

    /// - Parameter limit: what the machine needs for the same, in the row's unit; measured in turns as well.
    /// - Parameter body: one repetition on one engine. - Returns: its figure, in the row's unit.
    func row(
        _ id: String, _ title: String, _ unit: BenchReport.Unit, limit: Limit? = nil, goals: [GoalRule] = [],
        note: String? = nil, _ body: (Contestant, inout Latencies) throws -> Double
    ) throws -> BenchReport.Row {
        var figures: [String: [Double]] = [:]
        var latencies: [String: Latencies] = [:]
        var limits: [Double] = []
        for round in -1..<repetitions {
            for contestant in contestants {
                progress.show("\(title): \(contestant.name), \(round < 0 ? "warming up" : "\(round + 1) of \(repetitions)")")
                var measured = Latencies()
                let figure = try body(contestant, &measured)
                guard round >= 0 else { continue }
                figures[contestant.name, default: []].append(figure)
                latencies[contestant.name, default: Latencies()].add(measured)
            }
            if let limit, round >= 0 { limits.append(try limit.measure()) }
        }
        var row = BenchReport.Row(id: id, title: title, unit: unit)
        for (name, values) in figures {
            row.figures[name] = BenchReport.Figure(latencies[name]?.histogram, repetitions: values)
        }
        row.limit = limits.isEmpty ? nil : BenchReport.Figure(repetitions: limits).median
        row.limitNote = limit?.note
        row.note = note
        row.goals = goals.map { $0.judge(row, first: contestants[0].name) }
        return row
    }
}

/// What the machine could do at best.
struct Limit {
    /// How it is measured.
    let note: String
    /// In the row's unit.
    let measure: () throws -> Double
}
