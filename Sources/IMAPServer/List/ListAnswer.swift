import IMAPCodec
import MailModel
import NIOCore
import Varve

/// The responses to a LIST or LSUB, written piece by piece.
struct ListAnswer {
    private let query: ListQuery
    private var listing: Listing
    /// Where names are told behind those below them (RECURSIVEMATCH); empty otherwise.
    private var open = OpenNames()
    /// What this piece has cost so far.
    private var names = 0
    private var steps = 0
    /// Of the snapshot that a piece is written from, as long as it is.
    private var statuses: MailboxStatuses?
    /// What kept the state of a mailbox from being read in the last piece.
    private(set) var failure: StoreError?

    /// A piece has about so many names at most, …
    private static let namesAtOneTime = 4096
    /// … and so many steps of pattern matching: a client chooses how dear its patterns are.
    private static let stepsAtOneTime = 4 << 20

    init(_ query: ListQuery) {
        self.query = query
        listing = query.listing
    }

    var isAtEnd: Bool { listing.isAtEnd }

    /// Writes the next piece.
    mutating func proceed(in snapshot: Snapshot, to out: inout ByteBuffer) throws(StoreError) {
        names = 0
        steps = 0
        failure = nil
        statuses = snapshot.statuses
        defer { statuses = nil }
        var listing = self.listing
        defer { self.listing = listing }
        try snapshot.proceed(&listing) { listed throws(StoreError) in try visit(listed, snapshot, &out) }
        if listing.isAtEnd, query.isRecursive { tellOpenNames(before: nil, snapshot, &out) }
    }

    private mutating func visit(
        _ listed: borrowing ListedName, _ snapshot: Snapshot, _ out: inout ByteBuffer
    ) throws(StoreError) -> Listing.Step {
        let name = listed.name
        let isMatch = query.patterns.matches(name)
        if query.isRecursive {
            tellOpenNames(before: name, snapshot, &out)
            let entry = try entry(listed, isMatch: isMatch, snapshot)
            if entry.isSelected { open.noteSelected(name, isHidden: !isMatch) }
            open.append(name, entry)
        } else if isMatch {
            let entry = try entry(listed, isMatch: true, snapshot)
            if entry.isSelected { tell(name, entry, snapshot, &out) }
        }
        names += 1
        steps += name.count * query.patterns.stepsPerByte
        var step: Listing.Step = []
        if !query.isRecursive, query.patterns.matchNothing(below: name) { step.insert(.skipInferiors) }
        if names >= ListAnswer.namesAtOneTime || steps >= ListAnswer.stepsAtOneTime
            || out.readableBytes >= Session.flushSize
        {
            step.insert(.pause)
        }
        return step
    }

    private mutating func entry(
        _ listed: borrowing ListedName, isMatch: Bool, _ snapshot: Snapshot
    ) throws(StoreError) -> ListEntry {
        var entry = ListEntry(mailbox: listed.mailbox, isSubscribed: listed.isSubscribed, isMatch: isMatch)
        if query.returns.contains(.children) || entry.mailbox == nil && query.criteria.isEmpty {
            entry.hasInferiors = try snapshot.hasInferiors(listed)
        }
        if let mailbox = entry.mailbox, query.needsStatus {
            do throws(StoreError) {
                entry.status = try statuses?.status(of: mailbox)
            } catch {
                // RFC 5819 §2: what cannot be told of one mailbox does not keep the others from the client.
                failure = error
            }
        }
        entry.isSelected = query.selects(entry)
        return entry
    }

    /// Tells the names that nothing more can come below of.
    /// - Parameter name: the name that comes next; nil: none does.
    private mutating func tellOpenNames(
        before name: UnsafeRawBufferPointer?, _ snapshot: Snapshot, _ out: inout ByteBuffer
    ) {
        var open = OpenNames()
        swap(&open, &self.open)
        open.close(before: name) { name, entry in
            if entry.isMatch, entry.isSelected || entry.hasHiddenInferior { tell(name, entry, snapshot, &out) }
        }
        self.open = open
    }

    private mutating func tell(
        _ name: UnsafeRawBufferPointer, _ entry: ListEntry, _ snapshot: Snapshot, _ out: inout ByteBuffer
    ) {
        let writer = entry.isSelected ? query.status : nil
        if let form = PlainName(name), let head = query.plainHead(of: entry), writer?.isPlain ?? true {
            // Nearly all names, and all of one that has thousands.
            let capacity = head.count + 2 * (name.count + 2) + (entry.status == nil ? 0 : writer?.capacity ?? 0) + 2
            return out.writeLines(atMost: capacity) { line in
                line.put(head)
                line.put(name, as: form)
                line.put("\r\n")
                if let writer, let status = entry.status { writer.put(status, name: name, as: form, to: &line) }
            }
        }
        query.write(name, entry, to: &out)
        guard let writer, let status = entry.status else { return }
        do throws(StoreError) {
            try writer.write(status, name: name, snapshot, to: &out)
        } catch {
            failure = error
        }
    }
}
