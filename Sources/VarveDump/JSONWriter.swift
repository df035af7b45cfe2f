/// Writes JSON (RFC 8259) into bytes: an array of flat objects is all that a dump needs.
///
/// Every string that leaves here is valid: what is not UTF-8 becomes U+FFFD, and the exact bytes stand beside it, in
/// hexadecimal, under the same key with `Bytes` behind it.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    mutating func beginObject() {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
    }

    mutating func endObject() {
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    mutating func field(_ key: String, _ value: Item.Value) {
        separate()
        string(Array(key.utf8))
        bytes.append(UInt8(ascii: ":"))
        self.value(value)
        needsComma = true
        if case .name(let name) = value, !JSONWriter.isUTF8(name) {
            field(key + "Bytes", .word(hexadecimal(name)))
        }
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    private mutating func value(_ value: Item.Value) {
        switch value {
        // Beyond 2^53 many readers of JSON lose digits: identities and modseqs are far from there in practice.
        case .number(let number): bytes.append(contentsOf: String(number).utf8)
        case .integer(let number): bytes.append(contentsOf: String(number).utf8)
        case .flag(let flag): bytes.append(contentsOf: (flag ? "true" : "false").utf8)
        case .word(let word): string(Array(word.utf8))
        case .name(let name): string(name)
        case .list(let values):
            bytes.append(UInt8(ascii: "["))
            for (i, element) in values.enumerated() {
                if i > 0 { bytes.append(UInt8(ascii: ",")) }
                self.value(element)
            }
            bytes.append(UInt8(ascii: "]"))
        }
    }

    /// RFC 8259 §7.
    private mutating func string(_ text: [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in String(decoding: text, as: UTF8.self).utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
            case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
            case 0..<32, 127: bytes.append(contentsOf: ("\\u00" + hexadecimal([byte])).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func isUTF8(_ text: [UInt8]) -> Bool { String(validating: text, as: UTF8.self) != nil }
}

/// Two lower-case digits for each byte.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var out: [UInt8] = []
    for byte in bytes {
        out.append(digits[Int(byte >> 4)])
        out.append(digits[Int(byte & 15)])
    }
    return String(decoding: out, as: UTF8.self)
}
