import IMAPCodec
import Logging
import MailModel
import NIOCore
import Varve

/// One client's session: takes commands from its connection one after another, and answers them. Lives in one task.
///
/// What it knows of the selected mailbox is a mark (`ViewMark`), not a list of messages: see `SelectedMailbox`.
final class Session {
    let connection: Connection
    let server: ServerContext
    var logger: Logger
    var parser: CommandParser
    /// What is said next; goes out when nothing more is there to be answered, or when it is large.
    var out: ByteBuffer
    var state: SessionState = .notAuthenticated
    var isEncrypted: Bool
    /// The client is on this machine: passwords in the clear are seen by nobody else.
    let isLoopback: Bool
    var failedLogins = 0
    private var badCommands = 0
    /// The store takes no more writes.
    var isStoreBroken = false

    /// `out` is sent when it has so many bytes.
    static let flushSize = 64 << 10

    init(_ connection: Connection, _ server: ServerContext, isEncrypted: Bool, isLoopback: Bool, logger: Logger) {
        self.connection = connection
        self.server = server
        self.isEncrypted = isEncrypted
        self.isLoopback = isLoopback
        self.logger = logger
        parser = CommandParser(limits: server.limits.parserBeforeLogin)
        out = ByteBuffer()
    }

    var account: Account? {
        switch state {
        case .authenticated(let account), .selected(let account, _): account
        case .notAuthenticated, .loggedOut: nil
        }
    }

    // MARK: The loop

    func run() async {
        out.writeStatus("*", .ok, code: "CAPABILITY \(capabilities)", "Varve ready")
        while !state.isLoggedOut {
            switch parser.next() {
            case .needMoreBytes:
                await flush()
                await receive()
            case .continuationNeeded:
                out.writeLine("+ OK")
            case .command(let tagged):
                badCommands = 0
                await execute(tagged)
            case .line:
                // Only asked for by commands that take it themselves.
                await end("Unexpected line")
            case .bad(let tag, let text):
                out.writeStatus(tag ?? "*", .bad, text)
                await countBadCommand()
            case .badCharset(let tag):
                out.writeStatus(tag, .no, code: "BADCHARSET (US-ASCII UTF-8)", "The charset is not supported")
            case .tooLarge(let tag, let text):
                out.writeStatus(tag, .no, code: "TOOBIG", text)
                await countBadCommand()
            case .fatal(let text):
                await end(text)
            }
        }
        await flush()
        await connection.close()
        leaveAccount()
    }

    /// Waits for what comes next from the client.
    private func receive() async {
        let limits = server.limits
        switch await connection.next(timeout: account == nil ? limits.loginTimeout : limits.idleTimeout) {
        case .bytes(let bytes): parser.append(bytes)
        case .timeout: await end("Autologout; idle for too long")
        case .stopping: await end("The server shuts down")
        case .closed: state = leaving()
        case .storeChanged: break
        }
    }

    private func execute(_ tagged: TaggedCommand) async {
        let name = tagged.command.name
        guard let row = CommandTable.rows[name] else {
            out.writeStatus(tagged.tag, .bad, "Unknown command")
            return await countBadCommand()
        }
        guard row.states.contains(state.kind) else {
            return out.writeStatus(tagged.tag, .bad, "\(name) is not allowed \(state.kind.description)")
        }
        var reply: Reply
        do {
            reply = try await row.handler(self, tagged)
        } catch is MailboxGone {
            return await end("The selected mailbox has been deleted")
        } catch {
            reply = failure(error, in: name)
        }
        guard !state.isLoggedOut || reply.isLast else { return }
        // What the client has not been told yet comes before the command's end (RFC 3501 §7).
        if case .selected(let account, let mailbox) = state, !state.isLoggedOut, row.reportsUpdates {
            await report(mailbox, of: account, mayShift: row.mayShift)
        }
        guard !state.isLoggedOut || reply.isLast else { return }
        if let tag = reply.isUntagged ? nil : tagged.tag {
            out.writeStatus(tag, reply.status, code: reply.code, reply.text)
        }
        if isStoreBroken { await end("The mail store has to be opened anew; log in again") }
        if out.readableBytes >= Session.flushSize { await flush() }
    }

    private func countBadCommand() async {
        badCommands += 1
        if badCommands >= server.limits.maximumBadCommands { await end("Too many commands that cannot be read") }
    }

    // MARK: Saying things

    /// Sends what is to be said; suspends while the client does not take it.
    func flush() async {
        guard out.readableBytes > 0 else { return }
        let bytes = out
        out = ByteBuffer()
        await connection.send(bytes)
    }

    /// As `flush`, when there is enough for it. Also lets others have the thread.
    func flushIfLarge() async {
        if out.readableBytes >= Session.flushSize {
            await flush()
            await Task.yield()
        }
    }

    /// Says BYE, after which nothing more is said.
    func end(_ text: String) async {
        guard !state.isLoggedOut else { return }
        out.writeStatus("*", .bye, text)
        state = leaving()
    }

    // MARK: Leaving

    private var left: Account?

    /// The state after the last one; keeps the account until the end of `run`.
    func leaving() -> SessionState {
        left = left ?? account
        return .loggedOut
    }

    private func leaveAccount() {
        guard let left else { return }
        server.accounts.release(left, isBroken: isStoreBroken, on: connection.channel.eventLoop, server.pool)
        self.left = nil
    }
}
