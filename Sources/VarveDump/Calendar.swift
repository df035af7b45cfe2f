import MailModel

/// Times as people read them, always in UTC: 2023-11-14T22:13:20.000Z (RFC 3339).
enum Calendar {
    static func text(milliseconds: UInt64) -> String {
        let seconds = milliseconds / 1000
        guard seconds <= UInt64(Calendar.latest) else { return "\(milliseconds)ms" }
        let fraction = String(milliseconds % 1000)
        return date(Int64(seconds)) + "." + String(repeating: "0", count: 3 - fraction.count) + fraction + "Z"
    }

    static func text(seconds: Int64) -> String {
        guard earliest...latest ~= seconds else { return "\(seconds)s" }
        return date(seconds) + "Z"
    }

    /// As the message's zone had it: 2023-11-14T23:13:20+01:00.
    static func text(seconds: Int64, zoneMinutes: Int16) -> String {
        guard earliest...latest ~= seconds else { return "\(seconds)s" }
        let zone = Int64(zoneMinutes)
        return date(seconds + zone * 60) + (zone < 0 ? "-" : "+") + two(abs(zone) / 60) + ":" + two(abs(zone) % 60)
    }

    /// The years 1 to 9998, whatever the zone: beyond them years do not have four digits.
    private static let earliest: Int64 = -62_135_596_800
    private static let latest: Int64 = 253_370_764_799

    private static func date(_ seconds: Int64) -> String {
        let day = CalendarDay(InternalDate(seconds: seconds))
        let second = seconds - Int64(day.daysSince1970) * 86_400
        let (year, month, dayOfMonth) = day.components
        let digits = String(year)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "-"
            + two(Int64(month)) + "-" + two(Int64(dayOfMonth)) + "T" + two(second / 3600) + ":"
            + two(second / 60 % 60) + ":" + two(second % 60)
    }

    private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
