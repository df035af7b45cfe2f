import MailModel
import TestSupport
import Varve

/// What the messages of a simulated account are made of.
enum Mail {
    static let small = 16
    /// Three of these fill a segment of the simulation.
    static let large = 3

    /// From nothing to some kilobytes; then large ones that do not shrink.
    static let bodies: [[UInt8]] = {
        var random = SeededGenerator(seed: 1)
        let texts = (0..<small).map { i -> [UInt8] in
            let text = (0..<(i * i * 9)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ i) }
            return i == 0 ? [] : Array("Subject: message \(i)\r\n\r\n".utf8) + text
        }
        let noise = (0..<large).map { i in
            var bytes: [UInt8] = []
            for _ in 0..<(6000 + i * 2000) { withUnsafeBytes(of: random.next()) { bytes.append(contentsOf: $0) } }
            return bytes
        }
        return texts + noise
    }()

    /// Compressed once, not in each of a thousand runs.
    static let prepared = bodies.map { try! PreparedMessage($0) }

    static let keywords = [
        "$forwarded", "$junk", "$mdnsent", "\\read-report", "a", "b", "c", "d", "e", "f", "g", "h", "ä",
        "long-keyword-of-some-length", "x", "y",
    ]
    private static let bits = Dictionary(uniqueKeysWithValues: keywords.enumerated().map { ($1, UInt16(1) << UInt16($0)) })

    static func names(_ mask: UInt16) -> [String] {
        keywords.indices.filter { mask >> UInt16($0) & 1 == 1 }.map { keywords[$0] }
    }

    /// - Returns: nil if there are others among them.
    static func mask(_ names: [String]) -> UInt16? {
        var result: UInt16 = 0
        for name in names {
            guard let bit = bits[name] ?? bits[name.lowercased()] else { return nil }
            result |= bit
        }
        return result
    }

    static let internalDate = InternalDate(seconds: 1_700_000_000, zoneMinutes: 60)

    static let mailboxes = [
        "INBOX", "a", "b", "a/x", "a/x/y", "b/z", "c", "d/e/f", "Mülleimer", "c/\u{600}", "c/\u{600}/n", "INBOX/sub",
        "deep/1/2/3/4/5/6/7/8/9/10/11/12", String(repeating: "long name ", count: 40),
    ]
}
