/// Undoes a Content-Transfer-Encoding (RFC 2045 §6), forgiving what mail gets wrong.
public enum TransferDecoding {
    /// The bytes that `bytes` stand for; nil if the encoding is none of `7bit`, `8bit`, `binary`, `base64` and
    /// `quoted-printable`. ASCII case, and white space around the name, do not count.
    /// - Complexity: O(size). The result is never longer than `bytes`.
    public static func decode(_ bytes: UnsafeRawBufferPointer, encoding: UnsafeRawBufferPointer) -> [UInt8]? {
        guard var decoder = TransferDecoder(encoding: encoding) else { return nil }
        if decoder.isIdentity { return Array(bytes) }
        var output = DecodedBytes(capacity: bytes.count)
        decoder.decode(bytes, into: &output)
        decoder.finish(into: &output)
        return output.array
    }
}

/// The same for bytes that come in pieces.
struct TransferDecoder {
    private enum Method {
        case identity
        case base64(Base64Decoder)
        case quotedPrintable(QuotedPrintableDecoder)
    }
    private var method: Method

    init?(encoding: UnsafeRawBufferPointer) {
        switch TransferDecoder.name(encoding) {
        case "7bit", "8bit", "binary": method = .identity
        case "base64": method = .base64(Base64Decoder())
        case "quoted-printable": method = .quotedPrintable(QuotedPrintableDecoder())
        default: return nil
        }
    }

    /// Whether decoding changes nothing.
    var isIdentity: Bool {
        if case .identity = method { true } else { false }
    }

    mutating func decode(_ bytes: UnsafeRawBufferPointer, into output: inout DecodedBytes) {
        switch method {
        case .identity:
            output.append(bytes)
        case .base64(var decoder):
            decoder.decode(bytes, into: &output)
            method = .base64(decoder)
        case .quotedPrintable(var decoder):
            decoder.decode(bytes, into: &output)
            method = .quotedPrintable(decoder)
        }
    }

    mutating func finish(into output: inout DecodedBytes) {
        if case .quotedPrintable(var decoder) = method {
            decoder.finish(into: &output)
            method = .quotedPrintable(decoder)
        }
    }

    /// The name without what stands around it, in lower case; empty if it is longer than any that is known.
    private static func name(_ encoding: UnsafeRawBufferPointer) -> String {
        guard encoding.count <= 64 else { return "" }
        let name = encoding.drop { $0 <= 0x20 }.prefix { $0 > 0x20 && $0 != UInt8(ascii: ";") }
        return String(decoding: name.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
