import IMAPCodec
import MailMessage
import NIOCore
import Varve

/// What `BODY[section]<partial>` asks for: a range of the message's bytes, or some of its header fields.
enum SectionContent {
    /// There is no such part.
    case none
    case bytes([UInt8])
    case range(Range<Int>, MessageBody)

    /// Bytes of a header that are looked through for fields at most; what lies behind is as if it were not there.
    static let maximumHeaderBytes = 4 << 20

    init(_ fetch: SectionFetch, _ fetched: inout FetchedMessage) throws {
        let body = try fetched.body()
        let section = fetch.section
        if section.part.isEmpty, section.text == .whole {
            self = .range(SectionContent.cut(0..<body.size, fetch.partial), body)
            return
        }
        guard let range = try fetched.withSummary({ SectionContent.range(section, $0, size: body.size) }) else {
            self = .none
            return
        }
        switch section.text {
        case .headerFields(let names):
            let fields = try SectionContent.fields(names, keeps: true, in: range, of: body)
            self = .bytes(SectionContent.cut(fields, fetch.partial))
        case .headerFieldsNot(let names):
            let fields = try SectionContent.fields(names, keeps: false, in: range, of: body)
            self = .bytes(SectionContent.cut(fields, fetch.partial))
        case .whole, .header, .text, .mime:
            self = .range(SectionContent.cut(range, fetch.partial), body)
        }
    }

    /// Where the section lies in the message; nil if it is not there.
    private static func range(_ section: BodySection, _ summary: SummaryReader, size: Int) -> Range<Int>? {
        guard let part = summary.part(section.part) else { return nil }
        if section.part.isEmpty {
            switch section.text {
            case .whole: return 0..<size
            case .text: return summary.headerLength..<size
            case .header, .headerFields, .headerFieldsNot: return 0..<summary.headerLength
            case .mime: return nil
            }
        }
        switch section.text {
        case .whole: return part.body
        case .mime: return part.header
        case .header, .headerFields, .headerFieldsNot, .text:
            // RFC 3501 §6.4.5: these are for messages within the message.
            guard part.kind == .message, part.childCount > 0 else { return nil }
            let header = part.child(0).header
            if section.text == .text { return header.upperBound..<max(header.upperBound, part.body.upperBound) }
            return header
        }
    }

    /// The fields with these names, as they stand, or the header without them; and the empty line that ends the header, if
    /// it has one (RFC 3501 §6.4.5).
    private static func fields(
        _ names: [String], keeps: Bool, in range: Range<Int>, of body: MessageBody
    ) throws -> [UInt8] {
        let count = min(range.count, maximumHeaderBytes)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        defer { buffer.deallocate() }
        try body.read(range.lowerBound..<(range.lowerBound + count), into: buffer)
        let fields = HeaderFields(UnsafeRawBufferPointer(buffer))
        // A few names are compared one by one; a long list is not gone through for each field.
        let many = names.count > 16 ? Set(names.map { $0.lowercased() }) : []
        func isNamed(_ field: HeaderFields.Field) -> Bool {
            if many.isEmpty { return names.contains { fields.isNamed(field, $0.utf8) } }
            return many.contains(String(decoding: buffer[field.name], as: UTF8.self).lowercased())
        }
        var result: [UInt8] = []
        // Where to go on copying what is not named, lines that are no fields among it.
        var rest = 0
        for field in fields where isNamed(field) {
            if keeps {
                result.append(contentsOf: buffer[field.whole])
            } else {
                result.append(contentsOf: buffer[rest..<field.whole.lowerBound])
                rest = field.whole.upperBound
            }
        }
        if keeps {
            if endsWithEmptyLine(UnsafeRawBufferPointer(buffer)) { result.append(contentsOf: [13, 10]) }
        } else {
            result.append(contentsOf: buffer[rest...])
        }
        return result
    }

    private static func endsWithEmptyLine(_ header: UnsafeRawBufferPointer) -> Bool {
        var end = header.count
        guard end > 0, header[end - 1] == 10 else { return false }
        end -= 1
        if end > 0, header[end - 1] == 13 { end -= 1 }
        return end == 0 || header[end - 1] == 10
    }

    /// RFC 3501 §6.4.5: what lies beyond the end is cut off; an origin beyond it gives the empty string.
    private static func cut(_ range: Range<Int>, _ partial: SectionFetch.Partial?) -> Range<Int> {
        guard let partial else { return range }
        let from = min(range.lowerBound + Int(partial.origin), range.upperBound)
        return from..<min(from + Int(partial.count), range.upperBound)
    }

    private static func cut(_ bytes: [UInt8], _ partial: SectionFetch.Partial?) -> [UInt8] {
        partial == nil ? bytes : Array(bytes[cut(0..<bytes.count, partial)])
    }
}
