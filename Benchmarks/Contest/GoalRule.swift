import BenchReport

/// What is wanted of the first contestant in a row, and how a run shows whether it is so.
public enum GoalRule {
    /// Better than each of the others.
    case first
    /// So many times as good as another one.
    case timesAsGood(Double, as: String)
    /// So many times as good as itself in another row's figure.
    case timesAsGoodAs(Double, what: String, figure: Double)
    /// A share of what the machine could do.
    case shareOfLimit(Double)
    /// Not more than so many seconds.
    case atMost(Double, text: String)

    public func judge(_ row: BenchReport.Row, first name: String) -> BenchReport.Goal {
        guard let own = row.figures[name]?.median else { return BenchReport.Goal(text: text, isMet: nil, ratio: nil) }
        /// How many times as good as something it is.
        func ratio(to other: Double) -> Double { row.unit.isLessBetter ? other / own : own / other }
        switch self {
        case .first:
            let others = row.figures.filter { $0.key != name }.map { ratio(to: $0.value.median) }
            return BenchReport.Goal(text: text, isMet: others.min().map { $0 > 1 }, ratio: others.min())
        case .timesAsGood(let times, let other):
            let seen = row.figures[other].map { ratio(to: $0.median) }
            return BenchReport.Goal(text: text, isMet: seen.map { $0 >= times }, ratio: seen)
        case .timesAsGoodAs(let times, _, let figure):
            return BenchReport.Goal(text: text, isMet: ratio(to: figure) >= times, ratio: ratio(to: figure))
        case .shareOfLimit(let share):
            let seen = row.limit.map { ratio(to: $0) }
            return BenchReport.Goal(text: text, isMet: seen.map { $0 >= share }, ratio: seen)
        case .atMost(let seconds, _):
            return BenchReport.Goal(text: text, isMet: own <= seconds, ratio: seconds / own)
        }
    }

    private var text: String {
        switch self {
        case .first: "first"
        case .timesAsGood(let times, let other): GoalRule.text(times, other)
        case .timesAsGoodAs(let times, let what, _): GoalRule.text(times, what)
        case .shareOfLimit(let share): "≥ \(GoalRule.text(share)) of the limit"
        case .atMost(_, let text): text
        }
    }

    /// Of what may be worse it is told how much it may take.
    private static func text(_ times: Double, _ other: String) -> String {
        times >= 1 ? "≥ \(text(times)) × as good as \(other)" : "≤ \(text(1 / times)) × \(other)"
    }

    private static func text(_ number: Double) -> String {
        let hundredths = Int((number * 100).rounded())
        return hundredths % 100 == 0 ? "\(hundredths / 100)" : "\(Double(hundredths) / 100)"
    }
}
