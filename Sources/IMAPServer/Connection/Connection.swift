import DequeModule
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// One client's connection, seen from its session: what comes is asked for with `next`, what goes is given to `send`, and
/// both suspend instead of piling up. The channel's side of it is `ConnectionHandler`.
///
/// Memory is bounded in both directions: reading from the socket stops while `maximumUnreadBytes` wait for the session, and
/// `send` suspends while more than `maximumUnsentBytes` wait for the client.
final class Connection: Sendable {
    /// Bytes that came and the session has not taken yet: reading from the socket stops there.
    static let maximumUnreadBytes = 256 << 10
    /// Bytes that the client has not taken yet: the session waits there.
    static let maximumUnsentBytes = 256 << 10
    /// A client that takes nothing for so long is let go.
    static let sendTimeout = TimeAmount.minutes(5)

    enum Event: Sendable {
        case bytes(ByteBuffer)
        /// The account has a new state; only if it was asked for.
        case storeChanged
        /// Nothing came for as long as the session wanted to wait.
        case timeout
        /// The server stops.
        case stopping
        case closed
    }

    private struct State {
        var unread: Deque<ByteBuffer> = []
        var unreadBytes = 0
        /// The channel holds back a read until the session has taken what is there.
        var isReadHeldBack = false
        var isChanged = false
        var isStopping = false
        var isClosed = false
        var wantsChanges = false
        var receiver: CheckedContinuation<Event, Never>?
        /// Counts calls of `next`, so that an old call's timer ends no later one.
        var call: UInt64 = 0
        var unsentBytes = 0
        var sender: CheckedContinuation<Void, Never>?
        var sendTimer: Scheduled<Void>?
    }

    let channel: any Channel
    private let state = Mutex(State())

    init(_ channel: any Channel) { self.channel = channel }

    // MARK: The session's side

    /// What happens next. Bytes come before everything else; a change is reported once, however many there were.
    func next(timeout: TimeAmount, wantsChanges: Bool = false) async -> Event {
        let ready: Event? = state.withLock { state in
            state.call += 1
            return Connection.take(&state, wantsChanges: wantsChanges)
        }
        let event: Event
        if let ready { event = ready } else { event = await wait(timeout, wantsChanges) }
        let resumesReading = state.withLock { state in
            guard state.isReadHeldBack, state.unreadBytes <= Connection.maximumUnreadBytes / 2 else { return false }
            state.isReadHeldBack = false
            return true
        }
        if resumesReading { channel.read() }
        return event
    }

    private func wait(_ timeout: TimeAmount, _ wantsChanges: Bool) async -> Event {
        let call = state.withLock { $0.call }
        let timer = channel.eventLoop.scheduleTask(in: timeout) { [self] in timeOut(call) }
        defer { timer.cancel() }
        return await withCheckedContinuation { continuation in
            // What came since the caller looked is not to be slept over.
            let event: Event? = state.withLock { state in
                if let event = Connection.take(&state, wantsChanges: wantsChanges) { return event }
                state.receiver = continuation
                state.wantsChanges = wantsChanges
                return nil
            }
            if let event { continuation.resume(returning: event) }
        }
    }

    private static func take(_ state: inout State, wantsChanges: Bool) -> Event? {
        if let bytes = state.unread.popFirst() {
            state.unreadBytes -= bytes.readableBytes
            return .bytes(bytes)
        }
        if state.isClosed { return .closed }
        if state.isStopping { return .stopping }
        if wantsChanges, state.isChanged {
            state.isChanged = false
            return .storeChanged
        }
        return nil
    }

