import Foundation
import IMAPClient
import NIOCore
import NIOPosix
import Testing

/// A connection to a server that says what it is told to say.
@Suite struct ConnectionTests {
    /// Answers each line of the client's with what the script has for it, in order; says nothing more after that.
    private final class Script: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let greeting: String
        private var answers: [String]
        private var heard = ""

        init(_ greeting: String, _ answers: [String]) {
            self.greeting = greeting
            self.answers = answers
        }

        func channelActive(context: ChannelHandlerContext) { say(greeting, context) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            heard += String(buffer: unwrapInboundIn(data))
            while let end = heard.range(of: "\r\n") {
                heard.removeSubrange(..<end.upperBound)
                if !answers.isEmpty { say(answers.removeFirst(), context) }
            }
        }

        private func say(_ text: String, _ context: ChannelHandlerContext) {
            if !text.isEmpty { context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text + "\r\n")), promise: nil) }
        }
    }

    private func connected(
        _ greeting: String, _ answers: [String], _ body: (IMAPConnection) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let server = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Script(greeting, answers))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        do {
            try await body(try await IMAPConnection.connect(host: "127.0.0.1", port: port))
        } catch {
            try await server.close()
            throw error
        }
        try await server.close()
    }

    /// Without LITERAL+ a literal is sent when the server has asked for it; what it says before that is not lost.
    @Test func literalsAreAskedFor() async throws {
        try await connected("* OK hello", ["* 3 EXISTS\r\n+ go", "t1 OK done"]) { connection in
            var command = ClientCommand("APPEND x ")
            command.append(literal: ByteBuffer(string: "abc"))
            let answer = try await connection.command(command)
            #expect(answer.status.isOK && answer.untagged == [.exists(3)])
        }
    }

    @Test func refusedLiteral() async throws {
        try await connected("* OK hello", ["t1 NO [TRYCREATE] no such mailbox", "t2 OK"]) { connection in
            var command = ClientCommand("APPEND x ")
            command.append(literal: ByteBuffer(string: "abc"))
            let refusal = try await connection.command(command)
            #expect(refusal.status.code == .tryCreate)
            let next = try await connection.command("NOOP")
            #expect(next.status.isOK)
        }
    }

    /// Commands sent at once are answered one after the other.
    @Test func pipelining() async throws {
        try await connected("* OK hello", ["", "t1 OK one\r\n* 1 EXISTS\r\nt2 OK two"]) { connection in
            let tags = [try await connection.send("NOOP"), try await connection.send("CHECK")]
            let first = try await connection.answer(to: tags[0])
            let second = try await connection.answer(to: tags[1])
            #expect(first.untagged.isEmpty && second.untagged == [.exists(1)])
            // Nothing more comes, and waiting ends.
            let nothing = try await connection.next(within: .milliseconds(1))
            #expect(nothing == nil)
        }
    }

    @Test func refusedConnections() async throws {
        await #expect(throws: ConnectionError.refused("not now")) { try await connected("* BYE not now", []) { _ in } }
        await #expect(throws: ConnectionError.self) { try await connected("+ what?", []) { _ in } }
    }
}
