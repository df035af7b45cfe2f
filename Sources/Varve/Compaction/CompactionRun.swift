import MailModel
import VarveFormat

/// One compaction from its first look to its last file (`Formats/base.md`). One at a time runs in a store, beside commits
/// and readers.
final class CompactionRun {
    private let store: Store
    private let options: CompactionOptions
    private let isBackground: Bool
    private let progress: (CompactionProgress) -> Void
    private var position = CompactionProgress(phase: .looking, movedBytes: 0, bytesToMove: 0)
    private var report = CompactionReport()
    private var uses: [SegmentUse] = []
    /// Those in which a message proved damaged: they stay.
    private var damagedSegments: Set<UInt32> = []
    /// What this run itself added to the account's estimate of dead bytes, and what it gave back.
    private var ownDead: Int = 0
    private var droppedDead: Int = 0

    /// Frames of so many bytes, or of so many messages, are copied by one commit.
    private static let batchBytes = 1 << 20
    private static let batchMessages = 512
    /// Rows of so many messages are held at a time, if their segments do not have more.
    private static let groupMessages = 1 << 20
    /// How often what changed meanwhile is looked at outside of the lock, and how many rows are looked at within.
    private static let attempts = 16
    private static let rowsWithinLock = 20_000

    init(
        _ store: Store, _ options: CompactionOptions, isBackground: Bool,
        progress: @escaping (CompactionProgress) -> Void
    ) {
        self.store = store
        self.options = options
        self.isBackground = isBackground
        self.progress = progress
    }

    /// - Throws: `.closed` if the store is closed meanwhile, or somebody else asked for a compaction: what is done is done.
    func run() throws(StoreError) -> CompactionReport {
        report.bytesBefore = try store.logFileBytes()
        let deadAtStart = try look()
        let victims = victims()
        if let last = victims.last {
            // The log's end is not to lie in what is emptied.
            try store.leaveSegment(last.number)
            position.bytesToMove = victims.reduce(0) { $0 + $1.liveBytes }
            for group in groups(victims) {
                try give(up: group)
                store.removeDroppedSegments()
            }
        } else if !isBackground {
            try renewBaseIfDamaged()
        }
        try settle(deadAtStart)
        report.segmentsWaiting = store.removeDroppedSegments()
        report.bytesAfter = try store.logFileBytes()
        return report
    }

    /// Without a base that holds, the index is all there is of the commits that were given up.
    private func renewBaseIfDamaged() throws(StoreError) {
        if try store.hasWholeBase() { return }
        try store.renewBase()
        store.removeLeftovers()
    }

    private func tell() { progress(position) }

    /// Between two steps.
    private func step() throws(StoreError) { try store.stepOfCompaction(isBackground: isBackground) }

    // MARK: What is to be done

    /// - Returns: the estimate of dead bytes when it looked.
    private func look() throws(StoreError) -> UInt64 {
        tell()
        let root = store.published.load()
        uses = try root.segmentUses(tag: store.uuid.tag, step: { () throws(StoreError) in try step() }) {
            [self] (error) throws(StoreError) in note(error)
        }
        return root.state.deadBytes
    }

    private func note(_ error: StoreError) {
        if report.damage.count < 100 { report.damage.append(error.message) }
    }

    /// The segments to be given up, ascending.
    private func victims() -> [SegmentUse] {
        // A segment that was just begun holds nothing but its header, and no commit knows of it yet; a base is not behind it.
        let uses = uses.filter { $0.number != self.uses.last?.number || $0.logBytes > SegmentHeader.size }
        let worn = uses.filter { $0.deadBytes * 100 > $0.logBytes * options.deadShare }
        guard worn.reduce(0, { $0 + $1.deadBytes }) >= options.minimumDeadBytes else { return [] }
        // Short ones, as each compaction leaves one, are joined on the occasion.
        let current = self.uses.last?.number
        let small = store.options.segmentSize / 8
        return uses.filter { use in
            worn.contains { $0.number == use.number } || (use.number != current && use.logBytes < small)
        }
    }

    /// Victims in parts that are given up one after the other, so that neither the copies nor the list of rows takes much.
    /// Each part needs a base of its own.
    private func groups(_ victims: [SegmentUse]) -> [[SegmentUse]] {
        var groups: [[SegmentUse]] = []
        var messages = 0
        var bytes = 0
        let room = max(4 * store.options.segmentSize, uses.reduce(0) { $0 + $1.logBytes } / 8)
        for victim in victims {
            messages += victim.liveMessages
            bytes += victim.liveBytes
            if groups.isEmpty || messages > CompactionRun.groupMessages || bytes > room {
                groups.append([])
                (messages, bytes) = (victim.liveMessages, victim.liveBytes)
            }
            groups[groups.count - 1].append(victim)
        }
        return groups
    }

    // MARK: Moving

    /// Copies what lives in segments to the log's end, and gives the segments up.
    private func give(up group: [SegmentUse]) throws(StoreError) {
        position.phase = .moving
        tell()
        let numbers = Set(group.map(\.number))
        var copies: [LogPosition: LogPosition] = [:]
        var (rows, since) = try rows(in: numbers)
        for _ in 0..<CompactionRun.attempts {
            try move(&rows, &copies)
            let root = store.published.load()
            rows = try root.state.rows(in: numbers, changedSince: since, limit: .max, root.pages) ?? []
            since = root.state.modSeq
            if !rows.isEmpty { continue }
            let sound = group.filter { !damagedSegments.contains($0.number) }
            guard !sound.isEmpty else { return }
            let base = try store.beginBase(
                without: Set(sound.map(\.number)), since: since, limit: CompactionRun.rowsWithinLock)
            if let base { return try drop(sound, base.root, base.header) }
        }
    }

