/// The encoding of mailbox names (RFC 3501 §5.1.3): printable ASCII stands for itself, `&` is `&-`, all else is UTF-16 in
/// a base64 with `,` for `/` and without padding, between `&` and `-`.
public enum ModifiedUTF7 {
    /// Nil where the bytes are not the one encoding that a name has: printable ASCII in base64, two runs of base64 where
    /// one would do, left-over bits, lone surrogates. So two spellings never name one mailbox.
    /// - Complexity: O(bytes).
    public static func decode(_ bytes: UnsafeRawBufferPointer) -> String? {
        var name = ""
        name.reserveCapacity(bytes.count)
        var index = 0
        var followsRun = false
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            guard byte >= 0x20, byte < 0x7F else { return nil }
            if byte != .ampersand {
                name.unicodeScalars.append(Unicode.Scalar(byte))
                followsRun = false
            } else if index < bytes.count, bytes[index] == .minus {
                name.append("&")
                index += 1
                followsRun = false
            } else {
                guard !followsRun, decodeRun(bytes, &index, into: &name) else { return nil }
                followsRun = true
            }
        }
        return name
    }

    /// Base64 from `index` to behind its `-`.
    private static func decodeRun(_ bytes: UnsafeRawBufferPointer, _ index: inout Int, into name: inout String) -> Bool {
        var bits: UInt32 = 0
        var bitCount = 0
        var high: UInt16?
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == .minus { return bitCount < 6 && bits == 0 && high == nil }
            guard let value = value(of: byte) else { return false }
            bits = bits << 6 | value
            bitCount += 6
            guard bitCount >= 16 else { continue }
            bitCount -= 16
            let unit = UInt16(truncatingIfNeeded: bits >> UInt32(bitCount))
            bits &= (1 << UInt32(bitCount)) - 1
            guard append(unit, &high, to: &name) else { return false }
        }
        return false
    }

    /// One unit of UTF-16; `high` is the first half of a pair whose second must come.
    private static func append(_ unit: UInt16, _ high: inout UInt16?, to name: inout String) -> Bool {
        if let first = high {
            guard 0xDC00...0xDFFF ~= unit else { return false }
            let value = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(unit) - 0xDC00)
            name.unicodeScalars.append(Unicode.Scalar(value)!)
            high = nil
        } else if 0xD800...0xDBFF ~= unit {
            high = unit
        } else {
            guard let scalar = Unicode.Scalar(UInt32(unit)), !(0x20...0x7E ~= unit) else { return false }
            name.unicodeScalars.append(scalar)
        }
        return true
    }

    /// - Complexity: O(name). The result is printable ASCII.
    public static func encode(_ name: String) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(name.utf8.count)
        var bits: UInt32 = 0
        var bitCount = 0
        var isInRun = false
        for unit in name.utf16 {
            if 0x20...0x7E ~= unit {
                if isInRun { endRun() }
                bytes.append(UInt8(unit))
                if unit == UInt16(UInt8.ampersand) { bytes.append(.minus) }
                continue
            }
            if !isInRun {
                bytes.append(.ampersand)
                isInRun = true
            }
            bits = bits << 16 | UInt32(unit)
            bitCount += 16
            while bitCount >= 6 {
                bitCount -= 6
                bytes.append(digit(bits >> UInt32(bitCount) & 63))
            }
            bits &= (1 << UInt32(bitCount)) - 1
        }
        if isInRun { endRun() }
        return bytes

        func endRun() {
            if bitCount > 0 { bytes.append(digit(bits << UInt32(6 - bitCount) & 63)) }
            bytes.append(.minus)
            bits = 0
            bitCount = 0
            isInRun = false
        }
    }

    // The digits of base64, with "," for "/" (RFC 3501 §5.1.3).

    private static func value(of byte: UInt8) -> UInt32? {
        switch byte {
        case 0x41...0x5A: UInt32(byte) - 0x41
        case 0x61...0x7A: UInt32(byte) - 0x61 + 26
        case 0x30...0x39: UInt32(byte) - 0x30 + 52
        case .plus: 62
        case .comma: 63
        default: nil
        }
    }

    /// - Precondition: `value` is 0 … 63.
    private static func digit(_ value: UInt32) -> UInt8 {
        switch UInt8(truncatingIfNeeded: value) {
        case let value where value < 26: 0x41 + value
        case let value where value < 52: 0x61 + value - 26
        case let value where value < 62: 0x30 + value - 52
        case 62: .plus
        default: .comma
        }
    }
}
