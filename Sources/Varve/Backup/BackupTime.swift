import MailModel

/// A time of a commit or a backup, in UTC.
public struct BackupTime: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Since 1970-01-01T00:00:00Z.
    public let milliseconds: UInt64

    public init(milliseconds: UInt64) { self.milliseconds = milliseconds }

    public static func < (a: BackupTime, b: BackupTime) -> Bool { a.milliseconds < b.milliseconds }

    /// Reads `2026-11-24`, `2026-11-24T22:15`, `2026-11-24T22:15:30`, `2026-11-24 22:15:30.123`, with `Z`, `+hh:mm` or
    /// `-hh:mm` behind a time of day (ISO 8601); without a zone it is UTC. A day alone is its begin.
    public init?(_ text: String) {
        var reader = Digits(text)
        guard let year = reader.number(4), reader.take("-"), let month = reader.number(2), reader.take("-"),
            let day = reader.number(2), let date = CalendarDay(year: year, month: month, day: day)
        else { return nil }
        var milliseconds = Int64(date.daysSince1970) * 86_400_000
        if reader.take("T") || reader.take("t") || reader.take(" ") {
            guard let hour = reader.number(2), hour < 24, reader.take(":"), let minute = reader.number(2), minute < 60 else {
                return nil
            }
            milliseconds += Int64(hour * 3600 + minute * 60) * 1000
            if reader.take(":") {
                guard let second = reader.number(2), second < 60 else { return nil }
                milliseconds += Int64(second) * 1000
                if reader.take(".") {
                    guard let fraction = reader.fraction() else { return nil }
                    milliseconds += Int64(fraction)
                }
            }
            guard let zone = reader.zone() else { return nil }
            milliseconds -= Int64(zone) * 60_000
        }
        guard reader.isAtEnd, milliseconds >= 0 else { return nil }
        self.milliseconds = UInt64(milliseconds)
    }

    /// Years to 9999; what lies behind is shown as their end.
    private var fields: (date: String, time: String, fraction: String) {
        let all = min(milliseconds, 253_402_300_799_999)
        let seconds = Int(all / 1000)
        let (year, month, day) = CalendarDay(InternalDate(seconds: Int64(seconds))).components
        func padded(_ value: Int, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        let rest = seconds % 86400
        return (
            "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))",
            "\(padded(rest / 3600, 2)):\(padded(rest / 60 % 60, 2)):\(padded(rest % 60, 2))", padded(Int(all % 1000), 3)
        )
    }

    /// `2026-11-24T22:15:30.123Z`
    public var description: String {
        let (date, time, fraction) = fields
        return "\(date)T\(time).\(fraction)Z"
    }

    /// `20261124T221530.123Z`
    var compactText: String {
        let (date, time, fraction) = fields
        return String(date.filter { $0 != "-" }) + "T" + String(time.filter { $0 != ":" }) + ".\(fraction)Z"
    }

    private struct Digits {
        private var rest: Substring.UTF8View

        init(_ text: String) { rest = Substring(text).utf8 }

        var isAtEnd: Bool { rest.isEmpty }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest = rest.dropFirst()
            return true
        }

        mutating func number(_ count: Int) -> Int? {
            guard rest.count >= count, rest.prefix(count).allSatisfy({ 48...57 ~= $0 }) else { return nil }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count).reduce(0) { $0 * 10 + Int($1) - 48 }
        }

        /// Digits behind a point, as milliseconds.
        mutating func fraction() -> Int? {
            let digits = rest.prefix { 48...57 ~= $0 }
            guard 1...9 ~= digits.count else { return nil }
            rest = rest.dropFirst(digits.count)
            return (Array(digits.prefix(3)) + [48, 48, 48]).prefix(3).reduce(0) { $0 * 10 + Int($1) - 48 }
        }

        /// Minutes east of Greenwich.
        mutating func zone() -> Int? {
            if isAtEnd || take("Z") || take("z") { return 0 }
            let isEast = take("+")
            guard isEast || take("-"), let hours = number(2), hours < 24 else { return nil }
            _ = take(":")
            guard let minutes = number(2), minutes < 60 else { return nil }
            return (isEast ? 1 : -1) * (hours * 60 + minutes)
        }
    }
}
