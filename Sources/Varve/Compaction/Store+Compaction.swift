import MailModel
import VarveFormat

extension Store {
    /// Makes space in the log: copies the messages of segments that are largely dead to the log's end, and removes the
    /// files. What is shown to anybody does not change; views, snapshots and bodies that were taken before stay readable.
    ///
    /// The history of the account before now goes with it: see `CompactionReport.horizon`. May be called from any thread; a
    /// compaction that goes on in the background ends in favour of it. A crash at any point loses nothing. A base that
    /// proves damaged is written anew.
    /// - Parameter progress: called now and then, from this thread.
    /// - Returns: what was done. Afterwards no segment is more than `options.deadShare` percent dead, but for the one that
    ///   is written to and those with damaged messages, which stay.
    /// - Throws: `.closed` if the store is closed meanwhile; `.outOfSpace`: there must be room for a base (some 52 bytes for
    ///   each message) and for an eighth of the log, or four segments; `.limit`, `.corrupt`, `.io`; `.poisoned`.
    /// - Complexity: O(messages · log messages), and what is copied.
    public func compact(
        _ options: CompactionOptions = CompactionOptions(), progress: (CompactionProgress) -> Void = { _ in }
    ) throws(StoreError) -> CompactionReport {
        precondition(0...99 ~= options.deadShare, "a share of 0 to 99 percent")
        monitor.lock()
        do throws(StoreError) {
            try checkUsable()
            writer.compactionRequests += 1
            while writer.isCompacting { monitor.wait() }
            writer.compactionRequests -= 1
            try checkUsable()
            writer.isCompacting = true
        } catch {
            monitor.unlock()
            throw error
        }
        monitor.unlock()
        defer { endCompaction() }
        return try withoutActuallyEscaping(progress) { progress throws(StoreError) in
            try CompactionRun(self, options, isBackground: false, progress: progress).run()
        }
    }

    private func endCompaction() {
        monitor.lock()
        writer.isCompacting = false
        monitor.signalAll()
        monitor.unlock()
    }

    // MARK: In the background

    /// More dead bytes than this begin a compaction: a quarter of the log, and a segment.
    private var deadBytesBound: Int {
        (writer.sealedBytes + writer.log.current.end) / 4 + options.segmentSize
    }

    /// Whether there may be so much dead that a look at all messages is worth while. Holds the lock. O(1).
    var isCompactionDue: Bool {
        guard options.compaction == .automatic, !writer.isCompacting, writer.failure == nil, !writer.isClosed else {
            return false
        }
        let dead = Int(clamping: writer.state.deadBytes)
        // What the last one could not give up is no reason for another.
        return dead > deadBytesBound && dead > writer.deadBytesLeft + options.segmentSize / 4
    }

    /// Compacts if it is due. - Throws: what ended it; the next commits tell of what concerns them.
    func compactInBackground() throws(StoreError) {
        monitor.lock()
        let isDue = isCompactionDue
        if isDue { writer.isCompacting = true }
        monitor.unlock()
        guard isDue else { return }
        defer { endCompaction() }
        do throws(StoreError) {
            _ = try CompactionRun(self, .background, isBackground: true, progress: { _ in }).run()
        } catch {
            monitor.lock()
            // Not at once again: what ended it may still be there.
            if error.kind != .closed { writer.deadBytesLeft = Int(clamping: writer.state.deadBytes) }
            monitor.unlock()
            throw error
        }
    }

    /// Between two steps of a compaction: lets commits go first, and ends it if it is to end.
    func stepOfCompaction(isBackground: Bool) throws(StoreError) {
        if isBackground {
            maintainLog()
            if let pause = options.compactionPause { pause() } else if options.backgroundMaintenance { pauseCompaction() }
        }
        monitor.lock()
        defer { monitor.unlock() }
        try checkUsable()
        if isBackground, writer.compactionRequests > 0 {
            throw StoreError(.closed, "\(path): the compaction ends in favour of another")
        }
    }

    /// About a mebibyte is moved between two pauses.
    private static let pauseMilliseconds = 50

    private func pauseCompaction() {
        let end = Monitor.milliseconds() + Store.pauseMilliseconds
        monitor.lock()
        defer { monitor.unlock() }
        while !writer.isClosed, writer.compactionRequests == 0 {
            let left = end - Monitor.milliseconds()
            if left <= 0 { return }
            monitor.wait(milliseconds: left)
        }
    }

    // MARK: Steps

    /// Commits a part of a compaction.
    /// - Returns: the modseq at which it is durable.
    @discardableResult
    func commitOfCompaction(_ body: (Transaction) throws(StoreError) -> Void) throws(StoreError) -> UInt64 {
        do {
            return try commit { tx in
                try body(tx)
                return tx.modSeq.rawValue
            }
        } catch {
            throw error as? StoreError ?? StoreError(.io, "\(error)")
        }
    }