    /// Gives bytes to the client; returns at once while few wait, else when the client has taken enough.
    func send(_ bytes: ByteBuffer) async {
        let count = bytes.readableBytes
        guard count > 0 else { return }
        let mustWait = state.withLock { state in
            guard !state.isClosed else { return false }
            state.unsentBytes += count
            return state.unsentBytes > Connection.maximumUnsentBytes
        }
        channel.writeAndFlush(bytes).whenComplete { [self] _ in sent(count) }
        guard mustWait else { return }
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.isClosed || state.unsentBytes <= Connection.maximumUnsentBytes { return true }
                state.sender = continuation
                return false
            }
            if isDone { return continuation.resume() }
            let timer = channel.eventLoop.scheduleTask(in: Connection.sendTimeout) { [channel] in
                channel.close(mode: .all, promise: nil)
            }
            state.withLock { state in
                if state.sender == nil { timer.cancel() } else { state.sendTimer = timer }
            }
        }
    }

    /// The account has a new state.
    func storeChanged() { signal { $0.isChanged = true } }

    /// The server stops: the session is told when it next asks.
    func stop() { signal { $0.isStopping = true } }

    /// Closes when all that was sent has gone out.
    func close() async {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        channel.write(ByteBuffer(), promise: promise)
        channel.flush()
        try? await promise.futureResult.get()
        try? await channel.close()
    }

    /// Says `response` in the clear, and everything after it under TLS. What came in the clear until then and was not yet
    /// taken is dropped: nobody vouches for it (RFC 3501 §6.2.1).
    func startTLS(_ context: NIOSSLContext, response: ByteBuffer) async throws {
        // In one turn of the event loop, so that the client's first TLS bytes meet the handler.
        try await channel.eventLoop.submit { [self] in
            channel.writeAndFlush(response, promise: nil)
            state.withLock { state in
                state.unread.removeAll()
                state.unreadBytes = 0
            }
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context), position: .first)
            channel.read()
        }.get()
    }

    // MARK: The channel's side

    /// - Returns: whether more may be read from the socket now.
    func received(_ bytes: ByteBuffer) -> Bool {
        let (receiver, mayRead): (CheckedContinuation<Event, Never>?, Bool) = state.withLock { state in
            if let receiver = state.receiver {
                state.receiver = nil
                return (receiver, true)
            }
            state.unread.append(bytes)
            state.unreadBytes += bytes.readableBytes
            state.isReadHeldBack = state.unreadBytes >= Connection.maximumUnreadBytes
            return (nil, !state.isReadHeldBack)
        }
        receiver?.resume(returning: .bytes(bytes))
        return mayRead
    }

    func closed() {
        let (sender, timer) = state.withLock { state in
            state.isClosed = true
            defer {
                state.sender = nil
                state.sendTimer = nil
            }
            return (state.sender, state.sendTimer)
        }
        timer?.cancel()
        sender?.resume()
        signal { $0.isClosed = true }
    }

    private func sent(_ count: Int) {
        let (sender, timer): (CheckedContinuation<Void, Never>?, Scheduled<Void>?) = state.withLock { state in
            state.unsentBytes -= count
            guard state.sender != nil, state.unsentBytes <= Connection.maximumUnsentBytes / 2 else {
                return (nil, nil)
            }
            defer {
                state.sender = nil
                state.sendTimer = nil
            }
            return (state.sender, state.sendTimer)
        }
        timer?.cancel()
        sender?.resume()
    }

    private func signal(_ change: (inout State) -> Void) {
        let resumption: (CheckedContinuation<Event, Never>, Event)? = state.withLock { state in
            change(&state)
            guard let receiver = state.receiver,
                let event = Connection.take(&state, wantsChanges: state.wantsChanges)
            else { return nil }
            state.receiver = nil
            return (receiver, event)
        }
        if let (receiver, event) = resumption { receiver.resume(returning: event) }
    }

    private func timeOut(_ call: UInt64) {
        let receiver: CheckedContinuation<Event, Never>? = state.withLock { state in
            guard state.call == call, let receiver = state.receiver else { return nil }
            state.receiver = nil
            return receiver
        }
        receiver?.resume(returning: .timeout)
    }
}

/// Brings what the channel reads to its `Connection`, and reads on only while that has room.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let connection: Connection
    private var mayRead = true

    init(_ connection: Connection) { self.connection = connection }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        mayRead = connection.received(unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        if mayRead { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        connection.closed()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A failed handshake, a reset: there is nobody left to tell.
        context.close(promise: nil)
    }
}
