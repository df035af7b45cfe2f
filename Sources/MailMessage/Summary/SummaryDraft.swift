import MailModel

/// A summary while its message is parsed: the parts so far, in the order in which they begin, and their strings.
///
/// It never grows beyond `MailLimits.summaryBytes`: each part that must still come has bytes reserved, parts and containers
/// that would take these are not opened, and strings that would take them are left out.
struct SummaryDraft {
    struct Part {
        var kind = PartReader.Kind.basic
        var start: Int
        /// Where the header ends; `start` until that is known.
        var bodyStart: Int
        var end: Int
        var lines = 0
        /// Line ends before the body.
        var lineEndsBefore = 0
        var depth: Int
        var isDigest = false
        /// Part of a `multipart/digest`.
        var isInDigest = false
        /// Body of the message in a `message/rfc822` part.
        var isEnclosed = false
        var strings = 0..<0
        var childCount = 0
        var firstChild: Int?
        var lastChild: Int?
        var nextSibling: Int?
    }

    private(set) var strings = SummaryStrings()
    var parts: [Part] = []
    private var envelope = 0..<0
    private var sentDate: InternalDate?
    /// Containers that have no child yet.
    private var childless = 0

    /// More than a part needs: its record, its vital strings, an empty envelope.
    private static let partReserve = 512

    private var room: Int {
        MailLimits.summaryBytes - SummaryLayout.headSize - parts.count * SummaryLayout.partSize - strings.count
    }

    /// Whether a part may be opened that is not the first child of its container.
    var hasRoomForPart: Bool {
        parts.count + childless < MailLimits.parts && room >= (childless + 1) * SummaryDraft.partReserve
    }

    /// Whether the last part, which is not described yet, may have children.
    private func mayContain(_ part: Part) -> Bool {
        part.depth < MailLimits.nesting && parts.count + childless < MailLimits.parts
            && room >= (childless + 2) * SummaryDraft.partReserve
    }

    /// Adds a part without any bytes to the last part, a container that got none.
    mutating func addEmptyPart(start: Int) {
        let number = open(parent: parts.count - 1, start: start)
        parts[number].isInDigest = false
        _ = describe(KnownFields())
    }

    /// Adds a part that begins at `start`, and returns its number.
    mutating func open(parent: Int?, start: Int) -> Int {
        let number = parts.count
        var part = Part(start: start, bodyStart: start, end: start, depth: 0)
        if let parent {
            part.depth = parts[parent].depth + 1
            part.isEnclosed = parts[parent].kind == .message
            part.isInDigest = parts[parent].isDigest
            if let last = parts[parent].lastChild {
                parts[last].nextSibling = number
            } else {
                parts[parent].firstChild = number
                childless -= 1
            }
            parts[parent].lastChild = number
            parts[parent].childCount += 1
        }
        parts.append(part)
        return number
    }

    /// Says what the last part is, by its header.
    /// - Returns: the boundary of its parts if it is a multipart that has one.
    mutating func describe(_ fields: KnownFields) -> [UInt8]? {
        let number = parts.count - 1
        if number == 0 || parts[number].isEnclosed { appendEnvelope(fields) }
        var type: ContentType
        if let value = fields[.contentType] {
            type = value.withUnfolded { ContentType($0) } ?? .plainText
        } else {
            type = parts[number].isInDigest ? .digestMessage : .plainText
        }
        let encoding = fields[.transferEncoding].map { $0.withUnfolded { TransferEncoding($0) } } ?? .none
        var boundary: [UInt8]?
        if type.isType("text") {
            parts[number].kind = .text
        } else if type.isType("multipart") {
            boundary = type.boundary
            if mayContain(parts[number]), boundary.map({ $0.count <= MailLimits.boundaryBytes }) ?? true {
                parts[number].kind = .multipart
                parts[number].isDigest = type.isSubtype("digest")
            } else {
                boundary = nil
                type = .opaque
            }
        } else if type.isType("message"), type.isSubtype("rfc822") || type.isSubtype("global") {
            if encoding.isIdentity, mayContain(parts[number]) { parts[number].kind = .message } else { type = .opaque }
        }
        let isContainer = parts[number].kind == .multipart || parts[number].kind == .message
        strings.allowance = room - (childless + (isContainer ? 2 : 1)) * SummaryDraft.partReserve
        if isContainer { childless += 1 }
        appendStrings(of: number, type, encoding, fields)
        return boundary
    }

