/// Looks for a needle in text that comes in pieces. The text's case is folded into one block of memory that is searched
/// whenever it is full; its end, short of a needle by one byte, is kept for the next.
///
/// Text that is no UTF-8 is read as windows-1252, byte by byte, so what is searched is always well-formed, and a needle
/// can be found at the beginning of a scalar only.
///
/// - Complexity: O(text + needle): a block is about twice as long as the needle or longer, so few bytes are looked at twice.
struct FoldedWindow: UTF8Sink, ~Copyable {
    private let needle: FoldedNeedle
    private let block: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    private var filled = 0
    private(set) var isFound = false
    private var scanner = UTF8Scanner()
    private let folding = CaseFolding.table
    private let piece: Int

    /// Bytes of folded text that are searched at once, when the needle is not longer.
    static let defaultBlock = 32 * 1024
    /// Bytes that are written past those that count, where eight are stored for less.
    private static let slack = 8

    /// - Parameters:
    ///   - needle: not empty.
    ///   - expected: bytes of text to come, if that is known; more may come.
    init(_ needle: FoldedNeedle, expected: Int = .max, block size: Int = defaultBlock) {
        precondition(needle.count > 0 && size > 0 && expected >= 0)
        self.needle = needle
        // Text that fits is folded whole and searched once.
        let text = expected < size / CaseFolding.expansion ? expected * CaseFolding.expansion : size
        capacity = Swift.max(text, needle.count) + needle.count + FoldedWindow.slack
        block = .allocate(capacity: capacity)
        piece = size
    }

    deinit { block.deallocate() }

    /// Appends text.
    /// - Returns: whether the needle is known to be in it. Then nothing that is still to come matters.
    mutating func append(_ text: UnsafeRawBufferPointer) -> Bool {
        var position = 0
        while position < text.count, !isFound {
            let end = Swift.min(text.count, position &+ piece)
            var scanner = self.scanner
            scanner.scan(UnsafeRawBufferPointer(rebasing: text[position..<end]), &self)
            self.scanner = scanner
            position = end
        }
        return isFound
    }

    /// Ends the text.
    /// - Returns: whether the needle is in it.
    mutating func finish() -> Bool {
        var scanner = self.scanner
        scanner.finish(&self)
        self.scanner = scanner
        search()
        return isFound
    }

    mutating func ascii(_ run: UnsafeRawBufferPointer) {
        var position = 0
        while position < run.count, !isFound {
            if room <= 0 { search() }
            let count = Swift.min(run.count - position, room)
            let part = UnsafeRawBufferPointer(rebasing: run[position..<(position + count)])
            CaseFolding.foldASCII(part, block + filled)
            filled += count
            position += count
        }
    }

    mutating func scalar(_ value: UInt32, _ bytes: UnsafeRawBufferPointer) {
        if room <= 0 { search() }
        let folded = folding.fold(value, block + filled)
        if folded > 0 {
            filled += folded
        } else {
            for i in 0..<bytes.count { block[filled + i] = bytes[i] }
            filled += bytes.count
        }
    }

    mutating func illFormed(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes {
            let value = SingleByteCharset.windows1252Scalar(byte)
            withUnsafeTemporaryAllocation(byteCount: 4, alignment: 4) { buffer in
                let count = UTF8Scanner.encode(value, buffer.baseAddress!.assumingMemoryBound(to: UInt8.self))
                scalar(value, UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        }
    }

    /// Not positive if the block is full; the slack behind it takes what one scalar has too much.
    private var room: Int { capacity - FoldedWindow.slack - filled }

    /// Searches what is there, and keeps as much of its end as could begin a match.
    private mutating func search() {
        if !isFound { isFound = needle.occurs(in: UnsafeRawBufferPointer(start: block, count: filled)) }
        let kept = Swift.min(filled, needle.count - 1)
        block.update(from: block + (filled - kept), count: kept)
        filled = kept
    }
}
