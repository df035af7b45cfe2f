import Glibc

/// A lock with a condition: what the writers of one store share. Readers never come here.
final class Monitor: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        // A thread that takes the lock twice is stopped, not left hanging.
        var attributes = pthread_mutexattr_t()
        pthread_mutexattr_init(&attributes)
        pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_ERRORCHECK))
        precondition(
            pthread_mutex_init(mutex, &attributes) == 0 && pthread_cond_init(condition, nil) == 0, "no lock to be had")
        pthread_mutexattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func lock() {
        precondition(pthread_mutex_lock(mutex) == 0, "the lock is held by this thread already: a commit within a commit?")
    }
    func unlock() { precondition(pthread_mutex_unlock(mutex) == 0) }
    /// Lets the lock go until somebody signals; may also return without that.
    func wait() { precondition(pthread_cond_wait(condition, mutex) == 0) }
    /// As `wait`, but not for longer than this.
    func wait(milliseconds: Int) {
        var until = timespec()
        clock_gettime(CLOCK_REALTIME, &until)
        until.tv_sec += milliseconds / 1000
        until.tv_nsec += milliseconds % 1000 * 1_000_000
        if until.tv_nsec >= 1_000_000_000 {
            until.tv_sec += 1
            until.tv_nsec -= 1_000_000_000
        }
        let code = pthread_cond_timedwait(condition, mutex, &until)
        precondition(code == 0 || code == ETIMEDOUT)
    }

    /// Of a clock that nobody sets.
    static func milliseconds() -> Int {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
    }

    func signalAll() { pthread_cond_broadcast(condition) }
}
