// The strings and numbers of RFC 3501 §9.

extension Cursor {
    /// 1*ATOM-CHAR
    mutating func atom(_ what: @autoclosure () -> String) throws(Refusal) -> UnsafeRawBufferPointer {
        let bytes = takeWhile(\.isAtomCharacter)
        if bytes.isEmpty { throw expected(what()) }
        return bytes
    }

    /// A word of the protocol, given in capitals: 1*ATOM-CHAR.
    mutating func word(_ what: @autoclosure () -> String) throws(Refusal) -> String {
        String(uppercasing: try atom(what()))
    }

    /// Goes past `word`, in capitals or not, if it is here and ends here.
    mutating func takes(word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        guard length <= remaining else { return false }
        for offset in 0..<length where byte(after: offset)?.asciiUppercased != word.utf8Start[offset] { return false }
        if let behind = byte(after: length), behind.isAtomCharacter { return false }
        _ = take(length)
        return true
    }

    /// An astring as bytes, given to `body`.
    mutating func withAString<Result>(
        _ what: @autoclosure () -> String, _ body: (UnsafeRawBufferPointer) throws(Refusal) -> Result
    ) throws(Refusal) -> Result {
        switch next {
        case .quote, .leftBrace: return try withString(what(), body)
        default:
            let bytes = takeWhile(\.isAStringCharacter)
            if bytes.isEmpty { throw expected(what()) }
            return try body(bytes)
        }
    }

    /// A quoted string or a literal as bytes, given to `body`.
    mutating func withString<Result>(
        _ what: @autoclosure () -> String, _ body: (UnsafeRawBufferPointer) throws(Refusal) -> Result
    ) throws(Refusal) -> Result {
        switch next {
        case .quote:
            let (bytes, isEscaped) = try quoted()
            guard isEscaped else { return try body(bytes) }
            let plain = unescaped(bytes)
            return try plain.span.bytes.withUnsafeBytes(body)
        case .leftBrace:
            return try body(try literal(what()))
        default: throw expected(what())
        }
    }

    mutating func astring(_ what: @autoclosure () -> String) throws(Refusal) -> String {
        try withAString(what()) { bytes throws(Refusal) in try Cursor.text(bytes) }
    }

    mutating func string(_ what: @autoclosure () -> String) throws(Refusal) -> String {
        try withString(what()) { bytes throws(Refusal) in try Cursor.text(bytes) }
    }

    /// NIL, or a string.
    mutating func nstring(_ what: @autoclosure () -> String) throws(Refusal) -> String? {
        if takes(word: "NIL") { return nil }
        return try string(what())
    }

    /// What stands between quotes, escapes as they are, and whether there are any (RFC 3501 §9, quoted). Bytes beyond
    /// ASCII are let pass: clients send UTF-8 there.
    private mutating func quoted() throws(Refusal) -> (UnsafeRawBufferPointer, isEscaped: Bool) {
        advance()
        var length = 0
        var isEscaped = false
        while true {
            switch byte(after: length) {
            case .quote:
                let bytes = take(length)
                advance()
                return (bytes, isEscaped)
            case .backslash:
                guard let escaped = byte(after: length + 1), escaped == .quote || escaped == .backslash else {
                    _ = take(length)
                    throw .bad("in a quoted string a backslash stands before a quote or another backslash only")
                }
                isEscaped = true
                length += 2
            case nil, .cr, .lf, 0:
                _ = take(length)
                throw expected("the closing quote of a quoted string")
            default:
                length += 1
            }
        }
    }

