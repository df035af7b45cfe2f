import DequeModule
import NIOCore
import Synchronization

/// The last lines of a connection, for who has to find out what went wrong.
public final class Transcript: Sendable {
    /// Lines that are kept.
    public let capacity: Int
    /// Bytes that are kept of a response or a command.
    private static let maximumBytes = 600

    private let lines = Mutex<Deque<String>>([])

    public init(capacity: Int = 80) { self.capacity = max(1, capacity) }

    /// `C: …` and `S: …`, oldest first.
    public var text: [String] { lines.withLock { Array($0) } }

    /// Something that is neither the client's nor the server's.
    public func note(_ text: String) { add("-- " + text) }

    func sent(_ bytes: ByteBuffer) { add("C: " + Transcript.printable(bytes)) }
    func received(_ bytes: ByteBuffer) { add("S: " + Transcript.printable(bytes)) }

    private func add(_ line: String) {
        lines.withLock { lines in
            if lines.count == capacity { lines.removeFirst() }
            lines.append(line)
        }
    }

    private static func printable(_ bytes: ByteBuffer) -> String {
        var text = ""
        for byte in bytes.readableBytesView.prefix(maximumBytes) {
            switch byte {
            case 13: break
            case 10: text += "⏎"
            case 0x20..<0x7F: text.unicodeScalars.append(UnicodeScalar(byte))
            default: text += "\\x" + String(byte, radix: 16)
            }
        }
        if text.hasSuffix("⏎") { text.removeLast() }
        if bytes.readableBytes > maximumBytes { text += "… (\(bytes.readableBytes) bytes)" }
        return text
    }
}
