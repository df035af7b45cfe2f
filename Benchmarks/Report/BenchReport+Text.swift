import Foundation

extension BenchReport {
    /// A table for a terminal: a line for each row, then percentiles, limits and goals.
    public func text() -> String {
        var lines = BenchReport.aligned(table())
        let percentiles = percentileTable()
        if percentiles.count > 1 { lines += ["", "latencies"] + BenchReport.aligned(percentiles) }
        let goals = rows.flatMap { row in row.goals.map { (row, $0) } }
        if !goals.isEmpty {
            lines += ["", "goals for \(candidates[0].name)"]
            lines += BenchReport.aligned(
                goals.map { row, goal in
                    let mark = goal.isMet.map { $0 ? "met" : "NOT MET" } ?? "not told"
                    return ["  \(row.title)", goal.text, mark, goal.ratio.map { String(format: "%.2f", $0) } ?? ""]
                })
        }
        for (heading, told) in [("limits", \Row.limitNote), ("how it was done", \Row.note)] {
            let notes = rows.compactMap { row in row[keyPath: told].map { "  \(row.title): \($0)" } }
            if !notes.isEmpty { lines += ["", heading] + notes }
        }
        lines += ["", "\(machine.processor), \(machine.cores) cores, \(Unit.bytes.text(Double(machine.memory))); \(machine.system)"]
        lines.append("\(machine.date); " + settings.sorted { $0.key < $1.key }.map { "\($0) \($1)" }.joined(separator: ", "))
        lines += candidates.map { "\($0.name) \($0.version): \($0.setup)" }
        return lines.joined(separator: "\n")
    }

    private func table() -> [[String]] {
        let head = [""] + candidates.map(\.name) + ["ahead", "limit"]
        return [head]
            + rows.map { row in
                [row.title]
                    + candidates.map { row.figures[$0.name].map { BenchReport.cell($0, row.unit) } ?? "–" }
                    + [BenchReport.lead(row, candidates.map(\.name)), BenchReport.distance(row, candidates[0].name)]
            }
    }

    /// The median, and how far the repetitions are apart.
    static func cell(_ figure: Figure, _ unit: Unit) -> String {
        let spread = (figure.high - figure.low) / 2 / figure.median * 100
        let text = unit.text(figure.median)
        return spread.isFinite && spread >= 0.5 ? text + String(format: " ±%.0f%%", spread) : text
    }

    /// How many times as good the first candidate is as the best of the others.
    static func lead(_ row: Row, _ names: [String]) -> String {
        guard let own = row.figures[names[0]]?.median else { return "" }
        let ratios = names.dropFirst().compactMap { row.figures[$0]?.median }.map { row.unit.isLessBetter ? $0 / own : own / $0 }
        guard let least = ratios.min(), least.isFinite, least > 0 else { return "" }
        return least >= 1 ? String(format: "%.2f×", least) : String(format: "behind %.2f×", 1 / least)
    }

    /// The machine's limit, and the first candidate's distance from it.
    static func distance(_ row: Row, _ name: String) -> String {
        guard let limit = row.limit, let own = row.figures[name]?.median else { return "" }
        let times = row.unit.isLessBetter ? own / limit : limit / own
        return "\(row.unit.text(limit)), " + String(format: "%.2f× off", times)
    }

    private func percentileTable() -> [[String]] {
        let shares = [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9"), (1, "max")]
        var lines = [["", ""] + shares.map { $0.1 }]
        for row in rows {
            for candidate in candidates {
                guard let told = row.figures[candidate.name]?.percentiles, told.count > 8 else { continue }
                lines.append(
                    ["  \(row.title)", candidate.name]
                        + shares.map { share in told.first { $0.share == share.0 }.map { Unit.seconds.text($0.value) } ?? "" })
            }
        }
        return lines
    }

    /// Columns under one another, the first to the left, numbers to the right.
    private static func aligned(_ cells: [[String]]) -> [String] {
        let columns = cells.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in cells.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
        return cells.map { line in
            var text = ""
            for (column, cell) in line.enumerated() {
                let fill = String(repeating: " ", count: widths[column] - cell.count)
                text += (column == 0 ? cell + fill : "  " + fill + cell)
            }
            return text.replacing(/\ +$/, with: "")
        }
    }
}
