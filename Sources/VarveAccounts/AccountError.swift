/// What went wrong with a data folder or its users, in words that name the file and what to do.
public struct AccountError: Error, Sendable, CustomStringConvertible {
    public enum Kind: Sendable, Hashable {
        case notFound, alreadyExists, invalidName, notPermitted, corrupt, io
    }
    public let kind: Kind
    public let message: String
    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
    public var description: String { message }
}
