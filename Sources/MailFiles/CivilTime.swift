import MailModel

/// A point in time as a calendar says it, in UTC (proleptic Gregorian).
struct CivilTime: Hashable {
    var year: Int
    /// 1 … 12.
    var month: Int
    var day: Int
    var hour: Int
    var minute: Int
    var second: Int

    static let monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    /// From the day of the week of 1970-01-01 on.
    static let dayNames = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]

    /// Seconds since 1970-01-01T00:00:00Z. Years from 0 to 9999.
    var seconds: Int64 {
        // A day beyond its month's last is one of the next month: separators are no place to be strict.
        let days = (CalendarDay(year: year, month: month, day: 1)?.daysSince1970 ?? 0) + day - 1
        return Int64(days) * 86400 + Int64(hour * 3600 + minute * 60 + second)
    }

    init(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
    }

    /// What four digits can say: 0000-01-01 … 9999-12-31; other times become the nearest of them.
    init(seconds: Int64) {
        let seconds = max(-62_167_219_200, min(seconds, 253_402_300_799))
        let day = CalendarDay(InternalDate(seconds: seconds))
        let rest = Int(seconds) - day.daysSince1970 * 86400
        let date = day.components
        self.init(
            year: date.year, month: date.month, day: date.day, hour: rest / 3600, minute: rest / 60 % 60,
            second: rest % 60)
    }

    /// `Thu Nov 29 22:33:52 2001`, as asctime(3) writes it.
    static func asctime(_ seconds: Int64) -> String {
        let time = CivilTime(seconds: seconds)
        let days = (time.seconds - (time.seconds % 86400 + 86400) % 86400) / 86400
        let dayName = dayNames[Int((days % 7 + 7) % 7)]
        func padded(_ value: Int, _ width: Int, _ fill: Character) -> String {
            let digits = String(value)
            return String(repeating: fill, count: max(0, width - digits.count)) + digits
        }
        return "\(dayName) \(monthNames[time.month - 1]) \(padded(time.day, 2, " ")) \(padded(time.hour, 2, "0")):"
            + "\(padded(time.minute, 2, "0")):\(padded(time.second, 2, "0")) \(padded(time.year, 4, "0"))"
    }
}
