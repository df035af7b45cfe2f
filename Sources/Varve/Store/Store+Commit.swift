import MailModel
import VarveFormat

// The way of a transaction: built under the lock, queued, written in a batch by whoever leads, published.

extension Store {
    /// Makes changes, as one transaction: whole or not at all.
    ///
    /// `body` runs under the writer's lock: parse and compress before (`PreparedMessage`). If it throws, nothing of what it
    /// did has happened. If it changes nothing, nothing is written.
    /// - Returns: what `body` returns, when the change is durable, or queued if it is `.relaxed`.
    /// - Throws: what `body` throws; a `StoreError`: `.closed`; `.readOnly`; `.poisoned` and what poisoned it; `.outOfSpace`, `.io`.
    @discardableResult
    public func commit<R>(
        _ durability: Durability = .durable, _ body: (Transaction) throws -> R
    ) throws -> R {
        monitor.lock()
        let result: R
        let modSeq: UInt64?
        do {
            (result, modSeq) = try build(body, whenDurable: nil)
        } catch {
            monitor.unlock()
            throw error
        }
        switch durability {
        // Also where there was nothing to change: what `body` saw and answers for may not be on disk yet.
        case .durable: try unlockWhenDurable(writer.state.modSeq)
        case .relaxed:
            monitor.unlock()
            if modSeq != nil, options.backgroundFlushing { flusher.wake(keeping: self) }
        }
        return result
    }

    /// As `commit`, but returns as soon as the transaction is built. `whenDurable` is then called once, with its modseq
    /// when it is on disk and visible, or with the error that kept it from being so; from a thread of the store, from one
    /// that commits at the same time, or, if nothing is to be written, from within this call.
    public func commit<R>(
        _ body: (Transaction) throws -> R,
        whenDurable: @escaping @Sendable (Result<ModSeq, StoreError>) -> Void
    ) throws -> R {
        monitor.lock()
        let result: R
        let current: UInt64
        var isDurable = false
        do {
            defer { monitor.unlock() }
            let modSeq: UInt64?
            (result, modSeq) = try build(body, whenDurable: whenDurable)
            current = writer.state.modSeq
            if modSeq == nil {
                isDurable = writer.durable >= current
                if !isDurable { writer.observers.append((current, whenDurable)) }
            }
        }
        if isDurable {
            whenDurable(.success(ModSeq(current)))
        } else if options.backgroundFlushing, !flusher.wake(keeping: self) {
            // No thread is to be had. Whether it worked is what the callback is told.
            flushQueued()
        }
        return result
    }

    /// Returns when all that was committed before is durable.
    public func flush() throws(StoreError) {
        monitor.lock()
        try unlockWhenDurable(writer.state.modSeq)
    }

    func checkUsable() throws(StoreError) {
        if let refusal { throw refusal }
        if let failure = writer.failure {
            throw StoreError(.poisoned, "\(path): an earlier write failed, open the store again (\(failure.message))")
        }
        if writer.isClosed { throw StoreError(.closed, "\(path): the store is closed") }
    }

