/// A parameter of a Content-Type or Content-Disposition field.
struct Parameter {
    var name: [UInt8]
    var value: [UInt8]
}

extension FieldLexer {
    /// A token of RFC 2045 §5.1, or nil if none is at the position.
    mutating func takeToken() -> UnsafeRawBufferPointer? {
        let start = position
        while let octet = current, FieldLexer.isTokenOctet(octet) { advance() }
        return position > start ? bytes.slice(start..<position) : nil
    }

    private static func isTokenOctet(_ octet: UInt8) -> Bool {
        guard octet > Octet.space, octet < 0x7f else { return false }
        switch octet {
        case Octet.openParen, Octet.closeParen, Octet.less, Octet.greater, Octet.at, Octet.comma, Octet.semicolon,
            Octet.colon, Octet.backslash, Octet.quote, Octet.slash, 0x5b, 0x5d, Octet.question, Octet.equals:
            return false
        default: return true
        }
    }

    /// The parameters behind a media type or a disposition, continuations joined (RFC 2231). Passes over what is none, and
    /// does not insist on semicolons.
    mutating func takeParameters() -> [Parameter] {
        var parameters: [Parameter] = []
        while parameters.count < MailLimits.parameters {
            passBlanks()
            guard let octet = current else { break }
            if octet == Octet.quote, let end = quotedStringEnd() {
                position = end
                continue
            }
            let start = position
            while let octet = current, !Octet.isBlank(octet), octet != Octet.semicolon, octet != Octet.equals { advance() }
            let name = bytes.slice(start..<position)
            passBlanks()
            if current == Octet.equals {
                advance()
                let value = takeParameterValue()
                if !name.isEmpty, name.count <= MailLimits.tokenBytes {
                    parameters.append(Parameter(name: Array(name), value: value))
                }
            } else if current == Octet.semicolon || position == start {
                advance()
            }
        }
        return Parameter.joined(parameters)
    }

    /// A quoted string, or what stands before the next semicolon: white space and special characters are met in values
    /// without quotes. A comment behind the value is none of it.
    private mutating func takeParameterValue() -> [UInt8] {
        var value: [UInt8] = []
        passBlanks()
        if current == Octet.quote, let end = quotedStringEnd() {
            takeQuotedString(end: end, into: &value)
        } else {
            if current == Octet.quote { advance() }
            let start = position
            var end: Int?
            while let octet = current, octet != Octet.semicolon {
                let mayBeComment = octet == Octet.openParen && position > start && Octet.isBlank(bytes[position - 1])
                if mayBeComment, let behind = commentEnd() {
                    end = end ?? position
                    position = behind
                } else {
                    advance()
                }
            }
            let raw = bytes.slice(start..<(end ?? position))
            value.append(contentsOf: raw[raw.trimmedRange])
        }
        if value.count > MailLimits.stringBytes { value.removeSubrange(MailLimits.stringBytes...) }
        return value
    }
}

// MARK: RFC 2231

extension Parameter {
    /// A name as RFC 2231 composes it: `base`, `base*`, `base*0`, `base*0*`.
    private struct Name {
        var base: ArraySlice<UInt8>
        var section: Int?
        /// Octets of the value are written as `%XX`, and its charset may stand before it.
        var isExtended = false

        init(_ name: [UInt8]) {
            base = name[...]
            if base.count > 1, base.last == Octet.asterisk {
                isExtended = true
                base.removeLast()
            }
            guard let star = base.lastIndex(of: Octet.asterisk), star > 0 else { return }
            let digits = base[(star + 1)...]
            guard 1...3 ~= digits.count, digits.allSatisfy(Octet.isDigit), digits.count == 1 || digits.first != 0x30 else {
                return
            }
            section = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
            base = base[..<star]
        }

        var isPlain: Bool { section == nil && !isExtended }

        func hasBase(of other: Name) -> Bool {
            base.count == other.base.count
                && zip(base, other.base).allSatisfy { Octet.lowercased($0) == Octet.lowercased($1) }
        }
    }

