import MailModel

/// What a compaction is to do.
public struct CompactionOptions: Sendable {
    /// Segments of which more than so many percent are dead are given up: 0 … 99.
    public var deadShare = 15
    /// Nothing is done for fewer dead bytes than this in such segments.
    public var minimumDeadBytes = 64 << 10

    public init() {}

    /// A quarter of the log may be dead before this begins: it leaves less.
    static let background: CompactionOptions = {
        var options = CompactionOptions()
        options.deadShare = 20
        options.minimumDeadBytes = 1
        return options
    }()
}

/// How far a compaction has come.
public struct CompactionProgress: Sendable {
    public enum Phase: Sendable {
        /// Looks at all messages.
        case looking
        /// Writes the account as it is, so that the commits before can be given up.
        case writingBase
        /// Copies live messages to the log's end.
        case moving
    }
    public var phase: Phase
    /// Bytes of live messages that have been copied, and that are to be.
    public var movedBytes: Int
    public var bytesToMove: Int
}

/// What a compaction has done.
public struct CompactionReport: Sendable {
    /// Bytes of all segments and bases before and after; after it also what is removed as soon as no reader needs it.
    public var bytesBefore = 0
    public var bytesAfter = 0
    public var segmentsRemoved = 0
    /// Given up, but still read from; removed by themselves later.
    public var segmentsWaiting = 0
    public var messagesMoved = 0
    public var bytesMoved = 0
    /// The account cannot be restored as it was before this commit; 0 if its whole history is there.
    public var horizon: ModSeq = 0
    /// Messages that could not be read, and so have stayed with their segments.
    public var damage: [String] = []
}

/// When space in the log is made.
public enum CompactionMode: Sendable {
    /// In the background, when more than a quarter of the log and a segment are dead.
    case automatic
    /// By `Store.compact` alone.
    case onDemand
}
