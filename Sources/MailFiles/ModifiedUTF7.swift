/// Names of mailboxes as IMAP and Maildir++ write them in ASCII (RFC 3501 §5.1.3): what is beyond it is UTF-16 in a
/// modified Base64 between `&` and `-`.
enum ModifiedUTF7 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,".utf8)

    /// - Parameter escaped: ASCII characters that are encoded also, though the RFC would not: decoders take them.
    static func encode(_ name: some StringProtocol, escaping escaped: [UInt8] = []) -> String {
        var result: [UInt8] = []
        var units: [UInt16] = []
        for unit in name.utf16 {
            if 0x20...0x7E ~= unit, !escaped.contains(UInt8(unit)) {
                flush(&units, into: &result)
                result.append(UInt8(unit))
                if unit == UInt8(ascii: "&") { result.append(UInt8(ascii: "-")) }
            } else {
                units.append(unit)
            }
        }
        flush(&units, into: &result)
        return String(decoding: result, as: UTF8.self)
    }

    private static func flush(_ units: inout [UInt16], into result: inout [UInt8]) {
        guard !units.isEmpty else { return }
        result.append(UInt8(ascii: "&"))
        var bits: UInt32 = 0
        var count = 0
        for unit in units {
            bits = bits << 16 | UInt32(unit)
            count += 16
            while count >= 6 {
                count -= 6
                result.append(alphabet[Int(bits >> UInt32(count) & 63)])
            }
        }
        if count > 0 { result.append(alphabet[Int(bits << UInt32(6 - count) & 63)]) }
        result.append(UInt8(ascii: "-"))
        units = []
    }

    /// nil if it is not well formed.
    static func decode(_ name: some StringProtocol) -> String? {
        let bytes = Array(name.utf8)
        var units: [UInt16] = []
        var at = 0
        while at < bytes.count {
            guard bytes[at] < 0x80 else { return nil }
            guard bytes[at] == UInt8(ascii: "&") else {
                units.append(UInt16(bytes[at]))
                at += 1
                continue
            }
            guard let end = bytes[at...].firstIndex(of: UInt8(ascii: "-")) else { return nil }
            if end == at + 1 {
                units.append(UInt16(bytes[at]))
            } else {
                guard decode(bytes[(at + 1)..<end], into: &units) else { return nil }
            }
            at = end + 1
        }
        return String(validating: units, as: UTF16.self)
    }

    private static func decode(_ text: ArraySlice<UInt8>, into units: inout [UInt16]) -> Bool {
        var bits: UInt32 = 0
        var count = 0
        for character in text {
            guard let value = alphabet.firstIndex(of: character) else { return false }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 16 {
                count -= 16
                units.append(UInt16(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return count < 6 && bits & (1 << UInt32(count) - 1) == 0
    }
}
