/// Content-Type's value: RFC 2045 §5.1.
struct ContentType {
    var type: [UInt8]
    var subtype: [UInt8]
    var parameters: [Parameter]

    init(_ type: StaticString, _ subtype: StaticString, _ parameters: [Parameter] = []) {
        self.type = type.octets
        self.subtype = subtype.octets
        self.parameters = parameters
    }

    /// What a part is that does not say it, or not so that it can be understood (RFC 2045 §5.2).
    static let plainText = ContentType(
        "text", "plain", [Parameter(name: ("charset" as StaticString).octets, value: ("us-ascii" as StaticString).octets)])
    /// What a part of a `multipart/digest` is that does not say it (RFC 2046 §5.1.5).
    static let digestMessage = ContentType("message", "rfc822")
    /// What is not looked into.
    static let opaque = ContentType("application", "octet-stream")

    /// - Parameter value: unfolded.
    /// - Returns: nil if it is malformed.
    init?(_ value: UnsafeRawBufferPointer) {
        var lexer = FieldLexer(value)
        lexer.passBlanks()
        guard let type = lexer.takeToken() else { return nil }
        lexer.passBlanks()
        guard lexer.current == Octet.slash else { return nil }
        lexer.advance()
        lexer.passBlanks()
        guard let subtype = lexer.takeToken() else { return nil }
        guard type.count <= MailLimits.tokenBytes, subtype.count <= MailLimits.tokenBytes else { return nil }
        self.type = Array(type)
        self.subtype = Array(subtype)
        parameters = lexer.takeParameters()
    }

    func isType(_ name: StaticString) -> Bool { type.withUnsafeBytes { $0.isName(name) } }
    func isSubtype(_ name: StaticString) -> Bool { subtype.withUnsafeBytes { $0.isName(name) } }

    /// The boundary of a multipart's parts (RFC 2046 §5.1.1); nil if there is none.
    var boundary: [UInt8]? {
        guard let parameter = parameters.first(where: { $0.name.withUnsafeBytes { $0.isName("boundary") } }) else {
            return nil
        }
        // White space at its end is none of it: on its way it may come and go.
        let trimmed = parameter.value.withUnsafeBytes { $0.trimmedRange.upperBound }
        return trimmed > 0 ? Array(parameter.value[..<trimmed]) : nil
    }
}

/// Content-Disposition's value: RFC 2183.
struct ContentDisposition {
    var type: [UInt8]
    var parameters: [Parameter]

    /// - Parameter value: unfolded.
    /// - Returns: nil if there is nothing in it. Parameters without a type are an attachment's (RFC 2183 §2.8).
    init?(_ value: UnsafeRawBufferPointer) {
        var lexer = FieldLexer(value)
        lexer.passBlanks()
        let start = lexer.position
        type = []
        if lexer.current == Octet.quote, let end = lexer.quotedStringEnd() {
            lexer.takeQuotedString(end: end, into: &type)
        } else if let token = lexer.takeToken() {
            type = Array(token)
            lexer.passBlanks()
            if lexer.current == Octet.equals {
                type = []
                lexer.position = start
            }
        }
        if type.count > MailLimits.tokenBytes { type.removeSubrange(MailLimits.tokenBytes...) }
        parameters = lexer.takeParameters()
        if type.isEmpty {
            guard !parameters.isEmpty else { return nil }
            type = ("attachment" as StaticString).octets
        }
    }
}

/// Content-Transfer-Encoding's value: RFC 2045 §6.
struct TransferEncoding {
    let name: [UInt8]

    static let none = TransferEncoding(name: ("7BIT" as StaticString).octets)

    private init(name: [UInt8]) { self.name = name }

    /// - Parameter value: unfolded. What stands behind the first word is no part of it.
    init(_ value: UnsafeRawBufferPointer) {
        var lexer = FieldLexer(value)
        lexer.passBlanks()
        if lexer.current == Octet.quote { lexer.advance() }
        guard let token = lexer.takeToken() else {
            self = .none
            return
        }
        name = Array(token.prefix(MailLimits.tokenBytes))
    }

    /// Whether the body stands in the message as it is.
    var isIdentity: Bool {
        name.withUnsafeBytes { $0.isName("7bit") || $0.isName("8bit") || $0.isName("binary") }
    }
}

/// Content-Language's tags: RFC 3282.
struct LanguageTags {
    private(set) var tags: [[UInt8]] = []

    /// - Parameter value: unfolded.
    init(_ value: UnsafeRawBufferPointer) {
        var lexer = FieldLexer(value)
        while tags.count < MailLimits.languages {
            lexer.passBlanks()
            guard lexer.current != nil else { return }
            if let token = lexer.takeToken() {
                tags.append(Array(token.prefix(MailLimits.tokenBytes)))
            } else {
                lexer.advance()
            }
        }
    }
}

extension StaticString {
    /// - Precondition: it is no single scalar.
    var octets: [UInt8] { Array(UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)) }
}
