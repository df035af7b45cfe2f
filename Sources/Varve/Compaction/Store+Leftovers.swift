import MailModel
import Synchronization
import VarveFormat

/// Segments that were given up, and whose files stay until no reader is left that may look for a message in them.
final class DroppedSegments: Sendable {
    struct Entry: Sendable {
        /// The commit that gave them up.
        var modSeq: UInt64
        var files: [SegmentFile]
    }
    private let entries = Mutex<[Entry]>([])

    func add(_ entry: Entry) { entries.withLock { $0.append(entry) } }

    func file(_ number: UInt32) -> SegmentFile? {
        entries.withLock { $0.lazy.flatMap(\.files).first { $0.number == number } }
    }

    /// Takes out those that no state from before `modSeq` is left of.
    func take(upTo modSeq: UInt64) -> [SegmentFile] {
        entries.withLock { entries in
            let taken = entries.filter { $0.modSeq <= modSeq }.flatMap(\.files)
            entries.removeAll { $0.modSeq <= modSeq }
            return taken
        }
    }

    var count: Int { entries.withLock { $0.reduce(0) { $0 + $1.files.count } } }
}

extension Store {
    /// Segments were given up by a commit, which is on disk.
    func noteDropped(_ numbers: Set<UInt32>, by modSeq: UInt64) {
        monitor.lock()
        defer { monitor.unlock() }
        let files = writer.segments.files.filter { numbers.contains($0.number) }
        // First here, then gone from there: whoever looks for one finds it in one place.
        dropped.add(DroppedSegments.Entry(modSeq: modSeq, files: files))
        writer.segments.remove(numbers)
        writer.sealedBytes = max(0, writer.sealedBytes - files.reduce(0) { $0 + ((try? $1.file().size()) ?? 0) })
        republish()
    }

    /// The newest state once more, with the segments that there are now: the old one keeps files open that are to go.
    func republish() {
        while writer.isFlushing { monitor.wait() }
        let root = published.load()
        let isNewest = writer.state.modSeq == root.state.modSeq
        let next = Root(
            state: isNewest ? writer.state : root.state, pages: root.pages, segments: writer.segments,
            logEnd: isNewest ? writer.log.end : root.logEnd)
        let state = next.state
        writer.aliveRoots.append((state.modSeq, next.liveness))
        published.publish(next)
    }

    /// Removes the files of segments that no reader may look into any more.
    /// - Returns: how many are left to be removed later.
    @discardableResult
    func removeDroppedSegments() -> Int {
        guard dropped.count > 0 else { return 0 }
        monitor.lock()
        for file in dropped.take(upTo: oldestState()) { writer.leftovers.append(FileNames.file(segment: file.number)) }
        monitor.unlock()
        removeLeftovers()
        return dropped.count
    }

    /// Removes files that nobody needs any more. One that stays takes space and does no other harm: the next opening removes
    /// it.
    func removeLeftovers() {
        monitor.lock()
        let names = writer.leftovers
        writer.leftovers.removeAll()
        monitor.unlock()
        for name in names { try? options.fileSystem.remove("\(path)/\(FileNames.segments)/\(name)") }
    }
}
