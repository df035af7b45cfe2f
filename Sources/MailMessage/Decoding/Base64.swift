/// Base64 (RFC 4648 §4): exact, as protocols want it. Mail is decoded by `TransferDecoding`, which forgives.
public enum Base64 {
    /// The bytes that `text` stands for; nil unless it is what `encode` would write: padded, no other characters, no bits
    /// left over (RFC 4648 §3.2, §3.3, §3.5).
    public static func decode(strict text: UnsafeRawBufferPointer) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        if text.count == 0 { return [] }
        let padding = text[text.count - 1] != pad ? 0 : text[text.count - 2] != pad ? 1 : 2
        let size = text.count / 4 * 3 - padding
        var valid = true
        let decoded = [UInt8](unsafeUninitializedCapacity: size) { to, count in
            var accumulator: UInt32 = 0
            for i in 0..<(text.count - padding) {
                let value = Base64.value(text[i])
                if value == none {
                    valid = false
                    return
                }
                accumulator = accumulator << 6 | UInt32(value)
                if i % 4 != 0 {
                    // The digit completes a byte; below it are 4, 2 or 0 bits of the next one.
                    let rest = UInt32(6 - 2 * (i % 4))
                    to[count] = UInt8(truncatingIfNeeded: accumulator >> rest)
                    count += 1
                    accumulator &= 1 << rest - 1
                }
            }
            valid = accumulator == 0
        }
        return valid ? decoded : nil
    }

    /// `bytes` in base64: padded, on one line.
    public static func encode(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let groups = (bytes.count / 3) + (bytes.count % 3 == 0 ? 0 : 1)
        return [UInt8](unsafeUninitializedCapacity: groups * 4) { to, count in
            var i = 0
            while i < bytes.count {
                let taken = Swift.min(3, bytes.count - i)
                var group = UInt32(bytes[i]) << 16
                if taken > 1 { group |= UInt32(bytes[i + 1]) << 8 }
                if taken > 2 { group |= UInt32(bytes[i + 2]) }
                for digit in 0..<4 {
                    to[count + digit] = digit <= taken ? character(group >> UInt32(18 - 6 * digit) & 0x3F) : pad
                }
                count += 4
                i += taken
            }
        }
    }

    static let pad = UInt8(ascii: "=")
    /// What `value` gives for a byte that is no digit.
    static let none: UInt8 = 0xFF

    @inline(__always)
    static func value(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte &- UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte &- UInt8(ascii: "a") &+ 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte &- UInt8(ascii: "0") &+ 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: none
        }
    }

    static let values: [UInt8] = (0...255).map { value($0) }

    private static func character(_ value: UInt32) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: value)
        return switch value {
        case 0..<26: UInt8(ascii: "A") + value
        case 26..<52: UInt8(ascii: "a") + (value - 26)
        case 52..<62: UInt8(ascii: "0") + (value - 52)
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }
}

/// Decodes base64 as mail has it (RFC 2045 §6.8): what is no digit is skipped, padding may be missing, and what stands
/// behind padding is another run of base64, as where encoded texts were strung together.
struct Base64Decoder {
    private var accumulator: UInt32 = 0
    private var bits: UInt32 = 0

    mutating func decode(_ bytes: UnsafeRawBufferPointer, into output: inout DecodedBytes) {
        let to = output.reserve(bytes.count / 4 * 3 + 3)
        let written = Base64.values.withUnsafeBufferPointer { decode(bytes, to, $0) }
        output.advance(written)
    }

    private mutating func decode(
        _ bytes: UnsafeRawBufferPointer, _ to: UnsafeMutablePointer<UInt8>, _ values: UnsafeBufferPointer<UInt8>
    ) -> Int {
        var written = 0
        var i = 0
        while i < bytes.count {
            // Four digits at once, as all lines of well-formed base64 have them.
            while bits == 0, bytes.count - i >= 4 {
                let a = values[Int(bytes[i])]
                let b = values[Int(bytes[i + 1])]
                let c = values[Int(bytes[i + 2])]
                let d = values[Int(bytes[i + 3])]
                if a | b | c | d >= 64 { break }
                let group = UInt32(a) << 18 | UInt32(b) << 12 | UInt32(c) << 6 | UInt32(d)
                to[written] = UInt8(truncatingIfNeeded: group >> 16)
                to[written + 1] = UInt8(truncatingIfNeeded: group >> 8)
                to[written + 2] = UInt8(truncatingIfNeeded: group)
                written += 3
                i += 4
            }
            if i == bytes.count { break }
            let byte = bytes[i]
            i += 1
            let value = values[Int(byte)]
            if value != Base64.none {
                accumulator = accumulator << 6 | UInt32(value)
                bits += 6
                if bits >= 8 {
                    bits -= 8
                    to[written] = UInt8(truncatingIfNeeded: accumulator >> bits)
                    written += 1
                }
            } else if byte == Base64.pad {
                // What is left of the last digit is no byte.
                bits = 0
            }
        }
        return written
    }
}
