import BenchContest
import Foundation

/// A server with the connection that single commands go over.
final class LoadContestant: Contestant, @unchecked Sendable {
    let server: LoadServer
    let connection: LoadConnection
    private let prefix: String

    var name: String { server.name }

    init(_ server: LoadServer, prefix: String) throws {
        self.server = server
        self.prefix = prefix
        connection = try LoadConnection(server)
    }

    /// A mailbox' name on this server. - Parameter path: with slashes between its parts.
    func mailbox(_ path: String) -> String { "\(prefix)-\(path)".replacing("/", with: connection.delimiter) }

    func quoted(_ path: String) -> String { Quoted.text(mailbox(path)) }

    /// Deletes all mailboxes of such names, those below others first.
    func clear() throws {
        // Refused where nothing is selected.
        _ = try connection.attempt("UNSELECT")
        let names = try connection.command("LIST \"\" \"\(prefix)-*\"").text.matches(of: /\* LIST \([^)]*\) "." "?([^"\n]+)"?\n/).map { String($0.1) }
        for name in names.sorted(by: >) { try connection.command("DELETE \(Quoted.text(name))") }
    }

    /// Makes a mailbox and fills it.
    func fill(_ path: String, _ messages: Int, _ message: (Int) -> [UInt8]) throws {
        try connection.command("CREATE \(quoted(path))")
        for from in stride(from: 0, to: messages, by: 200) {
            try connection.append((from..<min(from + 200, messages)).map(message), to: mailbox(path))
        }
        try require(try status(path, "MESSAGES") == messages, "not all of \(messages) messages are in \(mailbox(path))")
    }

    func status(_ path: String, _ item: String) throws -> Int {
        let answer = try connection.command("STATUS \(quoted(path)) (\(item))")
        guard let found = answer.text.firstMatch(of: /\(([A-Z]+) (\d+)\)/), let value = Int(found.2) else {
            throw LoadError(name, "STATUS: \(answer.text)")
        }
        return value
    }

    /// Checks an answer.
    func require(_ isRight: Bool, _ what: @autoclosure () -> String) throws {
        guard isRight else { throw LoadError(name, "a wrong answer: \(what())", isWrongAnswer: true) }
    }

    /// Runs work on threads, each with a connection of its own that is opened before; waits for all of it.
    /// - Returns: seconds from the moment on when all had their connection.
    func together(_ count: Int, _ work: @escaping @Sendable (_ number: Int, LoadConnection) throws -> Void) throws -> Double {
        let connections = try (0..<count).map { _ in try LoadConnection(server) }
        return try together(connections, work)
    }

    func together(_ connections: [LoadConnection], _ work: @escaping @Sendable (_ number: Int, LoadConnection) throws -> Void) throws -> Double {
        let failure = FirstFailure()
        let all = DispatchGroup()
        let taken = seconds {
            for (number, connection) in connections.enumerated() {
                all.enter()
                let own = OneThreadsConnection(connection)
                Thread.detachNewThread {
                    defer { all.leave() }
                    do { try work(number, own.connection) } catch { failure.note(error) }
                }
            }
            all.wait()
        }
        if let error = failure.error { throw error }
        return taken
    }
}

/// Hands a connection over to the thread that alone uses it.
private struct OneThreadsConnection: @unchecked Sendable {
    let connection: LoadConnection
    init(_ connection: LoadConnection) { self.connection = connection }
}

private final class FirstFailure: @unchecked Sendable {
    private let lock = NSLock()
    private var first: (any Error)?

    func note(_ error: any Error) { lock.withLock { first = first ?? error } }
    var error: (any Error)? { lock.withLock { first } }
}
