import Foundation

/// A connection that costs next to nothing: one thread, blocking calls, and answers are looked through only as far as it takes to find
/// their end. What they say is read outside of the clock (`Answer`).
final class LoadConnection {
    private let server: LoadServer
    private let socket: Int32
    private var input = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
    /// Bytes of `input` that have come, and those of them that have been read.
    private var filled = 0
    private var start = 0
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

    deinit {
        close(socket)
        input.deallocate()
    }

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
        if start == filled {
            start = 0
            filled = 0
        }
        if filled == input.count {
            guard input.count < LoadConnection.largestAnswer else { throw LoadError(server.name, "an answer without an end") }
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: input.count * 2, alignment: 16)
            larger.copyMemory(from: UnsafeRawBufferPointer(input))
            input.deallocate()
            input = larger
        }
        while true {
            let count = recv(socket, input.baseAddress! + filled, input.count - filled, 0)
            if count > 0 {
                filled += count
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
            if searched < filled, let feed = memchr(input.baseAddress! + searched, 10, filled - searched) {
                return UnsafeMutableRawPointer(feed) - input.baseAddress! + 1
            }
            searched = filled
            // Bytes move only when all of them have been read, which the begin of this line has not.
            try receive()
        }
    }

    /// One line, whatever it is.
    private func line() throws -> [UInt8] {
        if start == filled { try receive() }
        let end = try lineEnd(from: start)
        defer { start = end }
        return Array(input[start..<end])
    }

    /// Reads up to the line with the last command's tag.
    private func finish() throws -> Answer {
        let tag = Array("a\(tags) ".utf8)
        if start == filled { try receive() }
        // Nothing follows the answer, so that its last line is the last of all: most answers need no other look.
        while true {
            if let at = lastLine(), isTagged(at, tag) {
                if !mayHaveLiteral(start..<at) { return take(at, filled, tag) }
                break
            }
            try receive()
        }
        var at = start
        while true {
            let end = try lineEnd(from: at)
            if isTagged(at, tag) { return take(at, end, tag) }
            at = end
            // A literal's bytes may look like anything.
            while let length = literal(before: at) {
                while filled < at + length { try receive() }
                at = try lineEnd(from: at + length)
            }
        }
    }

    private func take(_ at: Int, _ end: Int, _ tag: [UInt8]) -> Answer {
        defer { start = end }
        return Answer(
            untagged: Array(input[start..<at]), status: String(decoding: input[(at + tag.count)..<end], as: UTF8.self))
    }

    /// Where the last line begins, if it is whole.
    private func lastLine() -> Int? {
        guard filled - start > 2, input[filled - 1] == 10 else { return nil }
        var at = filled - 1
        while at > start, input[at - 1] != 10 { at -= 1 }
        return at
    }

    private func isTagged(_ at: Int, _ tag: [UInt8]) -> Bool {
        filled - at >= tag.count && tag.withUnsafeBytes { memcmp(input.baseAddress! + at, $0.baseAddress!, tag.count) == 0 }
    }

    private func mayHaveLiteral(_ range: Range<Int>) -> Bool {
        !range.isEmpty && memchr(input.baseAddress! + range.lowerBound, Int32(UInt8(ascii: "}")), range.count) != nil
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
