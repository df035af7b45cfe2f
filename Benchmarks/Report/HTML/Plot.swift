import Foundation

/// Lines over two axes, as a drawing that a browser shows.
struct Plot {
    struct Line {
        let name: String
        /// Which of the page's colours it has.
        let color: Int
        let points: [BenchReport.Point]
    }

    private let title: String
    private let x: Axis
    private let y: Axis
    private let lines: [Line]

    private static let width = 640.0
    private static let height = 360.0
    private static let left = 72.0
    private static let right = 92.0
    private static let top = 12.0
    private static let bottom = 44.0

    init(_ curve: BenchReport.Curve, _ names: [String]) {
        title = curve.title
        lines = names.enumerated().compactMap { index, name in
            curve.lines[name].map { Line(name: name, color: index, points: $0.sorted { $0.x < $1.x }) }
        }
        let points = lines.flatMap(\.points)
        x = Axis(curve.xTitle, points.map(\.x), isLogarithmic: curve.isXLogarithmic) { Plot.count($0) }
        y = Axis("", points.map(\.y), isLogarithmic: curve.isYLogarithmic) { curve.unit.text($0) }
    }

    /// Shares of operations towards all of them: each step to the right leaves out a tenth of what is left. nil for a row that has
    /// no latencies.
    init?(latenciesOf row: BenchReport.Row, _ names: [String]) {
        title = row.title
        lines = names.enumerated().compactMap { index, name in
            guard let told = row.figures[name]?.percentiles, told.count > 8 else { return nil }
            // The longest one stands for no share.
            let points = told.filter { $0.share < 1 }.map { BenchReport.Point(x: 1 / (1 - $0.share), y: $0.value) }
            return Line(name: name, color: index, points: points)
        }
        guard !lines.isEmpty else { return nil }
        let points = lines.flatMap(\.points)
        x = Axis("share of the operations", points.map(\.x), isLogarithmic: true, isByDecades: true) {
            $0 < 1.5 ? "0 %" : "\(Plot.plain((1 - 1 / $0) * 100)) %"
        }
        y = Axis("", points.map(\.y), isLogarithmic: true) { BenchReport.Unit.seconds.text($0) }
    }

    func svg() -> String {
        let right = Plot.width - Plot.right
        let bottom = Plot.height - Plot.bottom
        func place(_ point: BenchReport.Point) -> (x: Double, y: Double) {
            (Plot.left + x.share(point.x) * (right - Plot.left), bottom - y.share(point.y) * (bottom - Plot.top))
        }
        var text = "<figure><figcaption>\(Markup.escaped(title))</figcaption>"
        text += "<svg viewBox=\"0 0 \(Int(Plot.width)) \(Int(Plot.height))\" role=\"img\" aria-label=\"\(Markup.escaped(title))\">"
        for tick in y.ticks {
            let at = place(BenchReport.Point(x: x.low, y: tick)).y
            text += Plot.grid(Plot.left, at, right, at)
            text += Plot.label(y.text(tick), Plot.left - 8, at + 4, "end")
        }
        for tick in x.ticks {
            let at = place(BenchReport.Point(x: tick, y: y.low)).x
            text += Plot.grid(at, Plot.top, at, bottom)
            text += Plot.label(x.text(tick), at, bottom + 18, "middle")
        }
        text += Plot.label(x.title, (Plot.left + right) / 2, Plot.height - 6, "middle")
        for line in lines {
            let places = line.points.map(place)
            let path = places.map { "\(Plot.plain($0.x)),\(Plot.plain($0.y))" }.joined(separator: " ")
            text += "<polyline class=\"curve c\(line.color)\" points=\"\(path)\"/>"
            for (point, place) in zip(line.points, places) {
                text += "<circle class=\"dot c\(line.color)\" cx=\"\(Plot.plain(place.x))\" cy=\"\(Plot.plain(place.y))\" r=\"3.5\">"
                text += "<title>\(Markup.escaped("\(line.name), \(x.text(point.x)): \(y.text(point.y))"))</title></circle>"
            }
        }
        for (line, at) in names(lines.map { place($0.points.last!) }) {
            text += "<text class=\"name c\(line.color)\" x=\"\(Plot.plain(at.x + 9))\" y=\"\(Plot.plain(at.y + 4))\">\(Markup.escaped(line.name))</text>"
        }
        return text + "</svg></figure>"
    }

    /// Where each line's name stands: at its end, and none over another.
    private func names(_ ends: [(x: Double, y: Double)]) -> [(Line, (x: Double, y: Double))] {
        var placed: [(Line, (x: Double, y: Double))] = []
        for (line, end) in zip(lines, ends).sorted(by: { $0.1.y < $1.1.y }) {
            placed.append((line, (end.x, max(end.y, (placed.last?.1.y ?? -.infinity) + 15))))
        }
        return placed
    }

    private static func grid(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
        "<line class=\"grid\" x1=\"\(plain(x1))\" y1=\"\(plain(y1))\" x2=\"\(plain(x2))\" y2=\"\(plain(y2))\"/>"
    }

    private static func label(_ text: String, _ x: Double, _ y: Double, _ anchor: String) -> String {
        "<text x=\"\(plain(x))\" y=\"\(plain(y))\" text-anchor=\"\(anchor)\">\(Markup.escaped(text))</text>"
    }

    /// As short as it can be.
    private static func plain(_ value: Double) -> String {
        let text = String(format: "%.3f", value)
        return String(text.replacing(/\.?0+$/, with: ""))
    }

    private static func count(_ value: Double) -> String {
        switch value {
        case 1e6...: "\(plain(value / 1e6)) M"
        case 1e4...: "\(plain(value / 1e3)) k"
        default: plain(value)
        }
    }
}
