import CCRC32C
import Testing
import VarveFormat

/// CRC-32C against published values, and the two implementations against each other.
@Suite struct ChecksumTests {
    static let known: [(name: String, bytes: [UInt8], crc: UInt32)] = [
        ("nothing", [], 0),
        ("the digits", Array("123456789".utf8), 0xE306_9283),
        // RFC 3720 §B.4, whose checksums are printed in the order of their bytes on the wire, the lowest first.
        ("32 bytes of zeros", [UInt8](repeating: 0, count: 32), 0x8A91_36AA),
        ("32 bytes of ones", [UInt8](repeating: 0xff, count: 32), 0x62A8_AB43),
        ("32 bytes ascending", Array(0..<32), 0x46DD_794E),
        ("32 bytes descending", Array((0..<32).reversed()), 0x113F_DB5C),
        (
            "an iSCSI read command",
            [
                0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14,
                0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
            ], 0xD996_3A56
        ),
    ]

    @Test(arguments: known.indices) func knownAnswers(_ index: Int) {
        let (name, bytes, crc) = ChecksumTests.known[index]
        bytes.withUnsafeBytes {
            #expect(crc32c(0, $0) == crc, "\(name)")
            #expect(varve_crc32c_portable(0, $0.baseAddress, $0.count) == crc, "\(name), portable")
        }
    }

    @Test func bothImplementationsAgree() {
        let seed: UInt64 = 0x5eed_c4c3
        var random = Random(seed)
        let bytes = (0..<10_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        bytes.withUnsafeBytes { bytes in
            for _ in 0..<3000 {
                // Every alignment; short lengths as often as long ones, for the loops' beginnings and ends.
                let offset = Int(random.next() % 64)
                let limit = random.next() % 4 == 0 ? UInt64(bytes.count - offset) : 40
                let count = Int(random.next() % limit)
                let start = UInt32(truncatingIfNeeded: random.next())
                let piece = bytes.baseAddress! + offset
                let expected = varve_crc32c_portable(start, piece, count)
                #expect(
                    varve_crc32c(start, piece, count) == expected,
                    "seed \(seed): \(count) bytes at \(offset) from \(start)")
                let cut = count == 0 ? 0 : Int(random.next() % UInt64(count))
                #expect(
                    varve_crc32c(varve_crc32c(start, piece, cut), piece + cut, count - cut) == expected,
                    "seed \(seed): \(count) bytes at \(offset), cut at \(cut)")
            }
        }
    }

    @Test func everyBitCounts() {
        var bytes = [UInt8](repeating: 0x5a, count: 41)
        let whole = bytes.withUnsafeBytes { crc32c(0, $0) }
        for bit in 0..<(bytes.count * 8) {
            bytes[bit / 8] ^= 1 << (bit % 8)
            #expect(bytes.withUnsafeBytes { crc32c(0, $0) } != whole, "bit \(bit)")
            bytes[bit / 8] ^= 1 << (bit % 8)
        }
    }
}

/// SplitMix64: the same numbers from the same seed, everywhere.
struct Random {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
