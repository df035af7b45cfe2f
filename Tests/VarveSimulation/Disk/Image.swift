import Glibc

/// The bytes of a file at some moment; zeros behind its end.
///
/// Address space is set aside, not memory, so that a mapping grows in place and older ones stay coherent with it. What is
/// shared by several files is not written to any more.
final class Image: @unchecked Sendable {
    /// Bytes at most.
    static let capacity = 1 << 30
    /// What new files have, and never write to.
    static let empty = Image()

    let base: UnsafeMutableRawPointer

    init() {
        let base = mmap(
            nil, Image.capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let base, base != MAP_FAILED else { preconditionFailure("no address space for a simulated file") }
        self.base = base
    }

    deinit { munmap(base, Image.capacity) }

    func copy(_ count: Int) -> Image {
        let result = Image()
        result.base.copyMemory(from: base, byteCount: count)
        return result
    }
}

/// Which pages of a file were written since it was last synced.
struct DirtyPages {
    static let pageSize = 4096
    /// In bytes, ascending, apart from each other, their bounds multiples of a page.
    private(set) var ranges: [Range<Int>] = []

    var isEmpty: Bool { ranges.isEmpty }

    mutating func insert(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        let mask = DirtyPages.pageSize - 1
        var merged = (range.lowerBound & ~mask)..<((range.upperBound + mask) & ~mask)
        if let last = ranges.last, last.lowerBound <= merged.lowerBound, last.upperBound >= merged.upperBound { return }
        var result: [Range<Int>] = []
        for other in ranges {
            if other.upperBound < merged.lowerBound || other.lowerBound > merged.upperBound {
                result.append(other)
            } else {
                merged = min(other.lowerBound, merged.lowerBound)..<max(other.upperBound, merged.upperBound)
            }
        }
        result.append(merged)
        ranges = result.sorted { $0.lowerBound < $1.lowerBound }
    }

    mutating func removeAll() { ranges.removeAll() }
}
