import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Varve

/// Readers take the newest state without a lock, while it is replaced again and again.
@Suite struct PublishedRootTests {
    /// In an optimized build this crashed when the retain came after the slot was given up.
    @Test func readersHoldWhatTheyTook() throws {
        let folder = TemporaryFolder()
        let store = try Store.open(at: "\(folder.path)/store")
        defer { try? store.close() }
        let first = store.published.load()
        func copy(_ modSeq: UInt64) -> Root {
            var state = first.state
            state.modSeq = modSeq
            return Root(state: state, pages: first.pages, segments: first.segments, logEnd: first.logEnd)
        }
        let published = PublishedRoot(copy(1))
        let readers = Readers(published, threads: 4, loads: 50_000)
        var last: UInt64 = 1
        var older: [Root.Liveness] = []
        while !readers.areDone {
            for _ in 0..<100 {
                last += 1
                let root = copy(last)
                if older.count < 1000 { older.append(root.liveness) }
                published.publish(root)
            }
        }
        readers.join()
        #expect(readers.stepsBack == 0, "a reader saw an older state after a newer one")
        #expect(published.load().state.modSeq == last)
        // What no reader is about to take goes with the next publication.
        let newest = copy(last + 1)
        published.publish(newest)
        #expect(older.allSatisfy { !$0.isAlive })
        #expect(newest.liveness.isAlive)
    }

    private final class Readers: Sendable {
        private let published: PublishedRoot
        private let loads: Int
        private let threadCount: Int
        private let done = Atomic<Int>(0)
        private let back = Atomic<Int>(0)
        private let threads: Mutex<[pthread_t]> = Mutex([])

        init(_ published: PublishedRoot, threads count: Int, loads: Int) {
            self.published = published
            self.loads = loads
            threadCount = count
            for _ in 0..<count {
                var thread = pthread_t()
                let reference = Unmanaged.passRetained(self)
                let code = pthread_create(&thread, nil, { argument in
                    Unmanaged<Readers>.fromOpaque(argument!).takeRetainedValue().run()
                    return nil
                }, reference.toOpaque())
                precondition(code == 0)
                threads.withLock { $0.append(thread) }
            }
        }

        var areDone: Bool { done.load(ordering: .acquiring) == threadCount }
        var stepsBack: Int { back.load(ordering: .acquiring) }

        private func run() {
            var newest: UInt64 = 0
            for _ in 0..<loads {
                let modSeq = published.load().state.modSeq
                if modSeq < newest { back.add(1, ordering: .relaxed) }
                newest = max(newest, modSeq)
            }
            done.add(1, ordering: .acquiringAndReleasing)
        }

        func join() { for thread in threads.withLock({ $0 }) { pthread_join(thread, nil) } }
    }
}
