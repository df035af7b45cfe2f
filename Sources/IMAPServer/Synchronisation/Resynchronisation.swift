import IMAPCodec
import MailModel
import NIOCore
import Varve

// QRESYNC (RFC 7162 §3.2): a client that was away says up to which mod-sequence it knows the mailbox, and hears what happened
// since. Both halves of the answer are one range scan each.

extension Session {
    /// What has happened to messages among `uids` since `modSeq`: which are gone, and which are there and changed.
    ///
    /// What the session has still to be told as VANISHED is not among those gone: it would be counted twice
    /// (RFC 7162 §3.2.10).
    func changes(
        since modSeq: ModSeq, among uids: UIDSet, _ selected: SelectedMailbox, _ account: Account
    ) throws -> (vanished: UIDSet, changed: UIDSet) {
        let view = try selected.view(account)
        let vanished = try view.vanished(since: modSeq).subtracting(view.untoldVanished)
        let changed = try view.changedSet(since: modSeq)
        return (vanished.intersection(uids), changed.intersection(uids))
    }

    /// `SELECT … (QRESYNC (…))`: after all that a SELECT says, what the client has missed (RFC 7162 §3.2.5).
    func resynchronise(
        _ known: SelectCommand.Resynchronisation, _ selected: SelectedMailbox, _ account: Account
    ) async throws {
        let mailbox = try selected.view(account).mailbox
        // §3.2.5: of another UIDVALIDITY nothing is told; §3.2.5.1: nor where mod-sequences are not kept.
        guard selected.hasModSeqs, mailbox.uidValidity.rawValue == known.uidValidity else { return }
        var uids = selected.told
        if let knownUIDs = known.knownUIDs { uids = uids.intersection(knownUIDs.resolved(last: 0)) }
        var (vanished, changed) = try changes(since: ModSeq(known.modSeq), among: uids, selected, account)
        if let match = known.sequenceMatch, !vanished.isEmpty {
            // §3.2.5.2: the client knows of all expunges up to there.
            let matching = try SequenceMatch(match.numbers, match.uids).lastMatch(in: selected.view(account))
            if let matching { vanished = vanished.subtracting(UIDSet(UIDRange(.min, matching))) }
        }
        await writeVanished(vanished, earlier: true)
        try await writeChanges(of: changed, selected, account)
    }

    /// VANISHED, in lines of a bounded length.
    func writeVanished(_ uids: UIDSet, earlier: Bool) async {
        for start in stride(from: 0, to: uids.ranges.count, by: Session.rangesPerLine) {
            let end = min(start + Session.rangesPerLine, uids.ranges.count)
            out.writeVanished(uids.ranges[start..<end], earlier: earlier)
            await flushIfLarge()
            if state.isLoggedOut { return }
        }
    }

    /// A line of so many ranges has at most 11 KiB.
    private static let rangesPerLine = 500

    /// FETCH with FLAGS for each of `uids` that the session knows.
    func writeChanges(of uids: UIDSet, _ selected: SelectedMailbox, _ account: Account) async throws {
        var batches = MessageBatches(uids)
        while let batch = try batches.next(selected.view(account)) {
            for entry in batch where !entry.message.isExpunged { writeChange(entry, selected) }
            await flushIfLarge()
            if state.isLoggedOut { return }
        }
    }
}

extension SelectedMailbox {
    /// All UIDs that the session could know a message by.
    var told: UIDSet {
        let mark = pin.mark
        return mark.uidNext > .min ? UIDSet(UIDRange(.min, UID(mark.uidNext.rawValue - 1))) : UIDSet()
    }
}
