import Glibc
import MailModel

/// Writes a new mbox file: beside its place, and there when it is whole.
///
/// Lines that begin with `From `, `>From ` … get one more `>` (mboxrd); each message ends with an empty line. Read with
/// `MboxReader`, every message has the bytes that it had, but for what an mbox file cannot hold: a last line without an
/// end gets one.
///
/// A message is given in pieces between `begin` and `end`, so that it need not be in memory.
public final class MboxWriter {
    public struct Options: Sendable {
        public var lineEnds = LineEnds.lf
        /// Puts the flags into header fields before the message's own, which alters the message.
        public var statusHeaders = false
        public init() {}
    }

    /// Messages whose last line got an end.
    public private(set) var completedLines = 0

    private let path: String
    private let output: FileOutput
    private let options: Options
    private var lineEnds: LineEndWriter
    private var isFinished = false

    private var date = InternalDate(seconds: 0)
    private var flags = Flags([] as SystemFlags)
    private var wroteFromLine = false
    private var state = LineState.begin

    /// What is known of the line that is being written.
    private enum LineState: Equatable {
        /// Nothing but `>` has come.
        case begin
        /// Behind them so many bytes of `From `, not written yet.
        case prefix(Int)
        case rest
    }

    /// - Throws: `.alreadyExists` if there is a file of that name; `.io`.
    public init(path: String, _ options: Options = Options()) throws(MailFileError) {
        guard try !isThere(path) else { throw failure("write", path, EEXIST) }
        self.path = path
        self.options = options
        output = try FileOutput(creating: "\(path).partial-\(getpid())")
        lineEnds = LineEndWriter(options.lineEnds)
    }

    deinit { if !isFinished { unlink(output.path) } }

    private var lineEnd: String { options.lineEnds == .lf ? "\n" : "\r\n" }

    public func begin(date: InternalDate, flags: Flags) {
        self.date = date
        self.flags = flags
        wroteFromLine = false
        state = .begin
        lineEnds = LineEndWriter(options.lineEnds)
    }

    /// Writes a part of the message; the first one should have the header, out of which the sender is taken.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(MailFileError) {
        if !wroteFromLine { try writeFromLine(bytes) }
        guard var at = bytes.baseAddress else { return }
        let end = at + bytes.count
        while at < end {
            let found = memchr(at, 10, end - at)
            let next = found.map { UnsafeRawPointer($0) + 1 } ?? end
            try writePiece(UnsafeRawBufferPointer(start: at, count: next - at))
            if found != nil { state = .begin }
            at = next
        }
    }

    /// A line, or a part of one.
    private func writePiece(_ piece: UnsafeRawBufferPointer) throws(MailFileError) {
        var at = 0
        if state == .begin {
            while at < piece.count, piece[at] == UInt8(ascii: ">") { at += 1 }
            try lineEnds.write(UnsafeRawBufferPointer(rebasing: piece[..<at]), to: output)
            guard at < piece.count else { return }
            state = .prefix(0)
        }
        if case .prefix(var matched) = state {
            while at < piece.count, matched < FromLine.prefix.count, piece[at] == FromLine.prefix[matched] {
                matched += 1
                at += 1
            }
            state = .prefix(matched)
            if matched < FromLine.prefix.count, at == piece.count { return }
            if matched == FromLine.prefix.count { try put([UInt8(ascii: ">")]) }
            try put(Array(FromLine.prefix[..<matched]))
            state = .rest
        }
        try lineEnds.write(UnsafeRawBufferPointer(rebasing: piece[at...]), to: output)
    }

    private func put(_ bytes: [UInt8]) throws(MailFileError) {
        try bytes.withBytes { bytes throws(MailFileError) in try lineEnds.write(bytes, to: output) }
    }

    public func end() throws(MailFileError) {
        if !wroteFromLine { try writeFromLine(UnsafeRawBufferPointer(start: nil, count: 0)) }
        if case .prefix(let matched) = state {
            try put(Array(FromLine.prefix[..<matched]))
        }
        try lineEnds.finish(output)
        if lineEnds.last != 10, lineEnds.last != 0 || state != .begin {
            completedLines += 1
            try output.write(lineEnd.utf8)
        }
        try output.write(lineEnd.utf8)
    }

    private func writeFromLine(_ header: UnsafeRawBufferPointer) throws(MailFileError) {
        wroteFromLine = true
        try output.write("From \(ReturnPath.address(header) ?? "MAILER-DAEMON") \(CivilTime.asctime(date.seconds))".utf8)
        try output.write(lineEnd.utf8)
        if options.statusHeaders { try output.write(StatusHeaders.fields(flags, lineEnd: lineEnd).utf8) }
    }

    /// Puts the file to its place, durably.
    /// - Throws: `.alreadyExists` if another file has come there; `.io`.
    public func finish() throws(MailFileError) {
        try output.sync()
        // A link, unlike a rename, never replaces a file.
        guard link(output.path, path) == 0 else { throw failure("create", path) }
        isFinished = true
        unlink(output.path)
        try syncFolder(of: path)
    }
}

extension [UInt8] {
    func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws(MailFileError) -> R) throws(MailFileError) -> R {
        var outcome: Result<R, MailFileError>?
        withUnsafeBytes { bytes in
            outcome = Result { () throws(MailFileError) -> R in try body(bytes) }
        }
        return try outcome!.get()
    }
}

/// The envelope's sender, as the last delivery noted it (RFC 5321 §4.4).
enum ReturnPath {
    /// nil if there is none, or one that a From_ line cannot hold.
    static func address(_ message: UnsafeRawBufferPointer) -> String? {
        let name = Array("return-path:".utf8)
        let end = min(message.count, MailFileLimits.headerSize)
        var at = 0
        while at < end, message[at] != 10, message[at] != 13 {
            let line = message[at..<end].firstIndex(of: 10) ?? end
            if line - at > name.count, zip(message[at..<line], name).allSatisfy({ $0 == $1 || $0 | 0x20 == $1 }) {
                return address(message[(at + name.count)..<line])
            }
            at = line + 1
        }
        return nil
    }

    private static func address(_ value: Slice<UnsafeRawBufferPointer>) -> String? {
        guard let open = value.firstIndex(of: UInt8(ascii: "<")), let close = value.lastIndex(of: UInt8(ascii: ">")),
            open < close
        else { return nil }
        let address = value[(open + 1)..<close]
        guard 1...254 ~= address.count, address.allSatisfy({ 33...126 ~= $0 }) else { return nil }
        return String(decoding: address, as: UTF8.self)
    }
}
