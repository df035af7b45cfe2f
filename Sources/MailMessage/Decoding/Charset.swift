/// Charsets of mail, by their names as mail has them (RFC 2978; aliases and misspellings met in the wild among them).
public enum Charset {
    /// `bytes` in the named charset as UTF-8; nil if the charset is unknown. Bytes that are none of the charset become
    /// U+FFFD.
    ///
    /// As the WHATWG Encoding Standard and every mail program have it, `iso-8859-1` is read as windows-1252 and `gb2312` as
    /// GB 18030, of which they are part. Names that say that the sender did not know (`x-unknown`, `unknown-8bit`) give
    /// what is UTF-8 as it is and all else as windows-1252.
    /// - Complexity: O(size). The result has at most `DecodingLimits.charsetExpansion` bytes for each of `bytes`.
    public static func utf8(_ bytes: UnsafeRawBufferPointer, charset: UnsafeRawBufferPointer) -> [UInt8]? {
        guard let encoding = CharsetNames.encoding(charset), var decoder = CharsetDecoder(encoding) else { return nil }
        var output = DecodedBytes(capacity: bytes.count)
        decoder.decode(bytes, into: &output)
        decoder.finish(into: &output)
        return output.array
    }
}

/// How a charset is read.
enum CharsetEncoding: Equatable {
    case utf8
    case ascii
    case singleByte(SingleByteCharset)
    /// Nobody knows: UTF-8 where it is that, else windows-1252.
    case unknownText
    /// Through the C library.
    case converter(Converter)

    struct Converter: Equatable {
        /// iconv's name for it.
        var name: String
        /// Bytes of the unit that an ill-formed sequence is skipped by.
        var unit = 1
        /// Whether a text may be cut anywhere and its pieces converted one behind the other. Not so for UTF-7, where the end
        /// of a piece also ends a run of base64.
        var joins = true
    }

    /// Whether all bytes below 0x80 are ASCII and all else can be searched as UTF-8 or windows-1252 without conversion.
    var isSearchedAsItStands: Bool {
        switch self {
        case .utf8, .ascii, .unknownText: true
        case .singleByte, .converter: false
        }
    }

    var joinsPieces: Bool {
        if case .converter(let converter) = self { converter.joins } else { true }
    }
}

/// Converts text that comes in pieces to UTF-8.
struct CharsetDecoder: ~Copyable {
    private let encoding: CharsetEncoding
    private var scanner = UTF8Scanner()
    private var converter: IconvConverter?

    /// Nil if the C library lacks the charset.
    init?(_ encoding: CharsetEncoding) {
        self.encoding = encoding
        guard case .converter(let known) = encoding else {
            converter = nil
            return
        }
        guard let opened = IconvConverter(known) else { return nil }
        converter = consume opened
    }

    mutating func decode(_ bytes: UnsafeRawBufferPointer, into output: inout DecodedBytes) {
        switch encoding {
        case .utf8:
            var sink = UTF8Repair(output: consume output, repair: .replacementCharacter)
            scanner.scan(bytes, &sink)
            output = sink.finish()
        case .unknownText:
            var sink = UTF8Repair(output: consume output, repair: .windows1252)
            scanner.scan(bytes, &sink)
            output = sink.finish()
        case .ascii:
            SingleByteCharset.decodeASCII(bytes, into: &output)
        case .singleByte(let charset):
            charset.decode(bytes, into: &output)
        case .converter:
            converter?.decode(bytes, into: &output)
        }
    }

    /// Ends the text; another may begin.
    mutating func finish(into output: inout DecodedBytes) {
        switch encoding {
        case .utf8:
            var sink = UTF8Repair(output: consume output, repair: .replacementCharacter)
            scanner.finish(&sink)
            output = sink.finish()
        case .unknownText:
            var sink = UTF8Repair(output: consume output, repair: .windows1252)
            scanner.finish(&sink)
            output = sink.finish()
        case .ascii, .singleByte:
            break
        case .converter:
            converter?.finish(into: &output)
        }
    }
}

/// Makes well-formed UTF-8 of bytes that may be it.
struct UTF8Repair: UTF8Sink, ~Copyable {
    enum Repair {
        /// An ill-formed sequence becomes one U+FFFD.
        case replacementCharacter
        /// Each byte of it is read as windows-1252: text of an older mail program that does not say what it is.
        case windows1252
    }
    private var output: DecodedBytes
    private let repair: Repair

    init(output: consuming DecodedBytes, repair: Repair) {
        self.output = output
        self.repair = repair
    }

    consuming func finish() -> DecodedBytes { output }

    mutating func ascii(_ run: UnsafeRawBufferPointer) { output.append(run) }
    mutating func scalar(_ value: UInt32, _ bytes: UnsafeRawBufferPointer) { output.append(bytes) }
    mutating func illFormed(_ bytes: UnsafeRawBufferPointer) {
        switch repair {
        case .replacementCharacter: output.append(scalar: 0xFFFD)
        case .windows1252: SingleByteCharset.windows1252.decode(bytes, into: &output)
        }
    }

    /// Appends `bytes`, a whole text, to `output`.
    static func append(_ bytes: UnsafeRawBufferPointer, to output: inout DecodedBytes, _ repair: Repair) {
        var scanner = UTF8Scanner()
        var sink = UTF8Repair(output: consume output, repair: repair)
        scanner.scan(bytes, &sink)
        scanner.finish(&sink)
        output = sink.finish()
    }
}
