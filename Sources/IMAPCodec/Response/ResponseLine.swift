import NIOCore

/// Responses put together in place: for those of which one command has thousands, and where each single call into the buffer
/// would cost more than the bytes that it writes.
public struct ResponseLine: ~Copyable {
    @usableFromInline let base: UnsafeMutableRawPointer
    @usableFromInline let capacity: Int
    @usableFromInline var count = 0

    fileprivate init(_ bytes: UnsafeMutableRawBufferPointer) {
        base = bytes.baseAddress!
        capacity = bytes.count
    }

    // Of a text whose length the compiler knows nothing is left but the moves.
    @inlinable @inline(__always) public mutating func put(_ text: StaticString) {
        put(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inlinable @inline(__always) public mutating func put(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count <= capacity - count, "a response is longer than was said")
        (base + count).copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
        count += bytes.count
    }

    @inlinable public mutating func put(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { if !$0.isEmpty { put($0) } }
    }

    /// In decimal: at most 20 bytes.
    public mutating func put(_ number: UInt64) {
        var digits = 1
        var bound: UInt64 = 10
        while digits < 20, number >= bound {
            digits += 1
            bound = bound.multipliedReportingOverflow(by: 10).partialValue
        }
        precondition(digits <= capacity - count, "a response is longer than was said")
        var place = base + count + digits
        var rest = number
        while rest > UInt64(UInt32.max) {
            place -= 1
            place.storeBytes(of: UInt8(truncatingIfNeeded: rest % 10) + 0x30, as: UInt8.self)
            rest /= 10
        }
        // Two digits at a time, with the cheaper division of 32 bits.
        var low = UInt32(rest)
        while low >= 10 {
            place -= 2
            place.copyMemory(from: ResponseLine.pairs.utf8Start + Int(low % 100) * 2, byteCount: 2)
            low /= 100
        }
        if place > base + count { (place - 1).storeBytes(of: UInt8(truncatingIfNeeded: low) + 0x30, as: UInt8.self) }
        count += digits
    }

    /// The numbers below 100, each of two digits.
    private static var pairs: StaticString {
        """
        00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657\
        585960616263646566676869707172737475767778798081828384858687888990919293949596979899
        """
    }

    /// A name whose form is known.
    public mutating func put(_ name: UnsafeRawBufferPointer, as form: PlainName) {
        if form == .quoted { put("\"") }
        if !name.isEmpty { put(name) }
        if form == .quoted { put("\"") }
    }
}

extension ByteBuffer {
    /// Writes what `body` puts, at most `capacity` bytes.
    public mutating func writeLines(atMost capacity: Int, _ body: (inout ResponseLine) -> Void) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: capacity) { bytes in
            var line = ResponseLine(bytes)
            body(&line)
            return line.count
        }
    }
}

/// How a mailbox' name stands in a response if its bytes are those of the name.
public enum PlainName: Sendable {
    case atom
    case quoted

    /// Nil for a name that has to be encoded (RFC 3501 §5.1.3) or escaped.
    public init?(_ name: UnsafeRawBufferPointer) {
        var isAtom = !name.isEmpty
        for byte in name {
            guard byte >= 0x20, byte < 0x7F, byte != .ampersand, byte != .quote, byte != .backslash else { return nil }
            if (byte < 64 ? PlainName.lowAtoms : PlainName.highAtoms) >> UInt64(byte & 63) & 1 == 0 { isAtom = false }
        }
        // NIL is an atom, but one that a reader may take for nothing.
        if isAtom, name.count == 3, String(uppercasing: name) == "NIL" { isAtom = false }
        self = isAtom ? .atom : .quoted
    }

    /// A bit for each of the bytes below 64, and from there below 128, that is an ASTRING-CHAR.
    private static var lowAtoms: UInt64 { 0xFFFF_F8DA_0000_0000 }
    private static var highAtoms: UInt64 { 0x77FF_FFFF_EFFF_FFFF }
}
