import NIOCore

/// A command as the client writes it: text, and literals between (RFC 3501 §4.3), without its tag and its last line end.
public struct ClientCommand: Sendable, ExpressibleByStringInterpolation {
    enum Part: Sendable {
        case text(String)
        case literal(ByteBuffer)
    }

    private(set) var parts: [Part]
    /// Its text is a secret, and is kept out of transcripts.
    public var isSecret = false

    /// - Parameter text: without line ends.
    public init(_ text: String) { parts = [.text(text)] }
    public init(stringLiteral text: String) { self.init(text) }

    public mutating func append(_ text: String) { parts.append(.text(text)) }

    /// Goes as `{n}` or `{n+}`, as the server likes it.
    public mutating func append(literal: ByteBuffer) { parts.append(.literal(literal)) }

    /// A string in quotation marks, or what cannot stand in them as a literal.
    public mutating func append(string: String) {
        if string.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
            append(ClientCommand.quoted(string))
        } else {
            append(literal: ByteBuffer(string: string))
        }
    }

    /// - Parameter text: printable ASCII.
    public static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { result += "\\" }
            result.unicodeScalars.append(scalar)
        }
        return result + "\""
    }

    public static func login(user: String, password: String) -> ClientCommand {
        var command = ClientCommand("LOGIN ")
        command.append(string: user)
        command.append(" ")
        command.append(string: password)
        command.isSecret = true
        return command
    }

    /// Its first word.
    var name: Substring {
        if case .text(let text)? = parts.first { return text.prefix { $0 != " " } }
        return ""
    }
}
