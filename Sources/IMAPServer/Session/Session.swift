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
    private let executor: SessionExecutor
    var logger: Logger
    var parser: CommandParser
    /// What is said next; goes out when nothing more is there to be answered, or when it is large.
    var out: ByteBuffer
    var state: SessionState = .notAuthenticated
    var isEncrypted: Bool
    /// The client is on this machine: passwords in the clear are seen by nobody else.
    let isLoopback: Bool
    /// Until when the client must have logged in.
    let loginDeadline: NIODeadline
    var enabled: Enabled = []
    var failedLogins = 0
    private var badCommands = 0
    /// How often `out` has been sent: what stands in it can be taken back as long as this stays the same.
    private(set) var flushes: UInt64 = 0
    /// The store takes no more writes.
    var isStoreBroken = false

    /// `out` is sent when it has so many bytes.
    static let flushSize = 64 << 10

    init(
        _ connection: Connection, _ server: ServerContext, _ executor: SessionExecutor, isEncrypted: Bool, isLoopback: Bool,
        logger: Logger
    ) {
        self.connection = connection
        self.server = server
        self.executor = executor
        self.isEncrypted = isEncrypted
        self.isLoopback = isLoopback
        self.logger = logger
        loginDeadline = .now() + server.limits.loginTimeout
        parser = CommandParser(limits: server.limits.parserBeforeLogin)
        out = ByteBuffer()
    }

    var account: Account? {
        switch state {
        case .authenticated(let account), .selected(let account, _): account
        case .notAuthenticated, .loggedOut: nil
        }
    }

    // MARK: Where it runs

    /// What follows may wait: for a disk, for the writer's lock, for long work.
    func mayWait() async {
        if executor.goOnWhereItMayWait() { await Task.yield() }
    }

    /// The session is about to wait for its client, or for a commit behind which nothing waits any more, and what comes may be
    /// answered at once, where bytes come in and go out. Not before the login, which opens accounts.
    func nothingWaits() {
        if account != nil { executor.goOnOnEventLoop() }
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
                if !refusesAppend() { out.writeLine("+ OK") }
            case .command(let tagged):
                await execute(tagged)
                await betweenCommands()
            case .line:
                // Only asked for by commands that take it themselves.
                await end("Unexpected line")
            case .bad(let tag, let text):
                out.writeStatus(tag ?? "*", .bad, text)
                await countBadCommand()
            case .badCharset(let tag, let saves):
                if saves, case .selected(_, let selected) = state { selected.savedResult = UIDSet() }
                out.writeStatus(tag, .no, code: "BADCHARSET (US-ASCII UTF-8)", "The charset is not supported")
            case .tooLarge(let tag, let text):
                out.writeStatus(tag, .no, code: "TOOBIG", text)
                await countBadCommand()
            case .overLimit(let tag, let text):
                out.writeStatus(tag, .no, code: "LIMIT", text)
                await countBadCommand()
            case .fatal(let text):
                await end(text)
            }
        }
        await flush()
        await connection.close(within: server.limits.closeTimeout)
        await mayWait()
        leaveAccount()
    }

    /// When a client that sends nothing is let go.
    var deadline: NIODeadline { account == nil ? loginDeadline : .now() + server.limits.idleTimeout }

    /// A client that always has the next command ready neither keeps a thread to itself nor the server from stopping.
    private func betweenCommands() async {
        if connection.isStopping { await end("The server shuts down") }
        if parser.unusedBytes > 0 { await Task.yield() }
    }

    /// Waits for what comes next from the client.
    private func receive() async {
        nothingWaits()
        switch await connection.next(until: deadline) {
        case .bytes(let bytes):
            parser.append(bytes)
            // Who sends without pause is never waited for: others have the thread now.
            if connection.hasUnread { await Task.yield() }
            if account == nil, loginDeadline < .now() { await end("Too long without a login") }
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
            out.writeStatus(tagged.tag, .bad, "\(name) is not allowed \(state.kind.description)")
            return await countBadCommand()
        }
        if row.namesByNumber, enabled.contains(.uidOnly) {
            // RFC 9586 §3
            out.writeStatus(tagged.tag, .bad, code: "UIDREQUIRED", "Messages are named by UID alone: UID \(name) is the command")
            return await countBadCommand()
        }
        if !row.isQuick { await mayWait() }
        badCommands = 0
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
            let told = await report(mailbox, of: account, mayShift: reply.mayShift ?? row.mayShift)
            addHighestModSeq(told, mailbox, account, to: &reply)
        }
        guard !state.isLoggedOut || reply.isLast else { return }
        if let tag = reply.isUntagged ? nil : tagged.tag {
            out.writeStatus(tag, reply.status, code: reply.code, reply.text)
        }
        if isStoreBroken { await end("The mail store has to be opened anew; log in again") }
        if out.readableBytes >= Session.flushSize { await flush() }
    }

    /// On the command's own response if that has no code yet.
    private func addHighestModSeq(
        _ told: UpdateReport, _ selected: SelectedMailbox, _ account: Account, to reply: inout Reply
    ) {
        // A mailbox that is gone meanwhile is noticed by the next command.
        guard !state.isLoggedOut, let code = try? highestModSeqCode(told, selected, account) else { return }
        if reply.code == nil, reply.status == .ok {
            reply.code = code
        } else {
            out.writeStatus("*", .ok, code: code, "Told up to here")
        }
    }

    private func countBadCommand() async {
        badCommands += 1
        if badCommands >= server.limits.maximumBadCommands { await end("Too many commands that cannot be read") }
    }

    // MARK: Saying things

    /// Sends what is to be said; suspends while the client does not take it. A client that has gone ends the session.
    func flush() async {
        guard out.readableBytes > 0 else { return }
        let bytes = out
        out = ByteBuffer()
        flushes &+= 1
        await connection.send(bytes)
        if connection.isClosed { state = leaving() }
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
