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
        /// Bytes of the lines before the current one; those between APPEND's messages are counted with these.
        var lineBytes = 0
        var literalBytes = 0
        /// APPEND's messages so far, and their bytes.
        var messages = 0
        var appendBytes = 0
        /// Bytes of what has been read over since the refusal.
        var skippedBytes = 0
        var hasLiteral = false
        var beginning = Beginning()
        /// Why nothing of the command is kept any more; said when it has been read over.
        var refusal: LiteralRefusal?
    }

    /// Why a literal is not taken.
    enum LiteralRefusal {
        case messageTooLarge(String)
        case overLimit(String)
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
        // APPEND's literals are its messages, but for one that stands where the mailbox's name must.
        let isMessage =
            frame.beginning.isAppend && (frame.hasLiteral || announcement.start > frame.beginning.arguments)
        let lineBytes = end - frame.lineStart
        frame.refusal =
            frame.refusal ?? (isMessage ? refusal(ofMessage: announcement.size, lineBytes) : refusal(of: announcement.size))
        frame.hasLiteral = true
        guard frame.refusal == nil else { return refuse(announcement, lineEnd: end) }
        announcedAppend = nil
        if isMessage {
            if frame.messages == 0 {
                frame.lineBytes += lineBytes
                if announcement.isSynchronising { announcedAppend = appendSoFar() }
            } else {
                frame.appendBytes += lineBytes
            }
            frame.messages += 1
            frame.appendBytes += announcement.size
        } else {
            frame.lineBytes += lineBytes
            frame.literalBytes += announcement.size
        }
        mode = .literal(announcement.size)
        return announcement.isSynchronising ? .event(.continuationNeeded) : .proceed
    }

    private func refusal(of size: Int) -> LiteralRefusal? {
        guard size > limits.maximumLiteralBytes - frame.literalBytes else { return nil }
        return .overLimit("literals of more than \(limits.maximumLiteralBytes) bytes")
    }

    /// - Parameter lineBytes: of the line that announces it.
    private func refusal(ofMessage size: Int, _ lineBytes: Int) -> LiteralRefusal? {
        if size > limits.maximumMessageBytes {
            return .messageTooLarge("a message of more than \(limits.maximumMessageBytes) bytes")
        }
        if frame.messages >= limits.maximumAppendedMessages {
            return .overLimit("more than \(limits.maximumAppendedMessages) messages at once")
        }
        if frame.messages > 0, size > limits.maximumAppendBytes - frame.appendBytes - lineBytes {
            return .overLimit("messages of more than \(limits.maximumAppendBytes) bytes together")
        }
        return nil
    }

    /// Who appends, and where to, when the first message is announced; nil if that cannot be read, which is said when the
    /// command is complete.
    private func appendSoFar() -> (tag: String, mailbox: MailboxPath)? {
        guard let tag = frame.beginning.tag else { return nil }
        return bytes.withUnsafeReadableBytes { bytes in
            // With the space before the mailbox's name.
            let arguments = UnsafeRawBufferPointer(rebasing: bytes[(frame.beginning.arguments - 1)..<framed])
            var cursor = Cursor(arguments, maximumNesting: 0)
            guard let mailbox = try? MailboxArguments.mailbox(&cursor) else { return nil }
            return (tag, mailbox)
        }
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
        let lineBytes = end - frame.lineStart
        guard announcement.size <= CommandParser.maximumSkippedBytes - frame.skippedBytes - lineBytes else {
            return .event(fail("a literal beyond all bounds"))
        }
        frame.skippedBytes += lineBytes + announcement.size
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
        guard case .command(var tagged) = reading.event, case .append(var append) = tagged.command else {
            finishCommand(end)
            return reading.event
        }
        for (index, message) in handOver(reading.messages, commandEnd: end).enumerated() {
            append.messages[index].bytes = message
        }
        tagged.command = .append(append)
        return .command(tagged)
    }

    private mutating func refuse(_ end: Int) -> Event {
        let (tag, refusal) = (frame.beginning.tag, frame.refusal)
        finishCommand(end)
        guard let tag else { return .bad(tag: nil, text: "expected a tag at the beginning of a line") }
        return switch refusal {
        case .messageTooLarge(let text): .tooLarge(tag: tag, text: text)
        case .overLimit(let text): .overLimit(tag: tag, text: text)
        case nil: .bad(tag: tag, text: "a literal that is not taken")
        }
    }

    private mutating func fail(_ text: String) -> Event {
        mode = .dead
        bytes = ByteBuffer()
        framed = 0
        return .fatal(text)
    }

    mutating func finishCommand(_ end: Int) {
        drop(end)
        frame = Frame()
        mode = .line
        announcedAppend = nil
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

    /// The messages, as slices where what stands behind the command is less than they are, and is therefore moved at no
    /// great cost; otherwise as copies. So a client that sends many small messages in one piece makes no quadratic work.
    private mutating func handOver(_ ranges: [Range<Int>], commandEnd end: Int) -> [ByteBuffer] {
        let rest = bytes.readableBytes - end
        guard ranges.reduce(0, { $0 + $1.count }) >= rest else {
            let messages = ranges.map { copy($0) }
            finishCommand(end)
            return messages
        }
        let messages = ranges.map { range in
            bytes.getSlice(at: bytes.readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer()
        }
        bytes = rest == 0 ? ByteBuffer() : copy(end..<bytes.readableBytes)
        finishCommand(0)
        return messages
    }

    /// A copy of a range of the readable bytes.
    private func copy(_ range: Range<Int>) -> ByteBuffer {
        bytes.withUnsafeReadableBytes { ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
}
