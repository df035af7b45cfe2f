import DequeModule
import NIOCore
import Synchronization

/// What a server said and nobody has taken yet, between the channel's thread and the task that wants it.
///
/// Memory is bounded: reading from the socket stops while more than `maximumBytes` wait.
final class ResponseQueue: Sendable {
    static let maximumBytes = 1 << 20

    private struct State {
        var responses: Deque<(response: Response, bytes: Int)> = []
        var bytes = 0
        var isReadHeldBack = false
        var failure: ConnectionError?
        var receiver: CheckedContinuation<Response?, any Error>?
        /// Counts the waits, so that a timer of an earlier one does no harm.
        var wait: UInt64 = 0
        /// In upper case.
        var capabilities: Set<String> = []
    }

    private let state = Mutex(State())

    var capabilities: Set<String> { state.withLock { $0.capabilities } }

    // MARK: The channel's side

    /// - Returns: whether more may be read from the socket now.
    func add(_ response: Response, bytes: Int) -> Bool {
        let (receiver, mayRead): (CheckedContinuation<Response?, any Error>?, Bool) = state.withLock { state in
            ResponseQueue.note(response, &state.capabilities)
            if let receiver = state.receiver {
                state.receiver = nil
                return (receiver, true)
            }
            state.responses.append((response, bytes))
            state.bytes += bytes
            state.isReadHeldBack = state.bytes >= ResponseQueue.maximumBytes
            return (nil, !state.isReadHeldBack)
        }
        receiver?.resume(returning: response)
        return mayRead
    }

    /// Nothing comes any more. What came before is still given out.
    func fail(_ error: ConnectionError) {
        let receiver = state.withLock { state in
            if state.failure == nil { state.failure = error }
            defer { state.receiver = nil }
            return state.receiver
        }
        receiver?.resume(throwing: error)
    }

    private static func note(_ response: Response, _ capabilities: inout Set<String>) {
        switch response {
        case .capability(let names): capabilities = Set(names)
        case .status(let status):
            if case .capability(let names) = status.code { capabilities = Set(names) }
        default: break
        }
    }

    // MARK: The client's side

    /// The next response; nil if none came in `time`.
    func next(_ channel: any Channel, within time: TimeAmount) async throws -> Response? {
        let response = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in take(continuation, channel, time) }
        } onCancel: {
            let receiver = state.withLock { state in
                defer { state.receiver = nil }
                return state.receiver
            }
            receiver?.resume(throwing: CancellationError())
        }
        let resumesReading = state.withLock { state in
            guard state.isReadHeldBack, state.bytes <= ResponseQueue.maximumBytes / 2 else { return false }
            state.isReadHeldBack = false
            return true
        }
        if resumesReading { channel.read() }
        return response
    }

    /// Gives back what was taken; it comes again in the same order.
    func putBack(_ responses: [Response]) {
        state.withLock { state in
            for response in responses.reversed() { state.responses.prepend((response, 0)) }
        }
    }

    private func take(
        _ continuation: CheckedContinuation<Response?, any Error>, _ channel: any Channel, _ time: TimeAmount
    ) {
        let wait: UInt64? = state.withLock { state in
            if let (response, bytes) = state.responses.popFirst() {
                state.bytes -= bytes
                continuation.resume(returning: response)
                return nil
            }
            if let failure = state.failure {
                continuation.resume(throwing: failure)
                return nil
            }
            guard state.receiver == nil else {
                continuation.resume(throwing: ConnectionError.busy)
                return nil
            }
            if Task.isCancelled {
                continuation.resume(throwing: CancellationError())
                return nil
            }
            state.receiver = continuation
            state.wait += 1
            return state.wait
        }
        guard let wait else { return }
        channel.eventLoop.scheduleTask(in: time) { [weak self] in self?.ring(wait) }
    }

    private func ring(_ wait: UInt64) {
        let receiver = state.withLock { state -> CheckedContinuation<Response?, any Error>? in
            guard state.wait == wait else { return nil }
            defer { state.receiver = nil }
            return state.receiver
        }
        receiver?.resume(returning: nil)
    }
}

/// A channel's last handler: bytes become responses in a queue.
final class ResponseHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let queue: ResponseQueue
    private let transcript: Transcript?
    private var parser: ResponseParser
    private var mayRead = true
    private var isBroken = false

    init(_ queue: ResponseQueue, _ limits: ResponseLimits, _ transcript: Transcript?) {
        self.queue = queue
        self.transcript = transcript
        parser = ResponseParser(limits: limits)
    }

    func channelActive(context: ChannelHandlerContext) {
        context.read()
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isBroken else { return }
        parser.append(unwrapInboundIn(data))
        do throws(ResponseError) {
            while let response = try parser.next() {
                transcript?.received(parser.lastBytes)
                mayRead = queue.add(response, bytes: parser.lastBytes.readableBytes)
            }
        } catch {
            isBroken = true
            queue.fail(.protocolError(error.description))
            context.close(promise: nil)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if mayRead { context.read() }
        mayRead = true
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        queue.fail(.closed)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        queue.fail(.closed)
        context.close(promise: nil)
    }
}
