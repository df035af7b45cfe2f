/// The flags of RFC 3501 §2.3.2 that a store keeps for every message. `\Recent` is not among them: it belongs to a
/// session, not to a message.
public struct SystemFlags: OptionSet, Hashable, Sendable {
    public let rawValue: UInt16
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let seen = SystemFlags(rawValue: 1 << 0)
    public static let answered = SystemFlags(rawValue: 1 << 1)
    public static let flagged = SystemFlags(rawValue: 1 << 2)
    public static let deleted = SystemFlags(rawValue: 1 << 3)
    public static let draft = SystemFlags(rawValue: 1 << 4)

    public static let all: SystemFlags = [.seen, .answered, .flagged, .deleted, .draft]

    /// Each flag with its name as IMAP writes it, in the order of the bits.
    public static let names: [(flag: SystemFlags, name: String)] = [
        (.seen, "\\Seen"), (.answered, "\\Answered"), (.flagged, "\\Flagged"), (.deleted, "\\Deleted"),
        (.draft, "\\Draft"),
    ]
}

/// All that marks a message: system flags, and keywords (RFC 3501 §2.3.2), among which are also flags that begin with
/// `\` beyond the five that a profile defines (CPM's `\read-report-sent`).
public struct Flags: Hashable, Sendable {
    public var system: SystemFlags
    /// In no particular order; no two equal under ASCII case folding. A store keeps the spelling it met first.
    public var keywords: [String]

    public init(_ system: SystemFlags = [], keywords: [String] = []) {
        self.system = system
        self.keywords = keywords
    }

    public var isEmpty: Bool { system.isEmpty && keywords.isEmpty }

    /// System flags first, then keywords, as IMAP writes them.
    public var names: [String] {
        SystemFlags.names.filter { system.contains($0.flag) }.map(\.name) + keywords
    }
}

extension Flags: ExpressibleByArrayLiteral {
    public init(arrayLiteral elements: SystemFlags...) { self.init(SystemFlags(elements)) }
}
