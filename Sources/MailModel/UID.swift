/// A message's unique identifier in its mailbox (RFC 3501 §2.3.1.1): 1 … 4,294,967,295, strictly ascending in the order
/// in which messages came, never reused under one UIDVALIDITY.
public struct UID: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: UInt32

    /// Any value; 0 is no message's UID and stands only where a bound before the first message is meant.
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable public init(_ value: UInt32) { self.rawValue = value }

    public static let min = UID(1)
    public static let max = UID(UInt32.max)

    @inlinable public static func < (a: UID, b: UID) -> Bool { a.rawValue < b.rawValue }
}

extension UID: ExpressibleByIntegerLiteral, CustomStringConvertible {
    @inlinable public init(integerLiteral value: UInt32) { self.rawValue = value }
    public var description: String { String(rawValue) }
}

/// The number that makes a mailbox's UIDs unambiguous for all time (RFC 3501 §2.3.1.1): 1 … 4,294,967,295.
public struct UIDValidity: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable public init(_ value: UInt32) { self.rawValue = value }
    public var description: String { String(rawValue) }
}

/// A run of UIDs, both ends included. UIDs within it need not exist.
public struct UIDRange: Hashable, Sendable, CustomStringConvertible {
    public let first: UID
    public let last: UID

    /// - Precondition: `first <= last`.
    @inlinable public init(_ first: UID, _ last: UID) {
        precondition(first <= last, "a UID range runs upwards")
        self.first = first
        self.last = last
    }

    /// How many UIDs it spans, existing or not: 1 … 2^32.
    @inlinable public var span: Int { Int(last.rawValue - first.rawValue) + 1 }

    @inlinable public func contains(_ uid: UID) -> Bool { first <= uid && uid <= last }

    public var description: String { first == last ? "\(first)" : "\(first):\(last)" }
}
