import NIOCore

// Framing: where commands end. A command is its first line, and behind each literal that a line's end announces (RFC 3501
// §4.3, RFC 7888 §3) the literal's bytes and one more line. Lines end with CRLF; a bare LF is taken for it.

extension CommandParser {
    enum Step {
        case wait
        case proceed
        case event(Event)
    }

    /// The current command, as far as it is framed.
    struct Frame {
        /// Where the current line begins, in bytes from the command's beginning.
        var lineStart = 0
        /// Bytes of the lines before the current one.
        var lineBytes = 0
        var literalBytes = 0
        var skippedBytes = 0
        var hasLiteral = false
        var hasMessage = false
        var beginning = Beginning()
        /// Why nothing of the command is kept any more; said when it has been read over.
        var refusal: String?
    }

    mutating func readLine() -> Step {
        let end = lineEnd()
        guard frame.lineBytes + (end ?? framed) - frame.lineStart <= limits.maximumLineBytes else {
            return .event(fail("a command line of more than \(limits.maximumLineBytes) bytes"))
        }
        guard let end else { return .wait }
        framed = end
        if isLineExpected, !frame.hasLiteral {
            isLineExpected = false
            let line = copy(0..<textEnd(end))
            finishCommand(end)
            return .event(.line(line))
        }
        let announcement = bytes.withUnsafeReadableBytes { bytes in
            LiteralAnnouncement(
                atEndOf: UnsafeRawBufferPointer(rebasing: bytes[frame.lineStart..<textEnd(end, in: bytes)]))
        }
        if let announcement { return announced(announcement, lineEnd: end) }
        return .event(frame.refusal == nil ? readCommand(end) : refuse(end))
    }

    /// Where the current line ends, behind its LF; nil if that has not come. Every byte is looked at once.
    private mutating func lineEnd() -> Int? {
        let start = bytes.readerIndex + framed
        let view = bytes.viewBytes(at: start, length: bytes.writerIndex - start)
        guard let lf = view?.firstIndex(of: .lf) else {
            framed = bytes.readableBytes
            return nil
        }
        return lf + 1 - bytes.readerIndex
    }

    /// Where the text of a line ends that ends at `end`.
    private func textEnd(_ end: Int) -> Int { bytes.withUnsafeReadableBytes { textEnd(end, in: $0) } }

    private func textEnd(_ end: Int, in bytes: UnsafeRawBufferPointer) -> Int {
        end >= frame.lineStart + 2 && bytes[end - 2] == .cr ? end - 2 : end - 1
    }

    // MARK: Literals

    private mutating func announced(_ announcement: LiteralAnnouncement, lineEnd end: Int) -> Step {
        if !frame.hasLiteral, frame.refusal == nil {
            frame.beginning = bytes.withUnsafeReadableBytes {
                Beginning(UnsafeRawBufferPointer(rebasing: $0[..<announcement.start]))
            }
        }
        // APPEND's first literal is its message, unless it stands where the mailbox's name must.
        let isMessage =
            frame.beginning.isAppend && !frame.hasMessage
            && (frame.hasLiteral || announcement.start > frame.beginning.arguments)
        let limit = isMessage ? limits.maximumMessageBytes : limits.maximumLiteralBytes - frame.literalBytes
        frame.lineBytes += end - frame.lineStart
        frame.hasLiteral = true
        if frame.refusal != nil || announcement.size > limit {
            let kind = isMessage ? "a message" : "literals"
            let allowed = isMessage ? limits.maximumMessageBytes : limits.maximumLiteralBytes
            frame.refusal = frame.refusal ?? "\(kind) of more than \(allowed) bytes"
            return refuse(announcement, lineEnd: end)
        }
        if isMessage { frame.hasMessage = true } else { frame.literalBytes += announcement.size }
        mode = .literal(announcement.size)
        return announcement.isSynchronising ? .event(.continuationNeeded) : .proceed
    }

    mutating func readLiteral(_ remaining: Int) -> Step {
        let count = min(remaining, bytes.readableBytes - framed)
        framed += count
        guard count == remaining else {
            mode = .literal(remaining - count)
            return .wait
        }
        frame.lineStart = framed
        mode = .line
        return .proceed
    }

    /// A literal that is not taken. The client does not send a synchronising one, and its command ends with the line; one
    /// that comes unasked is read over.
    private mutating func refuse(_ announcement: LiteralAnnouncement, lineEnd end: Int) -> Step {
        if announcement.isSynchronising { return .event(refuse(end)) }
        guard announcement.size <= CommandParser.maximumSkippedBytes - frame.skippedBytes else {
            return .event(fail("a literal beyond all bounds"))
        }
        frame.skippedBytes += announcement.size
        mode = .skipping(announcement.size)
        drop(end)
        return .proceed
    }

    mutating func skip(_ remaining: Int) -> Step {
        let count = min(remaining, bytes.readableBytes)
        drop(count)
        guard count == remaining else {
            mode = .skipping(remaining - count)
            return .wait
        }
        mode = .line
        return .proceed
    }

    // MARK: The end of a command

    private mutating func readCommand(_ end: Int) -> Event {
        let limits = limits
        let reading = bytes.withUnsafeReadableBytes {
            CommandParser.read(UnsafeRawBufferPointer(rebasing: $0[..<textEnd(end, in: $0)]), limits: limits)
        }
        guard let range = reading.message, case .command(var tagged) = reading.event,
            case .append(var append) = tagged.command
        else {
            finishCommand(end)
            return reading.event
        }
        append.messages[0].bytes = handOver(range, commandEnd: end)
        tagged.command = .append(append)
        return .command(tagged)
    }

    private mutating func refuse(_ end: Int) -> Event {
        let (tag, text) = (frame.beginning.tag, frame.refusal ?? "")
        finishCommand(end)
        guard let tag else { return .bad(tag: nil, text: "expected a tag at the beginning of a line; \(text)") }
        return .tooLarge(tag: tag, text: text)
    }

    private mutating func fail(_ text: String) -> Event {
        mode = .dead
        bytes = ByteBuffer()
        framed = 0
        return .fatal(text)
    }

    private mutating func finishCommand(_ end: Int) {
        drop(end)
        frame = Frame()
        mode = .line
    }

    // MARK: Memory

    /// Lets go of the command's first `count` bytes. What remains is moved only where it is less than what went, so that
    /// all moves together cost no more than the bytes that came.
    private mutating func drop(_ count: Int) {
        bytes.moveReaderIndex(forwardBy: count)
        framed = 0
        frame.lineStart = 0
        if bytes.readableBytes == 0 {
            if bytes.capacity > CommandParser.retainedCapacity { bytes = ByteBuffer() } else { bytes.clear() }
        } else if bytes.readerIndex > max(bytes.readableBytes, CommandParser.retainedCapacity) {
            bytes = copy(0..<bytes.readableBytes)
        }
    }

    /// The message, as a slice where what stands behind the command is less than it, and is therefore moved at no great
    /// cost; otherwise as a copy. So a client that sends many small messages in one piece makes no quadratic work.
    private mutating func handOver(_ range: Range<Int>, commandEnd end: Int) -> ByteBuffer {
        let rest = bytes.readableBytes - end
        guard range.count >= rest else {
            let message = copy(range)
            finishCommand(end)
            return message
        }
        let message = bytes.getSlice(at: bytes.readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer()
        bytes = rest == 0 ? ByteBuffer() : copy(end..<bytes.readableBytes)
        finishCommand(0)
        return message
    }

    /// A copy of a range of the readable bytes.
    private func copy(_ range: Range<Int>) -> ByteBuffer {
        bytes.withUnsafeReadableBytes { ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
}
