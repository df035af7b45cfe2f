import Foundation

/// What a server said to a command.
struct Answer {
    /// All before the tagged line.
    let untagged: [UInt8]
    /// The tagged line behind its tag.
    let status: String

    var isOK: Bool { status.hasPrefix("OK") }

    /// Lines end with a line feed: together with the one before it, it would be one character.
    var text: String { String(decoding: untagged.filter { $0 != 13 }, as: UTF8.self) }

    /// How often some bytes stand in it.
    func count(of text: StaticString) -> Int {
        var count = 0
        forEach(text) { _, _ in count += 1 }
        return count
    }

    /// The number behind each occurrence of some bytes.
    func numbers(behind text: StaticString) -> [Int] {
        var numbers: [Int] = []
        forEach(text) { bytes, place in
            numbers.append(bytes[place...].prefix { 48...57 ~= $0 }.reduce(0) { $0 &* 10 &+ Int($1 - 48) })
        }
        return numbers
    }

    /// Calls `body` with the place behind each occurrence.
    private func forEach(_ text: StaticString, _ body: (UnsafeRawBufferPointer, Int) -> Void) {
        untagged.withUnsafeBytes { bytes in
            var at = 0
            while at + text.utf8CodeUnitCount <= bytes.count,
                let found = memchr(bytes.baseAddress! + at, Int32(text.utf8Start.pointee), bytes.count - at - text.utf8CodeUnitCount + 1)
            {
                at = UnsafeRawPointer(found) - bytes.baseAddress!
                if memcmp(found, text.utf8Start, text.utf8CodeUnitCount) == 0 {
                    at += text.utf8CodeUnitCount
                    body(bytes, at)
                } else {
                    at += 1
                }
            }
        }
    }

    /// The number behind some bytes, in the tagged line or before it.
    func number(behind text: StaticString) -> Int? {
        if let found = numbers(behind: text).first { return found }
        guard let place = status.range(of: "\(text)") else { return nil }
        return Int(status[place.upperBound...].prefix { $0.isNumber })
    }

    /// The UIDs of its VANISHED responses (RFC 7162 §3.2.10).
    var vanished: Set<Int> {
        var uids: Set<Int> = []
        for found in text.matches(of: /\* VANISHED \(EARLIER\) ([0-9:,]+)/) {
            for range in found.1.split(separator: ",") {
                let ends = range.split(separator: ":").compactMap { Int($0) }
                guard let first = ends.first, let last = ends.last else { continue }
                uids.formUnion(min(first, last)...max(first, last))
            }
        }
        return uids
    }

    /// The first literal's bytes.
    var literal: ArraySlice<UInt8> {
        guard let open = untagged.firstIndex(of: UInt8(ascii: "{")), let close = untagged[open...].firstIndex(of: UInt8(ascii: "}")),
            let count = Int(String(decoding: untagged[(open + 1)..<close], as: UTF8.self)), close + 3 + count <= untagged.count
        else { return [] }
        return untagged[(close + 3)..<(close + 3 + count)]
    }
}
