import MailMessage

extension UnsafeRawBufferPointer {
    /// The bytes for people: printable ASCII as it is, anything else as `\xNN`.
    var shown: String {
        map { (0x20..<0x7f).contains($0) ? String(UnicodeScalar($0)) : "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }
            .joined()
    }
}

private func shown(_ string: UnsafeRawBufferPointer?) -> String { string.map { "\"\($0.shown)\"" } ?? "NIL" }

/// Addresses as `name <@route:mailbox@host>`, a piece that is nil as `NIL`.
func text(_ addresses: AddressListReader) -> String {
    addresses.map { address in
        let name = address.name.map { "\"\($0.shown)\" " } ?? ""
        let route = address.route.map { "\($0.shown):" } ?? ""
        return name + "<" + route + (address.mailbox?.shown ?? "NIL") + "@" + (address.host?.shown ?? "NIL") + ">"
    }.joined(separator: ", ")
}

func text(_ parameters: ParameterListReader) -> String {
    parameters.map { "\($0.name.shown)=\"\($0.value.shown)\"" }.joined(separator: "; ")
}

func text(_ envelope: EnvelopeReader) -> String {
    """
    date \(shown(envelope.date))
    subject \(shown(envelope.subject))
    from \(text(envelope.from))
    sender \(text(envelope.sender))
    reply-to \(text(envelope.replyTo))
    to \(text(envelope.to))
    cc \(text(envelope.cc))
    bcc \(text(envelope.bcc))
    in-reply-to \(shown(envelope.inReplyTo))
    message-id \(shown(envelope.messageID))
    """
}

/// A part and those inside, one a line: kind, type, parameters, encoding, ranges, and what else it has.
func text(_ part: PartReader, indent: String = "") -> String {
    var line = "\(indent)\(part.kind) \(part.type.shown)/\(part.subtype.shown)"
    if !part.parameters.isEmpty { line += "; " + text(part.parameters) }
    line += " \(part.encoding.shown) \(part.header) \(part.body)"
    if part.kind == .text || part.kind == .message { line += " \(part.lines) lines" }
    if let id = part.id { line += " id=\(id.shown)" }
    if let description = part.description { line += " description=\(description.shown)" }
    if let md5 = part.md5 { line += " md5=\(md5.shown)" }
    if let disposition = part.disposition { line += " disposition=\(disposition.shown)" }
    if !part.dispositionParameters.isEmpty { line += "(" + text(part.dispositionParameters) + ")" }
    if !part.languages.isEmpty { line += " languages=" + part.languages.map(\.shown).joined(separator: ",") }
    if let location = part.location { line += " location=\(location.shown)" }
    if let envelope = part.envelope { line += " subject=\(shown(envelope.subject))" }
    return ([line] + (0..<part.childCount).map { text(part.child($0), indent: indent + "  ") }).joined(separator: "\n")
}

/// Parses a message, encodes its summary, and reads that.
func withSummary<R>(of message: [UInt8], _ body: (SummaryReader) throws -> R) throws -> R {
    let encoded = message.withUnsafeBytes { MessageSummary(parsing: $0).encode() }
    return try encoded.withUnsafeBytes { bytes in
        guard let summary = SummaryReader(bytes) else { throw RefusedSummary() }
        return try body(summary)
    }
}

func withSummary<R>(of message: String, _ body: (SummaryReader) throws -> R) throws -> R {
    try withSummary(of: Array(message.utf8), body)
}

private struct RefusedSummary: Error {}