    /// Builds and queues a transaction. - Returns: its modseq, nil if it changed nothing.
    func build<R>(
        _ body: (Transaction) throws -> R,
        whenDurable: (@Sendable (Result<ModSeq, StoreError>) -> Void)?
    ) throws -> (R, UInt64?) {
        try checkUsable()
        while writer.log.queuedBytes > options.maximumQueuedBytes {
            if writer.isFlushing { monitor.wait() } else { flushBatch() }
            try checkUsable()
        }
        try rollSegmentIfFull()
        let modSeq = writer.state.modSeq + 1
        guard modSeq <= ModSeq.max.rawValue else { throw StoreError(.limit, "the account has used up its modseqs") }
        writer.allocator.begin(modSeq, oldestState: oldestState())
        var frames = FrameBuilder(at: writer.log.end, synced: writer.log.synced, tag: uuid.tag)
        if writer.log.current.end == SegmentHeader.size, let dictionary = segmentDictionary() { frames.add(dictionary) }
        let transaction = Transaction(
            IndexWriter(
                writer.state, writer.allocator, modSeq: modSeq, time: options.clock(), place: writer.log.place),
            frames, cipher, newSyncMode: options.syncMode, segmentDictionary: { [self] in segmentDictionary() })
        defer { transaction.isEnded = true }
        do {
            let result = try body(transaction)
            if let failure = transaction.failure { throw failure }
            var purged: Set<UInt32> = []
            if transaction.recordCount > 0 || transaction.purges.isForItself { purged = try purge(transaction) }
            guard transaction.recordCount > 0 || transaction.tidied > 0 || transaction.isPlaceholder else {
                writer.allocator.rollback()
                return (result, nil)
            }
            try transaction.finishFrames()
            writer.state = try transaction.index.finish()
            writer.deadMailboxes.drop(purged)
            writer.deadMailboxes.add(transaction.expungedFrom)
            if !transaction.expungedFrom.isEmpty, writer.state.deadRows > Store.manyDeadRows { writer.isPurgeDue = true }
            enqueue(transaction, whenDurable)
            return (result, modSeq)
        } catch {
            writer.allocator.rollback()
            throw error
        }
    }

    private func enqueue(
        _ transaction: Transaction, _ whenDurable: (@Sendable (Result<ModSeq, StoreError>) -> Void)?
    ) {
        writer.allocator.commit(lastBoundary: writer.lastBoundary)
        let log = writer.log
        let pending = LogWriter.Pending(
            modSeq: writer.state.modSeq, segment: log.current.number, file: log.current.file, offset: log.current.end,
            blocks: transaction.frames.blocks, byteCount: transaction.frames.byteCount, state: writer.state,
            pages: writer.allocator.pages, segments: writer.segments, changedMailboxes: transaction.index.changedMailboxes,
            whenDurable: whenDurable)
        log.enqueue(pending)
    }

    /// The oldest state that a reader may still hold.
    func oldestState() -> UInt64 {
        // The last one is the published one.
        let gone = writer.aliveRoots.dropLast().prefix { !$0.liveness.isAlive }.count
        writer.aliveRoots.removeFirst(gone)
        return writer.aliveRoots[0].modSeq
    }

    /// Takes expunged messages that nobody needs any more out of the index: of many at a time only some, so that no commit is
    /// held up; the rest is for later commits and for `maintain`.
    /// - Returns: mailboxes in which nothing is left to be done.
    private func purge(_ transaction: Transaction) throws(StoreError) -> Set<UInt32> {
        let index = transaction.index
        let before = index.state.deadRows
        var budget = transaction.purges
        var done: Set<UInt32> = []
        // Mailboxes take turns: in some, nothing can go for long because a session holds it.
        let turn = writer.deadMailboxes.next(Store.purgesPerTransaction)
        var unlogged: [UInt32] = []
        for id in transaction.expungedFrom.sorted() where !turn.contains(id) {
            if try index.mailbox(id)?.syncMode == .noExpungeLog { unlogged.append(id) }
        }
        for id in turn {
            guard let row = try index.mailbox(id) else {
                done.insert(id)
                continue
            }
            try index.purge(id, upTo: oldestShown(in: id), &budget)
            if row.syncMode == .noExpungeLog {
                unlogged.append(id)
            } else if try index.mailbox(id)?.dead == 0 {
                done.insert(id)
            }
        }
        done.formUnion(try forgetUnlogged(in: unlogged, transaction, &budget))
        if budget.isUsedUp { writer.isPurgeDue = true }
        transaction.tidied += Int(before - index.state.deadRows)
        return done
    }

    /// Messages of the mailbox that were expunged at or before this are shown to nobody any more.
    func oldestShown(in mailbox: UInt32) -> UInt64 {
        // A pin that is being made now begins at a published state: rows of older expunges are none of its business.
        min(writer.durable, pins.oldest(in: mailbox) ?? .max)
    }

