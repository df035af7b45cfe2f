import MailModel
import Varve

/// Goes through messages a group at a time. Between two groups no state of the account is held, however slowly the client
/// takes what it is sent; the session's mark keeps the sequence numbers as they are.
struct MessageBatches {
    struct Batch {
        let snapshot: Snapshot
        var messages: [(number: Int, message: Message)] = []
    }

    private let ranges: [UIDRange]
    private var index = 0
    /// Where to go on in `ranges[index]`.
    private var resume: UID?

    init(_ uids: UIDSet) { ranges = uids.ranges }

    /// The next messages of the set that are in the view; nil when there are no more.
    mutating func next(_ view: View) throws -> Batch? {
        var batch = Batch(snapshot: view.snapshot)
        while index < ranges.count, batch.messages.count < Session.batchSize {
            let range = ranges[index]
            var next: UID?
            try view.forEachMessage(in: UIDRange(resume ?? range.first, range.last)) { number, message in
                guard batch.messages.count < Session.batchSize else {
                    next = message.uid
                    return false
                }
                batch.messages.append((number, message))
                return true
            }
            resume = next
            if next == nil { index += 1 }
        }
        return batch.messages.isEmpty ? nil : batch
    }
}
