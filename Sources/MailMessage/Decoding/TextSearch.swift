/// Searches mail for a string as a reader would: ASCII and simple Unicode case does not count, charsets are converted to
/// UTF-8, transfer encodings and encoded words undone. What cannot be decoded is searched as it stands.
///
/// Case is what Unicode's full case folding says: `STRASSE` finds `Straße`. Text that claims no charset, or one that is
/// unknown, is UTF-8 where it is that and windows-1252 where not. HTML is searched as it stands, tags and entities included.
/// An accented letter and the same letter with a combining accent (NFC and NFD) are two.
///
/// The needle's folded form is made once; a search allocates no more than blocks of a fixed size, or of the needle's if
/// that is longer. The decoded form of a body never exists as a whole.
public struct TextSearch: Sendable {
    private let needle: FoldedNeedle
    /// Bytes that are folded, and of a body decoded, at a time.
    private let block: Int

    /// - Parameter needle: UTF-8. The empty string is in everything (RFC 3501 §6.4.4).
    public init(_ needle: String) { self.init(needle, block: FoldedWindow.defaultBlock) }

    /// - Parameter block: at least 1. Tests choose it small, so that what they look for lies across its bounds.
    init(_ needle: String, block: Int) {
        precondition(block > 0)
        self.needle = FoldedNeedle(needle)
        self.block = block
    }

    /// Whether the needle is in text that is UTF-8, or bytes of no known charset.
    /// - Complexity: O(text + needle).
    public func matches(text: UnsafeRawBufferPointer) -> Bool {
        if needle.bytes.isEmpty { return true }
        var window = FoldedWindow(needle, expected: text.count, block: block)
        return window.append(text) || window.finish()
    }

    /// Whether it is in a header field's value: unfolded, encoded words decoded (RFC 2047). A fold counts as the white space
    /// that it has.
    /// - Complexity: O(value + needle).
    public func matches(headerValue: UnsafeRawBufferPointer) -> Bool {
        if needle.bytes.isEmpty { return true }
        if EncodedWords.mayOccur(in: headerValue) {
            return EncodedWords.decoded(headerValue).withBytes { matches(text: $0) }
        }
        var window = FoldedWindow(needle, expected: headerValue.count, block: block)
        var i = 0
        while i < headerValue.count {
            let start = i
            while i < headerValue.count, headerValue[i] != UInt8(ascii: "\r"), headerValue[i] != UInt8(ascii: "\n") {
                i += 1
            }
            if window.append(UnsafeRawBufferPointer(rebasing: headerValue[start..<i])) { return true }
            i += 1
        }
        return window.finish()
    }

    /// Whether it is in the first `DecodingLimits.searchedBody` bytes of a part's body.
    /// - Parameters: the part's Content-Transfer-Encoding and charset parameter.
    /// - Complexity: O(body + needle).
    public func matches(
        body: UnsafeRawBufferPointer, transferEncoding: UnsafeRawBufferPointer, charset: UnsafeRawBufferPointer?
    ) -> Bool {
        if needle.bytes.isEmpty { return true }
        let body = UnsafeRawBufferPointer(rebasing: body.prefix(DecodingLimits.searchedBody))
        // Of a body in an unknown encoding nothing is known (RFC 2045 §6.4), its charset neither.
        guard let transfer = TransferDecoder(encoding: transferEncoding) else { return matches(text: body) }
        let encoding = charset.flatMap(CharsetNames.encoding) ?? .unknownText
        if encoding.isSearchedAsItStands {
            if transfer.isIdentity { return matches(text: body) }
            return matches(body: body, transfer, nil)
        }
        // Nil where the C library lacks the charset.
        return matches(body: body, transfer, CharsetDecoder(encoding))
    }

    /// Decodes piece by piece, and looks at each before the next.
    private func matches(
        body: UnsafeRawBufferPointer, _ transfer: TransferDecoder, _ charset: consuming CharsetDecoder?
    ) -> Bool {
        var transfer = transfer
        var charset = charset
        var window = FoldedWindow(needle, block: block)
        var decoded = DecodedBytes()
        var text = DecodedBytes()
        var position = 0
        while position < body.count {
            let end = Swift.min(body.count, position &+ block)
            let piece = UnsafeRawBufferPointer(rebasing: body[position..<end])
            position = end
            decoded.removeAll()
            transfer.decode(piece, into: &decoded)
            if position == body.count { transfer.finish(into: &decoded) }
            if charset == nil {
                if decoded.withBytes({ window.append($0) }) { return true }
                continue
            }
            text.removeAll()
            decoded.withBytes { charset?.decode($0, into: &text) }
            if position == body.count { charset?.finish(into: &text) }
            if text.withBytes({ window.append($0) }) { return true }
        }
        return window.finish()
    }
}
