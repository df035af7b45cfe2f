#if Rivals
    import Foundation
    import MailModel

    /// Gathers what many committers want written at the same time into one transaction, so that they share a sync: what a server on
    /// a store with one writer does. Whoever comes while nobody writes takes all that waits.
    final class GroupCommit: @unchecked Sendable {
        /// A message that waits, and then what became of it.
        final class Append {
            let message: RivalMessage
            let mailbox: MailboxKey
            fileprivate(set) var outcome: Result<UID, any Error>?

            init(_ message: RivalMessage, _ mailbox: MailboxKey) {
                self.message = message
                self.mailbox = mailbox
            }
        }

        private let lock = NSCondition()
        private var waiting: [Append] = []
        private var isWriting = false

        /// - Parameter write: writes all of it durably, and tells the UIDs in their order.
        func commit(_ append: Append, _ write: ([Append]) throws -> [UID]) throws -> UID {
            lock.lock()
            waiting.append(append)
            while append.outcome == nil {
                if isWriting {
                    lock.wait()
                    continue
                }
                isWriting = true
                let batch = waiting
                waiting = []
                lock.unlock()
                let outcome = Result { try write(batch) }
                lock.lock()
                for (index, append) in batch.enumerated() { append.outcome = outcome.map { $0[index] } }
                isWriting = false
                lock.broadcast()
            }
            lock.unlock()
            return try append.outcome!.get()
        }
    }
#endif
