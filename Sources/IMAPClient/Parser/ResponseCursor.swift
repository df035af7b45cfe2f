import MailModel
import NIOCore

/// Goes over the bytes of one response, its literals among them, once and forwards.
struct ResponseCursor {
    private let buffer: ByteBuffer
    private let bytes: UnsafeRawBufferPointer
    private let maximumNesting: Int
    private(set) var position = 0

    /// - Parameters:
    ///   - buffer: the response with its line end.
    ///   - bytes: the readable bytes of `buffer`, which outlive the cursor.
    init(_ buffer: ByteBuffer, _ bytes: UnsafeRawBufferPointer, maximumNesting: Int) {
        self.buffer = buffer
        var count = bytes.count
        if count > 0, bytes[count - 1] == UInt8(ascii: "\n") { count -= 1 }
        if count > 0, bytes[count - 1] == UInt8(ascii: "\r") { count -= 1 }
        self.bytes = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        self.maximumNesting = maximumNesting
    }

    var isAtEnd: Bool { position == bytes.count }
    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func takes(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    mutating func expect(_ byte: UInt8) throws(ResponseError) {
        if !takes(byte) { throw wanted("'\(Character(UnicodeScalar(byte)))'") }
    }

    /// At least one; servers are known to send two.
    mutating func space() throws(ResponseError) {
        try expect(.space)
        while takes(.space) {}
    }

    func wanted(_ what: String) -> ResponseError {
        guard let next else { return ResponseError("\(what) is wanted at the end") }
        let found = next > 32 && next < 127 ? "'\(Character(UnicodeScalar(next)))'" : "byte \(next)"
        return ResponseError("\(what) is wanted, not \(found) at \(position)")
    }

    /// So much as it is, of the response's own bytes.
    func slice(_ range: Range<Int>) -> ByteBuffer {
        buffer.getSlice(at: buffer.readerIndex + range.lowerBound, length: range.count)!
    }

    /// All that follows.
    mutating func rest() -> ByteBuffer {
        defer { position = bytes.count }
        return slice(position..<bytes.count)
    }

    mutating func restAsText() -> String {
        defer { position = bytes.count }
        return String(decoding: bytes[position...], as: UTF8.self)
    }

    // MARK: Words and numbers

    mutating func takeWhile(_ isMember: (UInt8) -> Bool) -> Slice<UnsafeRawBufferPointer> {
        let start = position
        while position < bytes.count, isMember(bytes[position]) { position += 1 }
        return bytes[start..<position]
    }

    /// An atom as servers send them: up to a space, a bracket or a quotation mark.
    mutating func atom(_ what: String) throws(ResponseError) -> String {
        let word = takeWhile(ResponseCursor.isAtom)
        if word.isEmpty { throw wanted(what) }
        return String(decoding: word, as: UTF8.self)
    }

    /// An atom in upper case.
    mutating func keyword(_ what: String) throws(ResponseError) -> String {
        let word = takeWhile(ResponseCursor.isAtom)
        if word.isEmpty { throw wanted(what) }
        return String(decoding: word.lazy.map(\.uppercased), as: UTF8.self)
    }

    static func isAtom(_ byte: UInt8) -> Bool {
        switch byte {
        case 0...0x20, 0x7F, UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "\""), UInt8(ascii: "["),
            UInt8(ascii: "]"), UInt8(ascii: "{"):
            false
        default: true
        }
    }

    /// A decimal number, at most `maximum`.
    mutating func number(_ what: String, maximum: UInt64) throws(ResponseError) -> UInt64 {
        let digits = takeWhile(\.isDigit)
        if digits.isEmpty { throw wanted(what) }
        var value: UInt64 = 0
        for digit in digits {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = product.addingReportingOverflow(UInt64(digit &- 0x30))
            guard !overflow, !overflow2, sum <= maximum else { throw ResponseError("\(what) is too large at \(position)") }
            value = sum
        }
        return value
    }

    mutating func number32(_ what: String) throws(ResponseError) -> UInt32 {
        UInt32(try number(what, maximum: UInt64(UInt32.max)))
    }

    /// 63 bits (RFC 7162 §3.1); 0 where there are none.
    mutating func modSeq() throws(ResponseError) -> ModSeq {
        ModSeq(try number("a mod-sequence", maximum: UInt64(Int64.max)))
    }

