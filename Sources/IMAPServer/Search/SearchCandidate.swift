import IMAPCodec
import MailMessage
import MailModel
import Varve

/// A message that a search looks at. Its body is opened when a test asks for something that the index does not know.
struct SearchCandidate {
    let message: Message
    let keywords: [String]
    private var fetched: FetchedMessage

    /// Bytes of one part that are searched at most; what lies behind is not looked at.
    static let maximumPartBytes = 64 << 20

    init(_ entry: MessageBatches.Entry, _ store: Store) {
        message = entry.message
        keywords = entry.keywords
        fetched = FetchedMessage(entry, store: store)
    }

    /// The Date field's day, its time and zone disregarded; nil without a date that can be read.
    mutating func sentDay() throws -> Int? {
        try fetched.withSummary { $0.sentDate.map { CalendarDay($0).daysSince1970 } }
    }

    /// Whether a field of this name has the text in it.
    mutating func hasHeader(_ name: String, _ text: TextSearch) throws -> Bool {
        let header = try fetched.withSummary { 0..<$0.headerLength }
        return try withBytes(header, limit: SectionContent.maximumHeaderBytes) { bytes in
            let fields = HeaderFields(bytes)
            return fields.contains { field in
                fields.isNamed(field, name.utf8)
                    && text.matches(headerValue: UnsafeRawBufferPointer(rebasing: bytes[field.value]))
            }
        }
    }

    /// Whether the text is in the message's parts that are text, and, where asked, in its header and those of its parts.
    mutating func hasText(_ text: TextSearch, header: Bool) throws -> Bool {
        let parts = try fetched.withSummary { SearchedPart.all(of: $0, headers: header) }
        for part in parts {
            let found = try withBytes(part.range, limit: SearchCandidate.maximumPartBytes) { bytes in
                switch part.kind {
                case .header: SearchCandidate.isInHeader(bytes, text)
                case .text(let encoding, let charset):
                    encoding.withUnsafeBytes { encoding in
                        guard let charset else { return text.matches(body: bytes, transferEncoding: encoding, charset: nil) }
                        return charset.withUnsafeBytes {
                            text.matches(body: bytes, transferEncoding: encoding, charset: $0)
                        }
                    }
                }
            }
            if found { return true }
        }
        return false
    }

    private static func isInHeader(_ bytes: UnsafeRawBufferPointer, _ text: TextSearch) -> Bool {
        HeaderFields(bytes).contains { field in
            // The name is searched with its value: TEXT looks at the header as it stands (RFC 3501 §6.4.4).
            text.matches(headerValue: UnsafeRawBufferPointer(rebasing: bytes[field.whole]))
        }
    }

    private mutating func withBytes(
        _ range: Range<Int>, limit: Int, _ use: (UnsafeRawBufferPointer) -> Bool
    ) throws -> Bool {
        let count = min(range.count, limit)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        defer { buffer.deallocate() }
        try fetched.body().read(range.lowerBound..<(range.lowerBound + count), into: buffer)
        return use(UnsafeRawBufferPointer(buffer))
    }
}

/// A piece of a message that text is looked for in.
private struct SearchedPart {
    enum Kind {
        case header
        case text(encoding: [UInt8], charset: [UInt8]?)
    }
    var range: Range<Int>
    var kind: Kind

    static func all(of summary: SummaryReader, headers: Bool) -> [SearchedPart] {
        var result: [SearchedPart] = []
        // The tree's depth is bounded by the parser.
        func visit(_ part: PartReader, isEnclosed: Bool) {
            // The header of a message within the message is part of its body.
            if headers || isEnclosed { result.append(SearchedPart(range: part.header, kind: .header)) }
            switch part.kind {
            case .text:
                let charset = part.parameters.first { String(decoding: $0.name, as: UTF8.self).lowercased() == "charset" }
                result.append(
                    SearchedPart(
                        range: part.body,
                        kind: .text(encoding: Array(part.encoding), charset: charset.map { Array($0.value) })))
            case .multipart, .message:
                for index in 0..<part.childCount { visit(part.child(index), isEnclosed: part.kind == .message) }
            case .basic: break
            }
        }
        visit(summary.root, isEnclosed: false)
        return result
    }
}
