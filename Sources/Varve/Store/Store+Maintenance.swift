import COpenSSL
import MailModel
import VarveFormat

// What is done beside the commits: zeros ahead of the log's end, new segments, seals, checkpoints.

extension Store {
    /// A segment begins with so many bytes of zeros ahead, and gets more in steps that grow with it.
    static let smallestFill = 64 << 10
    static let largestFill = 4 << 20

    var isMaintenanceDue: Bool {
        isFillDue || !writer.sealable.isEmpty || isCheckpointDue
    }

    private var isFillDue: Bool {
        let current = writer.log.current
        return writer.filling == nil && current.zeroed - current.end < Store.fillStep(current.end) / 2
    }

    private var isCheckpointDue: Bool {
        guard !writer.isCheckpointing else { return false }
        let from = writer.superblock.logPosition
        let to = writer.log.synced
        let segments = Int(to.segment - from.segment)
        return segments * options.segmentSize + Int(to.offset) - Int(from.offset) >= options.checkpointInterval
    }

    private static func fillStep(_ end: Int) -> Int { max(smallestFill, min(largestFill, end / 2)) }

    /// Does what is due. Called by the store's own thread, or by its owner where `backgroundMaintenance` is off.
    public func maintain() {
        fillAhead()
        do {
            try sealSegments()
            monitor.lock()
            let isDue = isCheckpointDue && writer.failure == nil
            monitor.unlock()
            if isDue { try makeCheckpoint() }
        } catch {
            // A failed write here is as bad as one of a commit: what is on disk is unknown.
            monitor.lock()
            writer.failure = writer.failure ?? error
            monitor.signalAll()
            monitor.unlock()
        }
    }

    /// Writes zeros ahead of the log's end: a sync of bytes that a file already has needs no journal commit of the file
    /// system (`Formats/segment.md`).
    private func fillAhead() {
        monitor.lock()
        guard isFillDue, writer.failure == nil else { return monitor.unlock() }
        let current = writer.log.current
        let start = max(current.zeroed, current.end)
        let range = start..<(start + Store.fillStep(current.end))
        writer.filling = range
        monitor.unlock()
        var isFilled = false
        do {
            try Store.writeZeros(current.file, range)
            isFilled = true
        } catch {
            // No zeros, no harm: commits extend the file themselves, and it is they that report a full disk.
        }
        monitor.lock()
        writer.filling = nil
        if isFilled, writer.log.current.number == current.number { writer.log.current.zeroed = range.upperBound }
        monitor.signalAll()
        monitor.unlock()
    }

    static func writeZeros(_ file: any File, _ range: Range<Int>) throws(StoreError) {
        let zeros = ByteBlock([UInt8](repeating: 0, count: min(range.count, 1 << 20)))
        var at = range.lowerBound
        while at < range.upperBound {
            let count = min(zeros.bytes.count, range.upperBound - at)
            try file.write(at: at, [UnsafeRawBufferPointer(rebasing: zeros.bytes[..<count])])
            at += count
        }
        try file.sync()
    }

    // MARK: Segments

    /// Begins a new segment if the current one has its size. The old one is sealed when all its frames are on disk.
    func rollSegmentIfFull() throws(StoreError) {
        let old = writer.log.current
        guard old.end >= options.segmentSize, old.header == nil else { return }
        let number = old.number + 1
        let header = SegmentHeader(
            store: uuid, number: number, firstModSeq: writer.state.modSeq + 1, previousEnd: UInt32(old.end))
        let (file, segment) = try Store.createSegment(number, path: path, options)
        writer.sealable.append((old.file, old.number, old.end))
        writer.segments.append(segment)
        // What is queued for the old segment is a batch of its own, whose last state will be published.
        writer.lastBoundary = max(writer.lastBoundary, writer.state.modSeq)
        writer.log.current = LogWriter.Current(
            number: number, file: file, end: SegmentHeader.size, zeroed: Store.smallestFill,
            header: ByteBlock(header.encode()))
    }

    /// An empty segment file, filled with zeros, its name durable.
    static func createSegment(
        _ number: UInt32, path: String, _ options: StoreOptions
    ) throws(StoreError) -> (any File, SegmentFile) {
        let name = "\(path)/\(FileNames.segment(number))"
        let file = try options.fileSystem.open(name, create: true, writable: true)
        try writeZeros(file, 0..<smallestFill)
        try options.fileSystem.syncDirectory("\(path)/\(FileNames.segments)")
        return (file, SegmentFile(number: number, path: name, fileSystem: options.fileSystem, file: file))
    }

    private func sealSegments() throws(StoreError) {
        while true {
            monitor.lock()
            guard let next = writer.sealable.first, writer.log.synced.segment > next.number else { return monitor.unlock() }
            writer.sealable.removeFirst()
            monitor.unlock()
            try Store.seal(next.file, number: next.number, end: next.end, tag: uuid.tag)
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
            case .message:
                footer.messages += 1
                footer.messageBytes += UInt64(frame.header.frameLength)
            case .commit:
                let payload = UnsafeRawBufferPointer(rebasing: frame.payload!.bytes[..<Int(frame.header.length)])
                guard let commit = try? CommitHeader(payload) else { continue }
                footer.commits += 1
                footer.lastModSeq = commit.modSeq
                if footer.firstModSeq == 0 { footer.firstModSeq = commit.modSeq }
            case .footer, nil: break
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
        guard let context = EVP_MD_CTX_new() else { throw StoreError(.io, "no memory for a digest") }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else { throw StoreError(.io, "libcrypto has no SHA-256") }
        let block = ByteBlock(capacity: 1 << 20)
        var at = range.lowerBound
        while at < range.upperBound {
            let wanted = min(block.bytes.count, range.upperBound - at)
            let count = try file.read(at: at, into: UnsafeMutableRawBufferPointer(rebasing: block.bytes[..<wanted]))
            guard count > 0 else { throw StoreError(.io, "a segment ends at \(at), before its frames do") }
            guard EVP_DigestUpdate(context, block.bytes.baseAddress!, count) == 1 else {
                throw StoreError(.io, "libcrypto could not go on with a digest")
            }
            at += count
        }
        var digest = [UInt8](repeating: 0, count: 32)
        guard EVP_DigestFinal_ex(context, &digest, nil) == 1 else { throw StoreError(.io, "libcrypto could not end a digest") }
        return digest
    }
}
