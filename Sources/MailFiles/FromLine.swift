import MailModel

/// The line that begins a message in an mbox file: `From SENDER DATE` (RFC 4155, appendix A).
///
/// Programs have written many forms of it, and bodies have lines that look like it. Inside a file a line is one only if a
/// date ends it, or if it is Netscape's `From - `. An empty line need not stand before it: Netscape wrote none where a
/// message did not end with one, and neither Dovecot nor mutt asks for it.
enum FromLine {
    static let prefix = Array("From ".utf8)

    static func hasPrefix(_ line: UnsafeRawBufferPointer) -> Bool {
        line.count >= 5 && line[0] == prefix[0] && line[1] == prefix[1] && line[2] == prefix[2] && line[3] == prefix[3]
            && line[4] == prefix[4]
    }

    /// Whether a line begins a message, and when that came, if it says so.
    static func parse(_ line: UnsafeRawBufferPointer) -> (isSeparator: Bool, date: InternalDate?) {
        guard hasPrefix(line), line.count <= MailFileLimits.fromLineSize else { return (false, nil) }
        let tokens = line[5...].split { $0 <= 32 }
        if let date = date(endOf: tokens) { return (true, date) }
        return (tokens.count == 1 && tokens[0].elementsEqual("-".utf8), nil)
    }

    private typealias Token = Slice<UnsafeRawBufferPointer>

    /// Words of a From_ line at most; a longer line is prose.
    private static let maximumTokens = 24

    /// The date that ends the line; what stands before it is the sender, which may have any form.
    private static func date(endOf tokens: [Token]) -> InternalDate? {
        guard tokens.count <= maximumTokens else { return nil }
        for first in tokens.indices where isDayName(tokens[first]) {
            if let date = date(tokens[(first + 1)...]) { return date }
        }
        return nil
    }

    /// `Nov 29 22:33:52 [ZONE] 2001 [ZONE]`, or `29 Nov 2001 22:33:52 [ZONE]`; either may end with `remote from HOST`.
    private static func date(_ tokens: ArraySlice<Token>) -> InternalDate? {
        var rest = tokens
        guard rest.count >= 4 else { return nil }
        var zone: Int?
        let month: Int
        let day: Int
        let year: Int
        let time: (hour: Int, minute: Int, second: Int)
        if let name = monthNumber(rest.first!) {
            guard let number = number(rest.dropFirst().first!, 1...31), let clock = clock(rest.dropFirst(2).first!) else {
                return nil
            }
            (month, day, time) = (name, number, clock)
            rest = rest.dropFirst(3)
            zone = takeZone(&rest)
            guard let first = rest.popFirst(), let value = self.year(first) else { return nil }
            year = value
        } else {
            guard let number = number(rest.popFirst()!, 1...31), let name = monthNumber(rest.popFirst()!),
                let value = self.year(rest.popFirst()!), let clock = clock(rest.popFirst()!)
            else { return nil }
            (month, day, year, time) = (name, number, value, clock)
        }
        zone = takeZone(&rest) ?? zone
        if rest.count == 3, rest.first!.elementsEqual("remote".utf8), rest.dropFirst().first!.elementsEqual("from".utf8) {
            rest = []
        }
        guard rest.isEmpty else { return nil }
        let civil = CivilTime(
            year: year, month: month, day: day, hour: time.hour, minute: time.minute, second: time.second)
        return InternalDate(seconds: civil.seconds - Int64(zone ?? 0) * 60, zoneMinutes: Int16(zone ?? 0))
    }

    private static func isDayName(_ token: Token) -> Bool {
        let name = token.last == UInt8(ascii: ",") ? token.dropLast() : token
        return name.count == 3 && CivilTime.dayNames.contains { $0.utf8.elementsEqual(name) }
    }

    private static func monthNumber(_ token: Token) -> Int? {
        guard token.count == 3 else { return nil }
        return CivilTime.monthNames.firstIndex { $0.utf8.elementsEqual(token) }.map { $0 + 1 }
    }

    private static func number(_ token: some Collection<UInt8>, _ range: ClosedRange<Int>) -> Int? {
        guard 1...4 ~= token.count, token.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
        let value = token.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        return range.contains(value) ? value : nil
    }

    private static func year(_ token: Token) -> Int? {
        switch token.count {
        case 4: number(token, 1900...9999)
        case 2: number(token, 0...99).map { $0 < 70 ? $0 + 2000 : $0 + 1900 }
        default: nil
        }
    }

    private static func clock(_ token: Token) -> (hour: Int, minute: Int, second: Int)? {
        let parts = token.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard 2...3 ~= parts.count, let hour = number(parts[0], 0...23), parts[1].count == 2,
            let minute = number(parts[1], 0...59)
        else { return nil }
        guard parts.count == 3 else { return (hour, minute, 0) }
        guard parts[2].count == 2, let second = number(parts[2], 0...60) else { return nil }
        return (hour, minute, second)
    }

    /// A zone, which may be two words (`MET DST`), off the front. One by a name that nobody knows counts as UTC.
    private static func takeZone(_ tokens: inout ArraySlice<Token>) -> Int? {
        guard let first = tokens.first else { return nil }
        if let sign = first.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
            guard first.count == 5, let value = number(first.dropFirst(), 0...2359), value % 100 < 60 else { return nil }
            tokens.removeFirst()
            let minutes = value / 100 * 60 + value % 100
            return sign == UInt8(ascii: "-") ? -minutes : minutes
        }
        guard isZoneName(first) else { return nil }
        tokens.removeFirst()
        var hours = zoneHours[String(decoding: first, as: UTF8.self)] ?? 0
        if let second = tokens.first, second.elementsEqual("DST".utf8) {
            tokens.removeFirst()
            hours += 1
        }
        return hours * 60
    }

    private static func isZoneName(_ token: Token) -> Bool {
        1...5 ~= token.count && token.allSatisfy { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 }
    }

    /// RFC 5322 §4.3, and the European ones that stood in From_ lines beside them.
    private static let zoneHours: [String: Int] = [
        "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
        "BST": 1, "WEST": 1, "MET": 1, "CET": 1, "MEST": 2, "CEST": 2, "EET": 2, "EEST": 3,
    ]
}
