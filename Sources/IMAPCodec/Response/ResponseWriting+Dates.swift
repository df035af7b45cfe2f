import MailModel
import NIOCore

extension ByteBuffer {
    /// `"17-Jul-1996 02:44:25 -0700"`, with its quotes (RFC 3501 §9, date-time).
    ///
    /// Any date: one whose year has not four digits is written as the first or the last second that has.
    public mutating func writeDateTime(_ date: InternalDate) {
        let zone = Int(max(-1_439, min(1_439, date.zoneMinutes)))
        let (sum, overflow) = date.seconds.addingReportingOverflow(Int64(zone) * 60)
        let local = overflow ? date.seconds : sum
        let seconds = Int(max(firstSecond, min(lastSecond, local)))
        let day = (seconds - (seconds < 0 ? 86_399 : 0)) / 86_400
        let time = seconds - day * 86_400
        let (year, month, dayOfMonth) = CalendarDay(daysSince1970: day).components
        let name = CalendarDay.monthNames[month - 1].name
        writeWithUnsafeMutableBytes(minimumWritableBytes: 28) { out in
            func put(_ value: Int, at place: Int, count: Int = 2) {
                var rest = value
                for offset in stride(from: count - 1, through: 0, by: -1) {
                    out[place + offset] = UInt8(truncatingIfNeeded: rest % 10) + 0x30
                    rest /= 10
                }
            }
            out.copyBytes(from: UnsafeRawBufferPointer(start: template.utf8Start, count: 28))
            put(dayOfMonth, at: 1)
            if dayOfMonth < 10 { out[1] = .space }
            for offset in 0..<3 { out[4 + offset] = name.utf8Start[offset] }
            put(year, at: 8, count: 4)
            put(time / 3_600, at: 13)
            put(time / 60 % 60, at: 16)
            put(time % 60, at: 19)
            if zone < 0 { out[22] = .minus }
            put(abs(zone) / 60, at: 23)
            put(abs(zone) % 60, at: 25)
            return 28
        }
    }
}

private let template: StaticString = "\"00-Jan-0000 00:00:00 +0000\""
/// 0000-01-01T00:00:00
private let firstSecond: Int64 = -62_167_219_200
/// 9999-12-31T23:59:59
private let lastSecond: Int64 = 253_402_300_799
