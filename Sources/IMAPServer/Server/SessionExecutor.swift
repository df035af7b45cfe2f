import NIOPosix

/// Runs the sessions' tasks on threads that may wait for a disk, so that neither an event loop nor the language's own pool
/// of threads ever does. A session that waits for its client, or for a commit, holds no thread.
final class SessionExecutor: TaskExecutor, Sendable {
    private let pool: NIOThreadPool

    init(_ pool: NIOThreadPool) { self.pool = pool }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        pool.submit { _ in job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
