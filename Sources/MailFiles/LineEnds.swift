import Glibc

/// How lines end in files that are written.
public enum LineEnds: Sendable {
    /// As local programs expect it. A CRLF becomes LF, unless another CR stands before it: read again, every message has
    /// the bytes that it had.
    case lf
    /// As the message has them.
    case crlf
}

extension [UInt8] {
    /// Appends bytes; a bare LF becomes CRLF, and nothing else changes. May be called with a message piece by piece.
    mutating func appendWithCRLF(_ bytes: UnsafeRawBufferPointer) {
        guard var at = bytes.baseAddress else { return }
        let end = at + bytes.count
        while at < end {
            guard let found = memchr(at, 10, end - at) else {
                append(contentsOf: UnsafeRawBufferPointer(start: at, count: end - at))
                return
            }
            let lineFeed = UnsafeRawPointer(found)
            append(contentsOf: UnsafeRawBufferPointer(start: at, count: lineFeed - at))
            if last != 13 { append(13) }
            append(10)
            at = lineFeed + 1
        }
    }
}

/// Writes one message's bytes with the line ends of a file. Given in pieces that hold at most one LF, at their end.
struct LineEndWriter {
    let lineEnds: LineEnds
    /// The last byte that went out.
    private(set) var last: UInt8 = 0
    /// A CR came at the end of a piece: the next one decides.
    private var holdsCR = false

    init(_ lineEnds: LineEnds) { self.lineEnds = lineEnds }

    mutating func write(_ piece: UnsafeRawBufferPointer, to output: FileOutput) throws(MailFileError) {
        guard piece.count > 0 else { return }
        guard lineEnds == .lf else { return try put(piece, output) }
        if holdsCR {
            holdsCR = false
            if piece.count == 1, piece[0] == 10, last != 13 { return try put(piece, output) }
            try put(13, output)
        }
        let count = piece.count
        if piece[count - 1] == 13 {
            holdsCR = true
            return try put(UnsafeRawBufferPointer(rebasing: piece[..<(count - 1)]), output)
        }
        let endsWithCRLF = count >= 2 && piece[count - 1] == 10 && piece[count - 2] == 13
        guard endsWithCRLF, (count >= 3 ? piece[count - 3] : last) != 13 else { return try put(piece, output) }
        try put(UnsafeRawBufferPointer(rebasing: piece[..<(count - 2)]), output)
        try put(10, output)
    }

    /// To be called behind the message's last piece.
    mutating func finish(_ output: FileOutput) throws(MailFileError) {
        if holdsCR { try put(13, output) }
        holdsCR = false
    }

    private mutating func put(_ bytes: UnsafeRawBufferPointer, _ output: FileOutput) throws(MailFileError) {
        guard bytes.count > 0 else { return }
        try output.write(bytes)
        last = bytes[bytes.count - 1]
    }

    private mutating func put(_ byte: UInt8, _ output: FileOutput) throws(MailFileError) {
        try output.write(byte)
        last = byte
    }
}
