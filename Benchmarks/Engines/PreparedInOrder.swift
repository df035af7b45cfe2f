import Foundation

/// Makes things on two threads and hands them over on the calling one, in their order: what a bulk load does with messages that are
/// parsed and compressed before they are written. Of batches that are made ahead only a few are kept.
final class PreparedInOrder<Product: Sendable>: @unchecked Sendable {
    private let lock = NSCondition()
    private let count: Int
    private let make: @Sendable (Int) throws -> Product
    private var ready: [Int: [Product]] = [:]
    private var nextToMake = 0
    private var nextToTake = 0
    private var failure: (any Error)?

    private static var batchSize: Int { 256 }
    private static var batchesAhead: Int { 16 }
    private static var threads: Int { 2 }

    private init(_ count: Int, _ make: @escaping @Sendable (Int) throws -> Product) {
        self.count = count
        self.make = make
    }

    /// - Parameter take: gets the products `0..<count`, in their order, some at a time.
    static func run(
        _ count: Int, _ make: @escaping @Sendable (Int) throws -> Product, take: ([Product]) throws -> Void
    ) throws {
        let run = PreparedInOrder(count, make)
        for _ in 0..<threads { Thread.detachNewThread { run.work() } }
        do {
            while let batch = try run.next() { try take(batch) }
        } catch {
            run.fail(error)
            throw error
        }
    }

    private func work() {
        while let batch = begin() {
            let from = batch * PreparedInOrder.batchSize
            do {
                finish(batch, try (from..<min(from + PreparedInOrder.batchSize, count)).map(make))
            } catch {
                return fail(error)
            }
        }
    }

    private func begin() -> Int? {
        lock.lock()
        defer { lock.unlock() }
        while failure == nil, nextToMake >= nextToTake + PreparedInOrder.batchesAhead { lock.wait() }
        guard failure == nil, nextToMake * PreparedInOrder.batchSize < count else { return nil }
        nextToMake += 1
        return nextToMake - 1
    }

    private func finish(_ batch: Int, _ products: [Product]) {
        lock.lock()
        ready[batch] = products
        lock.broadcast()
        lock.unlock()
    }

    private func fail(_ error: any Error) {
        lock.lock()
        failure = failure ?? error
        lock.broadcast()
        lock.unlock()
    }

    private func next() throws -> [Product]? {
        lock.lock()
        defer { lock.unlock() }
        guard nextToTake * PreparedInOrder.batchSize < count else { return nil }
        while ready[nextToTake] == nil, failure == nil { lock.wait() }
        if let failure { throw failure }
        defer {
            nextToTake += 1
            lock.broadcast()
        }
        return ready.removeValue(forKey: nextToTake)
    }
}