    /// How many mailboxes a transaction tidies up at most, beside its own work.
    private static let purgesPerTransaction = 4
    /// More rows of expunged messages than this are not left for later commits, which may not come soon.
    private static let manyDeadRows: UInt64 = 1024

    // MARK: Writing

    /// Holds the lock when it is called and when it returns.
    func waitUntilDurable(_ modSeq: UInt64) throws(StoreError) {
        defer { monitor.lock() }
        try unlockWhenDurable(modSeq)
    }

    /// Holds the lock when it is called, and not when it returns: who waited for others to write has no need of it.
    private func unlockWhenDurable(_ modSeq: UInt64) throws(StoreError) {
        while writer.durable < modSeq {
            if let failure = writer.failure {
                monitor.unlock()
                throw failure
            }
            if writer.isFlushing {
                if waiting.park(until: modSeq) { return }
                monitor.lock()
            } else {
                flushBatch()
            }
        }
        monitor.unlock()
    }

    /// Writes all that is queued: the work of the flusher's thread.
    func flushQueued() {
        monitor.lock()
        while !writer.log.queue.isEmpty, writer.failure == nil {
            if writer.isFlushing { monitor.wait() } else { flushBatch() }
        }
        monitor.unlock()
    }

    /// Writes the next batch with one write and one sync, publishes its last state, and answers those who wait. Holds the
    /// lock when it is called and when it returns, but not while it writes: meanwhile the next batch gathers.
    private func flushBatch() {
        let batch = writer.log.takeBatch()
        guard let last = batch.last else { return }
        writer.isFlushing = true
        writer.lastBoundary = last.modSeq
        let end = last.offset + last.byteCount
        while let filling = writer.filling, filling.segment == last.segment, end > filling.range.lowerBound {
            monitor.wait()
        }
        monitor.unlock()
        var outcome: Result<Void, StoreError> = .success(())
        do {
            try LogWriter.write(batch)
        } catch {
            outcome = .failure(error)
        }
        monitor.lock()
        writer.isFlushing = false
        var observers: [(modSeq: UInt64, whenDurable: @Sendable (Result<ModSeq, StoreError>) -> Void)] = []
        switch outcome {
        case .success:
            writer.log.synced = LogPosition(segment: last.segment, offset: UInt32(end))
            let root = Root(
                state: last.state, pages: last.pages, segments: last.segments, logEnd: writer.log.synced)
            writer.aliveRoots.append((last.modSeq, root.liveness))
            writer.durable = last.modSeq
            published.publish(root)
            if !writer.observers.isEmpty {
                observers = writer.observers.filter { $0.modSeq <= last.modSeq }
                writer.observers.removeAll { $0.modSeq <= last.modSeq }
            }
            if isMaintenanceDue, options.backgroundMaintenance { maintenance.wake() }
        case .failure(let error):
            writer.failure = writer.failure ?? error
        }
        let woken = waiting.take(durable: writer.durable)
        monitor.signalAll()
        monitor.unlock()
        woken.wake()
        for pending in batch { pending.whenDurable?(outcome.map { ModSeq(pending.modSeq) }) }
        for observer in observers { observer.whenDurable(.success(ModSeq(observer.modSeq))) }
        if case .success = outcome { subscribers.notify(ModSeq(last.modSeq), batch.lazy.map(\.changedMailboxes)) }
        monitor.lock()
        if case .failure(let error) = outcome { poison(error) }
    }

    /// After a write that failed nothing is written any more, since what is on disk is unknown: all that waits is told so.
    /// Holds the lock when it is called and when it returns, but not while it tells.
    func poison(_ error: StoreError) {
        writer.failure = writer.failure ?? error
        let abandoned = writer.log.takeAll()
        let observers = writer.observers
        writer.observers.removeAll()
        let woken = waiting.takeAll()
        monitor.signalAll()
        monitor.unlock()
        woken.wake()
        for pending in abandoned { pending.whenDurable?(.failure(error)) }
        for observer in observers { observer.whenDurable(.failure(error)) }
        monitor.lock()
    }
}
