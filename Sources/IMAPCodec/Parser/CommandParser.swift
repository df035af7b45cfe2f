import NIOCore

/// Named limits on what a client may send.
public struct ParserLimits: Sendable {
    /// Bytes of one command, its literals not counted.
    public var maximumLineBytes = 64 << 10
    /// Bytes of all literals of one command, APPEND's messages not counted.
    public var maximumLiteralBytes = 64 << 10
    /// Bytes of a message that APPEND brings.
    public var maximumMessageBytes = 128 << 20
    /// Bytes of all messages of one APPEND (RFC 3502), with the lines between them. A single message has its own limit only.
    public var maximumAppendBytes = 128 << 20
    /// Messages of one APPEND.
    public var maximumAppendedMessages = 1_000
    /// Depth of parentheses, NOT and OR in a search key, and parts of a section number.
    public var maximumNesting = 64

    public init() {}
}

/// Turns bytes from a client into commands. A value without I/O: bytes go in as they come, in pieces of any size, events
/// come out; nothing is parsed twice.
public struct CommandParser: Sendable {
    public enum Event: Sendable {
        /// Nothing more can be said before more bytes come.
        case needMoreBytes
        /// A synchronising literal is announced (RFC 3501 §4.3): the client waits for a continuation request, or for its
        /// command to be refused (`announcedAppend`).
        case continuationNeeded
        case command(TaggedCommand)
        /// A line that the session had asked for with `expectLine`: the answer to a challenge, or DONE. Without its CRLF.
        case line(ByteBuffer)
        /// BAD: what was wrong, for the tag if it could be read. The command has been read over; the next one follows.
        case bad(tag: String?, text: String)
        /// SEARCH in a charset that the codec does not know: NO [BADCHARSET (US-ASCII UTF-8)] (RFC 3501 §6.4.4). Where its
        /// result was to be saved, `$` is empty from now on (RFC 5182 §2.1).
        case badCharset(tag: String, saves: Bool)
        /// NO [TOOBIG] (RFC 4469 §4.2): an announced message exceeds its limit. A synchronising literal is not sent then; a
        /// non-synchronising one (RFC 7888 §4) has been read over before this event.
        case tooLarge(tag: String, text: String)
        /// NO [LIMIT] (RFC 5530 §3): as `tooLarge`, where other literals, or an APPEND's messages together, exceed theirs.
        case overLimit(tag: String, text: String)
        /// The stream cannot be followed any more (a line without end, a non-synchronising literal beyond all bounds): say
        /// BYE with this text and close.
        case fatal(String)
    }

    public var limits: ParserLimits

    /// Bytes of a non-synchronising literal beyond its limit that are read over at most; a client that announces more has
    /// lost its way.
    static let maximumSkippedBytes = 1 << 30
    /// Capacity that is kept between commands.
    static let retainedCapacity = 4 << 10

    /// What the next bytes are.
    enum Mode {
        /// A line of a command, or the rest of one behind a literal.
        case line
        /// A literal's: so many are still to come.
        case literal(Int)
        /// Those of a literal that is not taken: so many are still to come.
        case skipping(Int)
        /// Of no interest: the stream was given up.
        case dead
    }

    var mode = Mode.line
    /// From the beginning of the current command on; capacity follows what came, not what was announced.
    var bytes = ByteBuffer()
    /// Of the current command, as far as the framing has come: nothing before it is looked at again until the command is
    /// complete.
    var framed = 0
    var frame = Frame()
    var isLineExpected = false

    public init(limits: ParserLimits = ParserLimits()) { self.limits = limits }

    /// Takes bytes from the network.
    ///
    /// - Complexity: O(bytes): they are copied, once.
    public mutating func append(_ bytes: ByteBuffer) {
        var bytes = bytes
        switch mode {
        case .dead: return
        case .skipping(let remaining) where self.bytes.readableBytes == 0:
            let skipped = min(remaining, bytes.readableBytes)
            bytes.moveReaderIndex(forwardBy: skipped)
            mode = .skipping(remaining - skipped)
        default: break
        }
        if bytes.readableBytes > 0 { self.bytes.writeBuffer(&bytes) }
    }

    /// The next event. Call until `.needMoreBytes`.
    public mutating func next() -> Event {
        while true {
            let step =
                switch mode {
                case .line: readLine()
                case .literal(let remaining): readLiteral(remaining)
                case .skipping(let remaining): skip(remaining)
                case .dead: Step.wait
                }
            switch step {
            case .wait: return .needMoreBytes
            case .proceed: continue
            case .event(let event): return event
            }
        }
    }

    /// An APPEND whose next message is announced by a synchronising literal: what the session must know to refuse it before
    /// the message is sent (RFC 3502, §6.3.11: "MAY return an error before processing all the message arguments"). To be
    /// looked at behind `.continuationNeeded`.
    public internal(set) var announcedAppend: (tag: String, mailbox: MailboxPath)?

    /// Instead of a continuation request: the client has been told NO, sends no literal, and its command is at its end.
    /// - Precondition: the last event was `.continuationNeeded`, and nothing came since.
    public mutating func refuseLiteral() { finishCommand(framed) }

    /// The next line is not a command but an answer to a challenge or IDLE's DONE: `next` gives it as `.line`, once.
    public mutating func expectLine() { isLineExpected = true }

    /// Bytes that came and are not yet used: must be 0 when TLS begins (RFC 3501 §6.2.1: nothing sent in the clear may be
    /// taken for protected).
    public var unusedBytes: Int { bytes.readableBytes }
}
