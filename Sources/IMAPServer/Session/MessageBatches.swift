import MailModel
import Varve

/// Goes through messages a group at a time. What a group holds is copied out of the account's state: neither while it is
/// worked on nor between two groups is a snapshot held, however slowly the client takes what it is sent. The session's mark
/// keeps the sequence numbers as they are.
struct MessageBatches {
    struct Entry {
        let number: Int
        let message: Message
        let keywords: [String]
    }

    private let ranges: [UIDRange]
    private var index = 0
    /// Where to go on in `ranges[index]`.
    private var resume: UID?

    init(_ uids: UIDSet) { ranges = uids.ranges }

    /// The next messages of the set that are in the view; nil when there are no more.
    mutating func next(_ view: View) throws -> [Entry]? {
        var batch: [Entry] = []
        while index < ranges.count, batch.count < Session.batchSize {
            let range = ranges[index]
            var next: UID?
            try view.forEachMessage(in: UIDRange(resume ?? range.first, range.last)) { number, message in
                guard batch.count < Session.batchSize else {
                    next = message.uid
                    return false
                }
                let keywords = message.hasKeywords ? view.snapshot.keywords(of: message) : []
                batch.append(Entry(number: number, message: message, keywords: keywords))
                return true
            }
            resume = next
            if next == nil { index += 1 }
        }
        return batch.isEmpty ? nil : batch
    }
}
