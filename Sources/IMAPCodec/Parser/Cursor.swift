/// Why a command is not taken.
enum Refusal: Error {
    /// What was expected, and where it helps what was found: printable, short.
    case bad(String)
    /// RFC 3501 §6.4.4; of a search whose result was to be saved (RFC 5182 §2.1).
    case unknownCharset(saves: Bool)
}

/// Goes over the bytes of one complete command, its literals among them, once and forwards. All that reads arguments is
/// made of what stands here and in `Cursor+Strings`.
///
/// Nothing in it trusts the bytes: what is not there is a `Refusal`.
struct Cursor {
    private let bytes: UnsafeRawBufferPointer
    /// Of the next byte.
    private(set) var position = 0
    /// What follows must not be repeated in an error: a password.
    var isSecret = false
    let maximumNesting: Int
    private var nesting = 0

    /// - Parameter bytes: a command without its last line end.
    init(_ bytes: UnsafeRawBufferPointer, maximumNesting: Int) {
        self.bytes = bytes
        self.maximumNesting = maximumNesting
    }

    var isAtEnd: Bool { position == bytes.count }

    /// The next byte; nil at the end.
    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    var remaining: Int { bytes.count - position }

    /// The byte `distance` behind the next one.
    func byte(after distance: Int) -> UInt8? {
        distance < remaining ? bytes[position + distance] : nil
    }

    /// - Precondition: not at the end.
    mutating func advance() { position += 1 }

    /// The next `count` bytes.
    /// - Precondition: so many remain.
    mutating func take(_ count: Int) -> UnsafeRawBufferPointer {
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)])
    }

    /// The bytes from here that are all in a class; empty if the next is not.
    mutating func takeWhile(_ isMember: (UInt8) -> Bool) -> UnsafeRawBufferPointer {
        var count = 0
        while count < remaining, isMember(bytes[position + count]) { count += 1 }
        return take(count)
    }

    /// Goes past `byte` if it is the next.
    mutating func takes(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    mutating func expect(_ byte: UInt8, _ what: @autoclosure () -> String) throws(Refusal) {
        if !takes(byte) { throw expected(what()) }
    }

    mutating func space(before what: @autoclosure () -> String) throws(Refusal) {
        if !takes(.space) { throw expected("a space and \(what())") }
    }

    /// Whether nothing but spaces follows.
    /// - Complexity: O(spaces).
    var hasOnlySpaces: Bool { bytes[position...].first { $0 != .space } == nil }

    /// Spaces at the end of a command are let pass.
    mutating func end() throws(Refusal) {
        while takes(.space) {}
        if !isAtEnd { throw expected("the end of the command") }
    }

    /// Runs `body` one level deeper, within the bound on nesting that keeps recursion from the stack's end.
    mutating func nested<Result>(_ body: (inout Cursor) throws(Refusal) -> Result) throws(Refusal) -> Result {
        guard nesting < maximumNesting else { throw .bad("more than \(maximumNesting) levels of nesting") }
        nesting += 1
        defer { nesting -= 1 }
        return try body(&self)
    }

    // MARK: Errors

    func expected(_ what: String) -> Refusal { .bad("expected \(what)\(found)") }

    private var found: String {
        if isSecret { return "" }
        guard let next else { return ", found the end of the command" }
        switch next {
        case .cr, .lf: return ", found a line end"
        case .space: return ", found a space"
        case 0x21...0x7E: return ", found \"\(printable(upTo: 24))\""
        default: return ", found the byte 0x\(String(next, radix: 16, uppercase: true))"
        }
    }

    /// What stands here, as far as it is one word of printable ASCII.
    private func printable(upTo limit: Int) -> String {
        var text = ""
        for offset in 0..<min(limit, remaining) {
            let byte = bytes[position + offset]
            guard byte > 0x20, byte < 0x7F else { break }
            text.unicodeScalars.append(Unicode.Scalar(byte))
        }
        return text
    }
}

/// Bytes that the grammar names, and its classes of characters (RFC 3501 §9).
extension UInt8 {
    static let lf: UInt8 = 0x0A
    static let cr: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let quote: UInt8 = 0x22
    static let dollar: UInt8 = 0x24
    static let ampersand: UInt8 = 0x26
    static let leftParenthesis: UInt8 = 0x28
    static let rightParenthesis: UInt8 = 0x29
    static let asterisk: UInt8 = 0x2A
    static let plus: UInt8 = 0x2B
    static let comma: UInt8 = 0x2C
    static let minus: UInt8 = 0x2D
    static let dot: UInt8 = 0x2E
    static let slash: UInt8 = 0x2F
    static let colon: UInt8 = 0x3A
    static let less: UInt8 = 0x3C
    static let equals: UInt8 = 0x3D
    static let greater: UInt8 = 0x3E
    static let percent: UInt8 = 0x25
    static let leftBracket: UInt8 = 0x5B
    static let backslash: UInt8 = 0x5C
    static let rightBracket: UInt8 = 0x5D
    static let leftBrace: UInt8 = 0x7B
    static let rightBrace: UInt8 = 0x7D

    var isDigit: Bool { self >= 0x30 && self <= 0x39 }

    /// ATOM-CHAR
    var isAtomCharacter: Bool {
        switch self {
        case 0...0x20, 0x22, 0x25, 0x28, 0x29, 0x2A, 0x5C, 0x5D, 0x7B, 0x7F...0xFF: false
        default: true
        }
    }

    /// ASTRING-CHAR: ATOM-CHAR and `]`.
    var isAStringCharacter: Bool { isAtomCharacter || self == 0x5D }

    /// list-char: ASTRING-CHAR and the wildcards.
    var isListCharacter: Bool { isAStringCharacter || self == 0x25 || self == 0x2A }

    var asciiUppercased: UInt8 { self >= 0x61 && self <= 0x7A ? self & 0xDF : self }
    var asciiLowercased: UInt8 { self >= 0x41 && self <= 0x5A ? self | 0x20 : self }
}
