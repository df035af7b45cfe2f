import Glibc

/// Reads a file line by line, in pieces where a line is longer than the window that it has in memory.
final class LineReader {
    struct Piece {
        /// Valid until the next call. With the LF that ends the line, if it is here.
        let bytes: UnsafeRawBufferPointer
        let offset: Int
        let beginsLine: Bool
        let endsLine: Bool
    }

    static let windowSize = 256 << 10

    let path: String
    /// As it was when the file was opened; 0 for what is no regular file.
    let size: Int
    private(set) var offset = 0
    private let descriptor: Int32
    private let window: UnsafeMutableRawBufferPointer
    private var start = 0
    private var scanned = 0
    private var end = 0
    private var isAtEnd = false
    private var isInLine = false

    init(_ path: String) throws(MailFileError) {
        self.path = path
        descriptor = try openDescriptor(path, O_RDONLY)
        window = .allocate(byteCount: LineReader.windowSize, alignment: 16)
        var status = stat()
        let code = fstat(descriptor, &status)
        size = code == 0 && status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : 0
        guard code == 0 else { throw failure("look at", path) }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw failure("read", path, EISDIR) }
        _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    deinit {
        window.deallocate()
        close(descriptor)
    }

    /// - Returns: nil at the file's end.
    func next() throws(MailFileError) -> Piece? {
        while true {
            let base = window.baseAddress!
            if scanned < end, let found = memchr(base + scanned, 10, end - scanned) {
                return take(UnsafeRawPointer(found) - UnsafeRawPointer(base) + 1, endsLine: true)
            }
            scanned = end
            if isAtEnd { return start < end ? take(end, endsLine: false) : nil }
            if start > 0 {
                base.copyMemory(from: base + start, byteCount: end - start)
                end -= start
                scanned -= start
                start = 0
            } else if end == window.count {
                return take(end, endsLine: false)
            }
            let count = retrying { read(descriptor, base + end, window.count - end) }
            guard count >= 0 else { throw failure("read", path) }
            isAtEnd = count == 0
            end += count
        }
    }

    private func take(_ until: Int, endsLine: Bool) -> Piece {
        let piece = Piece(
            bytes: UnsafeRawBufferPointer(rebasing: window[start..<until]), offset: offset, beginsLine: !isInLine,
            endsLine: endsLine)
        offset += until - start
        start = until
        scanned = until
        isInLine = !endsLine
        return piece
    }
}