    /// Joins what RFC 2231 spreads over several parameters and decodes it. Where the same parameter is there without that
    /// too, for readers who know no better, it is left out.
    /// - Complexity: quadratic in the count of parameters, which `MailLimits.parameters` bounds, if any of them has a star.
    static func joined(_ parameters: [Parameter]) -> [Parameter] {
        guard parameters.contains(where: { $0.name.contains(Octet.asterisk) }) else { return parameters }
        let names = parameters.map { Name($0.name) }
        var result: [Parameter] = []
        for i in parameters.indices {
            let ofSameBase = parameters.indices.filter { names[$0].hasBase(of: names[i]) }
            let whole = ofSameBase.first { names[$0].isExtended && names[$0].section == nil }
            let first = ofSameBase.first { names[$0].section == 0 }
            guard let head = whole ?? first else {
                // Nothing to join, or its beginning is missing.
                result.append(parameters[i])
                continue
            }
            guard i == ofSameBase.first(where: { !names[$0].isPlain }) else { continue }
            var sections = [head]
            if whole == nil {
                while let next = ofSameBase.first(where: { names[$0].section == sections.count }) { sections.append(next) }
            }
            result.append(
                decoded(base: names[head].base, sections.map { (parameters[$0].value, names[$0].isExtended) }))
        }
        return result
    }

    /// The parameter in UTF-8. Where its charset is not known it stays as it was, with the star that says so, but joined.
    private static func decoded(base: ArraySlice<UInt8>, _ sections: [(value: [UInt8], isExtended: Bool)]) -> Parameter {
        guard sections[0].isExtended, let (charset, textStart) = charset(sections[0].value) else {
            return Parameter(name: Array(base), value: Array(sections.map(\.value).joined()))
        }
        var text: [UInt8] = []
        for (index, section) in sections.enumerated() {
            let value = index == 0 ? section.value[textStart...] : section.value[...]
            if section.isExtended { appendDecoded(value, to: &text) } else { text.append(contentsOf: value) }
        }
        if let utf8 = utf8(text, charset: charset) { return Parameter(name: Array(base), value: utf8) }
        var raw: [UInt8] = []
        for section in sections {
            if section.isExtended { raw.append(contentsOf: section.value) } else { appendEncoded(section.value, to: &raw) }
        }
        return Parameter(name: base + [Octet.asterisk], value: raw)
    }

    private static func utf8(_ text: [UInt8], charset: ArraySlice<UInt8>) -> [UInt8]? {
        text.withUnsafeBytes { text in
            charset.withUnsafeBytes { charset in
                let isUTF8 = charset.isEmpty || charset.isName("utf-8") || charset.isName("us-ascii")
                if isUTF8, String(validating: text, as: UTF8.self) != nil { return Array(text) }
                return Charset.utf8(text, charset: charset)
            }
        }
    }

    /// The charset of `charset'language'text`, and where the text begins.
    private static func charset(_ value: [UInt8]) -> (ArraySlice<UInt8>, Int)? {
        guard let first = value.firstIndex(of: Octet.apostrophe),
            let second = value[(first + 1)...].firstIndex(of: Octet.apostrophe)
        else { return nil }
        return (value[..<first], second + 1)
    }

    private static func appendDecoded(_ value: ArraySlice<UInt8>, to text: inout [UInt8]) {
        var at = value.startIndex
        while at < value.endIndex {
            if value[at] == Octet.percent, at + 2 < value.endIndex, let high = hexDigit(value[at + 1]),
                let low = hexDigit(value[at + 2])
            {
                text.append(high << 4 | low)
                at += 3
            } else {
                text.append(value[at])
                at += 1
            }
        }
    }

    private static func appendEncoded(_ value: [UInt8], to text: inout [UInt8]) {
        let digits: StaticString = "0123456789ABCDEF"
        for octet in value {
            if Octet.isLetter(octet) || Octet.isDigit(octet) || octet == Octet.dot || octet == Octet.hyphen {
                text.append(octet)
            } else {
                text += [Octet.percent, digits.utf8Start[Int(octet >> 4)], digits.utf8Start[Int(octet & 15)]]
            }
        }
    }

    private static func hexDigit(_ octet: UInt8) -> UInt8? {
        if Octet.isDigit(octet) { return octet - 0x30 }
        let letter = (octet | 0x20) &- 0x61
        return letter < 6 ? letter + 10 : nil
    }
}
