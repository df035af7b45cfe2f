/// What stands at a line's end before a literal: `{n}`, or `{n+}` for one that the client sends unasked (RFC 3501 §4.3,
/// RFC 7888 §3).
struct LiteralAnnouncement: Equatable {
    /// Bytes of the literal; `Int.max` stands for all numbers too large to be told.
    var size: Int
    var isSynchronising: Bool
    /// Where its `{` stands in the line.
    var start: Int

    /// Nil if none stands at the end of the line.
    /// - Parameter line: without its line end.
    init?(atEndOf line: UnsafeRawBufferPointer) {
        guard line.last == .rightBrace else { return nil }
        var end = line.count - 1
        isSynchronising = true
        if end > 0, line[end - 1] == .plus {
            isSynchronising = false
            end -= 1
        }
        var index = end
        while index > 0, line[index - 1].isDigit { index -= 1 }
        guard index < end, index > 0, line[index - 1] == .leftBrace else { return nil }
        start = index - 1
        size = 0
        for digit in line[index..<end] {
            let (product, overflow) = size.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = product.addingReportingOverflow(Int(digit - 0x30))
            size = overflow || overflow2 ? Int.max : sum
            if size == Int.max { break }
        }
    }
}
