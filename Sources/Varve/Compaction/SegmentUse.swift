import VarveFormat

/// How much of a segment is needed.
struct SegmentUse {
    let number: UInt32
    let fileBytes: Int
    let logBytes: Int
    /// Bytes of frames whose messages are in some mailbox. Copies share one.
    let liveBytes: Int
    let liveMessages: Int

    var deadBytes: Int { max(0, logBytes - liveBytes) }
}

extension Root {
    /// Looks at every message of the account.
    /// - Parameters:
    ///   - damaged: told of a message whose frame is not there; its segment then counts as needed whole. Throws to end it.
    ///   - step: called now and then; throws to end it.
    /// - Complexity: O(messages · log messages), and one small read for each body. Eight bytes of memory for each message.
    func segmentUses(
        tag: UInt32, step: () throws(StoreError) -> Void = {},
        damaged: (StoreError) throws(StoreError) -> Void
    ) throws(StoreError) -> [SegmentUse] {
        var locations = try liveLocations(step)[...]
        var uses: [SegmentUse] = []
        uses.reserveCapacity(segments.files.count)
        let header = ByteBlock(capacity: FrameHeader.size)
        for segment in segments.files {
            let file = try segment.file()
            let size = try file.size()
            let log = segment.number == logEnd.segment ? Int(logEnd.offset) : size
            var live = 0
            var messages = 0
            while let location = locations.first, LogPosition(rawValue: location).segment <= segment.number {
                let position = LogPosition(rawValue: location)
                locations = locations.drop { $0 == location }
                if position.segment == segment.number,
                    try file.read(at: Int(position.offset), into: header.bytes) == FrameHeader.size,
                    let frame = FrameHeader(
                        UnsafeRawPointer(header.bytes.baseAddress!), at: position, tag: tag,
                        limit: max(0, size - Int(position.offset))),
                    frame.isMessage
                {
                    live += frame.frameLength
                    messages += 1
                    if messages % 4096 == 0 { try step() }
                } else {
                    try damaged(
                        .corrupt("\(FileNames.segment(position.segment)), offset \(position.offset)", "no message frame"))
                    live = log
                }
            }
            // As long as there are messages in the segment, so is what they may be compressed with.
            let first = LogPosition(segment: segment.number, offset: UInt32(SegmentHeader.size))
            if messages > 0, try file.read(at: SegmentHeader.size, into: header.bytes) == FrameHeader.size,
                let frame = FrameHeader(
                    UnsafeRawPointer(header.bytes.baseAddress!), at: first, tag: tag, limit: max(0, size - SegmentHeader.size)),
                frame.kind == FrameKind.dictionary.rawValue
            {
                live += frame.frameLength
            }
            uses.append(
                SegmentUse(
                    number: segment.number, fileBytes: size, logBytes: log, liveBytes: min(live, log),
                    liveMessages: messages))
            try step()
        }
        return uses
    }

    private func liveLocations(_ step: () throws(StoreError) -> Void) throws(StoreError) -> [UInt64] {
        var locations: [UInt64] = []
        var failure: StoreError?
        var leaves = 0
        try state.uid.forEachLeaf(0, .max, pages) { leaf, rows in
            for row in rows where MessageRow.flags(leaf, row) & MessageRow.deadBit == 0 {
                locations.append(MessageRow.location(leaf, row))
            }
            leaves += 1
            guard leaves % 1024 == 0 else { return true }
            do throws(StoreError) { try step() } catch { failure = error }
            return failure == nil
        }
        if let failure { throw failure }
        locations.sort()
        return locations
    }
}
