import MailModel
import VarveFormat

// What is left of expunged messages: their rows, until all who saw them have been told; that they were there, for ever or
// up to a horizon.

extension Store {
    // MARK: Rows

    /// Takes rows of expunged messages out of the index where commits have left many, in steps between which others commit.
    func purgeExpunged() throws(StoreError) {
        while isWanted({ $0.isPurgeDue }) {
            try tidy {
                writer.isPurgeDue = false
                $0.purges = .maintenance
            }
        }
    }

    func isWanted(_ condition: (Writer) -> Bool) -> Bool {
        monitor.lock()
        defer { monitor.unlock() }
        return writer.failure == nil && !writer.isClosed && condition(writer)
    }

    /// Commits what `body` does to the order of the index, if it does anything, and waits until that is durable.
    func tidy(_ body: (Transaction) throws(StoreError) -> Void) throws(StoreError) {
        monitor.lock()
        defer { monitor.unlock() }
        do {
            _ = try build({ tx in try tx.changing { () throws(StoreError) in try body(tx) } }, whenDurable: nil)
            try waitUntilDurable(writer.state.modSeq)
        } catch {
            throw error as? StoreError ?? StoreError(.io, "\(error)")
        }
    }

    // MARK: The vanished floor

    /// Forgets which messages were expunged at or before `modSeq`, in all mailboxes, and so raises their vanished floors
    /// (`MailboxInfo.vanishedFloor`). Who asks `View.vanished` for more gets a complete answer all the same, a longer one.
    ///
    /// What a `ViewPin` has not been told is kept. Nobody's highest modseq changes. Done in several transactions, of bounded
    /// size, between which others commit; the last is durable when the call returns. If it ends early, what is done is done.
    /// - Throws: `.closed`, `.poisoned`, `.outOfSpace`, `.io`, `.corrupt`.
    /// - Complexity: O(mailboxes · log expunges + what is forgotten).
    public func forgetExpunges(through modSeq: ModSeq) throws(StoreError) {
        var ids: [UInt32] = []
        try snapshot().forEachMailbox { info in
            ids.append(info.id.rawValue)
            return true
        }
        var rest = ids[...]
        while !rest.isEmpty {
            try tidy { tx throws(StoreError) in
                var left = Store.forgottenPerTransaction
                var rows = PurgeBudget.maintenance
                while let id = rest.first, left > 0, !rows.isUsedUp {
                    if try forget(through: modSeq.rawValue, in: id, tx, &left, &rows) { rest.removeFirst() }
                }
            }
        }
    }

    /// Rows of `vanished` that a transaction takes out, about; and what it costs to look whether a mailbox has any.
    private static let forgottenPerTransaction = 200_000
    private static let costOfLooking = 200

    /// - Returns: whether nothing is left to be forgotten in the mailbox.
    private func forget(
        through modSeq: UInt64, in id: UInt32, _ tx: Transaction, _ left: inout Int, _ rows: inout PurgeBudget
    ) throws(StoreError) -> Bool {
        left -= Store.costOfLooking
        let bound = min(modSeq, oldestShown(in: id))
        guard let row = try tx.index.mailbox(id), bound > row.vanishedFloor,
            let (floor, count) = try tx.index.forgettable(id, through: bound, limit: max(left, 1))
        else { return true }
        // Rows of many messages go in several transactions, before it is forgotten that they were there.
        let before = row.dead
        let isPurged = try tx.index.purge(id, upTo: floor, &rows)
        tx.tidied += Int(before - (try tx.index.mailbox(id)?.dead ?? before))
        guard isPurged else { return false }
        left -= count
        try tx.forgetVanished(in: id, through: floor)
        return false
    }

    /// Forgets expunges of mailboxes that keep no log of them (`SyncMode.noExpungeLog`), but for those that somebody is still
    /// shown: this transaction's, for one, which are forgotten by a later one.
    /// - Returns: mailboxes in which nothing is left to be done.
    func forgetUnlogged(
        in ids: [UInt32], _ tx: Transaction, _ rows: inout PurgeBudget
    ) throws(StoreError) -> Set<UInt32> {
        var done: Set<UInt32> = []
        var left = Store.forgottenPerTransaction
        for id in ids where left > 0 {
            _ = try forget(through: .max, in: id, tx, &left, &rows)
            guard try tx.index.mailbox(id)?.dead == 0 else { continue }
            if try tx.index.forgettable(id, through: tx.modSeq.rawValue, limit: 1) == nil { done.insert(id) }
        }
        return done
    }

    var isForgettingDue: Bool { options.expungeHorizon != nil && options.clock() >= writer.nextForgetting }

    /// Forgets expunges that are older than `options.expungeHorizon`.
    func forgetOldExpunges() throws(StoreError) {
        guard let horizon = options.expungeHorizon, isWanted({ _ in isForgettingDue }) else { return }
        let now = options.clock()
        monitor.lock()
        writer.nextForgetting = now &+ max(Store.forgettingInterval, horizon / 64)
        monitor.unlock()
        guard now >= horizon, let modSeq = try modSeq(at: now - horizon) else { return }
        try forgetExpunges(through: modSeq)
    }

    /// Milliseconds between two looks for expunges beyond the horizon, at least.
    private static let forgettingInterval: UInt64 = 60_000
}

extension Transaction {
    func forgetVanished(in mailbox: UInt32, through floor: UInt64) throws(StoreError) {
        try changing { () throws(StoreError) in
            try index.forgetVanished(mailbox, through: floor)
            try add(.forgetVanished(mailbox: mailbox, floor: floor))
        }
    }
}
