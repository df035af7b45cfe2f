import Glibc
import IMAPServer
import Logging
import MailModel
import TestSupport
import Testing
import Varve
import VarveAccounts

/// A server on a free port of 127.0.0.1 with a data folder of its own, and users alice and bob whose passwords are their
/// names. When it stops, each store must pass a full check.
final class TestServer {
    let server: IMAPServer
    let directory: AccountDirectory
    private let folder: TemporaryFolder
    var path: String { folder.path }
    private(set) var port = 0
    static let users = ["alice", "bob"]

    /// - Parameter other: a server that has been shut down, whose data folder is to be this one's, too.
    init(on other: TestServer? = nil, _ change: (inout IMAPServer.Configuration) throws -> Void = { _ in }) throws {
        folder = other?.folder ?? TemporaryFolder()
        directory = try AccountDirectory(folder.path, create: other == nil)
        if other == nil { for user in TestServer.users { try directory.add(user, password: Array(user.utf8)) } }
        var configuration = IMAPServer.Configuration()
        configuration.limits.loginDelay = .milliseconds(1)
        // Runs are to be alike: UIDVALIDITY is the clock's seconds.
        configuration.store.clock = { 1_700_000_000_000 }
        try change(&configuration)
        var logger = Logger(label: "test")
        logger.logLevel = .error
        server = try IMAPServer(directory, configuration, logger: logger)
    }

    func start(implicitTLS: Bool = false) async throws {
        port = try await server.listen(host: "127.0.0.1", port: 0, implicitTLS: implicitTLS).port!
    }

    func stop() async throws {
        try await server.shutDown()
        for user in TestServer.users {
            var options = StoreOptions()
            options.create = false
            guard try DiskFileSystem().exists("\(directory.storePath(user))/\(FileNames.superblock)") else { continue }
            let store = try Store.open(at: directory.storePath(user), options)
            let violations = Check.run(store.snapshot())
            #expect(violations.isEmpty, "\(violations)")
            try store.close()
        }
    }

}

/// A client that says and hears lines. What it waits for in vain fails the test instead of hanging it.
final class TestClient {
    private var descriptor: Int32
    private var buffer: [UInt8] = []
    private var isEnded = false

    static let timeoutSeconds = 120

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: TestClient.timeoutSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(code == 0, "cannot connect to port \(port): \(String(cString: strerror(errno)))")
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// The socket, which is the caller's from now on; nothing that came may be unread.
    func takeSocket() -> Int32 {
        precondition(buffer.isEmpty, "bytes are unread")
        defer { descriptor = -1 }
        return descriptor
    }

    /// Says that nothing more comes.
    func closeOutput() { shutdown(descriptor, Int32(SHUT_WR)) }

    func send(_ bytes: [UInt8]) throws {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + done, bytes.count - done, Int32(MSG_NOSIGNAL))
            }
            try #require(count > 0, "cannot send")
            done += count
        }
    }

    func send(_ line: String) throws { try send(Array((line + "\r\n").utf8)) }

    /// The next line without its CRLF; nil at the end.
    func line() throws -> String? {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                defer { buffer.removeSubrange(...end) }
                return String(decoding: buffer[..<end].filter { $0 != 13 }, as: UTF8.self)
            }
            guard try fill() else { return nil }
        }
    }

    /// So many bytes as they are.
    func bytes(_ count: Int) throws -> [UInt8] {
        while buffer.count < count { try #require(try fill(), "the connection ended") }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    /// Lines up to the one that begins with the tag, that one last.
    @discardableResult
    func command(_ tag: String, _ text: String) throws -> [String] {
        try send("\(tag) \(text)")
        var lines: [String] = []
        while let line = try line() {
            lines.append(line)
            if line.hasPrefix("\(tag) ") { return lines }
        }
        Issue.record("the connection ended before the answer to \(text): \(lines)")
        return lines
    }

    private func fill() throws -> Bool {
        guard !isEnded else { return false }
        var chunk = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        try #require(count >= 0, "nothing came for \(TestClient.timeoutSeconds) s; so far: \(String(decoding: buffer, as: UTF8.self))")
        if count == 0 { isEnded = true }
        buffer.append(contentsOf: chunk[..<count])
        return count > 0
    }
}
