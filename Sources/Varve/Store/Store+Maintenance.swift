import MailModel
import VarveFormat

// What is done beside the commits: zeros ahead of the log's end, new segments, seals, checkpoints.

extension Store {
    /// A segment begins with so many bytes of zeros ahead, and gets more in steps that grow with it.
    static let smallestFill = 64 << 10
    static let largestFill = 4 << 20
    /// Zeros that are written and synced at a time: a commit's sync waits for what else of the file is on its way to the disk.
    private static let fillPiece = 128 << 10

    var isMaintenanceDue: Bool {
        isFillDue || !writer.sealable.isEmpty || isCheckpointDue || writer.isPurgeDue || isForgettingDue || isShrinkDue
            || isCompactionDue || isDictionaryDue
    }

    var isFillDue: Bool {
        let current = writer.log.current
        return writer.filling == nil && current.zeroed - current.end < Store.fillStep(current) / 2
            && max(current.zeroed, current.end) < LogFiles.largestSegment
    }

    private var isCheckpointDue: Bool {
        guard !writer.isCheckpointing else { return false }
        let from = writer.superblock.logPosition
        let to = writer.log.synced
        let segments = Int(to.segment - from.segment)
        return segments * options.segmentSize + Int(to.offset) - Int(from.offset) >= options.checkpointInterval
    }

    /// What follows a long segment will be long itself.
    private static func fillStep(_ current: LogWriter.Current) -> Int {
        max(smallestFill, min(largestFill, max(current.end, Int(current.previousEnd)) / 2))
    }

    /// Does what is due. Called by the store's own thread, or by its owner where `backgroundMaintenance` is off.
    public func maintain() {
        if isReadOnly { return }
        maintainLog()
        removeDroppedSegments()
        // What ended it is told by the next commits, where it concerns them.
        try? compactInBackground()
    }

    /// Returns when the store's own thread has done what was due: for who counts what an operation costs.
    package func waitForMaintenance() { maintenance.join() }

    /// All of it but compaction.
    func maintainLog() {
        fillAhead()
        do {
            try sealSegments()
            monitor.lock()
            let isDue = isCheckpointDue && writer.failure == nil
            monitor.unlock()
            if isDue { try makeCheckpoint() }
            try purgeExpunged()
            try forgetOldExpunges()
            if isWanted({ _ in isShrinkDue }) { try shrinkIndex() }
            try renewDictionary()
        } catch {
            // What leaves the disk in an unknown state has poisoned the store where it happened. A full disk does no harm:
            // it is the next commit that reports it.
        }
    }

    /// Writes zeros ahead of the log's end: a sync of bytes that a file already has needs no journal commit of the file
    /// system (`Formats/segment.md`).
    private func fillAhead() {
        monitor.lock()
        defer { monitor.unlock() }
        guard isFillDue, writer.failure == nil else { return }
        let current = writer.log.current
        let start = max(current.zeroed, current.end)
        let end = min(start + Store.fillStep(current), LogFiles.largestSegment)
        var failure: StoreError?
        var from = start
        // A segment that is full meanwhile needs no more.
        while from < end, failure == nil, writer.log.current.number == current.number {
            let piece = from..<min(from + Store.fillPiece, end)
            writer.filling = (current.number, from..<end)
            monitor.unlock()
            do {
                try Store.writeZeros(current.file, piece)
                // The sync may be the one to be told that a commit's bytes, on their way to the disk in these moments, did not
                // get there; the commit's own is then not told again.
                try current.file.sync()
            } catch {
                failure = error
            }
            monitor.lock()
            if failure == nil, writer.log.current.number == current.number { writer.log.current.zeroed = piece.upperBound }
            // A commit may wait for its place.
            monitor.signalAll()
            from = piece.upperBound
        }
        writer.filling = nil
        // No zeros for want of space, no harm: commits extend the file themselves, and it is they that report a full disk.
        if let failure, failure.kind != .outOfSpace { poison(failure) }
        monitor.signalAll()
    }

    static func writeZeros(_ file: any File, _ range: Range<Int>) throws(StoreError) {
        let zeros = ByteBlock([UInt8](repeating: 0, count: min(range.count, 1 << 20)))
        var at = range.lowerBound
        while at < range.upperBound {
            let count = min(zeros.bytes.count, range.upperBound - at)
            try file.write(at: at, [UnsafeRawBufferPointer(rebasing: zeros.bytes[..<count])])
            at += count
        }
    }

    // MARK: Segments

    /// Begins a new segment if the current one has its size; the old one can then be sealed.
    ///
    /// The new segment's header says where the old one ends, so all of that is on disk before; and it is on disk itself
    /// before any transaction follows it.
    func rollSegmentIfFull() throws(StoreError) {
        while writer.log.current.end >= options.segmentSize || writer.isSegmentBegun || writer.nextDictionary != nil {
            guard writer.durable == writer.state.modSeq else {
                try waitUntilDurable(writer.state.modSeq)
                try checkUsable()
                continue
            }
            if writer.log.current.end == SegmentHeader.size, !writer.isSegmentBegun, let dictionary = writer.nextDictionary {
                use(dictionary)
            } else {
                try beginSegment()
            }
        }
    }

    /// For the current segment, which has no frames yet.
    private func use(_ dictionary: CompressionDictionary?) {
        writer.nextDictionary = nil
        writer.log.current.dictionary = .known(dictionary)
        preparing.set(dictionary)
    }

