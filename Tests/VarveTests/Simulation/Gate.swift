import MailModel
import Synchronization

@testable import Varve

/// Holds calls of a disk up until they are let through.
final class Gate: Sendable {
    private let monitor = Monitor()
    private let isOpen = Mutex(true)
    private let arrived = Mutex(0)

    func close() { isOpen.withLock { $0 = false } }

    func open() {
        monitor.lock()
        isOpen.withLock { $0 = true }
        monitor.signalAll()
        monitor.unlock()
    }

    func pass() {
        monitor.lock()
        if !isOpen.withLock({ $0 }) { arrived.withLock { $0 += 1 } }
        monitor.signalAll()
        while !isOpen.withLock({ $0 }) { monitor.wait() }
        monitor.unlock()
    }

    /// Returns when somebody stands before the closed gate.
    func waitForArrival() {
        monitor.lock()
        while arrived.withLock({ $0 }) == 0 { monitor.wait() }
        monitor.unlock()
    }
}

/// What callbacks were told.
final class Answers: Sendable {
    private let monitor = Monitor()
    private let list = Mutex<[(name: String, succeeded: Bool)]>([])

    func callback(_ name: String) -> @Sendable (Result<ModSeq, StoreError>) -> Void {
        { result in
            let succeeded = if case .success = result { true } else { false }
            self.monitor.lock()
            self.list.withLock { $0.append((name, succeeded)) }
            self.monitor.signalAll()
            self.monitor.unlock()
        }
    }

    /// Waits until there are so many, and lists them in the order of their names. A number that never comes fails the test
    /// after a while.
    func wait(for count: Int) -> [String] {
        monitor.lock()
        defer { monitor.unlock() }
        for _ in 0..<600 where list.withLock({ $0.count }) < count { monitor.wait(milliseconds: 100) }
        return sorted
    }

    var sorted: [String] { list.withLock { $0.map { "\($0.name) \($0.succeeded ? "done" : "failed")" }.sorted() } }
}

func inThread(_ body: @escaping @Sendable () -> Void) -> OnDemandThread {
    let thread = OnDemandThread(body)
    thread.wake()
    return thread
}
