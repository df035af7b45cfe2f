/// Finds the parts of a message in one pass over its lines (RFC 2046 §5.1): each line that begins with `--` is compared with
/// the boundaries of all multiparts that are open there, and no line is looked at again.
///
/// The line end before a boundary belongs to the boundary. A boundary ends all that is open inside its multipart, a header
/// included. A multipart in which no boundary was found, or that has none, has one empty part, as other servers give it to
/// their clients: so its type and parameters are told, the structure is valid, and its bytes are read as `TEXT`.
struct PartTreeParser {
    /// A line that ends a part.
    private struct Delimiter {
        /// Which of the open parts it divides.
        var level: Int
        var isClose: Bool
        var lineStart: Int
        /// `lineStart` without the line end before it.
        var partEnd: Int
        /// Line ends before `lineStart`.
        var lineEnds: Int
    }

    private let message: UnsafeRawBufferPointer
    /// Start of the line that is read next.
    private var position = 0
    /// Line ends before the position.
    private var lineEnds = 0
    private var draft = SummaryDraft()
    private var fields = KnownFields()
    /// Parts that are not ended yet, from the root to the one that is read. At most `MailLimits.nesting` and one.
    private var open: [Int] = []
    private var boundaries = OpenBoundaries()

    init(_ message: UnsafeRawBufferPointer) { self.message = message }

    mutating func parse() -> SummaryDraft {
        openPart(parent: nil)
        while true {
            var delimiter = readHeader()
            if delimiter == nil {
                if draft.parts[open[open.count - 1]].kind == .message {
                    openPart(parent: open[open.count - 1])
                    continue
                }
                delimiter = passBody()
            }
            while let found = delimiter, found.isClose {
                end(to: found)
                boundaries.close(from: found.level)
                delimiter = passBody()
            }
            guard let delimiter else { break }
            guard mayOpenPart(at: delimiter) else {
                // Boundaries are text from here on.
                boundaries.close(from: 0)
                _ = passBody()
                break
            }
            end(to: delimiter)
            boundaries.close(from: delimiter.level + 1)
            openPart(parent: open[delimiter.level])
        }
        endAll()
        return draft
    }

    private func mayOpenPart(at delimiter: Delimiter) -> Bool {
        draft.parts[open[delimiter.level]].childCount == 0 || draft.hasRoomForPart
    }

    private mutating func openPart(parent: Int?) { open.append(draft.open(parent: parent, start: position)) }

    // MARK: Lines

    /// Goes behind the header at the position and describes the part.
    /// - Returns: the delimiter that ended it, if one did; the position is behind that.
    private mutating func readHeader() -> Delimiter? {
        let number = open[open.count - 1]
        var delimiter: Delimiter?
        var end = message.count
        while position < message.count {
            let isEmpty =
                message[position] == Octet.lf
                || message[position] == Octet.cr && position + 1 < message.count && message[position + 1] == Octet.lf
            if isEmpty {
                passLine()
                end = position
                break
            }
            delimiter = takeDelimiter()
            if let delimiter {
                end = max(draft.parts[number].start, delimiter.partEnd)
                break
            }
            passLine()
        }
        let start = draft.parts[number].start
        draft.parts[number].bodyStart = end
        draft.parts[number].lineEndsBefore = lineEnds
        fields.find(in: message.slice(start..<min(end, start + MailLimits.headerBytes)))
        if let boundary = draft.describe(fields) { boundaries.open(boundary, level: open.count - 1) }
        return delimiter
    }

    /// Goes on to the next delimiter, or to the end of the message.
    private mutating func passBody() -> Delimiter? {
        guard !boundaries.isEmpty else {
            while position < message.count { passLine() }
            return nil
        }
        while position < message.count {
            if let delimiter = takeDelimiter() { return delimiter }
            passLine()
        }
        return nil
    }

    private mutating func passLine() {
        if let lineFeed = message.lineFeed(from: position) {
            position = lineFeed + 1
            lineEnds += 1
        } else {
            position = message.count
        }
    }

    /// Passes the line at the position if it is a delimiter.
    private mutating func takeDelimiter() -> Delimiter? {
        guard message[position] == Octet.hyphen, position + 1 < message.count, message[position + 1] == Octet.hyphen,
            !boundaries.isEmpty
        else { return nil }
        let lineEnd = message.lineFeed(from: position) ?? message.count
        guard let match = boundaries.match(message.slice(position + 2..<lineEnd)) else { return nil }
        var partEnd = position
        if partEnd > 0, message[partEnd - 1] == Octet.lf {
            partEnd -= 1
            if partEnd > 0, message[partEnd - 1] == Octet.cr { partEnd -= 1 }
        }
        let delimiter = Delimiter(
            level: match.level, isClose: match.isClose, lineStart: position, partEnd: partEnd, lineEnds: lineEnds)
        passLine()
        return delimiter
    }

    // MARK: Ends of parts

    /// Ends the parts inside of the multipart that a delimiter divides.
    private mutating func end(to delimiter: Delimiter) {
        endParts(
            above: delimiter.level, at: delimiter.partEnd, lineEnds: delimiter.lineEnds, lineStart: delimiter.lineStart)
    }

    private mutating func endAll() {
        endParts(above: -1, at: message.count, lineEnds: lineEnds, lineStart: message.count)
    }

    /// - Parameter lineEnds: those before `lineStart`, where at most one line end behind `end` is.
    private mutating func endParts(above level: Int, at end: Int, lineEnds: Int, lineStart: Int) {
        var end = end
        while open.count - 1 > level {
            let number = open.removeLast()
            // An empty line that ends a header is that header's, though a boundary follows.
            end = max(end, draft.parts[number].bodyStart)
            let part = draft.parts[number]
            draft.parts[number].end = end
            let hasLines = part.kind == .text || part.kind == .message
            if hasLines, end > part.bodyStart {
                let complete = lineEnds - part.lineEndsBefore - (end < lineStart ? 1 : 0)
                draft.parts[number].lines = complete + (message[end - 1] == Octet.lf ? 0 : 1)
            }
            let isContainer = part.kind == .message || part.kind == .multipart
            if isContainer, part.childCount == 0 { draft.addEmptyPart(start: end) }
        }
    }
}
