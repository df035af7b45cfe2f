/// The fields of one header from which a summary is made, found in one pass over it.
struct KnownFields {
    enum Name: Int, CaseIterable {
        case date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageID
        case contentType, transferEncoding, disposition, contentID, description, md5, language, location

        init?(_ name: UnsafeRawBufferPointer) {
            switch name.count {
            case 2 where name.isName("to"): self = .to
            case 2 where name.isName("cc"): self = .cc
            case 3 where name.isName("bcc"): self = .bcc
            case 4 where name.isName("from"): self = .from
            case 4 where name.isName("date"): self = .date
            case 6 where name.isName("sender"): self = .sender
            case 7 where name.isName("subject"): self = .subject
            case 8 where name.isName("reply-to"): self = .replyTo
            case 10 where name.isName("message-id"): self = .messageID
            case 10 where name.isName("content-id"): self = .contentID
            case 11 where name.isName("in-reply-to"): self = .inReplyTo
            case 11 where name.isName("content-md5"): self = .md5
            case 12 where name.isName("content-type"): self = .contentType
            case 16 where name.isName("content-language"): self = .language
            case 16 where name.isName("content-location"): self = .location
            case 19 where name.isName("content-disposition"): self = .disposition
            case 19 where name.isName("content-description"): self = .description
            case 25 where name.isName("content-transfer-encoding"): self = .transferEncoding
            default: return nil
            }
        }
    }

    private(set) var header: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    private var first: [Range<Int>?] = Array(repeating: nil, count: Name.allCases.count)
    private var repeated: UInt32 = 0

    /// Forgets what was found and looks through another header.
    mutating func find(in header: UnsafeRawBufferPointer) {
        self.header = header
        for i in first.indices { first[i] = nil }
        repeated = 0
        var left = MailLimits.headerFields
        for field in HeaderFields(header) {
            guard left > 0 else { break }
            left -= 1
            guard let name = Name(header.slice(field.name)) else { continue }
            if first[name.rawValue] == nil {
                first[name.rawValue] = field.value
            } else {
                repeated |= 1 << UInt32(name.rawValue)
            }
        }
    }

    /// The value of the first field of a name, folds included.
    subscript(name: Name) -> UnsafeRawBufferPointer? { first[name.rawValue].map { header.slice($0) } }

    /// Calls `body` with the value of each field of a name until it returns false.
    func forEach(_ name: Name, _ body: (UnsafeRawBufferPointer) -> Bool) {
        guard let value = self[name] else { return }
        guard repeated & 1 << UInt32(name.rawValue) != 0 else {
            _ = body(value)
            return
        }
        var left = MailLimits.headerFields
        for field in HeaderFields(header) {
            guard left > 0 else { break }
            left -= 1
            if Name(header.slice(field.name)) == name, !body(header.slice(field.value)) { break }
        }
    }
}
