import Synchronization

final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .sequentiallyConsistent) }
    func add(_ more: Int) { count.add(more, ordering: .sequentiallyConsistent) }
    func set(_ value: Int) { count.store(value, ordering: .sequentiallyConsistent) }
}