    private func unescaped(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == .backslash { index += 1 }
            plain.append(bytes[index])
            index += 1
        }
        return plain
    }

    /// A literal (RFC 3501 §4.3, RFC 7888). Its announcement stands at a line's end, so that the framing has seen it, and
    /// all its bytes are here.
    mutating func literal(_ what: @autoclosure () -> String) throws(Refusal) -> UnsafeRawBufferPointer {
        guard next == .leftBrace else { throw expected(what()) }
        var length = 1
        var size = 0
        while let digit = byte(after: length), digit.isDigit {
            let (product, overflow) = size.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = product.addingReportingOverflow(Int(digit - 0x30))
            if overflow || overflow2 { throw expected(what()) }
            size = sum
            length += 1
        }
        if length == 1 { throw expected(what()) }
        if byte(after: length) == .plus { length += 1 }
        guard byte(after: length) == .rightBrace else { throw expected(what()) }
        length += 1
        if byte(after: length) == .cr { length += 1 }
        guard byte(after: length) == .lf, size <= remaining - length - 1 else { throw expected(what()) }
        _ = take(length + 1)
        return take(size)
    }

    /// Bytes that must be text: UTF-8 without NUL.
    static func text(_ bytes: UnsafeRawBufferPointer) throws(Refusal) -> String {
        guard !bytes.contains(0) else { throw .bad("a string with a NUL byte") }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .bad("a string that is not UTF-8") }
        return text
    }

    // MARK: Numbers

    /// number: 0 … 4,294,967,295.
    mutating func number(_ what: @autoclosure () -> String) throws(Refusal) -> UInt32 {
        guard let first = next, first.isDigit else { throw expected(what()) }
        var value: UInt32 = 0
        while let digit = next, digit.isDigit {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = product.addingReportingOverflow(UInt32(digit - 0x30))
            if overflow || overflow2 { throw .bad("a number beyond 4294967295") }
            value = sum
            advance()
        }
        return value
    }

    /// mod-sequence-valzer (RFC 7162 §7): 0 … 9,223,372,036,854,775,807.
    mutating func modSeq(_ what: @autoclosure () -> String) throws(Refusal) -> UInt64 {
        guard let first = next, first.isDigit else { throw expected(what()) }
        var value: Int64 = 0
        while let digit = next, digit.isDigit {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = product.addingReportingOverflow(Int64(digit - 0x30))
            if overflow || overflow2 { throw .bad("a mod-sequence beyond 9223372036854775807") }
            value = sum
            advance()
        }
        return UInt64(value)
    }

    /// mod-sequence-value: from 1.
    mutating func nonZeroModSeq(_ what: @autoclosure () -> String) throws(Refusal) -> UInt64 {
        let start = self
        let value = try modSeq(what())
        if value == 0 { throw start.expected("\(what()), from 1") }
        return value
    }

    /// nz-number: 1 … 4,294,967,295.
    mutating func nonZeroNumber(_ what: @autoclosure () -> String) throws(Refusal) -> UInt32 {
        let start = self
        let value = try number(what())
        if value == 0 { throw start.expected("\(what()), from 1") }
        return value
    }

    /// Exactly `count` digits.
    mutating func digits(_ count: Int, _ what: @autoclosure () -> String) throws(Refusal) -> Int {
        let start = self
        var value = 0
        for _ in 0..<count {
            guard let digit = next, digit.isDigit else { throw start.expected(what()) }
            value = value * 10 + Int(digit - 0x30)
            advance()
        }
        return value
    }
}

extension String {
    /// ASCII bytes in capitals.
    init(uppercasing bytes: UnsafeRawBufferPointer) {
        self.init(unsafeUninitializedCapacity: bytes.count) { text in
            for index in 0..<bytes.count { text[index] = bytes[index].asciiUppercased }
            return bytes.count
        }
    }

    /// Whether it is `other`, ASCII case not counted. `other` is in capitals.
    func isEqual(ignoringCase other: StaticString) -> Bool {
        guard utf8.count == other.utf8CodeUnitCount else { return false }
        var index = 0
        for byte in utf8 {
            if byte.asciiUppercased != other.utf8Start[index] { return false }
            index += 1
        }
        return true
    }

    /// ASCII letters small, all else as it is: what keywords are compared by.
    var asciiLowercased: String { String(decoding: utf8.lazy.map(\.asciiLowercased), as: UTF8.self) }
}
