/// 16 random bytes, drawn anew by each opening of an encrypted store: with the data key they make the key of all that is
/// sealed until the store is closed. `Formats/encryption.md`.
public struct SessionID: Hashable, Sendable, CustomStringConvertible {
    public static let size = 16

    /// Bytes 0 to 7 and 8 to 15, as little-endian numbers.
    public let first: UInt64
    public let second: UInt64

    public init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second
    }

    /// The bytes as they stand in files, in hexadecimal.
    public var description: String {
        func hex(_ value: UInt64) -> String {
            let digits = String(value.byteSwapped, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        return hex(first) + hex(second)
    }
}

/// With what a payload was sealed: no two have the same, in no store.
public struct Seal: Hashable, Sendable {
    /// Bytes of a seal in a file: session, counter.
    public static let size = 24
    /// Bytes that each sealed piece is longer than what it holds.
    public static let tagSize = 16
    public static let nonceSize = 12

    public var session: SessionID
    /// Counts what a session seals, from 1.
    public var counter: UInt64

    public init(session: SessionID, counter: UInt64) {
        self.session = session
        self.counter = counter
    }

    public init(_ bytes: UnsafeRawPointer) {
        self.init(session: SessionID(first: bytes.load64(0), second: bytes.load64(8)), counter: bytes.load64(16))
    }

    public func encode(into out: UnsafeMutableRawPointer) {
        out.store64(session.first, 0)
        out.store64(session.second, 8)
        out.store64(counter, 16)
    }

    /// The nonce of a piece: counter (8 bytes), part (4).
    public func writeNonce(part: UInt32, into out: UnsafeMutableRawPointer) {
        out.store64(counter, 0)
        out.store32(part, 8)
    }
}

/// What is authenticated beside a sealed piece: where it belongs. Up to four numbers of 64 bits, little-endian.
public struct SealContext: Hashable, Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)
    private let count: Int

    /// The code that stands for a page of the index where frames have their kind.
    public static let pageCode: UInt32 = 0x100

    private init(_ words: (UInt64, UInt64, UInt64, UInt64), count: Int) {
        self.words = (words.0.littleEndian, words.1.littleEndian, words.2.littleEndian, words.3.littleEndian)
        self.count = count
    }

    private static func word(_ low: UInt32, _ high: UInt32) -> UInt64 { UInt64(high) << 32 | UInt64(low) }

    /// A piece of a message: summary or chunk.
    /// - Parameter length: of the piece before it was compressed.
    public static func message(size: Int, length: Int, isPlain: Bool) -> SealContext {
        SealContext(
            (
                word(UInt32(FrameKind.message.rawValue), UInt32(truncatingIfNeeded: size)),
                word(UInt32(truncatingIfNeeded: length), isPlain ? 1 : 0), 0, 0
            ), count: 2)
    }

    /// The block of a small message.
    public static func smallMessage(size: Int, summaryLength: Int, isPlain: Bool) -> SealContext {
        SealContext(
            (
                word(UInt32(FrameKind.smallMessage.rawValue), UInt32(truncatingIfNeeded: size)),
                word(UInt32(truncatingIfNeeded: summaryLength), isPlain ? 1 : 0), 0, 0
            ), count: 2)
    }

    /// The records behind a head of 24 bytes.
    /// - Parameter kind: of the frame.
    public static func records(_ kind: FrameKind, head: UnsafeRawPointer) -> SealContext {
        SealContext((word(UInt32(kind.rawValue), 0), head.load64(0), head.load64(8), head.load64(16)), count: 4)
    }

    public static func page(_ number: UInt32, index: UInt64) -> SealContext {
        SealContext((word(pageCode, number), index, 0, 0), count: 2)
    }

    public func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        var copy = words
        return try withUnsafePointer(to: &copy) { pointer throws(E) in
            try body(UnsafeRawBufferPointer(start: UnsafeRawPointer(pointer), count: 8 * count))
        }
    }

    public static func == (a: SealContext, b: SealContext) -> Bool { a.words == b.words && a.count == b.count }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}
