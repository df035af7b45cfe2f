import BenchContest
import Foundation
import MailboxEngines

/// Appends by many committers at a time, each of which goes on when its last message is on disk.
final class AppendRun: @unchecked Sendable {
    private let engine: any MailboxEngine
    private let mailbox: MailboxKey
    private let messages: [[UInt8]]
    private let count: Int
    private let lock = NSCondition()
    private var begun = 0
    private var ended = 0
    /// Committers whose last message is on disk.
    private var ready = 0
    private var latencies = Latencies()
    private var failure: (any Error)?

    /// - Parameter count: of all appends; messages are taken in turns.
    init(_ engine: any MailboxEngine, _ mailbox: MailboxKey, _ messages: [[UInt8]], count: Int) {
        self.engine = engine
        self.mailbox = mailbox
        self.messages = messages
        self.count = count
    }

    func finish() throws -> Latencies {
        if let failure { throw failure }
        return latencies
    }

    /// Each committer has a thread, which waits.
    func waiting(_ committers: Int) {
        onThreads(committers) { [self] thread in
            var own = Latencies()
            var failed: (any Error)?
            do {
                for number in stride(from: thread, to: count, by: committers) {
                    _ = try own.measure { try engine.append(messages[number % messages.count], to: mailbox) }
                }
            } catch {
                failed = error
            }
            lock.withLock {
                latencies.add(own)
                failure = failure ?? failed
            }
        }
    }

    /// As many threads as there are cores work for all committers.
    func queued(by committers: Int, on engine: any QueueingEngine) {
        ready = committers
        onThreads(ProcessInfo.processInfo.activeProcessorCount) { [self] _ in
            while let number = next() {
                let start = now()
                engine.append(messages[number % messages.count], to: mailbox) { [self] outcome in
                    let taken = now() - start
                    lock.withLock {
                        latencies.add(taken)
                        if case .failure(let error) = outcome { failure = failure ?? error }
                        ended += 1
                        ready += 1
                        if ended == count { lock.broadcast() } else { lock.signal() }
                    }
                }
            }
        }
    }

    /// The number of the next append, once a committer is free for it; nil when all have ended.
    private func next() -> Int? {
        lock.lock()
        defer { lock.unlock() }
        while begun < count, ready == 0 { lock.wait() }
        guard begun < count else {
            while ended < count { lock.wait() }
            return nil
        }
        ready -= 1
        begun += 1
        return begun - 1
    }

    private func onThreads(_ count: Int, _ work: @escaping @Sendable (Int) -> Void) {
        let all = DispatchGroup()
        for thread in 0..<count {
            all.enter()
            Thread.detachNewThread {
                work(thread)
                all.leave()
            }
        }
        all.wait()
    }
}
