import IMAPCodec
import MailModel
import NIOCore
import Varve

// What happened since the session's mark, told to the client: two range scans, *vanished since* and *changed since*, and
// nothing at all when the account has no newer state.

extension Session {
    /// Messages are looked at in groups of so many.
    static let batchSize = 256

    /// Tells what has changed in the selected mailbox, and moves the mark.
    /// - Parameter mayShift: expunges may be told now (RFC 3501 §7.4.1: not while no command is in progress, nor in answer to
    ///   FETCH, STORE or SEARCH).
    func report(_ selected: SelectedMailbox, of account: Account, mayShift: Bool) async {
        do {
            try await reportThrowing(selected, of: account, mayShift: mayShift)
        } catch is MailboxGone {
            await end("The selected mailbox has been deleted")
        } catch {
            await end(failure(error, in: "update").text)
        }
    }

    private func reportThrowing(_ selected: SelectedMailbox, of account: Account, mayShift: Bool) async throws {
        let mark = selected.pin.mark
        let snapshot = account.store.snapshot()
        let vanishedIsTold = mark.vanished == snapshot.modSeq || !mayShift
        if mark.changed == snapshot.modSeq, vanishedIsTold { return }
        guard let before = try snapshot.view(mark) else { throw MailboxGone() }

        if mayShift { try await reportVanished(before) }
        var told = mark
        if mayShift { told.vanished = max(mark.vanished, snapshot.modSeq) }
        told.changed = max(mark.changed, snapshot.modSeq)
        told.uidNext = max(mark.uidNext, before.mailbox.uidNext)
        guard let after = try snapshot.view(told) else { throw MailboxGone() }
        if told.uidNext > mark.uidNext { try reportNew(after, selected, account) }
        try await reportChanged(after, since: mark, selected)
        selected.pin.advance(to: told)
        selected.toldCommits = selected.toldCommits.filter { $0 > told.changed }
    }

    /// EXPUNGE for each message gone, the last first, so that the numbers of those before it stay as they are.
    private func reportVanished(_ before: View) async throws {
        for range in before.untoldVanished.ranges.reversed() {
            guard let first = try before.sequenceNumber(of: range.first) else {
                throw StoreError(.corrupt, "message \(range.first) vanished untold, and is not in the index")
            }
            for number in stride(from: first + range.span - 1, through: first, by: -1) {
                out.writeLine("* \(number) EXPUNGE")
                await flushIfLarge()
            }
        }
    }

    /// EXISTS and RECENT (RFC 3501 §7.3). The messages are \Recent for whoever comes first.
    private func reportNew(_ after: View, _ selected: SelectedMailbox, _ account: Account) throws {
        if after.mailbox.firstRecent < after.mailbox.uidNext {
            try claimRecent(selected, after.mailbox, account)
        }
        out.writeLine("* \(try after.count) EXISTS")
        out.writeLine("* \(try recentCount(after, selected)) RECENT")
    }

    /// FETCH FLAGS for each message that changed otherwise than by being new, or by what the client did itself.
    private func reportChanged(_ after: View, since mark: ViewMark, _ selected: SelectedMailbox) async throws {
        guard mark.uidNext > .min else { return }
        let known = UIDRange(.min, UID(mark.uidNext.rawValue - 1))
        for range in try after.changed(since: mark.changed) where range.first <= known.last {
            var next: UID? = range.first
            while let first = next {
                next = nil
                var count = 0
                try after.forEachMessage(in: UIDRange(first, min(range.last, known.last))) { number, message in
                    guard count < Session.batchSize else {
                        next = message.uid
                        return false
                    }
                    count += 1
                    if !message.isExpunged, !selected.toldCommits.contains(message.modSeq) {
                        writeFlags(number, message, after.snapshot, selected)
                    }
                    return true
                }
                await flushIfLarge()
            }
        }
    }

    /// `* 5 FETCH (UID 7 FLAGS (…))`
    func writeFlags(_ number: Int, _ message: Message, _ snapshot: Snapshot, _ selected: SelectedMailbox) {
        out.writeString("* ")
        out.writeDecimal(number)
        out.writeString(" FETCH (UID ")
        out.writeDecimal(message.uid.rawValue)
        out.writeString(" FLAGS ")
        out.writeFlags(
            message.flags, keywords: snapshot.keywords(of: message), recent: selected.recent.contains(message.uid))
        out.writeString(")\r\n")
    }

    // MARK: \Recent

    /// Takes the messages that are \Recent for nobody; one who only looks (EXAMINE) sees them as recent and takes nothing
    /// (RFC 3501 §6.3.2).
    func claimRecent(_ selected: SelectedMailbox, _ info: MailboxInfo, _ account: Account) throws {
        if selected.isReadOnly {
            selected.recent.insert(UIDRange(info.firstRecent, UID(info.uidNext.rawValue - 1)))
            return
        }
        // A crash may forget it: then the messages are \Recent once more, which RFC 3501 §2.3.2 allows.
        let (from, to) = try account.store.commit(.relaxed) { tx in
            let uidNext = try tx.mailbox(selected.id)?.uidNext ?? info.uidNext
            return (try tx.claimRecent(in: selected.id), uidNext)
        }
        if from < to { selected.recent.insert(UIDRange(from, UID(to.rawValue - 1))) }
    }

    func recentCount(_ view: View, _ selected: SelectedMailbox) throws -> Int {
        var count = 0
        for range in selected.recent.ranges { count += try view.count(in: range) }
        return count
    }
}
