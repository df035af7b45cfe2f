/// When a message was received (RFC 3501 §2.3.3), with the zone it was given in, so that it can be given back as it came.
public struct InternalDate: Hashable, Sendable {
    /// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    public var seconds: Int64
    /// East of Greenwich, in minutes: −1439 … 1439.
    public var zoneMinutes: Int16

    public init(seconds: Int64, zoneMinutes: Int16 = 0) {
        self.seconds = seconds
        self.zoneMinutes = zoneMinutes
    }
}

/// Names a mailbox inside one account for as long as the account lives: a rename keeps it, a deleted mailbox's is not given
/// again. 1 … 4,294,967,295.
public struct MailboxID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable public init(_ value: UInt32) { self.rawValue = value }
    @inlinable public static func < (a: MailboxID, b: MailboxID) -> Bool { a.rawValue < b.rawValue }
    public var description: String { String(rawValue) }
}

/// Names a message's content inside one account: copies share it, no other message has it.
public struct MessageIdentity: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable public init(_ value: UInt64) { self.rawValue = value }
    @inlinable public static func < (a: MessageIdentity, b: MessageIdentity) -> Bool { a.rawValue < b.rawValue }
    public var description: String { String(rawValue) }
}
