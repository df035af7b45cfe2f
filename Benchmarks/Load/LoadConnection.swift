import Foundation

/// A connection that costs next to nothing: one thread, blocking calls, and answers are looked through only as far as it takes to find
/// their end. What they say is read outside of the clock (`Answer`).
final class LoadConnection {
    private let server: LoadServer
    private let socket: Int32
    private var input: [UInt8] = []
    /// What of `input` has been read.
    private var start = 0
    private var room = [UInt8](repeating: 0, count: 256 << 10)
    private var tags = 0
    private(set) var capabilities: Set<String> = []
    private(set) var delimiter = "/"

    /// An answer may not be longer.
    private static let largestAnswer = 1 << 30
    /// Seconds without a byte after which there is no hope of an answer.
    private static let patience = 120

    /// Logs in.
    init(_ server: LoadServer) throws {
        self.server = server
        socket = try LoadConnection.connect(server)
        guard try line().starts(with: Array("* OK".utf8)) else { throw LoadError(server.name, "no greeting") }
        try command("LOGIN \(Quoted.text(server.user)) \(Quoted.text(server.password))")
        let told = try command("CAPABILITY")
        for word in told.text.split(whereSeparator: \.isWhitespace) { capabilities.insert(word.uppercased()) }
        let root = try command("LIST \"\" \"\"").text
        if let found = root.firstMatch(of: /\* LIST \([^)]*\) "(.)"/) { delimiter = String(found.1) }
    }

    deinit { close(socket) }

    private static func connect(_ server: LoadServer) throws -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(server.host, "\(server.port)", &hints, &found) == 0 else {
            throw LoadError(server.name, "there is no host \(server.host)")
        }
        defer { freeaddrinfo(found) }
        var next = found
        while let address = next?.pointee {
            next = address.ai_next
            let socket = Glibc.socket(address.ai_family, address.ai_socktype, address.ai_protocol)
            guard socket >= 0 else { continue }
            guard Glibc.connect(socket, address.ai_addr, address.ai_addrlen) == 0 else {
                Glibc.close(socket)
                continue
            }
            var one: Int32 = 1
            setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
            var limit = timeval(tv_sec: patience, tv_usec: 0)
            setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            return socket
        }
        throw LoadError(server.name, "no answer at \(server.host):\(server.port)")
    }

    func supports(_ capability: String) -> Bool { capabilities.contains(capability) }

    // MARK: Commands

    /// Sends a command and reads its answer.
    /// - Throws: if it is not answered by OK.
    @discardableResult
    func command(_ text: String) throws -> Answer {
        let answer = try attempt(text)
        guard answer.isOK else { throw LoadError(server.name, "\(text.prefix(80)): \(answer.status)") }
        return answer
    }

    /// As `command`, whatever the answer is.
    func attempt(_ text: String) throws -> Answer {
        try send(begin(text))
        return try finish()
    }

    /// What a command begins with: its tag, and its words.
    func begin(_ text: String) -> [UInt8] {
        tags += 1
        return Array("a\(tags) \(text)\r\n".utf8)
    }

    /// Appends messages: with one command where the server lets it.
    @discardableResult
    func append(_ messages: [[UInt8]], to mailbox: String) throws -> Answer {
        guard messages.count == 1 || supports("MULTIAPPEND") else {
            for message in messages.dropLast() { try append([message], to: mailbox) }
            return try append([messages.last!], to: mailbox)
        }
        tags += 1
        var bytes = Array("a\(tags) APPEND \(Quoted.text(mailbox))".utf8)
        let waits = !supports("LITERAL+")
        for message in messages {
            // RFC 7888 §4: with LITERAL+ nobody waits to be asked for the literal.
            bytes += Array(" {\(message.count)\(waits ? "" : "+")}\r\n".utf8)
            if waits {
                try send(bytes)
                bytes.removeAll(keepingCapacity: true)
                guard try line().first == UInt8(ascii: "+") else { throw LoadError(server.name, "APPEND is refused") }
            }
            bytes += message
        }
        bytes += Array("\r\n".utf8)
        try send(bytes)
        let answer = try finish()
        guard answer.isOK else { throw LoadError(server.name, "APPEND: \(answer.status)") }
        return answer
    }

    func idle() throws {
        try send(begin("IDLE"))
        while try line().first != UInt8(ascii: "+") {}
    }

    /// Waits until the idling session hears of more messages.
    func hearOfMessages() throws {
        while true {
            let told = try line()
            if told.count > 6, told.dropLast(2).suffix(6).elementsEqual("EXISTS".utf8) { return }
        }
    }

    func stopIdling() throws {
        try send(Array("DONE\r\n".utf8))
        _ = try finish()
    }

    // MARK: Bytes

    private func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.send(socket, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                throw LoadError(server.name, "the connection broke off")
            }
            sent += count
        }
    }

    private func receive() throws {
        if start > 0, start == input.count {
            input.removeAll(keepingCapacity: true)
            start = 0
        }
        guard input.count - start < LoadConnection.largestAnswer else { throw LoadError(server.name, "an answer without an end") }
        while true {
            let count = room.withUnsafeMutableBytes { recv(socket, $0.baseAddress!, $0.count, 0) }
            if count > 0 {
                input.append(contentsOf: room[..<count])
                return
            }
            if count < 0, errno == EINTR { continue }
            throw LoadError(
                server.name, count == 0 ? "it closed the connection" : "no answer for \(LoadConnection.patience) s")
        }
    }

    /// Where a line ends that begins at a place: behind its line feed.
    private func lineEnd(from place: Int) throws -> Int {
        var searched = place
        while true {
            let found = input.withUnsafeBytes { bytes -> Int? in
                guard searched < bytes.count, let feed = memchr(bytes.baseAddress! + searched, 10, bytes.count - searched) else { return nil }
                return UnsafeRawPointer(feed) - bytes.baseAddress! + 1
            }
            if let found { return found }
            searched = input.count
            // Bytes move only when all of them have been read, which the begin of this line has not.
            try receive()
        }
    }

    /// One line, whatever it is.
    private func line() throws -> ArraySlice<UInt8> {
        if start == input.count { try receive() }
        let end = try lineEnd(from: start)
        defer { start = end }
        return input[start..<end]
    }

    /// Reads up to the line with the last command's tag.
    private func finish() throws -> Answer {
        if start == input.count { try receive() }
        let first = start
        let tag = Array("a\(tags) ".utf8)
        var at = start
        while true {
            let end = try lineEnd(from: at)
            if input[at] == tag[0], input[at..<end].starts(with: tag) {
                start = end
                return Answer(untagged: Array(input[first..<at]), status: String(decoding: input[(at + tag.count)..<end], as: UTF8.self))
            }
            at = end
            // A literal's bytes may look like anything.
            while let length = literal(before: at) {
                while input.count < at + length { try receive() }
                at = try lineEnd(from: at + length)
            }
        }
    }

    /// How many bytes a line announces behind it.
    private func literal(before end: Int) -> Int? {
        guard end >= 5, input[end - 3] == UInt8(ascii: "}"), input[end - 2] == 13 else { return nil }
        var at = end - 4
        var value = 0
        var factor = 1
        while at >= 0, input[at] >= 48, input[at] <= 57, factor <= 1_000_000_000 {
            value += Int(input[at] - 48) * factor
            factor *= 10
            at -= 1
        }
        return at >= 0 && input[at] == UInt8(ascii: "{") && factor > 1 ? value : nil
    }
}

/// Strings as commands have them.
enum Quoted {
    static func text(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
