import CCRC32C

// All integers on disk are little-endian and may stand at any address.

extension UnsafeRawPointer {
    @inlinable public func load8(_ offset: Int) -> UInt8 { loadUnaligned(fromByteOffset: offset, as: UInt8.self) }
    @inlinable public func load16(_ offset: Int) -> UInt16 {
        UInt16(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }
    @inlinable public func load32(_ offset: Int) -> UInt32 {
        UInt32(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
    @inlinable public func load64(_ offset: Int) -> UInt64 {
        UInt64(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}

extension UnsafeMutableRawPointer {
    @inlinable public func load8(_ offset: Int) -> UInt8 { UnsafeRawPointer(self).load8(offset) }
    @inlinable public func load16(_ offset: Int) -> UInt16 { UnsafeRawPointer(self).load16(offset) }
    @inlinable public func load32(_ offset: Int) -> UInt32 { UnsafeRawPointer(self).load32(offset) }
    @inlinable public func load64(_ offset: Int) -> UInt64 { UnsafeRawPointer(self).load64(offset) }
    @inlinable public func store8(_ value: UInt8, _ offset: Int) { storeBytes(of: value, toByteOffset: offset, as: UInt8.self) }
    @inlinable public func store16(_ value: UInt16, _ offset: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt16.self)
    }
    @inlinable public func store32(_ value: UInt32, _ offset: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
    }
    @inlinable public func store64(_ value: UInt64, _ offset: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt64.self)
    }
}

/// CRC-32C of `bytes`, continuing from `crc`: `crc32c(crc32c(0, a), b)` is that of a followed by b.
@inlinable public func crc32c(_ crc: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
    varve_crc32c(crc, bytes.baseAddress, bytes.count)
}

/// Reads fields in order from bytes that nobody vouches for: what lies beyond the end is `nil`, never a trap.
public struct ByteReader {
    @usableFromInline let bytes: UnsafeRawBufferPointer
    public private(set) var offset: Int

    public init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        self.offset = 0
    }

    public var remaining: Int { bytes.count - offset }

    public mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count >= 0, count <= remaining else { return nil }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
    }

    public mutating func u8() -> UInt8? { take(1).map { $0[0] } }
    public mutating func u16() -> UInt16? { take(2).map { $0.baseAddress!.load16(0) } }
    public mutating func u32() -> UInt32? { take(4).map { $0.baseAddress!.load32(0) } }
    public mutating func u64() -> UInt64? { take(8).map { $0.baseAddress!.load64(0) } }

    /// A UTF-8 string behind its 16-bit length; nil also where it is not UTF-8.
    public mutating func string() -> String? {
        guard let length = u16(), let bytes = take(Int(length)) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension Array where Element == UInt8 {
    public mutating func append16(_ value: UInt16) { Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) } }
    public mutating func append32(_ value: UInt32) { Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) } }
    public mutating func append64(_ value: UInt64) { Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) } }

    /// - Precondition: the string has at most 65,535 bytes of UTF-8.
    public mutating func append(string: String) {
        let utf8 = string.utf8
        append16(UInt16(utf8.count))
        append(contentsOf: utf8)
    }
}

extension Array where Element == UInt8 {
    /// As `withUnsafeBytes`, keeping the type of what `body` throws.
    @inlinable public func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try span.bytes.withUnsafeBytes(body)
    }
}

extension String {
    /// The string's UTF-8.
    @inlinable public func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try Array(utf8).withBytes(body)
    }
}
