import MailMessage
import MailModel
import NIOCore

// What a server says is written straight into the buffer that goes to the socket: no response objects, no copies.
// Everything here appends; nothing ends a line but `writeLine` and the status responses.

extension ByteBuffer {
    /// `text` as it is, then CRLF.
    public mutating func writeLine(_ text: String) {
        writeString(text)
        writeStaticString("\r\n")
    }

    /// `tag OK [CODE] text` CRLF; `tag` is `*` for untagged. `code` without brackets, as `UIDNEXT 5`.
    ///
    /// Line ends and NUL in code or text become spaces: whatever text an error brings, it stays one line.
    public mutating func writeStatus(_ tag: String, _ status: ResponseStatus, code: String? = nil, _ text: String) {
        writeString(tag)
        writeInteger(UInt8.space)
        writeString(status.rawValue)
        writeInteger(UInt8.space)
        if let code {
            writeInteger(UInt8.leftBracket)
            writeOneLine(code)
            writeStaticString("] ")
        }
        writeOneLine(text)
        writeStaticString("\r\n")
    }

    private mutating func writeOneLine(_ text: String) {
        func breaks(_ byte: UInt8) -> Bool { byte == .cr || byte == .lf || byte == 0 }
        if text.utf8.contains(where: breaks) {
            writeBytes(text.utf8.lazy.map { breaks($0) ? .space : $0 })
        } else {
            writeString(text)
        }
    }

    /// `(\Seen Work)`, with \Recent where asked.
    ///
    /// A keyword that is no atom (RFC 3501 §9, flag) is left out: no client can have given it, and none could read it.
    public mutating func writeFlags(_ system: SystemFlags, keywords: [String], recent: Bool) {
        writeInteger(UInt8.leftParenthesis)
        var isFirst = true
        func separate(_ buffer: inout ByteBuffer) {
            if !isFirst { buffer.writeInteger(UInt8.space) }
            isFirst = false
        }
        if !system.isEmpty {
            for (flag, name) in SystemFlags.names where system.contains(flag) {
                separate(&self)
                writeString(name)
            }
        }
        if recent {
            separate(&self)
            writeStaticString("\\Recent")
        }
        for keyword in keywords where isFlag(keyword) {
            separate(&self)
            writeString(keyword)
        }
        writeInteger(UInt8.rightParenthesis)
    }

    /// `3:7,9`; nothing for the empty set.
    public mutating func writeSet(_ set: UIDSet) {
        var isFirst = true
        for range in set.ranges {
            if !isFirst { writeInteger(UInt8.comma) }
            isFirst = false
            writeDecimal(range.first.rawValue)
            if range.first != range.last {
                writeInteger(UInt8.colon)
                writeDecimal(range.last.rawValue)
            }
        }
    }

    /// `* VANISHED 405,407:410`, and of what went before the client looked `* VANISHED (EARLIER) …` (RFC 7162 §3.2.10).
    public mutating func writeVanished(_ ranges: ArraySlice<UIDRange>, earlier: Bool) {
        writeStaticString(earlier ? "* VANISHED (EARLIER) " : "* VANISHED ")
        writeSet(UIDSet(ranges))
        writeStaticString("\r\n")
    }

    /// `MODSEQ (12)` (RFC 7162 §3.1.4.2).
    public mutating func writeModSeq(_ modSeq: ModSeq) {
        writeStaticString("MODSEQ (")
        writeDecimal(modSeq.rawValue)
        writeInteger(UInt8.rightParenthesis)
    }

    @inlinable public mutating func writeDecimal(_ value: some BinaryInteger) {
        if let value = UInt64(exactly: value) {
            writeDecimal(magnitude: value)
        } else if let value = Int64(exactly: value) {
            writeInteger(0x2D as UInt8)
            writeDecimal(magnitude: value.magnitude)
        } else {
            writeString(String(value))
        }
    }

    @usableFromInline mutating func writeDecimal(magnitude: UInt64) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: 20) { out in
            var count = 1
            var rest = magnitude
            while rest >= 10 {
                rest /= 10
                count += 1
            }
            rest = magnitude
            for place in stride(from: count - 1, through: 0, by: -1) {
                out[place] = UInt8(truncatingIfNeeded: rest % 10) + 0x30
                rest /= 10
            }
            return count
        }
    }

    /// The name under which a section is answered, the origin in `<>` included, as `BODY[1.MIME]<0>`.
    public mutating func writeSectionName(_ fetch: SectionFetch) {
        switch fetch.form {
        case .rfc822: writeStaticString("RFC822")
        case .rfc822Header: writeStaticString("RFC822.HEADER")
        case .rfc822Text: writeStaticString("RFC822.TEXT")
        case .body: writeBodySection(fetch)
        }
    }

    private mutating func writeBodySection(_ fetch: SectionFetch) {
        writeStaticString("BODY[")
        for (index, number) in fetch.section.part.enumerated() {
            if index > 0 { writeInteger(UInt8.dot) }
            writeDecimal(number)
        }
        if !fetch.section.part.isEmpty, fetch.section.text != .whole { writeInteger(UInt8.dot) }
        switch fetch.section.text {
        case .whole: break
        case .header: writeStaticString("HEADER")
        case .text: writeStaticString("TEXT")
        case .mime: writeStaticString("MIME")
        case .headerFields(let names): writeFieldNames("HEADER.FIELDS (", names)
        case .headerFieldsNot(let names): writeFieldNames("HEADER.FIELDS.NOT (", names)
        }
        writeInteger(UInt8.rightBracket)
        if let partial = fetch.partial {
            writeInteger(UInt8.less)
            writeDecimal(partial.origin)
            writeInteger(UInt8.greater)
        }
    }

    private mutating func writeFieldNames(_ opening: StaticString, _ names: [String]) {
        writeStaticString(opening)
        for (index, name) in names.enumerated() {
            if index > 0 { writeInteger(UInt8.space) }
            writeAString(name)
        }
        writeInteger(UInt8.rightParenthesis)
    }
}

/// Whether it is an atom, or `\` and one.
private func isFlag(_ keyword: String) -> Bool {
    let atom = keyword.utf8.first == .backslash ? keyword.utf8.dropFirst() : keyword.utf8[...]
    return !atom.isEmpty && atom.allSatisfy(\.isAtomCharacter)
}

public enum ResponseStatus: String, Sendable {
    case ok = "OK"
    case no = "NO"
    case bad = "BAD"
    case bye = "BYE"
    case preauth = "PREAUTH"
}
