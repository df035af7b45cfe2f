/// The number of a commit in an account's store: dense, from 1, at most 2^63 − 1 (RFC 7162 §3.1 asks for 63 bits).
///
/// It names a state of the whole account, over all its mailboxes, and is what a session knows of a mailbox: "everything
/// up to here has been reported". 0 stands for "before everything".
public struct ModSeq: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable public init(_ value: UInt64) { self.rawValue = value }

    public static let zero = ModSeq(0)
    public static let max = ModSeq(UInt64(Int64.max))

    @inlinable public static func < (a: ModSeq, b: ModSeq) -> Bool { a.rawValue < b.rawValue }
    @inlinable public var next: ModSeq { ModSeq(rawValue + 1) }
}

extension ModSeq: ExpressibleByIntegerLiteral, CustomStringConvertible {
    @inlinable public init(integerLiteral value: UInt64) { self.rawValue = value }
    public var description: String { String(rawValue) }
}
