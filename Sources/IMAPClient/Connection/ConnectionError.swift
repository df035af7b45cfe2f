/// Why nothing more can be said to a server, or heard from it.
public enum ConnectionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The server, or this side, has closed the connection.
    case closed
    /// Nothing came for so many milliseconds, and an answer was due.
    case timeout(milliseconds: Int64)
    /// What came is no IMAP.
    case protocolError(String)
    /// The server does not want this client: its greeting.
    case refused(String)
    /// Two tasks wait for responses of one connection.
    case busy

    public var description: String {
        switch self {
        case .closed: "the connection is closed"
        case .timeout(let milliseconds): "the server said nothing for \(milliseconds) ms"
        case .protocolError(let what): "the server does not keep to IMAP: \(what)"
        case .refused(let text): "the server refuses: \(text)"
        case .busy: "the connection is waited on already"
        }
    }
}
