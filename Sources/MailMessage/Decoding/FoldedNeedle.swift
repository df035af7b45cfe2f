/// What is searched for, folded, with what a fast search needs to know of it.
///
/// The search is Horspool's: it looks at the byte under the needle's end and skips by what that byte allows, so most of
/// the text is not looked at. Where text and needle repeat themselves so that it compares more bytes than a few for each it
/// passes, the rest is searched by Knuth, Morris and Pratt, whose every byte costs the same.
struct FoldedNeedle: Sendable {
    let bytes: [UInt8]
    /// By the text's byte under the needle's end: how far the needle may be moved.
    private let shifts: [Int]
    /// By the number of bytes that match: how many still do when the needle is moved to the next place where some can.
    private let borders: [Int]

    /// Comparisons for each byte passed, above which the second way is taken, and how many are free.
    private static let patience = 4
    private static let allowance = 1024

    init(_ needle: String) {
        bytes = CaseFolding.folded(needle)
        let count = bytes.count
        var shifts = [Int](repeating: count, count: 256)
        for (i, byte) in bytes.enumerated().dropLast() { shifts[Int(byte)] = count - 1 - i }
        self.shifts = shifts
        var borders = [Int](repeating: 0, count: count + 1)
        var border = 0
        for i in bytes.indices.dropFirst() {
            while border > 0, bytes[i] != bytes[border] { border = borders[border] }
            if bytes[i] == bytes[border] { border += 1 }
            borders[i + 1] = border
        }
        self.borders = borders
    }

    var count: Int { bytes.count }

    /// Whether it is in `text`, which is folded.
    /// - Complexity: O(text), whatever both are.
    func occurs(in text: UnsafeRawBufferPointer) -> Bool {
        if bytes.isEmpty { return true }
        return bytes.withUnsafeBufferPointer { needle in
            shifts.withUnsafeBufferPointer { shifts in
                let last = needle.count - 1
                var position = 0
                var compared = 0
                while text.count - position > last {
                    let byte = text[position + last]
                    if byte == needle[last] {
                        var i = last
                        while i > 0, text[position + i - 1] == needle[i - 1] { i -= 1 }
                        if i == 0 { return true }
                        compared += last - i + 1
                        if compared > FoldedNeedle.patience * position + FoldedNeedle.allowance {
                            return occurs(in: UnsafeRawBufferPointer(rebasing: text[position...]), steadily: needle)
                        }
                    }
                    position += shifts[Int(byte)]
                }
                return false
            }
        }
    }

    private func occurs(in text: UnsafeRawBufferPointer, steadily needle: UnsafeBufferPointer<UInt8>) -> Bool {
        var matching = 0
        for byte in text {
            while matching > 0, byte != needle[matching] { matching = borders[matching] }
            if byte == needle[matching] {
                matching += 1
                if matching == needle.count { return true }
            }
        }
        return false
    }
}
