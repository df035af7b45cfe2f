/// What every file of a store says of its version, and the sizes that the format fixes. The rules: `Formats/versions.md`.
public enum Format {
    /// What is written says this one. A reader refuses a store with a newer one.
    public static let major: UInt16 = 3
    /// The oldest major version that is read, and gone on with.
    public static let oldestMajor: UInt16 = 1
    /// A reader accepts any minor version: additions of a minor version may be skipped.
    public static let minor: UInt16 = 0
    /// The minor version of this major one that last added a tree to the index, or fields to rows of one. An index that a
    /// program of a lower one, or of an older major version, has written is built anew: what it committed is not in them.
    public static let newestIndex: UInt16 = 0

    /// Refuses what a program of another major version than those that are read has written.
    static func check(major: UInt16) throws(FormatError) {
        guard oldestMajor...self.major ~= major else { throw FormatError(.unsupportedVersion(major)) }
    }

    @inlinable public static var pageSize: Int { 4096 }
    /// Every frame begins at a multiple of this in its segment.
    public static let frameAlignment = 8
    /// Bodies are compressed in chunks of this many bytes (the last one may be shorter), each on its own.
    @inlinable public static var chunkSize: Int { 65536 }
    /// Bytes of the body, and of the summary, of a message that is stored as one block, at most: 16 KiB.
    public static let smallMessageSize = 16 << 10
    /// Bytes of a message's body at most: 1 GiB.
    public static let maximumMessageSize = 1 << 30
    /// Bytes of a frame's payload at most; leaves room for a body that did not shrink, its chunk table and summary.
    public static let maximumPayloadLength = (1 << 30) + (1 << 26)
    /// Bytes of a mailbox's full name in UTF-8 at most. Three cells of it must fit in an index page.
    public static let maximumNameLength = 1000
    /// Keywords on one message at most, and bytes of one keyword at most.
    public static let maximumKeywordsPerMessage = 128
    public static let maximumKeywordLength = 255
}

/// 16 random bytes that tell one store from every other.
public struct StoreUUID: Hashable, Sendable, CustomStringConvertible {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The part of it that every frame and page repeats, so that one of another store is known for a stranger.
    public var tag: UInt32 { UInt32(truncatingIfNeeded: low) }

    public var description: String {
        func hex(_ value: UInt64) -> String {
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        return hex(high) + hex(low)
    }
}

/// A place in an account's log: a segment's number (from 1) and a byte offset in it. Ordered as the log is.
public struct LogPosition: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable public init(segment: UInt32, offset: UInt32) { rawValue = UInt64(segment) << 32 | UInt64(offset) }

    /// Where the first frame of a log stands.
    public static let start = LogPosition(segment: 1, offset: UInt32(SegmentHeader.size))

    @inlinable public var segment: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }
    @inlinable public var offset: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
    @inlinable public static func < (a: LogPosition, b: LogPosition) -> Bool { a.rawValue < b.rawValue }
    public var description: String { "\(segment):\(offset)" }
}

/// Why bytes are not what they should be. The reader adds where they lie.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        /// Not this structure at all (magic).
        case foreign
        /// Written by a major version of the format that this program does not read.
        case unsupportedVersion(UInt16)
        /// The checksum does not hold.
        case checksum
        /// The checksum holds, or there is none, but a field breaks a validity condition.
        case invalid(String)
    }
    public let reason: Reason
    public init(_ reason: Reason) { self.reason = reason }
    public static func invalid(_ what: String) -> FormatError { FormatError(.invalid(what)) }

    public var description: String {
        switch reason {
        case .foreign: "not a structure of this kind"
        case .unsupportedVersion(let major):
            major > Format.major
                ? "format version \(major) is newer than this program's (\(Format.major))"
                : "format version \(major) is none that this program reads (\(Format.oldestMajor) to \(Format.major))"
        case .checksum: "checksum does not hold"
        case .invalid(let what): what
        }
    }
}
