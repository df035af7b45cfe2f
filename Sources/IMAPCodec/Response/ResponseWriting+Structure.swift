import MailMessage
import NIOCore

// ENVELOPE, BODY and BODYSTRUCTURE: RFC 3501 §7.4.2 and §9.
//
// Strings are written as they stand in the message but for NUL bytes, which are left out: IMAP has no string that may hold
// one (RFC 3501 §4.3), and mail found in the wild does hold them.

extension ByteBuffer {
    /// RFC 3501 §7.4.2, ENVELOPE: the parenthesised list.
    public mutating func writeEnvelope(_ envelope: EnvelopeReader) {
        writeInteger(UInt8.leftParenthesis)
        writeField(envelope.date)
        writeInteger(UInt8.space)
        writeField(envelope.subject)
        writeAddresses(envelope.from)
        writeAddresses(envelope.sender)
        writeAddresses(envelope.replyTo)
        writeAddresses(envelope.to)
        writeAddresses(envelope.cc)
        writeAddresses(envelope.bcc)
        writeInteger(UInt8.space)
        writeField(envelope.inReplyTo)
        writeInteger(UInt8.space)
        writeField(envelope.messageID)
        writeInteger(UInt8.rightParenthesis)
    }

    /// A space, and `((name route mailbox host)(…))` without spaces between, or NIL for none.
    private mutating func writeAddresses(_ addresses: AddressListReader) {
        if addresses.isEmpty {
            writeStaticString(" NIL")
            return
        }
        writeStaticString(" (")
        for address in addresses {
            writeInteger(UInt8.leftParenthesis)
            writeField(address.name)
            writeInteger(UInt8.space)
            writeField(address.route)
            writeInteger(UInt8.space)
            writeField(address.mailbox)
            writeInteger(UInt8.space)
            writeField(address.host)
            writeInteger(UInt8.rightParenthesis)
        }
        writeInteger(UInt8.rightParenthesis)
    }

    /// RFC 3501 §7.4.2, BODY and BODYSTRUCTURE: the parenthesised list.
    ///
    /// Goes over the tree without recursion: whatever depth a message has, the stack does not feel it.
    public mutating func writeBodyStructure(_ part: PartReader, extensible: Bool) {
        if part.kind == .basic || part.kind == .text {
            writeLeaf(part, extensible)
            return
        }
        enum Step {
            case part(PartReader)
            /// What stands behind a multipart's parts, or behind an enclosed message's structure.
            case end(PartReader)
        }
        var steps: [Step] = [.part(part)]
        while let step = steps.popLast() {
            switch step {
            case .part(let part):
                switch part.kind {
                case .basic, .text: writeLeaf(part, extensible)
                case .message:
                    writeMessageStart(part)
                    steps.append(.end(part))
                    steps.append(.part(part.child(0)))
                case .multipart:
                    writeInteger(UInt8.leftParenthesis)
                    steps.append(.end(part))
                    for index in stride(from: part.childCount - 1, through: 0, by: -1) {
                        steps.append(.part(part.child(index)))
                    }
                }
            case .end(let part):
                if part.kind == .multipart {
                    writeMultipartEnd(part, extensible)
                } else {
                    writeInteger(UInt8.space)
                    writeDecimal(part.lines)
                    writeSinglePartEnd(part, extensible)
                }
            }
        }
    }

    /// body-type-basic, body-type-text
    private mutating func writeLeaf(_ part: PartReader, _ extensible: Bool) {
        writeFields(part)
        if part.kind == .text {
            writeInteger(UInt8.space)
            writeDecimal(part.lines)
        }
        writeSinglePartEnd(part, extensible)
    }

    /// body-type-msg, up to the enclosed message's structure.
    private mutating func writeMessageStart(_ part: PartReader) {
        writeFields(part)
        writeInteger(UInt8.space)
        if let envelope = part.envelope {
            writeEnvelope(envelope)
        } else {
            writeStaticString("(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)")
        }
        writeInteger(UInt8.space)
    }

    /// The type and body-fields, the parenthesis before them included.
    private mutating func writeFields(_ part: PartReader) {
        writeInteger(UInt8.leftParenthesis)
        writeField(part.type)
        writeInteger(UInt8.space)
        writeField(part.subtype)
        writeInteger(UInt8.space)
        writeParameters(part.parameters)
        writeInteger(UInt8.space)
        writeField(part.id)
        writeInteger(UInt8.space)
        writeField(part.description)
        writeInteger(UInt8.space)
        writeField(part.encoding)
        writeInteger(UInt8.space)
        writeDecimal(part.body.count)
    }

    /// body-ext-1part, and the closing parenthesis.
    private mutating func writeSinglePartEnd(_ part: PartReader, _ extensible: Bool) {
        if extensible {
            writeInteger(UInt8.space)
            writeField(part.md5)
            writeExtension(part)
        }
        writeInteger(UInt8.rightParenthesis)
    }

    /// The subtype, body-ext-mpart, and the closing parenthesis.
    private mutating func writeMultipartEnd(_ part: PartReader, _ extensible: Bool) {
        writeInteger(UInt8.space)
        writeField(part.subtype)
        if extensible {
            writeInteger(UInt8.space)
            writeParameters(part.parameters)
            writeExtension(part)
        }
        writeInteger(UInt8.rightParenthesis)
    }

    /// Disposition, language and location, as both extensions have them.
    private mutating func writeExtension(_ part: PartReader) {
        if let disposition = part.disposition {
            writeStaticString(" (")
            writeField(disposition)
            writeInteger(UInt8.space)
            writeParameters(part.dispositionParameters)
            writeInteger(UInt8.rightParenthesis)
        } else {
            writeStaticString(" NIL")
        }
        writeInteger(UInt8.space)
        writeLanguages(part.languages)
        writeInteger(UInt8.space)
        writeField(part.location)
    }

    private mutating func writeLanguages(_ languages: StringListReader) {
        if languages.isEmpty {
            writeStaticString("NIL")
            return
        }
        var separator = UInt8.leftParenthesis
        for language in languages {
            writeInteger(separator)
            writeField(language)
            separator = .space
        }
        writeInteger(UInt8.rightParenthesis)
    }

    private mutating func writeParameters(_ parameters: ParameterListReader) {
        if parameters.isEmpty {
            writeStaticString("NIL")
            return
        }
        var separator = UInt8.leftParenthesis
        for (name, value) in parameters {
            writeInteger(separator)
            writeField(name)
            writeInteger(UInt8.space)
            writeField(value)
            separator = .space
        }
        writeInteger(UInt8.rightParenthesis)
    }

    /// NIL, or a string without its NUL bytes.
    private mutating func writeField(_ bytes: UnsafeRawBufferPointer?) {
        if let bytes, bytes.contains(0) {
            bytes.filter { $0 != 0 }.withUnsafeBytes { writeIMAPString($0) }
        } else {
            writeNString(bytes)
        }
    }
}
