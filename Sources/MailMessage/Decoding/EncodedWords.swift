/// Header text for people: encoded words decoded (RFC 2047), folds undone (RFC 5322 §2.2.3).
///
/// Where mail breaks the rules, it is read as its sender meant it: encoded words may stand anywhere and hold blanks,
/// characters may be cut in two between words of one charset, and raw 8-bit bytes are UTF-8, or else windows-1252. A word
/// that cannot be decoded, for its form or for its charset, stays as it is.
public enum EncodedWords {
    /// - Parameter value: a field's value, folded or not.
    /// - Complexity: O(size), in time and in memory.
    public static func decode(_ value: UnsafeRawBufferPointer) -> String {
        decoded(value).withBytes { String(decoding: $0, as: UTF8.self) }
    }

    /// The same as well-formed UTF-8.
    public static func utf8(_ value: UnsafeRawBufferPointer) -> [UInt8] {
        decoded(value).array
    }

    static func decoded(_ value: UnsafeRawBufferPointer) -> DecodedBytes {
        var reader = EncodedWordReader(value)
        reader.read()
        return reader.finish()
    }

    /// Whether there may be an encoded word in it.
    static func mayOccur(in value: UnsafeRawBufferPointer) -> Bool {
        var i = 0
        while i + 1 < value.count {
            if value[i + 1] == UInt8(ascii: "?") {
                if value[i] == UInt8(ascii: "=") { return true }
                i += 2
            } else {
                i += 1
            }
        }
        return false
    }
}

/// One run over a value.
private struct EncodedWordReader: ~Copyable {
    private let value: UnsafeRawBufferPointer
    private var output: DecodedBytes
    /// Where the text begins that has been passed and not been written.
    private var rawStart = 0
    /// Whether that text is white space, or nothing.
    private var rawIsBlank = true
    /// Text of a word before its charset is converted.
    private var text = DecodedBytes(capacity: 128)
    /// The words just read, still open for one of the same charset to join them.
    private var open: CharsetEncoding?
    private var decoder: CharsetDecoder?
    /// Place of the first `?=` at or behind where it was last looked for: a value with many beginnings and no end
    /// is searched once.
    private var terminator = 0

    init(_ value: UnsafeRawBufferPointer) {
        self.value = value
        output = DecodedBytes(capacity: value.count)
    }

    mutating func read() {
        var i = 0
        while i < value.count {
            if value[i] == EncodedWord.equals, let word = word(at: i), decode(word, from: i) {
                i = word.end
                rawStart = i
                rawIsBlank = true
            } else {
                if !EncodedWord.isWhiteSpace(value[i]) { rawIsBlank = false }
                i += 1
            }
        }
        writeRaw(upTo: value.count)
    }

    consuming func finish() -> DecodedBytes { output }

    private mutating func word(at start: Int) -> EncodedWord? {
        guard let head = EncodedWord.Head(value, at: start) else { return nil }
        if terminator < head.end {
            terminator = head.end
            while terminator + 1 < value.count,
                value[terminator] != EncodedWord.question || value[terminator + 1] != EncodedWord.equals
            {
                terminator += 1
            }
        }
        guard terminator + 1 < value.count, terminator - head.end <= DecodingLimits.encodedWord else { return nil }
        return EncodedWord(head: head, text: head.end..<terminator)
    }

    /// Appends a word to the output, or to the open ones before it.
    /// - Returns: false if it cannot be decoded. Nothing is changed then.
    private mutating func decode(_ word: EncodedWord, from start: Int) -> Bool {
        guard let encoding = CharsetNames.encoding(slice(word.head.charset)) else { return false }
        // Only white space, or nothing, between this word and the one before it: that is no text (RFC 2047 §6.2).
        let adjoins = open != nil && rawIsBlank
        let joins = adjoins && open == encoding && encoding.joinsPieces
        var next: CharsetDecoder?
        if !joins {
            next = CharsetDecoder(encoding)
            if next == nil { return false }
        }
        text.removeAll()
        guard word.decodeText(of: value, into: &text) else { return false }
        if !joins {
            if adjoins { close() } else { writeRaw(upTo: start) }
            decoder = consume next
            open = encoding
        }
        EncodedWordReader.convert(text, &decoder, into: &output)
        return true
    }

    private static func convert(
        _ text: borrowing DecodedBytes, _ decoder: inout CharsetDecoder?, into output: inout DecodedBytes
    ) {
        text.withBytes { decoder?.decode($0, into: &output) }
    }

    /// Ends the open words.
    private mutating func close() {
        decoder?.finish(into: &output)
        decoder = nil
        open = nil
    }

    /// Writes what stands between the last word and `end`, without the line breaks of folds.
    private mutating func writeRaw(upTo end: Int) {
        close()
        var i = rawStart
        while i < end {
            let start = i
            while i < end, value[i] != UInt8(ascii: "\r"), value[i] != UInt8(ascii: "\n") { i += 1 }
            UTF8Repair.append(slice(start..<i), to: &output, .windows1252)
            i += 1
        }
        rawStart = end
    }

    private func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: value[range]) }
}
