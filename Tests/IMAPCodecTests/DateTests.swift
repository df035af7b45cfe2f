import IMAPCodec
import MailModel
import NIOCore
import TestSupport
import Testing

@Suite struct DateTests {
    @Test(arguments: [
        (InternalDate(seconds: 837_596_665, zoneMinutes: -420), "17-Jul-1996 02:44:25 -0700"),
        (InternalDate(seconds: 0), " 1-Jan-1970 00:00:00 +0000"),
        (InternalDate(seconds: -1), "31-Dec-1969 23:59:59 +0000"),
        (InternalDate(seconds: 951_782_400, zoneMinutes: 330), "29-Feb-2000 05:30:00 +0530"),
        (InternalDate(seconds: 0, zoneMinutes: -1), "31-Dec-1969 23:59:00 -0001"),
        (InternalDate(seconds: -62_167_219_200), " 1-Jan-0000 00:00:00 +0000"),
        (InternalDate(seconds: 253_402_300_799), "31-Dec-9999 23:59:59 +0000"),
        // Years that have not four digits.
        (InternalDate(seconds: -62_167_219_201), " 1-Jan-0000 00:00:00 +0000"),
        (InternalDate(seconds: 253_402_300_799, zoneMinutes: 1), "31-Dec-9999 23:59:59 +0001"),
        (InternalDate(seconds: .min, zoneMinutes: -1_439), " 1-Jan-0000 00:00:00 -2359"),
        (InternalDate(seconds: .max, zoneMinutes: 1_439), "31-Dec-9999 23:59:59 +2359"),
        (InternalDate(seconds: 0, zoneMinutes: .max), " 1-Jan-1970 23:59:00 +2359"),
        (InternalDate(seconds: 0, zoneMinutes: .min), "31-Dec-1969 00:01:00 -2359"),
    ])
    func examples(date: InternalDate, expected: String) { #expect(written { $0.writeDateTime(date) } == "\"\(expected)\"") }

    /// Every day of 0000 … 9999, counted on from the first.
    @Test func theCalendarRunsThrough() throws {
        var day = try #require(CalendarDay(year: 0, month: 1, day: 1))
        var (year, month, dayOfMonth) = (0, 1, 1)
        while year < 10_000 {
            let components = day.components
            guard components == (year, month, dayOfMonth),
                CalendarDay(year: year, month: month, day: dayOfMonth) == day
            else {
                Issue.record("\(components) is not \((year, month, dayOfMonth))")
                return
            }
            let isLeap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0
            let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            dayOfMonth += 1
            if dayOfMonth > lengths[month - 1] {
                guard CalendarDay(year: year, month: month, day: dayOfMonth) == nil else {
                    Issue.record("\((year, month, dayOfMonth)) is no day")
                    return
                }
                (month, dayOfMonth) = (month + 1, 1)
            }
            if month > 12 { (year, month) = (year + 1, 1) }
            day.daysSince1970 += 1
        }
    }

    /// What is written is read as the same date.
    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func roundTrips(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1_000 {
            let date = InternalDate(
                seconds: Int64.random(in: -62_167_000_000...253_402_000_000, using: &random),
                zoneMinutes: Int16.random(in: -1_439...1_439, using: &random))
            var parser = CommandParser()
            parser.append(ByteBuffer(string: "a APPEND x \(written { $0.writeDateTime(date) }) {0+}\r\n\r\n"))
            guard case .command(let tagged) = parser.next(), case .append(let append) = tagged.command else {
                Issue.record("no APPEND for \(date), seed \(seed)")
                return
            }
            #expect(append.messages[0].internalDate == date, "seed \(seed)")
        }
    }
}
