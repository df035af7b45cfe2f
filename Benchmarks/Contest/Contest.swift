import BenchReport
import Histogram

/// How long single operations took.
public struct Latencies: Sendable {
    public private(set) var histogram = Histogram<UInt64>(highestTrackableValue: 3_600_000_000_000, numberOfSignificantValueDigits: .three)

    public init() { histogram.autoResize = true }

    /// Measures one operation. - Returns: what it returns.
    public mutating func measure<R>(_ body: () throws -> R) rethrows -> R {
        let start = now()
        let result = try body()
        add(now() - start)
        return result
    }

    public mutating func add(_ nanoseconds: UInt64) { histogram.record(nanoseconds) }

    public mutating func add(_ other: Latencies) { histogram.add(other.histogram) }

    /// Seconds.
    public var median: Double { Double(histogram.median) / 1e9 }
}

/// Something that takes part: an engine with its store, a server.
public protocol Contestant {
    var name: String { get }
}

/// Runs each row's work on all contestants in turns, A B C A B C, so that what disturbs the machine disturbs all of them; one round more
/// before them warms up and is not counted. Who takes very long for a round has that one alone.
public struct Contest<Party: Contestant> {
    public let contestants: [Party]
    private let repetitions: Int
    private let progress: ProgressLine

    /// Seconds of a round that is not repeated.
    private static var long: Double { 20 }

    public init(contestants: [Party], repetitions: Int, progress: ProgressLine) {
        self.contestants = contestants
        self.repetitions = repetitions
        self.progress = progress
    }

    /// - Parameter limit: what the machine needs for the same, in the row's unit; measured in turns as well.
    /// - Parameter body: one repetition on one of them; nil: it cannot do that. - Returns: its figure, in the row's unit.
    public func row(
        _ id: String, _ title: String, _ unit: BenchReport.Unit, limit: Limit? = nil, goals: [GoalRule] = [],
        note: String? = nil, _ body: (Party, inout Latencies) throws -> Double?
    ) throws -> BenchReport.Row {
        var figures: [String: [Double]] = [:]
        var latencies: [String: Latencies] = [:]
        var limits: [Double] = []
        var done: Set<String> = []
        for round in -1..<repetitions {
            for contestant in contestants where !done.contains(contestant.name) {
                progress.show("\(title): \(contestant.name), \(round < 0 ? "warming up" : "\(round + 1) of \(repetitions)")")
                var measured = Latencies()
                let start = now()
                guard let figure = try body(contestant, &measured) else { continue }
                let isLong = Double(now() - start) / 1e9 > Contest.long
                if isLong { done.insert(contestant.name) }
                guard round >= 0 || isLong else { continue }
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
public struct Limit {
    /// How it is measured.
    public let note: String
    /// In the row's unit.
    public let measure: () throws -> Double

    public init(note: String, measure: @escaping () throws -> Double) {
        self.note = note
        self.measure = measure
    }
}
