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

    /// - Parameter work: does all that is to be done, and returns.
    init(_ work: @escaping @Sendable () -> Void) { self.work = work }

    /// Sees to it that `work` runs once more, wholly after this call.
    func wake() {
        monitor.lock()
        defer { monitor.unlock() }
        guard !isStopped else { return }
        isWanted = true
        if isRunning { monitor.signalAll() } else { start() }
    }

    /// Returns when no work runs any more; none will run later. Not to be called from the work.
    func stop() {
        monitor.lock()
        isStopped = true
        monitor.signalAll()
        while isRunning { monitor.wait() }
        monitor.unlock()
    }

    private func start() {
        isRunning = true
        let reference = Unmanaged.passRetained(self)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let code = pthread_create(&thread, &attributes, { argument in
            Unmanaged<OnDemandThread>.fromOpaque(argument!).takeRetainedValue().run()
            return nil
        }, reference.toOpaque())
        pthread_attr_destroy(&attributes)
        precondition(code == 0, "no thread to be had: \(String(cString: strerror(code)))")
    }

    private func run() {
        monitor.lock()
        while !isStopped {
            if isWanted {
                isWanted = false
                monitor.unlock()
                work()
                monitor.lock()
                continue
            }
            monitor.wait(milliseconds: OnDemandThread.idleMilliseconds)
            // Woken, stopped, or idle for long enough; a wake without cause ends it early, which does no harm.
            if !isWanted { break }
        }
        isRunning = false
        monitor.signalAll()
        monitor.unlock()
    }
}
