import MailMessage
import VarveFormat

/// A message as it comes from anywhere.
enum MessageTarget {
    static let dictionary: [[UInt8]] = [
        "\n", "\r\n", "\r", "\n\n", "--", "--b", "\n--b\n", "\r\n--b--\r\n", "\"", "\\", "(", ")", "<", ">", "@", ",", ";", ":",
        "=", "\0", " ", "\n ", "*0*=", "utf-8''%41", "=?utf-8?Q?a?=", "=?utf-8?B?w6Q=?=", "=?iso-2022-jp?B?GyRC?=", "=\n", "=C3=B6",
        "Content-Type: message/rfc822\n\n", "Content-Type: multipart/mixed; boundary=b\n\n--b\n", "Content-Type: text/plain; charset=",
        "Content-Transfer-Encoding: base64\n\n", "Content-Transfer-Encoding: quoted-printable\n\n", "To: a: b@c;\n", "utf-16",
        "Date: Fri, 21 Nov 1997 09:55:06 -0600\n", "From: \"A\" <a@b>\n", "us-ascii", "windows-1252", "gb18030",
    ].map { Array($0.utf8) } + [[0xff], [0xc3], [0xed, 0xa0, 0x80]]

    static func examine(_ input: [UInt8], _ met: inout Set<Int>) throws {
        try input.withBytes { message in
            try MessageSummary(parsing: message).encode().withBytes { bytes in
                guard let summary = SummaryReader(bytes) else { throw FuzzTarget.Failure("the reader refuses a summary") }
                try FuzzTarget.require(
                    summary.size == message.count && summary.root.header.lowerBound == 0,
                    "a summary of \(summary.size) bytes for a message of \(message.count)")
                try part(summary.root, inside: 0..<message.count, depth: 0, message, &met)
                envelope(summary.envelope, &met)
                met.insert(summary.sentDate == nil ? 1 : 2)
                let needle = TextSearch("ö b")
                met.insert(needle.matches(text: message) ? 3 : 4)
                met.insert(needle.matches(headerValue: message) ? 5 : 6)
            }
        }
    }

    private static func part(
        _ part: PartReader, inside outer: Range<Int>, depth: Int, _ message: UnsafeRawBufferPointer, _ met: inout Set<Int>
    ) throws {
        guard part.header.lowerBound >= outer.lowerBound, part.header.upperBound == part.body.lowerBound,
            part.body.upperBound <= outer.upperBound
        else { throw FuzzTarget.Failure("part \(part.header), \(part.body) beyond \(outer)") }
        let shape: Int
        switch part.kind {
        case .basic: shape = 0
        case .text: shape = 1
        case .message: shape = 2
        case .multipart: shape = 3
        }
        met.insert(0x100 + shape * 64 + min(depth, 63))
        met.insert(0x1000 + shape * 64 + min(part.childCount, 63))
        met.insert(0x2000 + min(part.parameters.reduce(0) { count, _ in count + 1 }, 63))
        let encoding = part.encoding
        if encoding.count > 0 {
            let body = UnsafeRawBufferPointer(rebasing: message[part.body])
            let decoded = TransferDecoding.decode(body, encoding: encoding)
            met.insert(decoded == nil ? 7 : 8)
            if let decoded, decoded.count > body.count + 2 {
                throw FuzzTarget.Failure("\(body.count) bytes decode to \(decoded.count)")
            }
        }
        if let envelope = part.envelope { self.envelope(envelope, &met) }
        var place = part.body.lowerBound
        for index in 0..<part.childCount {
            let child = part.child(index)
            guard child.header.lowerBound >= place else { throw FuzzTarget.Failure("parts overlap at \(place)") }
            try self.part(child, inside: part.body, depth: depth + 1, message, &met)
            place = child.body.upperBound
        }
    }

    private static func envelope(_ envelope: EnvelopeReader, _ met: inout Set<Int>) {
        for (i, field) in [envelope.date, envelope.subject, envelope.inReplyTo, envelope.messageID].enumerated() {
            guard let field else { continue }
            met.insert(0x3000 + i)
            met.insert(0x3010 + (EncodedWords.utf8(field).count == field.count ? 0 : 1))
        }
        for (i, list) in [envelope.from, envelope.sender, envelope.replyTo, envelope.to, envelope.cc, envelope.bcc].enumerated() {
            for address in list {
                met.insert(
                    0x4000 + i * 16 + (address.name == nil ? 0 : 1) + (address.route == nil ? 0 : 2)
                        + (address.mailbox == nil ? 0 : 4) + (address.host == nil ? 0 : 8))
            }
        }
    }
}