    /// Takes rows of expunged messages that nobody is shown any more out of the index. Called within a transaction.
    func purge(_ mailboxes: Set<UInt32>, _ tx: Transaction) throws(StoreError) {
        var budget = PurgeBudget.maintenance
        for id in mailboxes.sorted() where try tx.index.mailbox(id) != nil {
            try tx.index.purge(id, upTo: oldestShown(in: id), &budget)
        }
    }

    /// Goes on in a new segment, if this is the current one.
    func leaveSegment(_ number: UInt32) throws(StoreError) {
        monitor.lock()
        defer { monitor.unlock() }
        try waitForAll()
        if writer.log.current.number == number { try beginSegment() }
    }

    /// Returns, with the lock, when all that was committed is on disk.
    private func waitForAll() throws(StoreError) {
        try checkUsable()
        while writer.durable != writer.state.modSeq {
            try waitUntilDurable(writer.state.modSeq)
            try checkUsable()
        }
    }

    /// Goes on in a new segment, if the current one has any frames and no row points into `segments`.
    /// - Parameters:
    ///   - modSeq: up to which that is known.
    ///   - limit: of rows that may be looked at.
    /// - Returns: the state before the segment's first commit, and the header of its base; nil if there is such a row, or
    ///   may be.
    func beginBase(
        without segments: Set<UInt32>, since modSeq: UInt64, limit: Int
    ) throws(StoreError) -> (root: Root, header: BaseHeader)? {
        monitor.lock()
        defer { monitor.unlock() }
        try waitForAll()
        let root = published.load()
        guard let rows = try root.state.rows(in: segments, changedSince: modSeq, limit: limit, root.pages), rows.isEmpty
        else { return nil }
        if writer.log.current.end > SegmentHeader.size {
            try beginSegment()
            // Who reads the files beside the store goes by the end that is published, and by the superblock, which is about to
            // name this segment.
            republish()
        }
        let header = BaseHeader(
            store: uuid, number: writer.log.current.number, firstModSeq: root.state.modSeq + 1, time: options.clock(),
            isEncrypted: cipher != nil)
        return (root, header)
    }

    /// Whether the log's begin was given up, and the base that stands for it is missing.
    var lacksBase: Bool {
        monitor.lock()
        defer { monitor.unlock() }
        return writer.base == nil && (writer.segments.files.first?.number ?? 1) > 1
    }

    /// Whether a replay could begin.
    /// - Complexity: O(base).
    func hasWholeBase() throws(StoreError) -> Bool {
        guard let header = currentBase else { return !lacksBase }
        do throws(StoreError) {
            return try BaseFile(header.number, in: path, options.fileSystem).isWhole()
        } catch {
            guard error.kind == .corrupt || error.kind == .notFound else { throw error }
            return false
        }
    }

    /// Writes a base of the account as it is, and gives nothing up.
    func renewBase() throws(StoreError) {
        let modSeq = published.load().state.modSeq
        guard let base = try beginBase(without: [], since: modSeq, limit: .max) else { return }
        try BaseWriter.write(base.root, base.header, without: [], in: path, options.fileSystem, cipher) {}
        if checkpointSegment < base.header.number { try makeCheckpoint() }
        adoptBase(base.header)
    }

    /// A new base is on disk.
    func adoptBase(_ header: BaseHeader) {
        monitor.lock()
        defer { monitor.unlock() }
        if let old = writer.base, old.number != header.number { writer.leftovers.append(FileNames.file(base: old.number)) }
        writer.base = header
    }

    var currentBase: BaseHeader? {
        monitor.lock()
        defer { monitor.unlock() }
        return writer.base
    }

    /// The segment in which the position of the superblock on disk lies.
    var checkpointSegment: UInt32 {
        monitor.lock()
        defer { monitor.unlock() }
        return writer.superblock.logPosition.segment
    }

    /// A segment of the log as it is now.
    func segment(_ number: UInt32) -> SegmentFile? {
        monitor.lock()
        defer { monitor.unlock() }
        return writer.segments.file(number)
    }

    /// Sets the estimate of dead bytes, given the one that there is. - Returns: the horizon.
    func settleDead(_ estimate: (UInt64) -> UInt64) -> ModSeq {
        monitor.lock()
        defer { monitor.unlock() }
        writer.state.deadBytes = estimate(writer.state.deadBytes)
        writer.deadBytesLeft = Int(clamping: writer.state.deadBytes)
        return ModSeq(writer.base?.modSeq ?? 0)
    }

    /// Bytes of the files of the log, the bases included.
    func logFileBytes() throws(StoreError) -> Int {
        let folder = "\(path)/\(FileNames.segments)"
        var bytes = 0
        for name in try options.fileSystem.list(folder) {
            do throws(StoreError) {
                bytes += try options.fileSystem.open("\(folder)/\(name)", create: false, writable: false).size()
            } catch {
                // It may be removed in this moment.
                if error.kind != .notFound { throw error }
            }
        }
        return bytes
    }
}
