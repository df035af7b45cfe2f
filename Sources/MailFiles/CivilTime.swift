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
        // Days are counted in years that begin in March, so that the leap day is the last.
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
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
        let days = Int(seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400)
        let rest = Int(seconds) - days * 86400
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        self.init(
            year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month: month,
            day: dayOfYear - (153 * shiftedMonth + 2) / 5 + 1, hour: rest / 3600, minute: rest / 60 % 60,
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
