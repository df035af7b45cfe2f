/// Charsets of one byte per character whose lower half is ASCII and whose tables are our own: the frequent ones.
struct SingleByteCharset: Equatable {
    /// Scalars of the bytes from 0x80 up, as UTF-8: the bytes, the first one lowest, and their number in the top byte.
    private let upperHalf: [UInt32]

    /// As the WHATWG Encoding Standard has it: the five bytes that Microsoft left out are the controls U+0081 …
    static let windows1252 = SingleByteCharset { windows1252Scalar(UInt8($0)) }

    static func windows1252Scalar(_ byte: UInt8) -> UInt32 {
        byte >= 0x80 && byte < 0xA0 ? windows1252Controls[Int(byte) - 0x80] : UInt32(byte)
    }

    static let iso885915 = SingleByteCharset { byte in
        switch byte {
        case 0xA4: 0x20AC
        case 0xA6: 0x0160
        case 0xA8: 0x0161
        case 0xB4: 0x017D
        case 0xB8: 0x017E
        case 0xBC: 0x0152
        case 0xBD: 0x0153
        case 0xBE: 0x0178
        default: UInt32(byte)
        }
    }

    /// What windows-1252 has at 0x80 ... 0x9F.
    private static let windows1252Controls: [UInt32] = [
        0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
        0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008D, 0x017D, 0x008F,
        0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
        0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178,
    ]

    private init(_ scalar: (Int) -> UInt32) {
        upperHalf = (0x80...0xFF).map { byte in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4) { buffer in
                let count = UTF8Scanner.encode(scalar(byte), buffer.baseAddress!)
                precondition(count < 4, "a table holds scalars of the basic plane")
                var packed = UInt32(count) << 24
                for i in 0..<count { packed |= UInt32(buffer[i]) << UInt32(8 * i) }
                return packed
            }
        }
    }

    func decode(_ bytes: UnsafeRawBufferPointer, into output: inout DecodedBytes) {
        upperHalf.withUnsafeBufferPointer { table in
            SingleByteCharset.decode(bytes, into: &output) { table[Int($0 & 0x7F)] }
        }
    }

    /// US-ASCII: bytes from 0x80 up are none of it.
    static func decodeASCII(_ bytes: UnsafeRawBufferPointer, into output: inout DecodedBytes) {
        decode(bytes, into: &output) { _ in replacement }
    }

    /// U+FFFD, packed as the tables are.
    private static let replacement: UInt32 = 0x03BD_BFEF

    /// Bytes whose characters are written before room is asked for again.
    private static let piece = 4096

    @inline(__always)
    private static func decode(
        _ bytes: UnsafeRawBufferPointer, into output: inout DecodedBytes, _ packed: (UInt8) -> UInt32
    ) {
        var i = 0
        while i < bytes.count {
            let end = Swift.min(bytes.count, i + piece)
            // Three bytes for each, and the fourth that a store of 32 bits touches.
            let to = UnsafeMutableRawPointer(output.reserve((end - i) * 3 + 1))
            var written = 0
            while i < end {
                let from = bytes.baseAddress! + i
                let plain = UTF8Scanner.asciiCount(from, end - i)
                if plain > 0 {
                    (to + written).copyMemory(from: from, byteCount: plain)
                    written += plain
                    i += plain
                    continue
                }
                let character = packed(bytes[i])
                to.storeBytes(of: character.littleEndian, toByteOffset: written, as: UInt32.self)
                written += Int(character >> 24)
                i += 1
            }
            output.advance(written)
        }
    }
}
