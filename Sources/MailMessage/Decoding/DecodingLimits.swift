/// What decoding does at most, whatever a mail says. What exceeds a limit is not an error: it is left as it stands.
public enum DecodingLimits {
    /// Bytes of a charset's name, the language behind a `*` (RFC 2231 §5) not counted. IANA's longest has 45.
    public static let charsetName = 64

    /// Bytes of a language tag in an encoded word (RFC 2231 §5).
    public static let languageTag = 64

    /// Bytes of an encoded word's text that is decoded. RFC 2047 §2 allows 75 for the whole word; there is mail with a
    /// long subject in a single one.
    public static let encodedWord = 16 * 1024

    /// Bytes of a part's body, in its transfer encoding, that one search decodes and looks at. What lies behind is not
    /// searched.
    public static let searchedBody = 64 * 1024 * 1024

    /// Bytes of white space that quoted-printable takes for padding at a line's end, and so removes (RFC 2045 §6.7,
    /// rule 3). In a longer run the first bytes are text. A line has 76 bytes at most.
    public static let linePadding = 1024

    /// Ill-formed sequences after which a converter is no longer asked: what follows keeps its ASCII, and all else becomes
    /// U+FFFD. Starting the converter again behind each of them is what makes hostile text dear.
    public static let illFormedSequences = 64 * 1024

    /// Bytes of UTF-8 that a converter may make of one byte. None that `Charset` names makes more; one that did would be
    /// cut off.
    public static let charsetExpansion = 8
}
