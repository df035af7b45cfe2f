import MailModel

/// How lines of a message that look like the begin of the next one are told from it.
public enum MboxQuoting: Sendable {
    /// A `>` stands before `From `, `>From `, `>>From ` …: one is taken away. Every message can be had back.
    case mboxrd
    /// A `>` stands before `From ` alone, and `>From ` that was there before cannot be told from it.
    case mboxo
    /// Lines are as they are.
    case none
}

/// Reads an mbox file, with LF or CRLF line ends.
///
/// A message begins with a From_ line (`FromLine`). An empty line before that, or at the file's end, belongs to no message.
/// All header fields stay in the message, also those that say its flags.
public final class MboxReader: MailSource {
    public var bytesRead: Int { lines.offset }
    public var bytesTotal: Int { lines.size }

    private let lines: LineReader
    private let quoting: MboxQuoting
    private let maximumMessageSize: Int
    private var began = false
    /// Of the message that comes next; nil behind the last.
    private var offset: Int?
    private var date: InternalDate?

    private var message: [UInt8] = []
    private var expectedSize = 4096
    private var isTooLarge = false
    /// An empty line that belongs to the message, unless it ends with it.
    private var holdsEmptyLine = false
    /// Where in `message` a line begins that came in several pieces.
    private var longLine: Int?

    /// - Throws: `.notFound`, `.notPermitted`, `.io`.
    public convenience init(path: String, quoting: MboxQuoting = .mboxrd) throws(MailFileError) {
        try self.init(path: path, quoting: quoting, maximumMessageSize: MailFileLimits.messageSize)
    }

    init(path: String, quoting: MboxQuoting, maximumMessageSize: Int) throws(MailFileError) {
        lines = try LineReader(path)
        self.quoting = quoting
        self.maximumMessageSize = maximumMessageSize
    }

    /// - Throws: `.format` if the file does not begin with a From_ line; `.io`.
    public func next() throws(MailFileError) -> MailFileItem? {
        if !began { try begin() }
        guard let start = offset else { return nil }
        let internalDate = date
        offset = nil
        message = []
        message.reserveCapacity(expectedSize)
        isTooLarge = false
        holdsEmptyLine = false
        while let piece = try lines.next() {
            if piece.beginsLine, FromLine.hasPrefix(piece.bytes) {
                let (isSeparator, date) = FromLine.parse(piece.bytes)
                if isSeparator {
                    (offset, self.date) = (piece.offset, date)
                    break
                }
            }
            add(piece)
        }
        let place = MailFilePlace(path: lines.path, offset: start)
        guard !isTooLarge else {
            return .skipped(place, reason: "the message has more than \(maximumMessageSize) bytes")
        }
        // Messages of one file are alike: the next one's bytes are rarely copied to make room.
        expectedSize = min(max(4096, message.count * 2), 1 << 20)
        defer { message = [] }
        return .message(
            MailFileMessage(
                bytes: message, flags: StatusHeaders.flags(of: message), internalDate: internalDate, place: place))
    }

    /// Goes to the first message.
    private func begin() throws(MailFileError) {
        began = true
        while let piece = try lines.next() {
            if MboxReader.isEmptyLine(piece) { continue }
            guard piece.beginsLine, FromLine.hasPrefix(piece.bytes) else {
                throw MailFileError(
                    .format, "\(lines.path): not an mbox file, which begins with a line like "
                        + "'From alice@example.org Thu Nov 29 22:33:52 2001'")
            }
            (offset, date) = (piece.offset, FromLine.parse(piece.bytes).date)
            var last = piece
            while !last.endsLine, let more = try lines.next() { last = more }
            return
        }
    }

    private static func isEmptyLine(_ piece: LineReader.Piece) -> Bool {
        guard piece.beginsLine, piece.endsLine else { return false }
        return piece.bytes.count == 1 || piece.bytes.count == 2 && piece.bytes[0] == 13
    }

    private func add(_ piece: LineReader.Piece) {
        if holdsEmptyLine {
            holdsEmptyLine = false
            if !isTooLarge { message += [13, 10] }
        }
        if MboxReader.isEmptyLine(piece) {
            holdsEmptyLine = true
            return
        }
        // A piece grows by one byte at most.
        guard !isTooLarge, message.count <= maximumMessageSize - piece.bytes.count - 1 else {
            isTooLarge = true
            message = []
            return
        }
        if piece.beginsLine { longLine = piece.endsLine ? nil : message.count }
        let isQuoted = piece.beginsLine && piece.endsLine && self.isQuoted(piece.bytes)
        message.appendWithCRLF(isQuoted ? UnsafeRawBufferPointer(rebasing: piece.bytes[1...]) : piece.bytes)
        if piece.endsLine, let start = longLine {
            longLine = nil
            let isQuoted = message.withUnsafeBytes { self.isQuoted(UnsafeRawBufferPointer(rebasing: $0[start...])) }
            if isQuoted { message.remove(at: start) }
        }
    }

    /// Whether a line's first `>` is there only to hide `From `.
    private func isQuoted(_ line: UnsafeRawBufferPointer) -> Bool {
        guard line[0] == UInt8(ascii: ">") else { return false }
        var at = 1
        switch quoting {
        case .none: return false
        case .mboxo: break
        case .mboxrd: while at < line.count, line[at] == UInt8(ascii: ">") { at += 1 }
        }
        return FromLine.hasPrefix(UnsafeRawBufferPointer(rebasing: line[at...]))
    }
}
