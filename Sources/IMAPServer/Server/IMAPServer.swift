import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Varve
import VarveAccounts

/// An IMAP server on a data folder.
///
/// Event loops do TLS and move bytes; each connection's session is one task, on the event loop for commands that wait for
/// nothing, otherwise on threads that may wait for a disk (`SessionExecutor`). The flow: socket → `ConnectionHandler` → `Connection` → `Session` → `CommandParser` → a row of
/// `CommandTable` → the engine → `Session.out` → `Connection` → socket.
public final class IMAPServer: Sendable {
    public struct Configuration: Sendable {
        /// Passwords may cross the network in the clear. On loopback addresses they always may.
        public var allowsPlaintext = false
        /// For STARTTLS and for implicit TLS.
        public var tls: TLSConfiguration?
        public var limits = ServerLimits()
        public var store = StoreOptions()
        /// Threads that move bytes, and threads that sessions work on.
        public var eventLoopThreads = System.coreCount
        public var sessionThreads = max(8, 4 * System.coreCount)

        public init() {}
    }

    private struct State {
        var listeners: [any Channel] = []
        var connections: [ObjectIdentifier: Connection] = [:]
        var isStopping = false
        var isStopped = false
        var drained: CheckedContinuation<Void, Never>?
        /// Those who called `shutDown` while it was under way.
        var waiting: [CheckedContinuation<Void, Never>] = []
        var sessions: UInt64 = 0
    }

    private let group: MultiThreadedEventLoopGroup
    private let pool: NIOThreadPool
    private let context: ServerContext
    private let logger: Logger
    private let state = Mutex(State())