    /// Goes on in a new segment. If that fails, its header may be on disk all the same, and it says where the old one ends:
    /// then no commit goes there any more, and the next one begins the segment again.
    /// - Precondition: all that was committed is on disk.
    func beginSegment() throws(StoreError) {
        writer.isSegmentBegun = true
        let old = writer.log.current
        let header = SegmentHeader(
            store: uuid, number: old.number + 1, firstModSeq: writer.state.modSeq + 1, previousEnd: UInt32(old.end),
            isEncrypted: cipher != nil)
        let dictionary = writer.nextDictionary ?? segmentDictionary()
        let (file, segment) = try Store.createSegment(header, path: path, options)
        writer.isSegmentBegun = false
        writer.sealable.append((old.file, old.number, old.end))
        writer.sealedBytes += old.end
        writer.segments.append(segment)
        writer.log.begin(
            LogWriter.Current(
                number: header.number, previousEnd: header.previousEnd, file: file, end: SegmentHeader.size,
                zeroed: Store.smallestFill))
        use(dictionary)
    }

    /// A segment's file with its header, filled with zeros, it and its name durable.
    static func createSegment(
        _ header: SegmentHeader, path: String, _ options: StoreOptions
    ) throws(StoreError) -> (any File, SegmentFile) {
        let name = "\(path)/\(FileNames.segment(header.number))"
        let file = try options.fileSystem.open(name, create: true, writable: true)
        let block = ByteBlock(header.encode())
        try writeZeros(file, SegmentHeader.size..<smallestFill)
        try file.write(at: 0, [UnsafeRawBufferPointer(block.bytes)])
        try file.sync()
        withExtendedLifetime(block) {}
        try options.fileSystem.syncDirectory("\(path)/\(FileNames.segments)")
        return (file, SegmentFile(number: header.number, path: name, fileSystem: options.fileSystem, file: file))
    }

    /// Seals what is to be sealed.
    /// - Throws: what kept a segment from being sealed. It is as good without a seal; but an error other than of a full disk
    ///   leaves the file in an unknown state, and poisons the store.
    func sealSegments() throws(StoreError) {
        monitor.lock()
        defer { monitor.unlock() }
        while let next = writer.sealable.first, writer.failure == nil {
            // Zeros may still be on their way to the place where the footer will stand.
            if writer.filling?.segment == next.number {
                monitor.wait()
                continue
            }
            writer.sealable.removeFirst()
            monitor.unlock()
            var failure: StoreError?
            do { try Store.seal(next.file, number: next.number, end: next.end, tag: uuid.tag) } catch { failure = error }
            monitor.lock()
            // Damage within a segment is for those to report who read there; nothing was written to it.
            guard let failure, failure.kind != .corrupt else { continue }
            if failure.kind == .outOfSpace { writer.sealable.insert(next, at: 0) } else { poison(failure) }
            throw failure
        }
    }

    /// Ends a segment with its footer and cuts off the zeros behind it.
    static func seal(_ file: any File, number: UInt32, end: Int, tag: UInt32) throws(StoreError) {
        var reader = LogReader(file: file, segment: number, tag: tag, from: SegmentHeader.size, limit: end)
        var footer = SegmentFooter(
            firstModSeq: 0, lastModSeq: 0, commits: 0, messages: 0, messageBytes: 0,
            digest: try digest(file, 0..<end))
        while reader.offset < end {
            let place = reader.position
            guard case .frame(let frame) = try reader.next() else {
                throw .corrupt("segment \(number), offset \(place.offset)", "no valid frame, while the segment is sealed")
            }
            switch FrameKind(rawValue: frame.header.kind) {
            case .message, .smallMessage:
                footer.messages += 1
                footer.messageBytes += UInt64(frame.header.frameLength)
            case .commit:
                let payload = UnsafeRawBufferPointer(rebasing: frame.payload!.bytes[..<Int(frame.header.length)])
                guard let commit = try? CommitHeader(payload) else { continue }
                footer.commits += 1
                footer.lastModSeq = commit.modSeq
                if footer.firstModSeq == 0 { footer.firstModSeq = commit.modSeq }
            case .footer, .base, .dictionary, nil: break
            }
        }
        let position = LogPosition(segment: number, offset: UInt32(end))
        var frame = FrameBuilder(at: position, synced: position, tag: tag)
        frame.add(.footer, payload: footer.encode())
        try file.write(at: end, frame.blocks.map { UnsafeRawBufferPointer(rebasing: $0.block.bytes[$0.range]) })
        try file.truncate(end + frame.byteCount)
        try file.sync()
        withExtendedLifetime(frame) {}
    }

    /// SHA-256 of bytes of a file.
    static func digest(_ file: any File, _ range: Range<Int>) throws(StoreError) -> [UInt8] {
        let digest = try FileDigest()
        let block = ByteBlock(capacity: 1 << 20)
        var at = range.lowerBound
        while at < range.upperBound {
            let wanted = min(block.bytes.count, range.upperBound - at)
            let count = try file.read(at: at, into: UnsafeMutableRawBufferPointer(rebasing: block.bytes[..<wanted]))
            guard count > 0 else { throw StoreError(.corrupt, "a segment ends at \(at), before its frames do") }
            try digest.update(UnsafeRawBufferPointer(rebasing: block.bytes[..<count]))
            at += count
        }
        return try digest.value()
    }
}
