import Glibc

/// Threads that wait for states to be on disk, each to be woken by itself. A broadcast would have all of them run for a lock that one
/// alone can have, also those whose time has not come. Guarded by the writer's lock.
final class ParkedThreads {
    /// Where a thread waits: on its own stack.
    fileprivate struct Place {
        var semaphore = sem_t()
        var isDurable = false
    }

    private let lock: Monitor
    private var parked: [(modSeq: UInt64, place: UnsafeMutablePointer<Place>)] = []
    /// Room that is used again and again.
    private var stay: [(modSeq: UInt64, place: UnsafeMutablePointer<Place>)] = []

    init(lock: Monitor) { self.lock = lock }

    /// Waits. The caller holds the lock; when this returns it does not.
    /// - Returns: whether the state is on disk. Otherwise there is something to be looked for under the lock: a batch that wants to
    ///   be led, or a failure.
    func park(until modSeq: UInt64) -> Bool {
        withUnsafeTemporaryAllocation(of: Place.self, capacity: 1) { room in
            let place = room.baseAddress!
            place.initialize(to: Place())
            precondition(sem_init(&place.pointee.semaphore, 0, 0) == 0, "no semaphore to be had")
            parked.append((modSeq, place))
            lock.unlock()
            // Signals may end it early.
            while sem_wait(&place.pointee.semaphore) != 0 {}
            sem_destroy(&place.pointee.semaphore)
            return place.pointee.isDurable
        }
    }

    /// Who is to be woken, once the lock is let go.
    struct Woken {
        fileprivate var places: [UnsafeMutablePointer<Place>] = []

        func wake() {
            // None is touched after its post: its thread may have gone on.
            for place in places { sem_post(&place.pointee.semaphore) }
        }
    }

    /// Takes those whose states are on disk and, before them, one of the others to lead the next batch: the disk is not to wait.
    func take(durable: UInt64) -> Woken {
        guard !parked.isEmpty else { return Woken() }
        var woken = Woken()
        woken.places.reserveCapacity(parked.count)
        var hasLeader = false
        for one in parked {
            if one.modSeq <= durable {
                one.place.pointee.isDurable = true
                woken.places.append(one.place)
            } else if !hasLeader {
                hasLeader = true
                woken.places.append(one.place)
                woken.places.swapAt(0, woken.places.count - 1)
            } else {
                stay.append(one)
            }
        }
        swap(&parked, &stay)
        stay.removeAll(keepingCapacity: true)
        return woken
    }

    /// Takes all: something has failed.
    func takeAll() -> Woken {
        defer { parked.removeAll(keepingCapacity: true) }
        return Woken(places: parked.map(\.place))
    }
}