    /// Rows that point into segments, and the commit up to which this is known. The state is not held any longer.
    private func rows(in segments: Set<UInt32>) throws(StoreError) -> ([BodyRow], since: UInt64) {
        let root = store.published.load()
        let rows = try root.state.rows(in: segments, root.pages) { () throws(StoreError) in try step() }
        return (rows, root.state.modSeq)
    }

    /// Gives segments up that no row of a state points to, and so none of any later one.
    private func drop(_ segments: [SegmentUse], _ root: Root, _ header: BaseHeader) throws(StoreError) {
        position.phase = .writingBase
        tell()
        let numbers = segments.map(\.number)
        try BaseWriter.write(
            root, header, without: Set(numbers), in: store.path, store.options.fileSystem, store.cipher
        ) { [self] () throws(StoreError) in try step() }
        // From here on a recovery reads no commit in them, also if the power fails at once.
        if store.checkpointSegment < header.number { try store.makeCheckpoint() }
        let modSeq = try store.commitOfCompaction { [self] (tx) throws(StoreError) in
            let before = tx.index.state.deadBytes
            try tx.dropSegments(numbers)
            ownDead += Int(tx.index.state.deadBytes) - Int(before)
        }
        // The older base goes only now that the log has gone on behind the new one: who reads the files beside the store up
        // to the end that it knows finds one of the two.
        store.adoptBase(header)
        droppedDead += segments.reduce(0) { $0 + $1.deadBytes }
        report.segmentsRemoved += numbers.count
        store.noteDropped(Set(numbers), by: modSeq)
        store.removeLeftovers()
    }

    private func move(_ rows: inout [BodyRow], _ copies: inout [LogPosition: LogPosition]) throws(StoreError) {
        rows.sort { ($0.location, $0.key.mailbox, $0.key.uid) < ($1.location, $1.key.mailbox, $1.key.uid) }
        var next = 0
        while next < rows.count {
            var batch: [(rows: ArraySlice<BodyRow>, message: PreparedMessage?)] = []
            var bytes = 0
            while next < rows.count, bytes < CompactionRun.batchBytes, batch.count < CompactionRun.batchMessages {
                let location = rows[next].location
                let end = rows[next...].firstIndex { $0.location != location } ?? rows.count
                let body = rows[next..<end]
                next = end
                if copies[location] != nil {
                    batch.append((body, nil))
                } else if let message = try read(location, isNeeded: body.contains { !$0.isDead }) {
                    bytes += FrameHeader.frameLength(payload: message.payloadLength)
                    batch.append((body, message))
                }
            }
            try commit(batch, &copies)
            position.movedBytes += bytes
            tell()
            try step()
        }
    }

    /// A message, made ready for the segment to come; nil if it is damaged: then its segment stays.
    private func read(_ location: LogPosition, isNeeded: Bool) throws(StoreError) -> PreparedMessage? {
        do throws(StoreError) {
            guard let segment = store.segment(location.segment) else {
                throw .corrupt(FileNames.segment(location.segment), "the segment is missing")
            }
            let frame = try StoredFrame(at: location, in: segment.file(), tag: store.uuid.tag, store.dictionaries)
            return PreparedMessage(frame, with: store.preparingDictionary)
        } catch {
            guard error.kind == .corrupt else { throw error }
            note(error)
            damagedSegments.insert(location.segment)
            return nil
        }
    }

    private func commit(
        _ batch: [(rows: ArraySlice<BodyRow>, message: PreparedMessage?)], _ copies: inout [LogPosition: LogPosition]
    ) throws(StoreError) {
        var made: [(from: LogPosition, to: LogPosition)] = []
        var moved = 0
        let known = copies
        let dead = Set(batch.flatMap { $0.rows.filter(\.isDead).map(\.key.mailbox) })
        try store.commitOfCompaction { [self] (tx) throws(StoreError) in
            // What nobody is shown any more need not be copied.
            try store.purge(dead, tx)
            let before = tx.index.state.deadBytes
            for (rows, message) in batch {
                let from = rows[rows.startIndex].location
                guard let to = try tx.relocate(rows, message, known: known[from]) else { continue }
                made.append((from, to))
                if let message { moved += FrameHeader.frameLength(payload: message.payloadLength) }
            }
            ownDead += Int(tx.index.state.deadBytes) - Int(before)
        }
        for copy in made { copies[copy.from] = copy.to }
        report.messagesMoved += made.count
        report.bytesMoved += moved
    }

    // MARK: The end

    /// Puts the estimate of dead bytes right.
    private func settle(_ deadAtStart: UInt64) throws(StoreError) {
        let exact = uses.reduce(0) { $0 + $1.deadBytes } - droppedDead
        report.horizon = store.settleDead { estimate in
            // What others did meanwhile is known no better than before.
            UInt64(max(0, exact + max(0, Int(estimate) - Int(deadAtStart) - self.ownDead)))
        }
    }
}
