import MailModel

// Arguments that several commands have: mailboxes, sets, flags, dates.

extension Cursor {
    /// mailbox (RFC 3501 §5.1): an astring in modified UTF-7, or in UTF-8 where it has bytes beyond ASCII.
    mutating func mailbox(_ what: @autoclosure () -> String = "a mailbox name") throws(Refusal) -> MailboxPath {
        var name = try withAString(what()) { bytes throws(Refusal) in try Cursor.mailboxName(bytes) }
        let hasTrailingDelimiter = name.utf8.count > 1 && name.utf8.last == .slash
        if hasTrailingDelimiter { name.unicodeScalars.removeLast() }
        name = Cursor.withInboxInCapitals(name)
        return MailboxPath(name, hasTrailingDelimiter: hasTrailingDelimiter)
    }

    /// INBOX is one mailbox however it is spelt (RFC 3501 §5.1), and so what lies below it lies below one.
    static func withInboxInCapitals(_ name: String) -> String {
        let inbox = name.utf8.prefix(5)
        let rest = name.utf8.dropFirst(5)
        guard rest.isEmpty || rest.first == .slash,
            String(decoding: inbox, as: UTF8.self).isEqual(ignoringCase: "INBOX")
        else { return name }
        return "INBOX" + String(decoding: rest, as: UTF8.self)
    }

    /// A name, or a part or pattern of one, decoded.
    static func mailboxName(_ bytes: UnsafeRawBufferPointer) throws(Refusal) -> String {
        // Modified UTF-7 is ASCII throughout (RFC 3501 §5.1.3), so that a name which is not is UTF-8 as it stands, its `&`
        // included.
        let isASCII = bytes.allSatisfy { $0 < 0x80 }
        guard isASCII, bytes.contains(.ampersand) else { return try text(bytes) }
        guard let name = ModifiedUTF7.decode(bytes), !name.utf8.contains(0) else {
            throw .bad("a mailbox name that is not modified UTF-7 (RFC 3501 section 5.1.3)")
        }
        return name
    }

    /// list-mailbox (RFC 3501 §9): wildcards may stand in it without quotes.
    mutating func listPattern() throws(Refusal) -> String {
        switch next {
        case .quote, .leftBrace:
            return try withString("a pattern") { bytes throws(Refusal) in try Cursor.mailboxName(bytes) }
        default:
            let bytes = takeWhile(\.isListCharacter)
            if bytes.isEmpty { throw expected("a pattern of mailbox names") }
            return try Cursor.mailboxName(bytes)
        }
    }

    /// sequence-set (RFC 3501 §9), or `$` (RFC 5182 §3).
    mutating func sequenceSet() throws(Refusal) -> SequenceSet {
        if takes(.dollar) { return .savedResult }
        var ranges: [SequenceSet.Range] = []
        repeat {
            let first = try bound()
            ranges.append(SequenceSet.Range(first, takes(.colon) ? try bound() : first))
        } while takes(.comma)
        return SequenceSet(ranges)
    }

    private mutating func bound() throws(Refusal) -> SequenceSet.Bound {
        if takes(.asterisk) { return .last }
        return .number(try nonZeroNumber("a message number or *"))
    }

    // MARK: Flags

    enum Flag {
        case system(SystemFlags)
        case recent
        case keyword(String)
    }

    /// flag (RFC 3501 §9). Flags that begin with `\` and are none of the RFC's are keywords, backslash and all.
    mutating func flag() throws(Refusal) -> Flag {
        guard next == .backslash else {
            return .keyword(String(decoding: try atom("a flag"), as: UTF8.self))
        }
        let start = self
        advance()
        let characters = takeWhile(\.isAtomCharacter)
        if characters.isEmpty { throw start.expected("a flag") }
        for (flag, known) in SystemFlags.names where isEqual(characters, known.utf8.dropFirst()) { return .system(flag) }
        if isEqual(characters, "Recent".utf8[...]) { return .recent }
        return .keyword("\\" + String(decoding: characters, as: UTF8.self))
    }