    /// Numbers and ranges with commas between, in their order (RFC 3501 §9, sequence-set without `*`).
    mutating func ranges(_ what: String) throws(ResponseError) -> [UIDRange] {
        var ranges: [UIDRange] = []
        repeat {
            let first = try number32(what)
            let last = takes(UInt8(ascii: ":")) ? try number32(what) : first
            guard first > 0, last > 0 else { throw ResponseError("\(what) is 0 at \(position)") }
            ranges.append(UIDRange(UID(min(first, last)), UID(max(first, last))))
        } while takes(UInt8(ascii: ","))
        return ranges
    }

    // MARK: Strings

    /// A quoted string or a literal; nil for NIL. No copy of a literal is made.
    mutating func nstring(_ what: String) throws(ResponseError) -> ByteBuffer? {
        switch next {
        case UInt8(ascii: "\""): return try quoted()
        case UInt8(ascii: "{"), UInt8(ascii: "~"): return try literal()
        default:
            let start = position
            guard try keyword(what) == "NIL" else {
                position = start
                throw wanted(what)
            }
            return nil
        }
    }

    /// A string or an atom; NIL is an atom here.
    mutating func astring(_ what: String) throws(ResponseError) -> String {
        switch next {
        case UInt8(ascii: "\""): return String(buffer: try quoted())
        case UInt8(ascii: "{"): return String(buffer: try literal())
        default:
            // RFC 3501 §9: an astring may have `]`, and servers leave also other things unquoted.
            let word = takeWhile {
                $0 > 0x20 && $0 != UInt8(ascii: "(") && $0 != UInt8(ascii: ")") && $0 != UInt8(ascii: "\"")
            }
            if word.isEmpty { throw wanted(what) }
            return String(decoding: word, as: UTF8.self)
        }
    }

    private mutating func quoted() throws(ResponseError) -> ByteBuffer {
        try expect(UInt8(ascii: "\""))
        let start = position
        _ = takeWhile { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") && $0 != .lineFeed }
        if next == UInt8(ascii: "\"") {
            defer { position += 1 }
            return slice(start..<position)
        }
        var result = slice(start..<position)
        while let byte = next, byte != .lineFeed {
            position += 1
            if byte == UInt8(ascii: "\"") { return result }
            if byte == UInt8(ascii: "\\"), let escaped = next, escaped != .lineFeed {
                position += 1
                result.writeInteger(escaped)
            } else {
                result.writeInteger(byte)
            }
        }
        throw wanted("the end of a quoted string")
    }

    private mutating func literal() throws(ResponseError) -> ByteBuffer {
        _ = takes(UInt8(ascii: "~"))
        try expect(UInt8(ascii: "{"))
        let count = Int(try number32("a literal's size"))
        try expect(UInt8(ascii: "}"))
        _ = takes(UInt8(ascii: "\r"))
        try expect(.lineFeed)
        guard count <= bytes.count - position else { throw ResponseError("a literal ends too early") }
        defer { position += count }
        return slice(position..<(position + count))
    }

    // MARK: Values of any kind

    /// Goes past a value: an atom, a string, or a list with whatever is in it.
    mutating func value() throws(ResponseError) -> ByteBuffer {
        let start = position
        var depth = 0
        repeat {
            switch next {
            case UInt8(ascii: "("):
                depth += 1
                if depth > maximumNesting { throw ResponseError("brackets are nested deeper than \(maximumNesting)") }
                position += 1
            case UInt8(ascii: ")") where depth > 0:
                depth -= 1
                position += 1
            case UInt8(ascii: "\""): _ = try quoted()
            case UInt8(ascii: "{"): _ = try literal()
            case .space where depth > 0: position += 1
            case UInt8(ascii: "["), UInt8(ascii: "]"): position += 1
            default:
                if takeWhile(ResponseCursor.isAtom).isEmpty { throw wanted("a value") }
            }
        } while depth > 0
        return slice(start..<position)
    }

    /// Atoms in round brackets.
    mutating func atoms(_ what: String) throws(ResponseError) -> [String] {
        try expect(UInt8(ascii: "("))
        var result: [String] = []
        while takes(.space) {}
        while !takes(UInt8(ascii: ")")) {
            result.append(try atom(what))
            while takes(.space) {}
        }
        return result
    }
}

extension UInt8 {
    static let space: UInt8 = 0x20
    static let lineFeed: UInt8 = 0x0A
}
