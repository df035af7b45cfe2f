/// Goes through a structured field's value (RFC 5322 §3.2): white space, comments, quoted strings, encoded words.
///
/// A quotation mark or parenthesis that is opened and never closed is text, and so are all such behind it: thus a value is
/// searched for a partner in vain at most once, and nothing swallows the rest of a field. Nesting is counted, not followed.
struct FieldLexer {
    let bytes: UnsafeRawBufferPointer
    var position = 0
    private var quotesAreText = false
    private var parensAreText = false

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// The octet at the position; nil at the end.
    var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func advance() { position += 1 }

    /// Passes plain octets of a word, and returns them.
    mutating func takePlain() -> UnsafeRawBufferPointer {
        let start = position
        while position < bytes.count, Octet.isPlain(bytes[position]) { position += 1 }
        return bytes.slice(start..<position)
    }

    /// Takes over what another lexer of the same bytes knows of marks without partner.
    mutating func learn(from other: FieldLexer) {
        quotesAreText = other.quotesAreText
        parensAreText = other.parensAreText
    }

    /// Passes white space and comments, and says whether there were any. The last comment's text goes to `comment`, if it
    /// has any.
    mutating func passBlanks(comment: inout [UInt8]) -> Bool {
        let start = position
        while let octet = current {
            if Octet.isBlank(octet) {
                advance()
            } else if octet == Octet.openParen, let end = commentEnd() {
                let inside = bytes.slice(position + 1..<end - 1)
                let text = inside.slice(inside.trimmedRange)
                if !text.isEmpty {
                    comment.removeAll(keepingCapacity: true)
                    FieldLexer.append(escaped: text, to: &comment)
                }
                position = end
            } else {
                break
            }
        }
        return position > start
    }

    /// As above, for those who do not care for comments.
    @discardableResult mutating func passBlanks() -> Bool {
        let start = position
        while let octet = current {
            if Octet.isBlank(octet) {
                advance()
            } else if octet == Octet.openParen, let end = commentEnd() {
                position = end
            } else {
                break
            }
        }
        return position > start
    }

    /// At a `(`: where the comment ends, behind its `)`. Nil if the parenthesis is text.
    mutating func commentEnd() -> Int? {
        guard !parensAreText else { return nil }
        var depth = 0
        var at = position
        while at < bytes.count {
            switch bytes[at] {
            case Octet.openParen: depth += 1
            case Octet.closeParen:
                depth -= 1
                if depth == 0 { return at + 1 }
            case Octet.backslash: at += 1
            default: break
            }
            at += 1
        }
        parensAreText = true
        return nil
    }

    /// At a `"`: where the quoted string ends, behind its last mark. Nil if the mark is text.
    mutating func quotedStringEnd() -> Int? {
        guard !quotesAreText else { return nil }
        var at = position + 1
        while at < bytes.count {
            if bytes[at] == Octet.quote { return at + 1 }
            at += bytes[at] == Octet.backslash ? 2 : 1
        }
        quotesAreText = true
        return nil
    }

    /// At a `=`: where the encoded word ends that begins here (RFC 2047 §2), so that a comma in it, which should not be
    /// there but is met, does not end a phrase. Nil if none begins here.
    func encodedWordEnd() -> Int? {
        var at = position + 1
        guard at < bytes.count, bytes[at] == Octet.question else { return nil }
        for section in 0..<3 {
            let start = at + 1
            at = start
            while at < bytes.count, bytes[at] != Octet.question {
                guard bytes[at] > Octet.space else { return nil }
                at += 1
            }
            guard at < bytes.count, section == 2 || at > start, section != 1 || at == start + 1 else { return nil }
        }
        return at + 1 < bytes.count && bytes[at + 1] == Octet.equals ? at + 2 : nil
    }

    /// Appends the content of a quoted string that ends at `end`, and passes it.
    mutating func takeQuotedString(end: Int, into text: inout [UInt8]) {
        FieldLexer.append(escaped: bytes.slice(position + 1..<end - 1), to: &text)
        position = end
    }

    /// Appends bytes without the backslashes that quote others.
    private static func append(escaped bytes: UnsafeRawBufferPointer, to text: inout [UInt8]) {
        var at = 0
        while at < bytes.count {
            if bytes[at] == Octet.backslash, at + 1 < bytes.count { at += 1 }
            text.append(bytes[at])
            at += 1
        }
    }
}
