import MailModel
import Varve

/// A user's store while sessions use it.
final class Account: Sendable {
    let user: String
    let store: Store
    let objectIDs: ObjectIDs

    init(user: String, store: Store) throws(StoreError) {
        self.user = user
        self.store = store
        objectIDs = try ObjectIDs(store)
    }

    /// Makes a change, and returns when it is durable and visible, without holding a thread while the disk works.
    /// - Returns: what `body` returns, and the modseq of the commit.
    func commit<R>(_ body: (Transaction) throws -> R) async throws -> (result: R, modSeq: ModSeq) {
        var result: R?
        let modSeq = try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<ModSeq, any Error>) in
            do {
                result = try store.commit(body) { outcome in
                    continuation.resume(with: outcome.mapError { $0 as any Error })
                }
            } catch {
                // Nothing was queued: nobody else will answer.
                continuation.resume(throwing: error)
            }
        }
        return (result!, modSeq)
    }
}
