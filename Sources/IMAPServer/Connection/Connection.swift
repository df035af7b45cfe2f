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
    /// Pieces that come in fewer bytes become one with what waits already, so that a buffer for each is not kept.
    private static let smallPiece = 4 << 10
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
        /// The client sends nothing more.
        case closed
    }

    /// What the session waits for, besides the end and the server's stopping, which it is always told of.
    struct Wishes: OptionSet {
        let rawValue: UInt8
        static let bytes = Wishes(rawValue: 1)
        static let changes = Wishes(rawValue: 2)
    }

    private struct State {
        var unread: Deque<ByteBuffer> = []
        var unreadBytes = 0
        /// The channel holds back a read until the session has taken what is there.
        var isReadHeldBack = false
        var isChanged = false
        var isStopping = false
        /// The client sends nothing more; it may still take what is sent to it.
        var isInputEnded = false
        /// Nothing goes in either direction any more.
        var isClosed = false
        var receiver: CheckedContinuation<Event, Never>?
        var wishes: Wishes = []
        /// When the receiver waits no longer.
        var deadline = NIODeadline.distantFuture
        /// When the timer goes off that has been set; it is left alone when deadlines move away from it, which they do with
        /// each command.
        var alarm: NIODeadline?
        var alarmTask: Scheduled<Void>?
        var unsentBytes = 0
        var sender: CheckedContinuation<Void, Never>?
        var sendTimer: Scheduled<Void>?
    }

    let channel: any Channel
    private let state = Mutex(State())

    init(_ channel: any Channel) {
        self.channel = channel
        // Also where the channel never became active, of which its handlers hear nothing.
        channel.closeFuture.whenComplete { [weak self] _ in self?.closed() }
    }

    // MARK: The session's side

    /// What happens next. Bytes come before everything else; a change is reported once, however many there were.
    func next(until deadline: NIODeadline, _ wishes: Wishes = .bytes) async -> Event {
        let event = await withCheckedContinuation { continuation in
            let (event, isAlarmNeeded) = state.withLock { state -> (Event?, Bool) in
                if let event = Connection.take(&state, wishes) { return (event, false) }
                state.receiver = continuation
                state.wishes = wishes
                state.deadline = deadline
                guard state.alarm.map({ deadline < $0 }) ?? true else { return (nil, false) }
                state.alarm = deadline
                return (nil, true)
            }
            if let event { return continuation.resume(returning: event) }
            if isAlarmNeeded { setAlarm(deadline) }
        }
        let resumesReading = state.withLock { state in
            guard state.isReadHeldBack, state.unreadBytes <= Connection.maximumUnreadBytes / 2 else { return false }
            state.isReadHeldBack = false
            return true
        }
        if resumesReading { channel.read() }
        return event
    }

    /// Returns after so long, or when the connection has ended, or the server stops.
    func pause(_ time: TimeAmount) async { _ = await next(until: .now() + time, []) }

    private static func take(_ state: inout State, _ wishes: Wishes) -> Event? {
        if wishes.contains(.bytes), let bytes = state.unread.popFirst() {
            state.unreadBytes -= bytes.readableBytes
            return .bytes(bytes)
        }
        if state.isClosed || state.isInputEnded && wishes.contains(.bytes) { return .closed }
        if state.isStopping { return .stopping }
        if wishes.contains(.changes), state.isChanged {
            state.isChanged = false
            return .storeChanged
        }
        return nil
    }

    /// Gives bytes to the client; returns at once while few wait, else when the client has taken enough.
    func send(_ bytes: ByteBuffer) async {
        let count = bytes.readableBytes
        guard count > 0 else { return }
        let mustWait: Bool? = state.withLock { state in
            guard !state.isClosed else { return nil }
            state.unsentBytes += count
            return state.unsentBytes > Connection.maximumUnsentBytes
        }
        guard let mustWait else { return }
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

    /// Nothing that is sent arrives any more.
    var isClosed: Bool { state.withLock { $0.isClosed } }
    var isStopping: Bool { state.withLock { $0.isStopping } }
    /// The session does not keep up with what comes.
    var hasUnread: Bool { state.withLock { !$0.unread.isEmpty } }
    /// Bytes that were given to `send` and the client's socket has not taken.
    var unsentBytes: Int { state.withLock { $0.unsentBytes } }

    /// The account has a new state.
    func storeChanged() { signal { $0.isChanged = true } }

    /// The server stops: the session is told when it next asks.
    func stop() { signal { $0.isStopping = true } }

    /// Closes when all that was sent has gone out; a client that does not take it, or with whom TLS never came about, is
    /// waited for so long.
    func close(within time: TimeAmount) async {
        let timer = channel.eventLoop.scheduleTask(in: time) { [channel] in
            channel.close(mode: .all, promise: nil)
        }
        let promise = channel.eventLoop.makePromise(of: Void.self)
        channel.write(ByteBuffer(), promise: promise)
        channel.flush()
        try? await promise.futureResult.get()
        try? await channel.close()
        timer.cancel()
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
        var bytes = bytes
        let (receiver, mayRead): (CheckedContinuation<Event, Never>?, Bool) = state.withLock { state in
            if state.wishes.contains(.bytes), let receiver = state.receiver {
                state.receiver = nil
                return (receiver, true)
            }
            let count = bytes.readableBytes
            let last = state.unread.count - 1
            if last >= 0, count <= Connection.smallPiece, state.unread[last].readableBytes <= Connection.smallPiece {
                state.unread[last].writeBuffer(&bytes)
            } else {
                state.unread.append(bytes)
            }
            state.unreadBytes += count
            state.isReadHeldBack = state.unreadBytes >= Connection.maximumUnreadBytes
            return (nil, !state.isReadHeldBack)
        }
        receiver?.resume(returning: .bytes(bytes))
        return mayRead
    }

    /// The client has closed its side. What is there is answered still.
    func inputEnded() { signal { $0.isInputEnded = true } }

    func closed() {
        let (sender, timers) = state.withLock { state in
            state.isClosed = true
            defer {
                state.sender = nil
                state.sendTimer = nil
                state.alarmTask = nil
            }
            return (state.sender, [state.sendTimer, state.alarmTask])
        }
        for timer in timers { timer?.cancel() }
        sender?.resume()
        signal { _ in }
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
            guard let receiver = state.receiver, let event = Connection.take(&state, state.wishes) else { return nil }
            state.receiver = nil
            return (receiver, event)
        }
        if let (receiver, event) = resumption { receiver.resume(returning: event) }
    }

    // MARK: The timer

    private func setAlarm(_ deadline: NIODeadline) {
        let task = channel.eventLoop.scheduleTask(deadline: deadline) { [weak self] in if let self { ring(deadline) } }
        // The one that was set for a later time, or the new one if it has gone off or the connection is closed already.
        let needless: Scheduled<Void>? = state.withLock { state in
            guard !state.isClosed, state.alarm == deadline else { return task }
            defer { state.alarmTask = task }
            return state.alarmTask
        }
        needless?.cancel()
    }

    /// Ends the receiver's wait if its time has come, else sets the timer anew.
    private func ring(_ alarm: NIODeadline) {
        let (receiver, later): (CheckedContinuation<Event, Never>?, NIODeadline?) = state.withLock { state in
            guard state.alarm == alarm else { return (nil, nil) }
            state.alarm = nil
            guard let receiver = state.receiver else { return (nil, nil) }
            if state.deadline <= alarm {
                state.receiver = nil
                return (receiver, nil)
            }
            state.alarm = state.deadline
            return (nil, state.deadline)
        }
        receiver?.resume(returning: .timeout)
        if let later { setAlarm(later) }
    }
}
