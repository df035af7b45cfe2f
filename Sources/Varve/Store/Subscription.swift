import MailModel
import Synchronization

/// Wakes its owner after each publication, until it is cancelled or let go.
public final class Subscription: Sendable {
    private let subscribers: Subscribers
    private let number: UInt64

    init(_ subscribers: Subscribers, _ number: UInt64) {
        self.subscribers = subscribers
        self.number = number
    }

    deinit { cancel() }

    /// No call of the handler begins after this returns, but one may be under way.
    public func cancel() { subscribers.remove(number) }
}

final class Subscribers: Sendable {
    private struct State {
        var next: UInt64 = 0
        var handlers: [UInt64: @Sendable (ModSeq) -> Void] = [:]
    }
    private let state = Mutex(State())

    func add(_ handler: @escaping @Sendable (ModSeq) -> Void) -> Subscription {
        Subscription(
            self,
            state.withLock {
                $0.next += 1
                $0.handlers[$0.next] = handler
                return $0.next
            })
    }

    func remove(_ number: UInt64) { state.withLock { _ = $0.handlers.removeValue(forKey: number) } }

    func notify(_ modSeq: ModSeq) {
        for handler in state.withLock({ Array($0.handlers.values) }) { handler(modSeq) }
    }
}
