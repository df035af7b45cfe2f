#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The boundaries of the multiparts that are open at some place of a message, outermost first.
struct OpenBoundaries {
    private struct Boundary {
        /// Which of the open parts it divides.
        var level: Int
        var bytes: [UInt8]
    }

    private var boundaries: [Boundary] = []
    private var shortest = Int.max

    var isEmpty: Bool { boundaries.isEmpty }

    /// - Precondition: the level is deeper than those of the boundaries that are there; the boundary is not empty.
    mutating func open(_ bytes: [UInt8], level: Int) {
        boundaries.append(Boundary(level: level, bytes: bytes))
        shortest = min(shortest, bytes.count)
    }

    /// Drops the boundaries of this level and those below it.
    mutating func close(from level: Int) {
        while let last = boundaries.last, last.level >= level { boundaries.removeLast() }
        shortest = boundaries.reduce(Int.max) { min($0, $1.bytes.count) }
    }

    /// What a line says that begins with `--`.
    ///
    /// As RFC 2046 §5.1.2 wants it, a boundary need only be the beginning of what follows the hyphens. Of several that are,
    /// one that fills the line counts, or else the longest, so that of two where one continues the other each is known;
    /// of equal ones the innermost, as nested parts may have the same boundary.
    /// - Parameter line: what stands behind the two hyphens, with or without its line end.
    /// - Complexity: O(open boundaries · shorter of line and boundary); `MailLimits.nesting` bounds the former.
    func match(_ line: UnsafeRawBufferPointer) -> (level: Int, isClose: Bool)? {
        guard line.count >= shortest, let text = line.baseAddress else { return nil }
        var best: Int?
        var end = 0
        var index = boundaries.count
        while index > 0 {
            index -= 1
            let count = boundaries[index].bytes.count
            guard count <= line.count, count > end, boundaries[index].bytes[0] == line[0],
                boundaries[index].bytes.withUnsafeBytes({ memcmp($0.baseAddress!, text, count) == 0 })
            else { continue }
            best = index
            end = count
            if OpenBoundaries.isBlankOrClose(line.slice(end..<line.count)) { break }
        }
        guard let best else { return nil }
        let isClose = line.count >= end + 2 && line[end] == Octet.hyphen && line[end + 1] == Octet.hyphen
        return (boundaries[best].level, isClose)
    }

    private static func isBlankOrClose(_ rest: UnsafeRawBufferPointer) -> Bool {
        let isClose = rest.count >= 2 && rest[0] == Octet.hyphen && rest[1] == Octet.hyphen
        return (isClose ? rest.slice(2..<rest.count) : rest).trimmedRange.isEmpty
    }
}
