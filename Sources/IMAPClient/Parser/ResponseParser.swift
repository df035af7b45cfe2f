import NIOCore

/// Bytes in, responses out. A value that does no I/O: what comes in pieces means the same as what comes at once.
///
/// Nothing in it trusts the bytes. A response that breaks the syntax is `Response.unreadable`, and the next one is read all
/// the same; only what makes the end of a response unknowable, or passes a limit, is an error.
public struct ResponseParser: Sendable {
    private let limits: ResponseLimits
    private var buffer = ByteBuffer()
    /// From the buffer's reader index: bytes that are known to be part of the response; a line begins there or goes on.
    private var scanned = 0
    /// Where the line begins that is being looked at: the response's start, or the end of a literal.
    private var lineStart = 0
    /// Bytes of literals among the response's.
    private var literalBytes = 0
    private var failure: ResponseError?
    /// The bytes of the response that `next` gave last, its line end included.
    public private(set) var lastBytes = ByteBuffer()

    public init(limits: ResponseLimits = ResponseLimits()) { self.limits = limits }

    /// Bytes that came and are not a whole response yet.
    public var pendingBytes: Int { buffer.readableBytes }

    public mutating func append(_ bytes: ByteBuffer) {
        var bytes = bytes
        if buffer.readableBytes == 0 {
            buffer = bytes
        } else {
            buffer.writeBuffer(&bytes)
        }
    }

    /// The next response; nil if it has not come in full.
    /// - Throws: from then on the same at every call.
    /// - Complexity: each byte is looked at twice at most, however small the pieces are.
    public mutating func next() throws(ResponseError) -> Response? {
        if let failure { throw failure }
        do throws(ResponseError) {
            guard let length = try frame() else { return nil }
            scanned = 0
            lineStart = 0
            literalBytes = 0
            lastBytes = buffer.readSlice(length: length)!
            if buffer.readableBytes == 0 {
                buffer = ByteBuffer()
            } else if buffer.readerIndex > 64 << 10, buffer.readerIndex > buffer.capacity / 2 {
                buffer.discardReadBytes()
            }
            return ResponseReading.read(lastBytes, limits)
        } catch {
            failure = error
            throw error
        }
    }

    /// Bytes of the next response with its last line end; nil if it is not there in full.
    private mutating func frame() throws(ResponseError) -> Int? {
        while true {
            let count = buffer.readableBytes
            guard scanned < count else { return nil }
            let end = buffer.withUnsafeReadableBytes { bytes in bytes[scanned...].firstIndex(of: UInt8(ascii: "\n")) }
            let seen = end.map { $0 + 1 } ?? count
            guard seen - literalBytes <= limits.maximumLineBytes else {
                throw ResponseError("a response's line is longer than \(limits.maximumLineBytes) bytes")
            }
            guard let end else {
                scanned = count
                return nil
            }
            let literal = buffer.withUnsafeReadableBytes { bytes in
                ResponseParser.literal(UnsafeRawBufferPointer(rebasing: bytes[lineStart..<end]), isFirst: lineStart == 0)
            }
            guard let literal else { return end + 1 }
            guard literal <= limits.maximumResponseBytes, end + 1 + literal <= limits.maximumResponseBytes else {
                throw ResponseError("a response is longer than \(limits.maximumResponseBytes) bytes")
            }
            literalBytes += literal
            scanned = end + 1 + literal
            lineStart = scanned
        }
    }

    /// Bytes of the literal that a line announces at its end (RFC 3501 §4.3, RFC 3516 §4.2 for `~{n}`); nil if none.
    /// - Parameter line: without its LF.
    private static func literal(_ line: UnsafeRawBufferPointer, isFirst: Bool) -> Int? {
        var end = line.count
        if end > 0, line[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        guard end >= 3, line[end - 1] == UInt8(ascii: "}") else { return nil }
        var index = end - 1
        var size = 0
        var factor = 1
        while index > 0, line[index - 1].isDigit {
            index -= 1
            let (value, overflow) = Int(line[index] &- 0x30).multipliedReportingOverflow(by: factor)
            let (sum, overflow2) = size.addingReportingOverflow(value)
            size = overflow || overflow2 || sum > Int(Int32.max) ? Int(Int32.max) + 1 : sum
            factor = factor > 1 << 40 ? factor : factor * 10
        }
        guard index < end - 1, index > 0, line[index - 1] == UInt8(ascii: "{") else { return nil }
        // The text of a status response and of a continuation is for people, and may end in anything.
        if isFirst, isText(line) { return nil }
        return size
    }

    /// A status response or a continuation.
    private static func isText(_ line: UnsafeRawBufferPointer) -> Bool {
        let words = line.prefix(100).split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count > 1, let mark = words[0].first else { return true }
        // All that is tagged is a status.
        guard words[0].count == 1, mark == UInt8(ascii: "*") else { return true }
        return ResponseReading.condition(words[1]) != nil
    }
}

extension UInt8 {
    var isDigit: Bool { self >= 0x30 && self <= 0x39 }
    /// ASCII letters in upper case, all else as it is.
    var uppercased: UInt8 { self >= 0x61 && self <= 0x7A ? self - 0x20 : self }
}
