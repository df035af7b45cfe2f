/// What is kept of a message's shape, made once when the message comes, so that no FETCH parses it again: header length,
/// envelope, and the tree of its parts with the places of their bytes.
public struct MessageSummary: Sendable {
    let encoded: [UInt8]

    /// Parses a message. Never fails: what cannot be understood, or exceeds a limit of `MailLimits`, is opaque.
    /// - Complexity: O(size), whatever the message holds.
    public init(parsing message: UnsafeRawBufferPointer) {
        let readable = message.count > MailLimits.messageBytes ? message.slice(0..<MailLimits.messageBytes) : message
        var parser = PartTreeParser(readable)
        encoded = parser.parse().encode(messageSize: readable.count)
    }

    /// The form in which a store keeps it: `Formats/summary.md`.
    public func encode() -> [UInt8] { encoded }
}
