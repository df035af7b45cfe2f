/// Places of an encoded summary's fields: `Formats/summary.md`.
enum SummaryLayout {
    static let version: UInt8 = 1
    static let hasSentDate: UInt8 = 1

    // The head.
    static let flags = 1
    static let partCount = 2
    static let length = 4
    static let messageSize = 8
    static let zone = 12
    static let sentSeconds = 16
    static let headSize = 24

    // A part's record.
    static let start = 0
    static let bodyStart = 4
    static let end = 8
    static let lines = 12
    static let strings = 16
    static let firstChild = 20
    static let childCount = 22
    static let kind = 24
    static let partSize = 28

    /// Bytes that a number in the strings has at most.
    static let numberBytes = 4

    /// The years 1899 to 10000, so that a date in any zone is in the years that `SentDate` reads.
    static let sentRange: ClosedRange<Int64> = -2_240_524_800...253_433_923_199
}

// All integers are little-endian and may stand at any address.

extension UnsafeRawPointer {
    func summary16(_ offset: Int) -> Int {
        Int(UInt16(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
    }
    func summary32(_ offset: Int) -> Int {
        Int(UInt32(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }
    func summary64(_ offset: Int) -> Int64 { Int64(littleEndian: loadUnaligned(fromByteOffset: offset, as: Int64.self)) }
}

extension Array where Element == UInt8 {
    /// - Precondition: the value is one of as many bytes.
    mutating func append(summary value: Int, bytes: Int) {
        for i in 0..<bytes { append(UInt8(truncatingIfNeeded: value >> (8 * i))) }
    }
}
