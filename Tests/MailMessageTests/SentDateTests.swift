import MailMessage
import MailModel
import Testing

@Suite struct SentDateTests {
    private func date(_ value: String) throws -> InternalDate? {
        try withSummary(of: "Date: \(value)\n\n") { $0.sentDate }
    }

    /// Seconds are those of Python's `calendar.timegm`.
    static let readable: [(String, Int64, Int16)] = [
        ("Fri, 21 Nov 1997 09:55:06 -0600", 880_127_706, -360),
        ("21 Nov 1997 09:55:06 -0600", 880_127_706, -360),
        ("Fri,21 Nov 1997 09:55:06 -0600", 880_127_706, -360),
        ("Fri 21 Nov 1997 09:55:06 -0600", 880_127_706, -360),
        ("Friday, 21 November 1997 09:55:06 -0600", 880_127_706, -360),
        ("fri, 21 NOV 1997 09:55:06 -0600", 880_127_706, -360),
        ("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880_127_706, -360),
        ("(c) Fri, (d) 21 Nov (e (f)) 1997 09:55:06 -0600 (CST)", 880_127_706, -360),
        ("Fri, 21 Nov 1997 09:55 -0600", 880_127_700, -360),
        ("21 Nov 97 09:55:06 CST", 880_127_706, -360),
        ("21 Nov 097 09:55:06 CST", 880_127_706, -360),
        ("21-Nov-1997 09:55:06 -0600", 880_127_706, -360),
        ("Fri, 21 Nov 1997 09:55:06 -0600 and then some", 880_127_706, -360),
        ("Fri, 21 Nov 1997\r\n 09:55:06\r\n\t-0600", 880_127_706, -360),
        ("Fri Nov 21 15:55:06 1997", 880_127_706, 0),
        ("Fri Nov 21 07:55:06 PST 1997", 880_127_706, -480),
        ("Fri Nov 21 16:55:06 1997 +0100", 880_127_706, 60),
        ("Fri, 21 Nov 1997 15:55:06 GMT", 880_127_706, 0),
        ("Fri, 21 Nov 1997 15:55:06 UT", 880_127_706, 0),
        ("Fri, 21 Nov 1997 15:55:06 Z", 880_127_706, 0),
        ("Fri, 21 Nov 1997 15:55:06 MET", 880_127_706, 0),
        ("Fri, 21 Nov 1997 15:55:06", 880_127_706, 0),
        ("Fri, 21 Nov 1997 10:55:06 EST", 880_127_706, -300),
        ("Fri, 21 Nov 1997 11:55:06 EDT", 880_127_706, -240),
        ("Fri, 21 Nov 1997 09:55:06 MDT", 880_127_706, -360),
        ("Fri, 21 Nov 1997 08:55:06 pdt", 880_127_706, -420),
        ("Fri, 21 Nov 1997 16:55:06 GMT+0100", 880_127_706, 60),
        ("Fri, 21 Nov 1997 16:55:06 +01:00", 880_127_706, 60),
        ("Fri, 21 Nov 1997 16:55:06.250 +0100", 880_127_706, 60),
        ("Fri, 21 Nov 1997 15:55:06 +9999", 880_127_706, 0),
        ("Thu, 1 Jan 1970 00:00:00 +0000", 0, 0),
        ("Wed, 31 Dec 1969 23:59:59 +0000", -1, 0),
        ("29 Feb 2000 12:00:00 +2359", 951_739_260, 1439),
        ("29 Feb 2024 12:00:00 -2359", 1_709_294_340, -1439),
        ("31 Dec 2016 23:59:60 +0000", 1_483_228_800, 0),
        ("1 Jan 00 00:00:00 +0000", 946_684_800, 0),
        ("1 Jan 49 00:00:00 +0000", 2_493_072_000, 0),
        ("1 Jan 50 00:00:00 +0000", -631_152_000, 0),
        ("1 Jan 1900 00:00:00 +2359", -2_209_075_140, 1439),
        ("31 Dec 9999 23:59:60 -2359", 253_402_387_140, -1439),
        ("4 Jul 1996", 836_438_400, 0),
    ]

    @Test(arguments: readable) func reads(_ value: String, _ seconds: Int64, _ zone: Int16) throws {
        #expect(try date(value) == InternalDate(seconds: seconds, zoneMinutes: zone))
    }

    @Test(arguments: [
        "", "  ", "yesterday", "Fri, 21 Nov", "Fri, 21", "21 Foo 1997 09:55:06", "0 Jan 1997 09:55:06",
        "32 Jan 1997 09:55:06",
        "29 Feb 1900 09:55:06", "29 Feb 2023 09:55:06", "31 Apr 1997 09:55:06", "21 Nov 1997 24:00:00",
        "21 Nov 1997 09:60:00",
        "21 Nov 1997 09:55:61", "21 Nov 12345 09:55:06", "21 Nov 0001 09:55:06", "21 Nov 1899 09:55:06",
        "121 Nov 1997 09:55:06",
        "Nov Nov 21 1997", "21 Nov 1997 9", "99999999999999999999 Nov 1997", "\u{0}", "21 Nov \u{e9} 1997",
    ])
    func refuses(_ value: String) throws {
        #expect(try date(value) == nil)
    }

    @Test func isOfTheFirstField() throws {
        let message = "Subject: x\nDate: 4 Jul 1996 00:00:00 +0000\nDate: 5 Jul 1996 00:00:00 +0000\n\nDate: 6 Jul 1996\n"
        #expect(try withSummary(of: message) { $0.sentDate } == InternalDate(seconds: 836_438_400))
        #expect(try withSummary(of: "Subject: x\n\n") { $0.sentDate } == nil)
    }
}
