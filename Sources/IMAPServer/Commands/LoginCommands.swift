import IMAPCodec
import MailMessage
import MailModel
import NIOCore
import Varve

// STARTTLS, AUTHENTICATE, LOGIN (RFC 3501 §6.2; RFC 4616 PLAIN; RFC 4959 initial response).

extension CommandTable {
    static let loginCommands = [
        CommandRow("STARTTLS", .notAuthenticated) { session, tagged in try await session.startTLS(tagged.tag) },
        CommandRow("AUTHENTICATE", .notAuthenticated) { session, tagged in
            guard case .authenticate(let mechanism, let initial) = tagged.command else { return .mismatch }
            return try await session.authenticate(mechanism, initial)
        },
        CommandRow("LOGIN", .notAuthenticated) { session, tagged in
            guard case .login(let user, let password) = tagged.command else { return .mismatch }
            return try await session.logIn(user, Array(password.utf8))
        },
    ]
}

extension Reply {
    /// A row of the table that does not fit the codec's command: a fault of ours.
    static let mismatch = Reply(status: .no, code: "SERVERBUG", text: "The command table does not fit the command")
}

extension Session {
    /// Passwords may be sent: nobody can read them on the way.
    var mayLogIn: Bool { isEncrypted || isLoopback || server.allowsPlaintext }

    fileprivate func startTLS(_ tag: String) async throws -> Reply {
        guard let tls = server.tls else { return .bad("STARTTLS is not offered: the server has no certificate") }
        guard !isEncrypted else { return .bad("TLS is active already") }
        // RFC 3501 §6.2.1: nothing that came in the clear may be taken for protected.
        guard parser.unusedBytes == 0 else {
            await end("Commands behind STARTTLS were sent before TLS was there")
            return .bad("Commands behind STARTTLS were sent before TLS was there")
        }
        out.writeStatus(tag, .ok, "Begin TLS negotiation now")
        let response = out
        out = ByteBuffer()
        do {
            try await connection.startTLS(tls, response: response)
        } catch {
            // The connection has ended: there is nobody to be told.
            state = leaving()
            return .bad("TLS cannot begin")
        }
        isEncrypted = true
        var reply = Reply.ok("")
        reply.isUntagged = true
        return reply
    }

    fileprivate func authenticate(_ mechanism: String, _ initial: [UInt8]?) async throws -> Reply {
        guard mechanism == "PLAIN" else { return .no("The mechanism is not supported; PLAIN is", code: "CANNOT") }
        guard mayLogIn else { return .privacyRequired }
        let response: [UInt8]
        if let initial {
            response = initial
        } else {
            parser.expectLine()
            out.writeString("+ \r\n")
            guard let line = await line() else { return .bad("No answer to the challenge") }
            // RFC 3501 §6.2.2: a line "*" cancels.
            if line == "*" { return .bad("Authentication is cancelled") }
            guard let decoded = Array(line.utf8).withUnsafeBytes({ Base64.decode(strict: $0) }) else {
                return .bad("The answer is not base64")
            }
            response = decoded
        }
        // RFC 4616 §2: [authzid] NUL authcid NUL passwd
        let parts = response.split(separator: 0, omittingEmptySubsequences: false)
        guard parts.count == 3, let user = String(validating: parts[1], as: UTF8.self) else {
            return .bad("The answer is not what PLAIN asks for")
        }
        return try await logIn(user, Array(parts[2]), isForOther: !parts[0].isEmpty && parts[0] != parts[1])
    }

    /// Waits for the line that the parser was told to expect; nil if something else came, or nothing.
    private func line() async -> String? {
        while true {
            switch parser.next() {
            case .line(let line): return String(buffer: line)
            case .needMoreBytes:
                await flush()
                guard case .bytes(let bytes) = await connection.next(until: deadline) else { return nil }
                parser.append(bytes)
            case .fatal(let text):
                await end(text)
                return nil
            default: return nil
            }
        }
    }

    /// - Parameter isForOther: whether the user wants to act for another one.
    fileprivate func logIn(_ user: String, _ password: [UInt8], isForOther: Bool = false) async throws -> Reply {
        guard mayLogIn else { return .privacyRequired }
        let isRight = try await server.passwordChecks.verify(user, password: password) { [connection] in
            !connection.isClosed && !connection.isStopping
        }
        guard isRight else {
            if connection.isStopping { await end("The server shuts down") }
            guard !state.isLoggedOut, !connection.isClosed else { return .bad("The connection ends") }
            failedLogins += 1
            logger.notice("login failed", metadata: ["user": .foreign(user), "attempt": "\(failedLogins)"])
            // Guessing is slow, and each time slower.
            await connection.pause(.nanoseconds(server.limits.loginDelay.nanoseconds << Int64(min(failedLogins - 1, 8))))
            if failedLogins >= server.limits.maximumFailedLogins {
                await end("Too many failed logins")
            }
            return Reply(
                status: .no, code: "AUTHENTICATIONFAILED", text: "User or password is wrong",
                isLast: state.isLoggedOut)
        }
        // RFC 5530 §3: said to those only who are who they say.
        guard !isForOther else { return .no("Nobody may act for another user", code: "AUTHORIZATIONFAILED") }
        let account: Account
        do {
            account = try server.accounts.acquire(user)
        } catch {
            return failure(error, in: "LOGIN")
        }
        state = .authenticated(account)
        parser.limits = server.limits.parser
        logger[metadataKey: "user"] = .foreign(user)
        logger.info("logged in", metadata: ["tls": "\(isEncrypted)"])
        if account.store.isReadOnly {
            // RFC 3501 §7.1: an alert is to be shown to the user.
            out.writeStatus(
                "*", .no, code: "ALERT", "The mail store is damaged: mail can be read, and nothing changed, until it is repaired")
        }
        return .ok("Logged in", code: "CAPABILITY \(capabilities)")
    }
}

extension Reply {
    /// RFC 5530 §3.
    fileprivate static let privacyRequired = Reply(
        status: .no, code: "PRIVACYREQUIRED", text: "Start TLS first: passwords are not taken in the clear")
}
