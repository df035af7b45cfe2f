import MailModel
import VarveFormat

extension Store {
    /// The newest state that the account had at a time, by what the clocks of the committing processes said: the last commit
    /// made at or before it. Where a clock was set back, several commits could be meant, and it is one of them.
    /// - Parameter time: milliseconds since 1970-01-01T00:00:00Z.
    /// - Returns: nil if the log holds no commit as old as that.
    /// - Throws: `.corrupt`, `.io`.
    /// - Complexity: O(log segments) small reads, and one pass over the frames of a segment, but not over bodies.
    public func modSeq(at time: UInt64) throws(StoreError) -> ModSeq? {
        let root = published.load()
        let segments = root.segments.files
        // The last segment whose first commit is not younger.
        var low = 0
        var high = segments.count
        while low < high {
            let middle = (low + high) / 2
            var reader = try commits(of: segments[middle], root)
            // One without a commit has only just been begun.
            if let first = try reader.nextCommit(), first.time <= time { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return nil }
        var reader = try commits(of: segments[low - 1], root)
        var found: UInt64?
        while let commit = try reader.nextCommit() {
            if commit.time <= time { found = commit.modSeq }
        }
        return found.map { ModSeq($0) }
    }

    private func commits(of segment: SegmentFile, _ root: Root) throws(StoreError) -> LogReader {
        let file = try segment.file()
        let isLast = segment.number == root.logEnd.segment
        let limit = isLast ? Int(root.logEnd.offset) : min(try file.size(), LogFiles.largestSegment)
        return LogReader(
            file: file, segment: segment.number, tag: uuid.tag, from: SegmentHeader.size, limit: limit)
    }
}
