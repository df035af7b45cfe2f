import NIOCore

/// Strings of more bytes are literals: lines stay of a length that every client can read.
let maximumQuotedBytes = 1_000

extension ByteBuffer {
    /// A `string`: quoted if it can be, otherwise a literal. Bytes as they are.
    public mutating func writeIMAPString(_ bytes: UnsafeRawBufferPointer) {
        if bytes.count <= maximumQuotedBytes, writeQuoted(bytes) { return }
        writeInteger(UInt8.leftBrace)
        writeDecimal(bytes.count)
        writeStaticString("}\r\n")
        writeBytes(bytes)
    }

    public mutating func writeIMAPString(_ text: String) {
        var text = text
        text.withUTF8 { writeIMAPString(UnsafeRawBufferPointer($0)) }
    }

    /// NIL, or a string.
    public mutating func writeNString(_ bytes: UnsafeRawBufferPointer?) {
        if let bytes { writeIMAPString(bytes) } else { writeStaticString("NIL") }
    }

    /// An `astring`: an atom if it can be.
    public mutating func writeAString(_ text: String) {
        // NIL is an atom, but one that a reader may take for nothing.
        if !text.isEmpty, text.utf8.allSatisfy(\.isAStringCharacter), !text.isEqual(ignoringCase: "NIL") {
            writeString(text)
        } else {
            writeIMAPString(text)
        }
    }

    /// A mailbox's name in modified UTF-7 as an astring. Never as a literal.
    public mutating func writeMailboxName(_ name: String) {
        var name = name
        name.withUTF8 { writeMailboxName(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// As `writeMailboxName`, for a name's bytes in UTF-8.
    public mutating func writeMailboxName(utf8 name: UnsafeRawBufferPointer) {
        // Nearly all names stand for themselves.
        if name.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != .ampersand }) {
            writeEncoded(name)
        } else {
            ModifiedUTF7.encode(String(decoding: name, as: UTF8.self)).withUnsafeBytes { writeEncoded($0) }
        }
    }

    private mutating func writeEncoded(_ name: UnsafeRawBufferPointer) {
        let isNil = name.count == 3 && String(uppercasing: name) == "NIL"
        if !name.isEmpty, !isNil, name.allSatisfy(\.isAStringCharacter) {
            writeBytes(name)
        } else {
            // Modified UTF-7 is printable ASCII, which can always be quoted.
            let isWritten = writeQuoted(name)
            assert(isWritten, "modified UTF-7 is printable")
        }
    }

    /// A quoted string, if all bytes are printable ASCII; otherwise nothing is written.
    mutating func writeQuoted(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let written = writeWithUnsafeMutableBytes(minimumWritableBytes: bytes.count * 2 + 2) { out in
            out[0] = .quote
            var count = 1
            for byte in bytes {
                guard byte >= 0x20, byte < 0x7F else { return 0 }
                if byte == .quote || byte == .backslash {
                    out[count] = .backslash
                    count += 1
                }
                out[count] = byte
                count += 1
            }
            out[count] = .quote
            return count + 1
        }
        return written > 0
    }
}
