#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The octets that the syntax of mail is made of.
enum Octet {
    static let tab: UInt8 = 0x09
    static let lf: UInt8 = 0x0a
    static let cr: UInt8 = 0x0d
    static let space: UInt8 = 0x20
    static let quote: UInt8 = 0x22
    static let percent: UInt8 = 0x25
    static let apostrophe: UInt8 = 0x27
    static let openParen: UInt8 = 0x28
    static let closeParen: UInt8 = 0x29
    static let asterisk: UInt8 = 0x2a
    static let plus: UInt8 = 0x2b
    static let comma: UInt8 = 0x2c
    static let hyphen: UInt8 = 0x2d
    static let dot: UInt8 = 0x2e
    static let slash: UInt8 = 0x2f
    static let colon: UInt8 = 0x3a
    static let semicolon: UInt8 = 0x3b
    static let less: UInt8 = 0x3c
    static let equals: UInt8 = 0x3d
    static let greater: UInt8 = 0x3e
    static let question: UInt8 = 0x3f
    static let at: UInt8 = 0x40
    static let backslash: UInt8 = 0x5c

    /// White space inside of a field: line ends are such where a value was not unfolded.
    static func isBlank(_ octet: UInt8) -> Bool { octet == space || octet == tab || octet == cr || octet == lf }

    /// In an address' words (RFC 5322 §3.4): octets that end no word, and begin nothing that is passed as a whole.
    static func isPlain(_ octet: UInt8) -> Bool {
        octet < 0x40 ? octet > space && 1 << UInt64(octet) & notPlain == 0 : octet != at
    }

    /// Those below 64 that do. White space and controls are not plain anyway.
    private static let notPlain: UInt64 = [quote, openParen, comma, colon, semicolon, less, equals, greater].reduce(0) {
        $0 | 1 << UInt64($1)
    }

    static func isDigit(_ octet: UInt8) -> Bool { octet &- 0x30 < 10 }

    static func lowercased(_ octet: UInt8) -> UInt8 { octet &- 0x41 < 26 ? octet | 0x20 : octet }

    static func isLetter(_ octet: UInt8) -> Bool { (octet | 0x20) &- 0x61 < 26 }
}

extension UnsafeRawBufferPointer {
    /// A part of these bytes, with indices from 0.
    /// - Precondition: the range lies in the bytes.
    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self[range]) }

    /// Where the next line feed at or behind `offset` is.
    /// - Precondition: `offset <= count`.
    func lineFeed(from offset: Int) -> Int? {
        guard let base = baseAddress, let found = memchr(base + offset, Int32(Octet.lf), count - offset) else { return nil }
        return UnsafeRawPointer(found) - base
    }

    /// Whether these bytes are the name, which is given in small letters; the case of ASCII letters does not count.
    func isName(_ name: StaticString) -> Bool {
        guard count == name.utf8CodeUnitCount else { return false }
        for i in 0..<count where Octet.lowercased(self[i]) != name.utf8Start[i] { return false }
        return true
    }

    /// Where the bytes without white space at both ends are.
    var trimmedRange: Range<Int> {
        var low = 0
        var high = count
        while low < high, Octet.isBlank(self[low]) { low += 1 }
        while high > low, Octet.isBlank(self[high - 1]) { high -= 1 }
        return low..<high
    }

    /// Calls `body` with a field's value unfolded: without its line ends, all else kept (RFC 5322 §2.2.3). Copies only what
    /// is folded.
    func withUnfolded<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        guard var lineFeed = lineFeed(from: 0) else { return body(self) }
        var unfolded: [UInt8] = []
        unfolded.reserveCapacity(count)
        var start = 0
        while true {
            let end = lineFeed > start && self[lineFeed - 1] == Octet.cr ? lineFeed - 1 : lineFeed
            unfolded.append(contentsOf: self[start..<end])
            start = lineFeed + 1
            guard let next = self.lineFeed(from: start) else { break }
            lineFeed = next
        }
        unfolded.append(contentsOf: self[start...])
        return unfolded.withUnsafeBytes(body)
    }
}
