import VarveFormat

/// What a store takes on disk, and how much of it is needed.
public struct StoreStatistics: Sendable {
    public struct Segment: Sendable {
        public let number: UInt32
        public let fileBytes: Int
        /// Bytes of the log; behind them lie zeros, or the footer.
        public let logBytes: Int
        /// Bytes of frames whose messages are in some mailbox. Copies share one.
        public let liveBytes: Int
        public let liveMessages: Int
    }
    /// Ascending in number.
    public let segments: [Segment]
    public let indexBytes: Int
}

extension Store {
    /// Looks at every message of the account.
    /// - Throws: `.corrupt`, `.io`.
    /// - Complexity: O(messages · log messages), and one small read for each body. Eight bytes of memory for each message.
    public func statistics() throws(StoreError) -> StoreStatistics {
        let root = published.load()
        var locations: [UInt64] = []
        try root.state.uid.forEachLeaf(0, .max, root.pages) { leaf, rows in
            for row in rows where MessageRow.flags(leaf, row) & MessageRow.deadBit == 0 {
                locations.append(MessageRow(leaf, row).location.rawValue)
            }
            return true
        }
        locations.sort()
        var segments: [StoreStatistics.Segment] = []
        segments.reserveCapacity(root.segments.files.count)
        var next = 0
        let header = ByteBlock(capacity: FrameHeader.size)
        for segment in root.segments.files {
            let file = try segment.file()
            let size = try file.size()
            let isCurrent = segment.number == root.logEnd.segment
            var live = 0
            var messages = 0
            while next < locations.count, LogPosition(rawValue: locations[next]).segment <= segment.number {
                let position = LogPosition(rawValue: locations[next])
                repeat { next += 1 } while next < locations.count && locations[next] == position.rawValue
                guard position.segment == segment.number,
                    try file.read(at: Int(position.offset), into: header.bytes) == FrameHeader.size,
                    let frame = FrameHeader(
                        UnsafeRawPointer(header.bytes.baseAddress!), at: position, tag: uuid.tag,
                        limit: max(0, size - Int(position.offset))),
                    frame.kind == FrameKind.message.rawValue
                else {
                    throw .corrupt("\(FileNames.segment(position.segment)), offset \(position.offset)", "no message frame")
                }
                live += frame.frameLength
                messages += 1
            }
            segments.append(
                StoreStatistics.Segment(
                    number: segment.number, fileBytes: size, logBytes: isCurrent ? Int(root.logEnd.offset) : size,
                    liveBytes: live, liveMessages: messages))
        }
        let index = try options.fileSystem.open("\(path)/\(FileNames.index)", create: false, writable: false)
        return StoreStatistics(segments: segments, indexBytes: try index.size())
    }
}
