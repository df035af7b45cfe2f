import Glibc
import Synchronization

/// SIGINT and SIGTERM, as something to ask for at a good moment. The second one ends the process at once.
enum Interruption {
    private static let isRequested = Atomic<Bool>(false)

    static func watch() {
        _ = isRequested.load(ordering: .relaxed)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in Interruption.isRequested.store(true, ordering: .relaxed) }
        // Not SA_RESTART: who waits for a key is to be told.
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
        sigaction(SIGINT, &action, nil)
        sigaction(SIGTERM, &action, nil)
    }

    static func check() throws {
        if isRequested.load(ordering: .relaxed) { throw CommandFailure("interrupted; nothing was changed") }
    }
}

func printToStandardError(_ text: String) {
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
        let count = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress! + done, $0.count - done) }
        guard count > 0 || errno == EINTR else { return }
        done += max(0, count)
    }
}

/// How far a command is, on one line of a terminal; nothing if stderr is none.
struct ProgressBar {
    private let title: String
    var total: Int
    private let isShown = isatty(STDERR_FILENO) == 1
    private let begin = ProgressBar.milliseconds()
    private var lastShown = 0

    /// - Parameter total: bytes.
    init(_ title: String, total: Int) {
        self.title = title
        self.total = total
    }

    static func milliseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }

    /// - Parameter messages: nil where nobody counts them.
    mutating func update(bytes: Int, messages: Int? = nil) {
        guard isShown else { return }
        let now = ProgressBar.milliseconds()
        guard now - lastShown >= 100 else { return }
        lastShown = now
        let seconds = Double(max(1, now - begin)) / 1000
        let share = total > 0 ? min(1, Double(bytes) / Double(total)) : 1
        let filled = Int(share * 24)
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: 24 - filled)
        printToStandardError(
            "\r\(title) [\(bar)] \(Int(share * 100)) %  \(byteText(bytes)) of \(byteText(total))  "
                + (messages.map { "\($0) messages  \(Int(Double($0) / seconds))/s  " } ?? "")
                + "\(byteText(Int(Double(bytes) / seconds)))/s\u{1B}[K")
    }

    func finish() { if isShown { printToStandardError("\r\u{1B}[K") } }
}

/// How much of a file or of many is done, on one line of a terminal; nothing if stderr is none.
final class ByteProgress: Sendable {
    private struct State {
        var isShown: Bool
        var lastShown = 0
    }

    private let title: String
    private let state = Mutex(State(isShown: isatty(STDERR_FILENO) == 1))

    init(_ title: String) { self.title = title }

    func update(_ done: Int, of total: Int) {
        state.withLock { state in
            guard state.isShown else { return }
            let now = ProgressBar.milliseconds()
            guard now - state.lastShown >= 100 else { return }
            state.lastShown = now
            printToStandardError("\r\(title) \(byteText(done)) of \(byteText(total))\u{1B}[K")
        }
    }

    /// Nothing is shown any more.
    func finish() {
        state.withLock { state in
            if state.isShown { printToStandardError("\r\u{1B}[K") }
            state.isShown = false
        }
    }
}

/// `1.5 MiB`
func byteText(_ count: Int) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var unit = 0
    var value = Double(count)
    while value >= 1024, unit < units.count - 1 {
        value /= 1024
        unit += 1
    }
    guard unit > 0 else { return "\(count) B" }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(units[unit])"
}
