import MailModel
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
        /// Bytes of the log that nobody needs, or only a recovery until the next compaction: commits.
        public var deadBytes: Int { max(0, logBytes - liveBytes) }

        init(_ use: SegmentUse) {
            number = use.number
            fileBytes = use.fileBytes
            logBytes = use.logBytes
            liveBytes = use.liveBytes
            liveMessages = use.liveMessages
        }
    }
    /// Ascending in number.
    public let segments: [Segment]
    public let indexBytes: Int
    /// The account as it was at the horizon; 0 if there is no base.
    public let baseBytes: Int
    /// The account cannot be restored as it was before this commit; 0 if its whole history is there.
    public let horizon: ModSeq

    public var logBytes: Int { segments.reduce(0) { $0 + $1.logBytes } }
    public var deadBytes: Int { segments.reduce(0) { $0 + $1.deadBytes } }
}

extension Store {
    /// Looks at every message of the account.
    /// - Throws: `.corrupt`, `.io`.
    /// - Complexity: O(messages · log messages), and one small read for each body. Eight bytes of memory for each message.
    public func statistics() throws(StoreError) -> StoreStatistics {
        let root = published.load()
        let segments = try root.segmentUses(tag: uuid.tag) { (error) throws(StoreError) in throw error }
        let index = try options.fileSystem.open("\(path)/\(FileNames.index)", create: false, writable: false)
        let base = currentBase
        return StoreStatistics(
            segments: segments.map { StoreStatistics.Segment($0) }, indexBytes: try index.size(),
            baseBytes: try base.map { header throws(StoreError) in try size(of: FileNames.base(header.number)) } ?? 0,
            horizon: ModSeq(base?.modSeq ?? 0))
    }

    private func size(of name: String) throws(StoreError) -> Int {
        try options.fileSystem.open("\(path)/\(name)", create: false, writable: false).size()
    }
}
