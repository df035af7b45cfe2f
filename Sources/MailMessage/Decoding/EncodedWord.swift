/// An encoded word's places in a header value (RFC 2047 §2): `=?charset?encoding?text?=`.
struct EncodedWord {
    /// `=?charset?encoding?`
    struct Head {
        enum Encoding {
            case base64, quoted
        }
        /// With the language that may be in it (RFC 2231 §5).
        let charset: Range<Int>
        let encoding: Encoding
        /// Where the text begins.
        let end: Int

        /// Nil if none stands at `start`. Looks at a bounded number of bytes.
        init?(_ value: UnsafeRawBufferPointer, at start: Int) {
            guard value.count - start >= 4, value[start] == equals, value[start + 1] == question else { return nil }
            let first = start + 2
            let limit = Swift.min(value.count, first + DecodingLimits.charsetName + 1 + DecodingLimits.languageTag + 1)
            var i = first
            while i < limit, value[i] != question {
                if value[i] <= 0x20 || value[i] == equals { return nil }
                i += 1
            }
            guard i < limit, i > first, value.count - i >= 3, value[i + 2] == question else { return nil }
            switch value[i + 1] {
            case UInt8(ascii: "B"), UInt8(ascii: "b"): encoding = .base64
            case UInt8(ascii: "Q"), UInt8(ascii: "q"): encoding = .quoted
            default: return nil
            }
            charset = first..<i
            end = i + 3
        }
    }
    let head: Head
    let text: Range<Int>

    /// Behind the `?=`.
    var end: Int { text.upperBound + 2 }

    /// Appends the bytes that the text stands for.
    /// - Returns: false if it is no base64; the output is of no use then.
    func decodeText(of value: UnsafeRawBufferPointer, into output: inout DecodedBytes) -> Bool {
        let text = UnsafeRawBufferPointer(rebasing: value[self.text])
        switch head.encoding {
        case .base64:
            for byte in text where Base64.value(byte) == Base64.none {
                if byte != Base64.pad && !EncodedWord.isWhiteSpace(byte) { return false }
            }
            var decoder = Base64Decoder()
            decoder.decode(text, into: &output)
        case .quoted:
            EncodedWord.decodeQuoted(text, into: &output)
        }
        return true
    }

    /// The Q encoding (RFC 2047 §4.2). An `=` that begins no escape stays as it is.
    private static func decodeQuoted(_ text: UnsafeRawBufferPointer, into output: inout DecodedBytes) {
        let to = output.reserve(text.count)
        var written = 0
        var i = 0
        while i < text.count {
            var byte = text[i]
            i += 1
            switch byte {
            case UInt8(ascii: "_"):
                byte = 0x20
            case UInt8(ascii: "\r"), UInt8(ascii: "\n"):
                // A word folded by somebody who did not know it for one.
                continue
            case equals where text.count - i >= 2:
                if let high = Hexadecimal.value(text[i]), let low = Hexadecimal.value(text[i + 1]) {
                    byte = high << 4 | low
                    i += 2
                }
            default:
                break
            }
            to[written] = byte
            written += 1
        }
        output.advance(written)
    }

    static let equals = UInt8(ascii: "=")
    static let question = UInt8(ascii: "?")

    static func isWhiteSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }
}