    /// ASCII case not counted.
    private func isEqual(_ bytes: UnsafeRawBufferPointer, _ name: Substring.UTF8View) -> Bool {
        bytes.count == name.count && zip(bytes, name).allSatisfy { $0.asciiLowercased == $1.asciiLowercased }
    }

    /// flag-list: in parentheses, perhaps empty.
    mutating func flagList() throws(Refusal) -> Flags {
        try expect(.leftParenthesis, "a list of flags in parentheses")
        if takes(.rightParenthesis) { return [] }
        let flags = try flagsWithoutParentheses()
        try expect(.rightParenthesis, "\")\" or a space after a flag")
        return flags
    }

    /// One flag or more. `\Recent` is nobody's to set and is left out (RFC 3501 §2.3.2).
    mutating func flagsWithoutParentheses() throws(Refusal) -> Flags {
        var flags: Flags = []
        /// Filled only where there are several.
        var seen: Set<String> = []
        repeat {
            switch try flag() {
            case .system(let flag): flags.system.formUnion(flag)
            case .recent: break
            case .keyword(let keyword):
                if let first = flags.keywords.first {
                    if seen.isEmpty { seen.insert(first.asciiLowercased) }
                    guard seen.insert(keyword.asciiLowercased).inserted else { continue }
                }
                flags.keywords.append(keyword)
            }
        } while takes(.space)
        return flags
    }

    // MARK: Dates

    /// date (RFC 3501 §9): `1-Feb-1994`, in quotes or not.
    mutating func date() throws(Refusal) -> CalendarDay {
        let what = "a date such as 1-Feb-1994"
        let isQuoted = takes(.quote)
        let start = self
        var day = try digits(1, what)
        if let digit = next, digit.isDigit { day = day * 10 + (try digits(1, what)) }
        let result = try monthAndYear(day: day, start: start)
        if isQuoted { try expect(.quote, "the closing quote of a date") }
        return result
    }

    /// What follows the day: `-Feb-1994`.
    private mutating func monthAndYear(day: Int, start: Cursor) throws(Refusal) -> CalendarDay {
        let what = "a date such as 1-Feb-1994"
        if !takes(.minus) { throw start.expected(what) }
        let name = remaining >= 3 ? String(uppercasing: take(3)) : ""
        guard let month = CalendarDay.monthNames.firstIndex(where: { name.isEqual(ignoringCase: $0.capitals) }) else {
            throw start.expected(what)
        }
        if !takes(.minus) { throw start.expected(what) }
        let year = try digits(4, "a year of four digits")
        guard let result = CalendarDay(year: year, month: month + 1, day: day) else {
            throw .bad("a date that the calendar does not have")
        }
        return result
    }

    /// date-time (RFC 3501 §9): `"17-Jul-1996 02:44:25 -0700"`; the day has two places, the first may be a space.
    mutating func dateTime() throws(Refusal) -> InternalDate {
        let what = "a date-time such as \"17-Jul-1996 02:44:25 -0700\""
        try expect(.quote, what)
        let start = self
        let day = takes(.space) ? try digits(1, what) : try digits(2, what)
        let date = try monthAndYear(day: day, start: start)
        try expect(.space, "a space and the time")
        let hour = try digits(2, "the hour in two digits")
        try expect(.colon, "a colon behind the hour")
        let minute = try digits(2, "the minute in two digits")
        try expect(.colon, "a colon behind the minute")
        let second = try digits(2, "the second in two digits")
        guard hour < 24, minute < 60, second <= 60 else { throw .bad("a time that the day does not have") }
        try expect(.space, "a space and the zone")
        let isWest = takes(.minus)
        if !isWest { try expect(.plus, "a zone such as +0100") }
        let zoneHours = try digits(2, "a zone of four digits")
        let zoneMinutes = try digits(2, "a zone of four digits")
        guard zoneHours < 24, zoneMinutes < 60 else { throw .bad("a zone beyond 23:59 hours") }
        try expect(.quote, "the closing quote of a date-time")
        let zone = (zoneHours * 60 + zoneMinutes) * (isWest ? -1 : 1)
        let local = date.daysSince1970 * 86_400 + hour * 3_600 + minute * 60 + second
        return InternalDate(seconds: Int64(local - zone * 60), zoneMinutes: Int16(zone))
    }
}