    private mutating func appendStrings(
        of number: Int, _ type: ContentType, _ encoding: TransferEncoding, _ fields: KnownFields
    ) {
        let start = strings.count
        strings.append(vital: type.type)
        strings.append(vital: type.subtype)
        strings.append(vital: encoding.name)
        strings.append(type.parameters)
        strings.append(value: fields[.contentID], trimmed: true)
        strings.append(value: fields[.description], trimmed: true)
        strings.append(value: fields[.md5], trimmed: true)
        if let value = fields[.disposition], let disposition = value.withUnfolded({ ContentDisposition($0) }) {
            disposition.type.withUnsafeBytes { strings.append($0) }
            strings.append(disposition.parameters)
        } else {
            strings.append(nil)
            strings.append([] as [Parameter])
        }
        strings.append(fields[.language].map { $0.withUnfolded { LanguageTags($0).tags } } ?? [])
        strings.append(value: fields[.location], trimmed: true)
        parts[number].strings = start..<strings.count
    }

    /// Writes the envelope of the message whose header this is: of the whole message, or behind the strings of the part
    /// that encloses it, which is the one before the last.
    private mutating func appendEnvelope(_ fields: KnownFields) {
        let start = strings.count
        strings.allowance = min(MailLimits.envelopeBytes, room - (childless + 2) * SummaryDraft.partReserve)
        strings.append(value: fields[.date], trimmed: false)
        strings.append(value: fields[.subject], trimmed: false)
        strings.append(addresses: .from, of: fields, joined: false)
        strings.append(addresses: .sender, of: fields, joined: false)
        strings.append(addresses: .replyTo, of: fields, joined: false)
        strings.append(addresses: .to, of: fields, joined: true)
        strings.append(addresses: .cc, of: fields, joined: true)
        strings.append(addresses: .bcc, of: fields, joined: true)
        strings.append(value: fields[.inReplyTo], trimmed: true)
        strings.append(value: fields[.messageID], trimmed: true)
        if parts.count == 1 {
            envelope = start..<strings.count
            sentDate = fields[.date].flatMap(SentDate.parse)
        } else {
            let parent = parts.count - 2
            parts[parent].strings = parts[parent].strings.lowerBound..<strings.count
        }
    }

    // MARK: Encoding

    /// The numbers of the parts, level by level, so that the children of each stand together.
    private func levelOrder() -> [Int] {
        var order = [0]
        order.reserveCapacity(parts.count)
        var next = 0
        while next < order.count {
            var child = parts[order[next]].firstChild
            while let number = child {
                order.append(number)
                child = parts[number].nextSibling
            }
            next += 1
        }
        return order
    }

    func encode(messageSize: Int) -> [UInt8] {
        let order = levelOrder()
        let stringsStart = SummaryLayout.headSize + SummaryLayout.partSize * order.count
        let length = stringsStart + strings.count
        var out: [UInt8] = []
        out.reserveCapacity(length)
        out.append(SummaryLayout.version)
        out.append(sentDate == nil ? 0 : SummaryLayout.hasSentDate)
        out.append(summary: order.count, bytes: 2)
        out.append(summary: length, bytes: 4)
        out.append(summary: messageSize, bytes: 4)
        out.append(summary: Int(sentDate?.zoneMinutes ?? 0), bytes: 2)
        out.append(summary: 0, bytes: 2)
        out.append(summary: Int(sentDate?.seconds ?? 0), bytes: 8)
        var nextChild = 1
        var nextString = stringsStart + envelope.count
        for number in order {
            let part = parts[number]
            out.append(summary: part.start, bytes: 4)
            out.append(summary: part.bodyStart, bytes: 4)
            out.append(summary: part.end, bytes: 4)
            out.append(summary: part.lines, bytes: 4)
            out.append(summary: nextString, bytes: 4)
            out.append(summary: part.childCount == 0 ? 0 : nextChild, bytes: 2)
            out.append(summary: part.childCount, bytes: 2)
            out.append(summary: Int(part.kind.rawValue), bytes: 4)
            nextChild += part.childCount
            nextString += part.strings.count
        }
        out.append(contentsOf: strings.bytes[envelope])
        for number in order { out.append(contentsOf: strings.bytes[parts[number].strings]) }
        return out
    }
}
