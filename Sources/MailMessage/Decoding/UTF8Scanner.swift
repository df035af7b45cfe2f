/// What a `UTF8Scanner` hands its pieces to.
protocol UTF8Sink: ~Copyable {
    /// Bytes below 0x80, one or more.
    mutating func ascii(_ run: UnsafeRawBufferPointer)
    /// A scalar from U+0080 up, and the bytes it stood in.
    mutating func scalar(_ value: UInt32, _ bytes: UnsafeRawBufferPointer)
    /// One to three bytes that are no UTF-8.
    mutating func illFormed(_ bytes: UnsafeRawBufferPointer)
}

/// Cuts bytes that may or may not be UTF-8 into ASCII runs, scalars, and ill-formed sequences. The bytes may come in
/// pieces: a sequence cut in two is put together again.
///
/// Ill-formed sequences are Unicode's maximal subparts (Unicode 16 §3.9, table 3-8), as in `String(decoding:as:)`.
struct UTF8Scanner {
    /// The beginning of a sequence whose rest is to come: its first byte is the lowest.
    private var carry: UInt64 = 0
    private var carryCount = 0

    mutating func scan<Sink: UTF8Sink & ~Copyable>(_ bytes: UnsafeRawBufferPointer, _ sink: inout Sink) {
        guard let base = bytes.baseAddress else { return }
        var position = 0
        if carryCount > 0 {
            guard let taken = resume(bytes, &sink) else { return }
            position = taken
        }
        while position < bytes.count {
            let plain = UTF8Scanner.asciiCount(base + position, bytes.count - position)
            if plain > 0 {
                sink.ascii(UnsafeRawBufferPointer(start: base + position, count: plain))
                position += plain
                if position == bytes.count { return }
            }
            let here = base + position
            let left = bytes.count - position
            switch UTF8Scanner.decode(here, left) {
            case .scalar(let value, let length):
                sink.scalar(value, UnsafeRawBufferPointer(start: here, count: length))
                position += length
            case .illFormed(let length):
                sink.illFormed(UnsafeRawBufferPointer(start: here, count: length))
                position += length
            case .incomplete:
                for i in 0..<left { carry |= UInt64(here.load(fromByteOffset: i, as: UInt8.self)) << UInt64(8 * i) }
                carryCount = left
                return
            }
        }
    }

    /// Ends the text: a sequence that still waits for its rest is ill-formed.
    mutating func finish<Sink: UTF8Sink & ~Copyable>(_ sink: inout Sink) {
        guard carryCount > 0 else { return }
        withUnsafeBytes(of: carry.littleEndian) {
            sink.illFormed(UnsafeRawBufferPointer(rebasing: $0[..<carryCount]))
        }
        carry = 0
        carryCount = 0
    }

    /// Goes on with the carried bytes and the first of the new ones.
    /// - Returns: how many of the new ones are dealt with; nil if all are carried along.
    private mutating func resume<Sink: UTF8Sink & ~Copyable>(
        _ bytes: UnsafeRawBufferPointer, _ sink: inout Sink
    ) -> Int? {
        // The carried bytes are the beginning of one sequence (never more than three bytes), so one step clears them.
        let taken = Swift.min(bytes.count, 4 - carryCount)
        var joined = carry
        for i in 0..<taken { joined |= UInt64(bytes[i]) << UInt64(8 * (carryCount + i)) }
        let total = carryCount + taken
        let old = carryCount
        let length: Int? = withUnsafeBytes(of: joined.littleEndian) { buffer in
            switch UTF8Scanner.decode(buffer.baseAddress!, total) {
            case .scalar(let value, let length):
                sink.scalar(value, UnsafeRawBufferPointer(rebasing: buffer[..<length]))
                return length
            case .illFormed(let length):
                sink.illFormed(UnsafeRawBufferPointer(rebasing: buffer[..<length]))
                return length
            case .incomplete:
                return nil
            }
        }
        guard let length else {
            carry = joined
            carryCount = total
            return nil
        }
        carry = 0
        carryCount = 0
        return length - old
    }
}

extension UTF8Scanner {
    enum Step {
        case scalar(UInt32, length: Int)
        case illFormed(length: Int)
        /// Well-formed as far as it goes.
        case incomplete
    }

    /// Reads one scalar.
    /// - Precondition: `count` is at least 1. The first byte is not ASCII.
    @inline(__always)
    static func decode(_ pointer: UnsafeRawPointer, _ count: Int) -> Step {
        let first = pointer.load(as: UInt8.self)
        let length: Int
        // The second byte's range keeps out overlong forms, surrogates, and what is above U+10FFFF.
        var low: UInt8 = 0x80
        var high: UInt8 = 0xBF
        var value: UInt32
        switch first {
        case 0xC2...0xDF:
            length = 2
            value = UInt32(first & 0x1F)
        case 0xE0...0xEF:
            length = 3
            value = UInt32(first & 0x0F)
            if first == 0xE0 { low = 0xA0 } else if first == 0xED { high = 0x9F }
        case 0xF0...0xF4:
            length = 4
            value = UInt32(first & 0x07)
            if first == 0xF0 { low = 0x90 } else if first == 0xF4 { high = 0x8F }
        default:
            return .illFormed(length: 1)
        }
        var i = 1
        while i < length {
            if i == count { return .incomplete }
            let byte = pointer.load(fromByteOffset: i, as: UInt8.self)
            if byte < low || byte > high { return .illFormed(length: i) }
            low = 0x80
            high = 0xBF
            value = value << 6 | UInt32(byte & 0x3F)
            i += 1
        }
        return .scalar(value, length: length)
    }

    /// Writes a scalar's UTF-8, at most four bytes.
    @inline(__always)
    static func encode(_ value: UInt32, _ to: UnsafeMutablePointer<UInt8>) -> Int {
        if value < 0x80 {
            to[0] = UInt8(truncatingIfNeeded: value)
            return 1
        }
        let last = UInt8(truncatingIfNeeded: value & 0x3F) | 0x80
        if value < 0x800 {
            to[0] = UInt8(truncatingIfNeeded: value >> 6) | 0xC0
            to[1] = last
            return 2
        }
        let middle = UInt8(truncatingIfNeeded: value >> 6 & 0x3F) | 0x80
        if value < 0x1_0000 {
            to[0] = UInt8(truncatingIfNeeded: value >> 12) | 0xE0
            to[1] = middle
            to[2] = last
            return 3
        }
        to[0] = UInt8(truncatingIfNeeded: value >> 18) | 0xF0
        to[1] = UInt8(truncatingIfNeeded: value >> 12 & 0x3F) | 0x80
        to[2] = middle
        to[3] = last
        return 4
    }

    /// How many bytes at the beginning are ASCII.
    @inline(__always)
    static func asciiCount(_ pointer: UnsafeRawPointer, _ count: Int) -> Int {
        var i = 0
        while count - i >= 8 {
            let word = UInt64(littleEndian: pointer.loadUnaligned(fromByteOffset: i, as: UInt64.self))
            let high = word & 0x8080_8080_8080_8080
            if high != 0 { return i + high.trailingZeroBitCount / 8 }
            i += 8
        }
        while i < count, pointer.load(fromByteOffset: i, as: UInt8.self) < 0x80 { i += 1 }
        return i
    }
}
