@testable import MailMessage
import TestSupport

extension SeededGenerator {
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    mutating func bytes(upTo count: Int, of alphabet: [UInt8] = []) -> [UInt8] {
        (0..<below(count + 1)).map { _ in
            alphabet.isEmpty ? UInt8(truncatingIfNeeded: next()) : alphabet[below(alphabet.count)]
        }
    }
}

extension Array where Element == UInt8 {
    init(_ text: String) { self.init(text.utf8) }

    var text: String { String(decoding: self, as: UTF8.self) }
    var isUTF8: Bool { String(validating: self, as: UTF8.self) != nil }
}

func transferDecoded(_ bytes: [UInt8], _ encoding: String) -> [UInt8]? {
    bytes.withUnsafeBytes { bytes in [UInt8](encoding).withUnsafeBytes { TransferDecoding.decode(bytes, encoding: $0) } }
}

func charsetDecoded(_ bytes: [UInt8], _ charset: String) -> [UInt8]? {
    bytes.withUnsafeBytes { bytes in [UInt8](charset).withUnsafeBytes { Charset.utf8(bytes, charset: $0) } }
}

func wordsDecoded(_ value: [UInt8]) -> String { value.withUnsafeBytes { EncodedWords.decode($0) } }
func wordsDecoded(_ value: String) -> String { wordsDecoded([UInt8](value)) }

/// Pieces of `bytes` with random bounds, for decoders that take text so.
func pieces(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [[UInt8]] {
    var result: [[UInt8]] = []
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = Swift.min(rest.count, 1 + random.below(5))
        result.append(Array(rest.prefix(count)))
        rest = rest.dropFirst(count)
    }
    return result
}
