import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import IMAPServer

/// STARTTLS and implicit TLS, with a certificate that names localhost (`Fixtures/`).
@Suite(.serialized) struct TLSTests {
    static let fixtures = String(#filePath.prefix(upTo: #filePath.lastIndex(of: "/")!)) + "/Fixtures"

    private func server(_ change: (inout IMAPServer.Configuration) -> Void = { _ in }) throws -> TestServer {
        try TestServer { configuration in
            configuration.tls = .makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile("\(TLSTests.fixtures)/certificate.pem").map {
                    .certificate($0)
                },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: "\(TLSTests.fixtures)/key.pem", format: .pem)))
            change(&configuration)
        }
    }

    @Test func startTLS() async throws {
        let server = try server()
        try await server.start()
        let plain = try TestClient(port: server.port)
        let greeting = try #require(try plain.line())
        #expect(greeting.contains(" STARTTLS "))
        #expect(try plain.command("a1", "STARTTLS") == ["a1 OK Begin TLS negotiation now"])
        let client = try await TLSClient(socket: plain.takeSocket())
        let capability = try await client.command("a2", "CAPABILITY")
        #expect(capability.count == 2 && capability.last == "a2 OK Capability completed", "\(capability)")
        #expect(capability[0].contains(" AUTH=PLAIN ") && !capability[0].contains("STARTTLS"), "\(capability)")
        #expect(try await client.command("a3", "STARTTLS") == ["a3 BAD TLS is active already"])
        #expect(try await client.command("a4", "LOGIN alice alice").last?.hasPrefix("a4 OK ") == true)
        #expect(try await client.command("a5", "LOGOUT").count == 2)
        #expect(try await client.line() == nil)
        try await client.close()
        try await server.stop()
    }

    @Test func implicitTLS() async throws {
        let server = try server()
        try await server.start(implicitTLS: true)
        let client = try await TLSClient(port: server.port)
        let greeting = try #require(try await client.line())
        #expect(greeting.hasPrefix("* OK [CAPABILITY IMAP4rev1") && !greeting.contains("STARTTLS"))
        #expect(try await client.command("a1", "LOGIN alice alice").last?.hasPrefix("a1 OK ") == true)
        let text = String(repeating: "0123456789abcdef", count: 20_000)
        let appended = try await client.command("a2", "APPEND INBOX {\(text.utf8.count)+}\r\n\(text)")
        #expect(appended.last?.hasPrefix("a2 OK") == true)
        try await client.command("a3", "SELECT INBOX")
        let fetched = try await client.command("a4", "FETCH 1 BODY.PEEK[]")
        #expect(fetched == ["* 1 FETCH (BODY[] {\(text.utf8.count)}", text + ")", "a4 OK Fetch completed"])
        try await client.close()
        try await server.stop()
    }

    /// What comes in the clear behind STARTTLS must never be carried out under TLS (RFC 3501 §6.2.1).
    @Test func commandsBehindStartTLS() async throws {
        let server = try server()
        try await server.start()
        let client = try TestClient(port: server.port)
        _ = try client.line()
        try client.send("a1 STARTTLS\r\na2 NOOP")
        #expect(try client.line()?.hasPrefix("* BYE ") == true)
        #expect(try client.line() == nil)
        // In a packet of its own it meets the TLS handshake, which it is none of.
        let second = try TestClient(port: server.port)
        _ = try second.line()
        try second.command("a1", "STARTTLS")
        try second.send("a2 NOOP")
        while let line = try? second.line() { #expect(!line.hasPrefix("a2")) }
        try await server.stop()
    }

    /// A client that never says anything, where TLS ought to begin, is let go.
    @Test func silenceInsteadOfHandshake() async throws {
        let server = try server {
            $0.limits.loginTimeout = .milliseconds(50)
            $0.limits.closeTimeout = .milliseconds(50)
        }
        try await server.start(implicitTLS: true)
        let client = try TestClient(port: server.port)
        #expect(try client.line() == nil)
        try await server.stop()
    }

    @Test func noTLSVersionFits() async throws {
        let server = try server()
        try await server.start(implicitTLS: true)
        let client = try TestClient(port: server.port)
        try client.send("a1 LOGIN alice alice")
        while let line = try? client.line() { #expect(!line.hasPrefix("a1")) }
        try await server.stop()
    }
}

/// A client under TLS that trusts the fixture's certificate.
final class TLSClient {
    private let channel: any Channel
    private var incoming: AsyncThrowingStream<ByteBuffer, any Error>.Iterator
    private var buffer = ByteBuffer()

    /// - Parameter socket: connected, and the client's from now on.
    convenience init(socket: Int32) async throws {
        try await self.init { try await $0.withConnectedSocket(socket).get() }
    }

    convenience init(port: Int) async throws {
        try await self.init { try await $0.connect(host: "127.0.0.1", port: port).get() }
    }

    private init(_ connect: (ClientBootstrap) async throws -> any Channel) async throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .file("\(TLSTests.fixtures)/certificate.pem")
        let context = try NIOSSLContext(configuration: configuration)
        let (stream, continuation) = AsyncThrowingStream<ByteBuffer, any Error>.makeStream()
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let tls = try NIOSSLClientHandler(context: context, serverHostname: "localhost")
                try channel.pipeline.syncOperations.addHandlers([tls, Collector(continuation)])
            }
        }
        channel = try await connect(bootstrap)
        incoming = stream.makeAsyncIterator()
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let continuation: AsyncThrowingStream<ByteBuffer, any Error>.Continuation
        init(_ continuation: AsyncThrowingStream<ByteBuffer, any Error>.Continuation) { self.continuation = continuation }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) { continuation.yield(unwrapInboundIn(data)) }
        func channelInactive(context: ChannelHandlerContext) { continuation.finish() }
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            continuation.finish(throwing: error)
            context.close(promise: nil)
        }
    }

    func line() async throws -> String? {
        while true {
            if let end = buffer.readableBytesView.firstIndex(of: 10) {
                let line = buffer.readString(length: end + 1 - buffer.readerIndex)!
                return String(line.filter { !$0.isNewline })
            }
            guard var bytes = try await incoming.next() else { return nil }
            buffer.writeBuffer(&bytes)
        }
    }

    /// Lines up to the one that begins with the tag, that one last.
    @discardableResult
    func command(_ tag: String, _ text: String) async throws -> [String] {
        try await channel.writeAndFlush(ByteBuffer(string: "\(tag) \(text)\r\n"))
        var lines: [String] = []
        while let line = try await line() {
            lines.append(line)
            if line.hasPrefix("\(tag) ") { break }
        }
        return lines
    }

    func close() async throws { try? await channel.close() }
}
