import Foundation
import IMAPStress

extension StressReport {
    func text(seed: UInt64) -> String {
        let kinds = sessions.keys.sorted().map { "\(sessions[$0]!) \($0)" }.joined(separator: ", ")
        return "nothing found: seed \(seed), \(rounds) rounds, \(commands) commands, \(comparisons) comparisons, "
            + "\(reconnections) reconnections; sessions: \(kinds)"
    }

    func json(seed: UInt64) -> String {
        line([
            "seed": seed, "rounds": rounds, "commands": commands, "comparisons": comparisons, "reconnections": reconnections,
            "sessions": sessions, "violation": NSNull(),
        ])
    }
}

extension Violation {
    var json: String {
        line(["seed": seed, "round": round, "session": session, "violation": what, "transcript": transcript])
    }
}

/// One JSON object, its members in the order of their names.
private func line(_ members: [String: Any]) -> String {
    let data = try? JSONSerialization.data(withJSONObject: members, options: [.sortedKeys, .withoutEscapingSlashes])
    return String(decoding: data ?? Data(), as: UTF8.self)
}
