import Foundation

/// A line on the terminal that says what is going on; nothing where standard error is no terminal.
public final class ProgressLine: Sendable {
    private let isShown: Bool

    public init() { isShown = isatty(STDERR_FILENO) == 1 }

    /// Replaces the line. - Parameter text: one line, without control characters.
    public func show(_ text: String) {
        if isShown { write("\r\(text)\u{1B}[K") }
    }

    /// Takes the line away, so that other output may follow.
    public func clear() {
        if isShown { write("\r\u{1B}[K") }
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
