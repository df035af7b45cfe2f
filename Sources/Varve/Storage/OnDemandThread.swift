import Glibc

/// A thread that is there only while there is work: started by the first `wake`, ended after some idle seconds, so that
/// thousands of open stores do not hold thousands of threads.
final class OnDemandThread: @unchecked Sendable {
    private static let idleMilliseconds = 3000

    private let monitor = Monitor()
    private let work: @Sendable () -> Void
    private var isWanted = false
    private var isRunning = false
    private var isStopped = false
    private var thread = pthread_t()
    private var owner: AnyObject?
    private var isWorking = false

    /// - Parameter work: does all that is to be done, and returns.
    init(_ work: @escaping @Sendable () -> Void) { self.work = work }

    /// Sees to it that `work` runs once more, wholly after this call.
    /// - Parameter owner: kept until then.
    /// - Returns: false if no thread is to be had.
    @discardableResult
    func wake(keeping owner: AnyObject? = nil) -> Bool {
        monitor.lock()
        defer { monitor.unlock() }
        guard !isStopped else { return true }
        if isRunning {
            monitor.signalAll()
        } else if !start() {
            return false
        }
        isWanted = true
        if let owner { self.owner = owner }
        return true
    }

    /// Returns when no work runs any more; none will run later. Called from within the work, it does not wait for its end.
    func stop() {
        monitor.lock()
        isStopped = true
        monitor.signalAll()
        while isRunning, pthread_equal(thread, pthread_self()) == 0 { monitor.wait() }
        monitor.unlock()
    }

    /// Returns when the work that was asked for is done, and the thread has ended or idles.
    func join() {
        monitor.lock()
        while isRunning, isWanted || isWorking { monitor.wait() }
        monitor.unlock()
    }

    private func start() -> Bool {
        let reference = Unmanaged.passRetained(self)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        // The lock is held: the thread is known here before it does anything.
        let code = pthread_create(&thread, &attributes, { argument in
            Unmanaged<OnDemandThread>.fromOpaque(argument!).takeRetainedValue().run()
            return nil
        }, reference.toOpaque())
        pthread_attr_destroy(&attributes)
        isRunning = code == 0
        if !isRunning { reference.release() }
        return isRunning
    }

    private func run() {
        monitor.lock()
        while !isStopped {
            if isWanted {
                isWanted = false
                isWorking = true
                var owner = owner
                self.owner = nil
                monitor.unlock()
                work()
                // Its end, if this is the last reference, comes outside of the lock.
                if owner != nil { owner = nil }
                monitor.lock()
                isWorking = false
                monitor.signalAll()
                continue
            }
            monitor.wait(milliseconds: OnDemandThread.idleMilliseconds)
            // Woken, stopped, or idle for long enough; a wake without cause ends it early, which does no harm.
            if !isWanted { break }
        }
        isRunning = false
        owner = nil
        monitor.signalAll()
        monitor.unlock()
    }
}
