/// What a server may make its client keep at most.
public struct ResponseLimits: Sendable {
    /// Bytes of one response without its literals. A search's result or a set of vanished UIDs is one line.
    public var maximumLineBytes = 16 << 20
    /// Bytes of one response with its literals.
    public var maximumResponseBytes = 512 << 20
    /// Brackets in brackets.
    public var maximumNesting = 64

    public init() {}
}

/// A server's bytes have no meaning from here on; the connection is of no more use.
public struct ResponseError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
