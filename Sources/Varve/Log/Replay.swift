import MailModel
import VarveFormat

/// Applies the commits of the log to the index, in order.
struct Replay {
    var state: IndexState
    let allocator: PageAllocator
    let checkpoint: UInt64
    /// Opens the records; nil in a store that is not encrypted.
    let cipher: StoreCipher?

    /// - Parameters:
    ///   - position: where the frame stands.
    ///   - previousEnd: where the frames of the segment before end.
    mutating func apply(
        _ payload: UnsafeRawBufferPointer, at position: LogPosition, previousEnd: UInt32
    ) throws(StoreError) {
        let place = "\(FileNames.segment(position.segment)), offset \(position.offset)"
        do throws(StoreError) {
            let header = try Replay.decode { () throws(FormatError) in try CommitHeader(payload) }
            guard header.modSeq == state.modSeq + 1 else {
                throw StoreError.corrupt(place, "commit \(header.modSeq) follows commit \(state.modSeq)")
            }
            // No reader is there yet, and nothing between the checkpoint and the end will be published.
            allocator.begin(header.modSeq, oldestState: .max)
            let writer = IndexWriter(
                state, allocator, modSeq: header.modSeq, time: header.time,
                place: CommitPlace(segment: position.segment, previousEnd: previousEnd))
            let records = try Replay.records(of: payload, header, cipher)
            defer { withExtendedLifetime(records.block) {} }
            var reader = ByteReader(records.bytes)
            for _ in 0..<header.records {
                if let record = try Replay.decode({ () throws(FormatError) in try Record.decode(&reader) }) {
                    try writer.replay(record)
                }
            }
            writer.state.addDead(commit: payload.count)
            state = try writer.finish()
            allocator.commit(lastBoundary: checkpoint)
        } catch {
            allocator.rollback()
            // What the index could not take is damage of the log, unless the machine is at fault.
            switch error.kind {
            case .corrupt, .notFound, .alreadyExists, .limit: throw .corrupt(place, error.message)
            default: throw error
            }
        }
    }

    /// The records of a commit, or of a frame of another kind, in the clear, and what they lie in if that is not the payload.
    static func records(
        of payload: UnsafeRawBufferPointer, _ header: CommitHeader, _ cipher: StoreCipher?, kind: FrameKind = .commit
    ) throws(StoreError) -> (bytes: UnsafeRawBufferPointer, block: ByteBlock?) {
        guard header.isSealed == (cipher != nil) else {
            throw StoreError(
                .corrupt, header.isSealed ? "sealed records in a store that is not encrypted" : "records in the clear")
        }
        guard let cipher else { return (UnsafeRawBufferPointer(rebasing: payload[CommitHeader.size...]), nil) }
        let block = try cipher.openRecords(payload, kind)
        return (UnsafeRawBufferPointer(block.bytes), block)
    }

    private static func decode<T>(_ body: () throws(FormatError) -> T) throws(StoreError) -> T {
        do { return try body() } catch { throw StoreError(.corrupt, error.description) }
    }
}
