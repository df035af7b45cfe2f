/// A day of the Gregorian calendar, by the days since 1970-01-01.
public struct CalendarDay: Hashable, Comparable, Sendable {
    public var daysSince1970: Int
    public init(daysSince1970: Int) { self.daysSince1970 = daysSince1970 }

    /// The day that the date shows where it was given, its zone disregarded (RFC 3501 §6.4.4).
    public init(_ date: InternalDate) {
        // A date from beyond the calendar is no reason to trap.
        let (sum, overflow) = date.seconds.addingReportingOverflow(Int64(date.zoneMinutes) * 60)
        let local = overflow ? date.seconds : sum
        let (days, rest) = local.quotientAndRemainder(dividingBy: 86_400)
        daysSince1970 = Int(rest < 0 ? days - 1 : days)
    }

    public static func < (a: CalendarDay, b: CalendarDay) -> Bool { a.daysSince1970 < b.daysSince1970 }
}

// The calendar is reckoned backwards and forwards without end. Years are counted from March within, so that the leap day is
// a year's last.

extension CalendarDay {
    private static let daysPerEra = 146_097  // 400 years
    /// From 0000-03-01 to 1970-01-01.
    private static let daysBefore1970 = 719_468

    /// Nil for a day that the calendar does not have.
    /// - Parameters:
    ///   - year: 0 … 9999.
    ///   - month: 1 … 12.
    ///   - day: 1 … the month's last.
    public init?(year: Int, month: Int, day: Int) {
        guard 0...9999 ~= year, 1...12 ~= month, day >= 1, day <= CalendarDay.length(ofMonth: month, year) else {
            return nil
        }
        let marchYear = month > 2 ? year : year - 1
        let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        self.init(daysSince1970: era * CalendarDay.daysPerEra + dayOfEra - CalendarDay.daysBefore1970)
    }

    /// The day in the calendar's terms. Any `daysSince1970` within ±2^62 will do.
    public var components: (year: Int, month: Int, day: Int) {
        let days = daysSince1970 + CalendarDay.daysBefore1970
        let era = (days >= 0 ? days : days - (CalendarDay.daysPerEra - 1)) / CalendarDay.daysPerEra
        let dayOfEra = days - era * CalendarDay.daysPerEra
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }

    private static func length(ofMonth month: Int, _ year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
