import NIOCore
import NIOPosix
import Synchronization

/// Runs one session's task: on its connection's event loop while it does nothing that waits, so that a quick command is
/// answered on the thread that its bytes came in on, and on threads that may wait for a disk otherwise. A session that waits
/// for its client, or for a commit, holds no thread.
///
/// On the event loop a session reads the mapped index, takes no lock that is held while a disk is written to, and lets others
/// have the thread after each piece of a large answer.
final class SessionExecutor: TaskExecutor, Sendable {
    private let pool: NIOThreadPool
    private let eventLoop: any EventLoop
    /// Whether the session goes on where it may wait, from the next time on that it is suspended.
    private let mayWait = Atomic(true)

    init(_ pool: NIOThreadPool, _ eventLoop: any EventLoop) {
        self.pool = pool
        self.eventLoop = eventLoop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if mayWait.load(ordering: .acquiring) {
            pool.submit { _ in job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        } else {
            eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }
    }

    /// The session has nothing before it that waits: when it has been suspended it goes on on the event loop.
    func goOnOnEventLoop() { mayWait.store(false, ordering: .releasing) }

    /// When the session has been suspended it goes on where it may wait.
    /// - Returns: whether that was otherwise before.
    func goOnWhereItMayWait() -> Bool { !mayWait.exchange(true, ordering: .acquiringAndReleasing) }
}
