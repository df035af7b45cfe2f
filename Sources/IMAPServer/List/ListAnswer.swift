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
                entry.status = try snapshot.status(of: mailbox)
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
        query.write(name, entry, to: &out)
        guard let writer = query.status, entry.isSelected, let status = entry.status else { return }
        do throws(StoreError) {
            try writer.write(status, name: name, snapshot, to: &out)
        } catch {
            failure = error
        }
    }
}
