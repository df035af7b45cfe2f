import VarveFormat

/// What went wrong in a store, as a value that tells the caller what to do.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    public enum Kind: Sendable, Hashable {
        /// Another process, or another `Store` in this one, has it open for writing.
        case locked
        /// There is no store, or no mailbox, of that name.
        case notFound
        case alreadyExists
        /// A name that no mailbox may have.
        case invalidName
        /// The operation is not defined for this object (deleting INBOX).
        case notPermitted
        /// A named limit would be passed.
        case limit
        /// Bytes on disk are not what was written. The message names file and place.
        case corrupt
        /// Written by a newer major version of the format.
        case unsupportedVersion
        case outOfSpace
        /// An operation on a file failed.
        case io
        /// A write or sync failed earlier: what is on disk is unknown until the store is opened again.
        case poisoned
        case readOnly
        case closed
        /// The store is encrypted, and no master key was given.
        case keyMissing
        /// The store is encrypted, and the master key that was given is not its own.
        case wrongKey
    }

    public let kind: Kind
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// All damage is reported through here.
    static func corrupt(_ place: String, _ what: FormatError) -> StoreError {
        if case .unsupportedVersion = what.reason { return StoreError(.unsupportedVersion, "\(place): \(what)") }
        return StoreError(.corrupt, "\(place): \(what)")
    }

    static func corrupt(_ place: String, _ what: String) -> StoreError { StoreError(.corrupt, "\(place): \(what)") }

    public var description: String { "\(kind): \(message)" }
}