    /// - Throws: what is wrong with certificate or key.
    public init(_ directory: AccountDirectory, _ configuration: Configuration, logger: Logger) throws {
        let limits = configuration.limits
        let tls = try configuration.tls.map { try NIOSSLContext(configuration: $0) }
        group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.eventLoopThreads)
        pool = NIOThreadPool(numberOfThreads: configuration.sessionThreads)
        pool.start()
        self.logger = logger
        context = ServerContext(
            directory: directory,
            accounts: AccountRegistry(directory, limits: limits, options: configuration.store, logger: logger),
            passwordChecks: PasswordChecks(directory, atOneTime: limits.maximumPasswordChecks), pool: pool, tls: tls,
            allowsPlaintext: configuration.allowsPlaintext, limits: limits)
    }

    // MARK: Listening

    /// Listens on an address.
    /// - Parameter port: 0 for any that is free.
    /// - Returns: the address with the port that it is.
    @discardableResult
    public func listen(host: String, port: Int, implicitTLS: Bool) async throws -> SocketAddress {
        precondition(!implicitTLS || context.tls != nil, "implicit TLS needs a certificate")
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // What a session says goes out when it is said.
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            // Nothing is read before the session has room for it.
            .childChannelOption(.autoRead, value: false)
            // A client that has said all it wants to say still hears the answers.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try self.accept(channel, implicitTLS: implicitTLS) }
            }
            .bind(host: host, port: port).get()
        let isTooLate = state.withLock { state in
            if !state.isStopping { state.listeners.append(listener) }
            return state.isStopping
        }
        if isTooLate {
            try await listener.close()
            throw ChannelError.ioOnClosedChannel
        }
        let address = listener.localAddress!
        logger.info("listening", metadata: ["address": "\(address)", "tls": "\(implicitTLS)"])
        return address
    }

    private func accept(_ channel: any Channel, implicitTLS: Bool) throws {
        let connection = Connection(channel)
        let id = ObjectIdentifier(connection)
        let number: UInt64? = state.withLock { state in
            guard !state.isStopping, state.connections.count < context.limits.maximumConnections else { return nil }
            state.connections[id] = connection
            state.sessions += 1
            return state.sessions
        }
        guard let number else { return refuse(channel, implicitTLS: implicitTLS) }
        do {
            if implicitTLS, let tls = context.tls {
                try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
            }
            try channel.pipeline.syncOperations.addHandler(ConnectionHandler(connection))
        } catch {
            ended(id)
            throw error
        }
        var logger = logger
        logger[metadataKey: "session"] = "\(number)"
        let peer = channel.remoteAddress
        logger[metadataKey: "peer"] = .string(peer?.ipAddress ?? "unknown")
        logger.debug("connected", metadata: ["port": "\(peer?.port ?? 0)", "tls": "\(implicitTLS)"])
        let isLoopback = peer?.isLoopback ?? false
        let executor = SessionExecutor(pool, channel.eventLoop)
        Task(executorPreference: executor) { [logger] in
            let session = Session(
                connection, self.context, executor, isEncrypted: implicitTLS, isLoopback: isLoopback, logger: logger)
            await session.run()
            self.ended(id)
            logger.debug("disconnected")
        }
    }

    /// One connection too many, or one that comes while the server stops: no session is made for it, and nothing is waited
    /// for, neither a handshake nor that it reads.
    private func refuse(_ channel: any Channel, implicitTLS: Bool) {
        let isStopping = state.withLock { $0.isStopping }
        if !implicitTLS {
            let text = isStopping ? "The server shuts down" : "Too many connections"
            channel.writeAndFlush(ByteBuffer(string: "* BYE \(text)\r\n"), promise: nil)
        }
        channel.eventLoop.scheduleTask(in: .milliseconds(100)) { channel.close(promise: nil) }
    }

    /// The connections that have a session.
    var connections: [Connection] { state.withLock { Array($0.connections.values) } }

    private func ended(_ id: ObjectIdentifier) {
        let drained: CheckedContinuation<Void, Never>? = state.withLock { state in
            state.connections[id] = nil
            guard state.connections.isEmpty else { return nil }
            defer { state.drained = nil }
            return state.drained
        }
        drained?.resume()
    }

    // MARK: Stopping

    /// Listens no more, lets each session end its command and says BYE to it, closes all accounts with a checkpoint.
    /// Sessions that take longer than `ServerLimits.drainTimeout` are cut off; what they were told is on disk all the same.
    ///
    /// Called once more, it returns when the first call has done its work.
    public func shutDown() async throws {
        let isFirst = state.withLock { state in
            defer { state.isStopping = true }
            return !state.isStopping
        }
        guard isFirst else { return await stopped() }
        defer {
            let waiting = state.withLock { state in
                state.isStopped = true
                defer { state.waiting = [] }
                return state.waiting
            }
            for continuation in waiting { continuation.resume() }
        }
        await drain()
        context.accounts.closeAll()
        try await pool.shutdownGracefully()
        try await group.shutdownGracefully()
        logger.info("stopped")
    }

    private func stopped() async {
        await withCheckedContinuation { continuation in
            let isStopped = state.withLock { state in
                if !state.isStopped { state.waiting.append(continuation) }
                return state.isStopped
            }
            if isStopped { continuation.resume() }
        }
    }

    private func drain() async {
        let (listeners, connections) = state.withLock { state in (state.listeners, Array(state.connections.values)) }
        logger.info("stopping", metadata: ["sessions": "\(connections.count)"])
        for listener in listeners { try? await listener.close() }
        for connection in connections { connection.stop() }
        let cutOff = group.any().scheduleTask(in: context.limits.drainTimeout) { [self] in
            for connection in state.withLock({ Array($0.connections.values) }) {
                connection.channel.close(mode: .all, promise: nil)
            }
        }
        await withCheckedContinuation { continuation in
            let isDrained = state.withLock { state in
                if state.connections.isEmpty { return true }
                state.drained = continuation
                return false
            }
            if isDrained { continuation.resume() }
        }
        cutOff.cancel()
    }
}

extension SocketAddress {
    /// 127.0.0.0/8, ::1, and IPv4's loopback as IPv6 writes it.
    var isLoopback: Bool {
        switch self {
        case .v4: ipAddress?.hasPrefix("127.") ?? false
        case .v6: ipAddress == "::1" || (ipAddress?.hasPrefix("::ffff:127.") ?? false)
        case .unixDomainSocket: true
        }
    }
}
