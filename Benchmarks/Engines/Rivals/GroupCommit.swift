#if Rivals
    import Foundation
    import MailModel

    /// Gathers what many committers want written at the same time into one transaction, so that they share a sync: what a server on
    /// a store with one writer does. Whoever comes while nobody writes takes all that waits.
    final class GroupCommit: @unchecked Sendable {
        /// A message that waits, and then what became of it.
        final class Append: @unchecked Sendable {
            let message: RivalMessage
            let mailbox: MailboxKey
            fileprivate(set) var outcome: Result<UID, any Error>?
            fileprivate let whenDurable: (@Sendable (Result<Void, any Error>) -> Void)?

            init(
                _ message: RivalMessage, _ mailbox: MailboxKey,
                _ whenDurable: (@Sendable (Result<Void, any Error>) -> Void)? = nil
            ) {
                self.message = message
                self.mailbox = mailbox
                self.whenDurable = whenDurable
            }
        }

        private let lock = NSCondition()
        private var waiting: [Append] = []
        private var isWriting = false
        /// Writes for those who do not wait.
        private let thread = DispatchQueue(label: "group commit")
        private var isQueueServed = false

        /// - Parameter write: writes all of it durably, and tells the UIDs in their order.
        func commit(_ append: Append, _ write: ([Append]) throws -> [UID]) throws -> UID {
            lock.lock()
            waiting.append(append)
            while append.outcome == nil {
                if isWriting {
                    lock.wait()
                } else {
                    writeAll(write)
                }
            }
            lock.unlock()
            return try append.outcome!.get()
        }

        /// As `commit`, but does not wait: the append's own function is told.
        func queue(_ append: Append, _ write: @escaping @Sendable ([Append]) throws -> [UID]) {
            lock.lock()
            defer { lock.unlock() }
            waiting.append(append)
            guard !isQueueServed else { return }
            isQueueServed = true
            thread.async { [self] in
                lock.lock()
                while !waiting.isEmpty { if isWriting { lock.wait() } else { writeAll(write) } }
                isQueueServed = false
                lock.unlock()
            }
        }

        /// Holds the lock when it is called and when it returns, but not while it writes.
        private func writeAll(_ write: ([Append]) throws -> [UID]) {
            isWriting = true
            let batch = waiting
            waiting = []
            lock.unlock()
            let outcome = Result { try write(batch) }
            for append in batch { append.whenDurable?(outcome.map { _ in () }) }
            lock.lock()
            for (index, append) in batch.enumerated() { append.outcome = outcome.map { $0[index] } }
            isWriting = false
            lock.broadcast()
        }
    }
#endif
