import MailModel
import Synchronization

/// Wakes its owner after publications, each or those of one mailbox' changes, until it is cancelled or let go.
public final class Subscription: Sendable {
    private let subscribers: Subscribers
    private let number: UInt64
    private let mailbox: UInt32?

    init(_ subscribers: Subscribers, _ number: UInt64, _ mailbox: UInt32?) {
        self.subscribers = subscribers
        self.number = number
        self.mailbox = mailbox
    }

    deinit { cancel() }

    /// No call of the handler begins after this returns, but one may be under way.
    public func cancel() { subscribers.remove(number, mailbox) }
}

final class Subscribers: Sendable {
    typealias Handler = @Sendable (ModSeq) -> Void

    private struct State {
        var next: UInt64 = 0
        /// Of all mailboxes.
        var handlers: [UInt64: Handler] = [:]
        /// Of one mailbox each.
        var byMailbox: [UInt32: [UInt64: Handler]] = [:]
    }
    private let state = Mutex(State())

    /// - Parameter mailbox: nil for all.
    func add(_ handler: @escaping Handler, to mailbox: UInt32?) -> Subscription {
        let number = state.withLock { state in
            state.next += 1
            if let mailbox {
                state.byMailbox[mailbox, default: [:]][state.next] = handler
            } else {
                state.handlers[state.next] = handler
            }
            return state.next
        }
        return Subscription(self, number, mailbox)
    }

    func remove(_ number: UInt64, _ mailbox: UInt32?) {
        // The handler is let go outside of the lock: what it holds may hold a subscription.
        _ = state.withLock { state -> Handler? in
            guard let mailbox else { return state.handlers.removeValue(forKey: number) }
            let handler = state.byMailbox[mailbox]?.removeValue(forKey: number)
            if state.byMailbox[mailbox]?.isEmpty == true { state.byMailbox[mailbox] = nil }
            return handler
        }
    }

    /// Calls those of all mailboxes, and those of the ones that changed, each once.
    func notify(_ modSeq: ModSeq, _ changed: some Sequence<[UInt32]>) {
        let handlers = state.withLock { state -> [Handler] in
            var handlers = Array(state.handlers.values)
            guard !state.byMailbox.isEmpty else { return handlers }
            var seen: Set<UInt32> = []
            for ids in changed {
                for id in ids where seen.insert(id).inserted {
                    if let those = state.byMailbox[id] { handlers.append(contentsOf: those.values) }
                }
            }
            return handlers
        }
        for handler in handlers { handler(modSeq) }
    }
}
