import BenchContest
import BenchReport
import Foundation
import Testing

@Suite struct ContestTests {
    private final class Runner: Contestant {
        let name: String
        init(_ name: String) { self.name = name }
    }

    private let runners = [Runner("A"), Runner("B")]

    private func contest(_ repetitions: Int) -> Contest<Runner> {
        Contest(contestants: runners, repetitions: repetitions, progress: ProgressLine())
    }

    @Test func turnsAfterAWarmUp() throws {
        var order = ""
        var limits = 0
        let row = try contest(3).row(
            "id", "title", .seconds, limit: Limit(note: "a note") { limits += 1; return Double(limits) },
            goals: [.first, .timesAsGood(3, as: "B"), .shareOfLimit(0.5), .atMost(1, text: "≤ 1 s")]
        ) { runner, latencies in
            order += runner.name
            latencies.add(1000)
            return runner.name == "A" ? Double(order.count) : 40
        }
        #expect(order == "ABABABAB")
        // The first round warms up; its figure, and its latencies, are not told.
        #expect(row.figures["A"]?.repetitions == [3, 5, 7])
        #expect(row.limit == 2 && row.limitNote == "a note")
        #expect(row.goals.map(\.isMet) == [true, true, false, false])
        #expect(row.goals.map(\.ratio) == [8, 8, 0.4, 0.2])
        #expect(row.goals[1].text == "≥ 3 × as good as B")
    }

    @Test func whoCannotDoItHasNoFigure() throws {
        let row = try contest(2).row("id", "title", .perSecond, goals: [.first]) { runner, _ in runner.name == "A" ? 5 : nil }
        #expect(row.figures.keys.sorted() == ["A"])
        // There is nobody to be ahead of.
        #expect(row.goals[0].isMet == nil)
    }

    @Test func moreIsBetterOfRates() throws {
        let row = try contest(1).row("id", "title", .perSecond, goals: [.first, .timesAsGoodAs(2, what: "before", figure: 5)]) { runner, _ in
            runner.name == "A" ? 20 : 10
        }
        #expect(row.goals.map(\.ratio) == [2, 4] && row.goals.allSatisfy { $0.isMet == true })
    }
}
