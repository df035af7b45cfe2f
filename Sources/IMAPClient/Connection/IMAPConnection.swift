import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL

/// A client's connection to an IMAP server.
///
/// Commands may be sent before earlier ones are answered; what comes is taken by one task at a time, in the server's order.
public final class IMAPConnection: Sendable {
    public struct Options: Sendable {
        public var limits = ResponseLimits()
        /// An answer that takes longer to begin, or to go on, is not waited for.
        public var responseTimeout = TimeAmount.seconds(60)
        public var connectTimeout = TimeAmount.seconds(30)
        /// TLS from the first byte; nil for none.
        public var tls: NIOSSLContext?
        /// Keeps the last lines.
        public var transcript: Transcript?

        public init() {}
    }

    /// The answer to a command.
    public struct Answer: Sendable {
        public var status: StatusResponse
        /// What came before it, for whatever reason.
        public var untagged: [Response]
    }

    public let options: Options
    public let greeting: StatusResponse
    private let channel: any Channel
    private let queue: ResponseQueue
    private let lastTag = NIOLockedValueBox(0)

    private init(_ channel: any Channel, _ queue: ResponseQueue, _ options: Options, greeting: StatusResponse) {
        self.channel = channel
        self.queue = queue
        self.options = options
        self.greeting = greeting
    }

    deinit { channel.close(promise: nil) }

    /// Connects, and hears the greeting.
    /// - Throws: what keeps the connection from being made; `ConnectionError`.
    public static func connect(
        host: String, port: Int, options: Options = Options(),
        on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws -> IMAPConnection {
        let queue = ResponseQueue()
        let channel = try await ClientBootstrap(group: group)
            .connectTimeout(options.connectTimeout)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelOption(.autoRead, value: false)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls = options.tls {
                        // A server's name must not be an address (RFC 6066 §3).
                        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
                        try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: isAddress ? nil : host))
                    }
                    try pipeline.addHandler(ResponseHandler(queue, options.limits, options.transcript))
                }
            }
            .connect(host: host, port: port).get()
        do {
            guard let first = try await queue.next(channel, within: options.responseTimeout) else {
                throw ConnectionError.timeout(milliseconds: options.responseTimeout.nanoseconds / 1_000_000)
            }
            guard case .status(let greeting) = first, greeting.tag == nil else {
                throw ConnectionError.protocolError("the greeting is \(first)")
            }
            guard greeting.condition == .ok || greeting.condition == .preauthenticated else {
                throw ConnectionError.refused(greeting.text)
            }
            return IMAPConnection(channel, queue, options, greeting: greeting)
        } catch {
            channel.close(promise: nil)
            throw error
        }
    }

    /// What the server has said of itself last, in upper case; empty until it has.
    public var capabilities: Set<String> { queue.capabilities }

    // MARK: Commands

    /// Sends a command and hears its answer.
    /// - Throws: `ConnectionError`; a NO or BAD is an answer.
    public func command(_ command: ClientCommand) async throws -> Answer {
        try await answer(to: try await send(command))
    }

    /// Sends a command.
    /// - Returns: its tag.
    public func send(_ command: ClientCommand) async throws -> String {
        let tag = lastTag.withLockedValue { last in
            last += 1
            return "t\(last)"
        }
        var bytes = ByteBuffer(string: tag + " ")
        for part in command.parts {
            switch part {
            case .text(let text): bytes.writeString(text)
            case .literal(let literal):
                if isSentUnasked(literal) {
                    bytes.writeString("{\(literal.readableBytes)+}\r\n")
                } else {
                    bytes.writeString("{\(literal.readableBytes)}\r\n")
                    try await write(bytes, command)
                    bytes = ByteBuffer()
                    // A server that refuses the literal has answered the command.
                    guard try await isAskedToContinue(tag) else { return tag }
                }
                bytes.writeImmutableBuffer(literal)
            }
        }
        bytes.writeString("\r\n")
        try await write(bytes, command)
        return tag
    }

    /// A line that belongs to a command: `DONE`, or a response to a challenge.
    public func sendLine(_ text: String, isSecret: Bool = false) async throws {
        options.transcript?.sent(ByteBuffer(string: isSecret ? "(secret)" : text))
        try await write(ByteBuffer(string: text + "\r\n"))
    }

    /// What comes up to the command's tagged answer.
    ///
    /// Other commands' answers among it are an error: who sends several takes what comes with `next`.
    public func answer(to tag: String) async throws -> Answer {
        var untagged: [Response] = []
        while true {
            let response = try await next()
            if case .status(let status) = response, let found = status.tag {
                guard found == tag else { throw ConnectionError.protocolError("\(found) is answered, not \(tag)") }
                return Answer(status: status, untagged: untagged)
            }
            untagged.append(response)
        }
    }

    /// The next response.
    /// - Throws: also if none comes within `Options.responseTimeout`.
    public func next() async throws -> Response {
        if let response = try await next(within: options.responseTimeout) { return response }
        throw ConnectionError.timeout(milliseconds: options.responseTimeout.nanoseconds / 1_000_000)
    }

    /// The next response; nil if none came for so long.
    public func next(within time: TimeAmount) async throws -> Response? {
        try await queue.next(channel, within: time)
    }

    /// Closes at once, without a word.
    public func close() async {
        options.transcript?.note("closed")
        try? await channel.close()
    }

    // MARK: Literals

    /// RFC 7888 §3, §5
    private func isSentUnasked(_ literal: ByteBuffer) -> Bool {
        let capabilities = queue.capabilities
        return capabilities.contains("LITERAL+")
            || literal.readableBytes <= 4096 && (capabilities.contains("LITERAL-") || capabilities.contains("IMAP4REV2"))
    }

    /// Waits for `+`; what comes before it is kept for who takes responses.
    private func isAskedToContinue(_ tag: String) async throws -> Bool {
        var others: [Response] = []
        defer { queue.putBack(others) }
        while true {
            let response = try await next()
            if case .continuation = response { return true }
            others.append(response)
            if case .status(let status) = response, status.tag == tag { return false }
        }
    }

    private func write(_ bytes: ByteBuffer, _ command: ClientCommand) async throws {
        options.transcript?.sent(command.isSecret ? ByteBuffer(string: "\(command.name) (secret)") : bytes)
        try await write(bytes)
    }

    private func write(_ bytes: ByteBuffer) async throws {
        do {
            try await channel.writeAndFlush(bytes)
        } catch {
            // What the server said before it closed the connection tells why.
            throw ConnectionError.closed
        }
    }
}
