import BenchReport
import Foundation
import Testing

@Suite struct BenchReportTests {
    private func sample() -> BenchReport {
        var report = BenchReport(
            title: "engine",
            machine: BenchReport.Machine(processor: "a processor", cores: 2, memory: 4 << 30, system: "a system", date: "2026-11-25"),
            settings: ["seed": "1"],
            candidates: [BenchReport.Candidate(name: "Varve", version: "1", setup: "one way"), BenchReport.Candidate(name: "Other", version: "2", setup: "another")])
        var append = BenchReport.Row(id: "append", title: "append", unit: .seconds)
        append.figures = [
            "Varve": BenchReport.Figure(repetitions: [100e-6, 90e-6, 110e-6]), "Other": BenchReport.Figure(repetitions: [250e-6]),
        ]
        append.limit = 50e-6
        append.goals = [BenchReport.Goal(text: "first", isMet: true, ratio: 2.5)]
        var load = BenchReport.Row(id: "load", title: "load", unit: .perSecond)
        load.figures = ["Varve": BenchReport.Figure(repetitions: [31_849]), "Other": BenchReport.Figure(repetitions: [63_698])]
        report.rows = [append, load, BenchReport.Row(id: "none", title: "nothing measured", unit: .bytes)]
        return report
    }

    @Test func aTableForATerminal() {
        let lines = sample().text().split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[0] == "                        Varve     Other         ahead               limit")
        #expect(lines[1] == "append            100 µs ±10%    250 µs         2.50×  50.0 µs, 2.00× off")
        #expect(lines[2] == "load                 31,800/s  63,700/s  behind 2.00×")
        #expect(lines[3] == "nothing measured            –         –")
        #expect(lines.contains("  append  first  met  2.50"))
        #expect(lines.suffix(2) == ["Varve 1: one way", "Other 2: another"])
    }

    @Test func jsonIsReadBack() throws {
        let report = sample()
        let text = try report.json()
        let again = try JSONDecoder().decode(BenchReport.self, from: Data(text.utf8))
        #expect(try again.json() == text)
        #expect(again.rows[0].figures["Varve"]?.median == 100e-6)
        #expect(!text.contains("\n"))
    }

    @Test func aPageForABrowser() throws {
        var report = sample()
        report.rows[0].title = "append <4 KiB> & more"
        report.rows[0].figures["Varve"]!.percentiles = [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 1].map {
            BenchReport.Percentile(share: $0, value: 100e-6 * (1 + $0))
        }
        var curve = BenchReport.Curve(id: "size", title: "with the size", xTitle: "messages", unit: .seconds)
        curve.lines = [
            "Varve": [BenchReport.Point(x: 1e6, y: 12e-6), BenchReport.Point(x: 1e4, y: 11e-6)],
            "Other": [BenchReport.Point(x: 1e4, y: 20e-6), BenchReport.Point(x: 1e6, y: 900e-6)],
        ]
        report.curves = [curve]
        let page = report.html()
        // Nothing is fetched, and no text is taken for markup.
        #expect(!page.contains("http") && !page.contains("src=") && !page.contains("@import"))
        #expect(page.contains("append &lt;4 KiB&gt; &amp; more") && !page.contains("<4 KiB>"))
        #expect(page.contains("<td class=\"best\">100 µs ±10%</td><td>250 µs</td>"))
        #expect(page.contains("<td class=\"met\">met</td><td>2.50</td>"))
        // One line for each candidate of the curve, and one of latencies.
        #expect(page.matches(of: /<polyline/).count == 3)
        #expect(page.contains("<title>Varve, 1 M: 12.0 µs</title>") && page.contains(">10 k</text>"))
        #expect(page.contains("<title>Varve, 90 %: 190 µs</title>"))
        for tag in ["table", "figure", "svg", "div", "ul", "tr", "td", "th"] {
            let begun = try page.matches(of: Regex("<\(tag)[ >]")).count
            #expect(begun > 0 && begun == page.split(separator: "</\(tag)>", omittingEmptySubsequences: false).count - 1, "\(tag)")
        }
        // What a plot shows lies within it.
        for place in page.matches(of: /<circle class="dot c\d" cx="([\d.]+)" cy="([\d.]+)"/) {
            let (x, y) = (try #require(Double(place.1)), try #require(Double(place.2)))
            #expect((72...548).contains(x) && (12...316).contains(y))
        }
    }

    @Test func onePointIsAPlotToo() {
        var report = sample()
        var curve = BenchReport.Curve(id: "one", title: "one", xTitle: "x", unit: .perSecond)
        curve.lines = ["Varve": [BenchReport.Point(x: 1, y: 1)], "Other": [BenchReport.Point(x: 1, y: 1)]]
        report.curves = [curve]
        #expect(!report.html().contains("nan") && !report.html().contains("inf\""))
    }

    @Test(arguments: [
        (BenchReport.Unit.seconds, 2.5e-7, "250 ns"), (.seconds, 4.5e-6, "4.50 µs"), (.seconds, 1, "1.00 s"),
        (.perSecond, 1_234_567, "1,230,000/s"), (.perSecond, 99.94, "99.9/s"), (.bytes, 1536, "1.50 KiB"), (.bytes, 0, "0.00 B"),
        (.seconds, .nan, "–"),
    ]) func quantities(_ unit: BenchReport.Unit, _ value: Double, _ text: String) {
        #expect(unit.text(value) == text)
    }

    @Test func evenNumbersOfRepetitionsHaveAMedian() {
        #expect(BenchReport.Figure(repetitions: [4, 1, 3, 2]).median == 2.5)
        #expect(BenchReport.Figure(repetitions: []).median.isNaN)
    }
}
