import MailModel

/// Reads a Date field's value (RFC 5322 §3.3 and §4.3), and what is met instead of it: the order of C's `asctime`, hyphens
/// between day, month and year, no time, no zone, anything behind.
struct SentDate {
    private var lexer: FieldLexer

    /// - Parameter value: folds may be in it.
    /// - Returns: nil if there is no day, month and year, or they are none of the calendar (years 1900 … 9999).
    static func parse(_ value: UnsafeRawBufferPointer) -> InternalDate? {
        var reader = SentDate(lexer: FieldLexer(value))
        return reader.date()
    }

    private mutating func date() -> InternalDate? {
        passPunctuation()
        var month: Int?
        if let word = word() {
            month = SentDate.month(word)
            if month == nil {
                // A weekday; it is not compared with the date.
                passPunctuation()
                if let next = self.word() {
                    month = SentDate.month(next)
                    if month == nil { return nil }
                }
            }
        }
        let monthIsFirst = month != nil
        passPunctuation()
        guard let day = number(digits: 2) else { return nil }
        passPunctuation()
        if !monthIsFirst {
            month = word().flatMap(SentDate.month)
            passPunctuation()
        }
        guard let month else { return nil }
        var year = timeIsNext ? nil : self.year()
        passPunctuation()
        guard let time = self.time() else { return nil }
        var zone = self.zone()
        if year == nil {
            passPunctuation()
            year = self.year()
            if zone == nil { zone = self.zone() }
        }
        guard let year, year >= 1900, let date = CalendarDay(year: year, month: month, day: day.value) else { return nil }
        let days = date.daysSince1970
        let minutes = zone ?? 0
        return InternalDate(seconds: Int64(days * 86_400 + time - minutes * 60), zoneMinutes: Int16(minutes))
    }

    // MARK: Pieces

    private mutating func passPunctuation() {
        while true {
            lexer.passBlanks()
            guard let octet = lexer.current, octet == Octet.comma || octet == Octet.dot || octet == Octet.hyphen else {
                return
            }
            lexer.advance()
        }
    }

    /// Up to 16 letters, made small: the first eight, the first one in the highest byte, zeros behind the last one.
    private mutating func word() -> UInt64? {
        var letters: UInt64 = 0
        var count = 0
        while let octet = lexer.current, Octet.isLetter(octet), count < 16 {
            if count < 8 { letters |= UInt64(octet | 0x20) << UInt64(56 - 8 * count) }
            count += 1
            lexer.advance()
        }
        return count == 0 ? nil : letters
    }

    /// What `word` makes of a word of at most eight small letters.
    private static func word(_ text: StaticString) -> UInt64 {
        (0..<text.utf8CodeUnitCount).reduce(0) { $0 | UInt64(text.utf8Start[$1]) << UInt64(56 - 8 * $1) }
    }

    /// A number of at most so many digits; nil, nothing passed, if there is none or it has more.
    private mutating func number(digits limit: Int) -> (value: Int, digits: Int)? {
        let start = lexer.position
        var value = 0
        while let octet = lexer.current, Octet.isDigit(octet) {
            guard lexer.position - start < limit else {
                lexer.position = start
                return nil
            }
            value = value * 10 + Int(octet - 0x30)
            lexer.advance()
        }
        return lexer.position > start ? (value, lexer.position - start) : nil
    }

    /// Years of two and three digits are those of RFC 5322 §4.3.
    private mutating func year() -> Int? {
        guard let number = number(digits: 4) else { return nil }
        switch number.digits {
        case 4: return number.value
        case 3: return 1900 + number.value
        default: return number.value < 50 ? 2000 + number.value : 1900 + number.value
        }
    }

    /// Whether hour and colon stand at the position, so that the year must come later.
    private var timeIsNext: Bool {
        var ahead = self
        return ahead.number(digits: 2) != nil && ahead.lexer.current == Octet.colon
    }

    /// Seconds since midnight; 0 if there is no time, nil if it is none of the clock.
    private mutating func time() -> Int? {
        guard let hour = number(digits: 2) else { return 0 }
        guard passColon(), let minute = number(digits: 2) else { return nil }
        var second = 0
        if passColon(), let number = number(digits: 2) { second = number.value }
        guard hour.value < 24, minute.value < 60, second <= 60 else { return nil }
        if lexer.current == Octet.dot {
            // A fraction of a second.
            lexer.advance()
            while let octet = lexer.current, Octet.isDigit(octet) { lexer.advance() }
        }
        return hour.value * 3600 + minute.value * 60 + second
    }

    private mutating func passColon() -> Bool {
        var ahead = lexer
        ahead.passBlanks()
        guard let octet = ahead.current, octet == Octet.colon || octet == Octet.dot else { return false }
        ahead.advance()
        ahead.passBlanks()
        guard let digit = ahead.current, Octet.isDigit(digit) else { return false }
        lexer = ahead
        return true
    }

    /// Minutes east of Greenwich; nil, nothing passed, if no zone is there. A zone that says nothing is 0.
    private mutating func zone() -> Int? {
        lexer.passBlanks()
        if let offset = numericZone() { return offset }
        guard let name = word() else { return nil }
        // GMT+0100 is met as well.
        let isUniversal = name >> 40 == SentDate.word("gmt") >> 40 || name >> 48 == SentDate.word("ut") >> 48
        if isUniversal, let offset = numericZone() { return offset }
        switch name {
        case SentDate.word("edt"): return -4 * 60
        case SentDate.word("est"), SentDate.word("cdt"): return -5 * 60
        case SentDate.word("cst"), SentDate.word("mdt"): return -6 * 60
        case SentDate.word("mst"), SentDate.word("pdt"): return -7 * 60
        case SentDate.word("pst"): return -8 * 60
        default: return 0
        }
    }

    private mutating func numericZone() -> Int? {
        guard let sign = lexer.current, sign == Octet.plus || sign == Octet.hyphen else { return nil }
        var ahead = self
        ahead.lexer.advance()
        guard let first = ahead.number(digits: 4) else { return nil }
        var (hours, minutes) = first.digits > 2 ? (first.value / 100, first.value % 100) : (first.value, 0)
        if first.digits <= 2, ahead.lexer.current == Octet.colon {
            ahead.lexer.advance()
            minutes = ahead.number(digits: 2)?.value ?? 0
        }
        lexer = ahead.lexer
        if hours > 23 || minutes > 59 { (hours, minutes) = (0, 0) }
        return sign == Octet.plus ? hours * 60 + minutes : -(hours * 60 + minutes)
    }

    // MARK: Calendar

    /// The month that begins with the word's first three letters.
    private static func month(_ word: UInt64) -> Int? {
        let names: StaticString = "janfebmaraprmayjunjulaugsepoctnovdec"
        for month in 0..<12 {
            let name = names.utf8Start + 3 * month
            if word >> 40 == UInt64(name[0]) << 16 | UInt64(name[1]) << 8 | UInt64(name[2]) { return month + 1 }
        }
        return nil
    }
}
