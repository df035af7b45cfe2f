import IMAPCodec
import MailModel
import Varve

// CONDSTORE (RFC 7162 §3.1): which mod-sequence a client may take for the whole mailbox, and when it begins to hear of them.

extension Session {
    /// The client has given a CONDSTORE enabling command (RFC 7162 §3.1). With the first one, and a mailbox selected, it must
    /// hear of HIGHESTMODSEQ.
    func enableCondstore() throws {
        guard !enabled.contains(.condstore) else { return }
        enabled.insert(.condstore)
        guard case .selected(let account, let selected) = state, selected.hasModSeqs else { return }
        let modSeq = try selected.highestToldModSeq(account)
        out.writeStatus("*", .ok, code: "HIGHESTMODSEQ \(modSeq)", "Highest mod-sequence")
    }

    /// A command that speaks of mod-sequences: it enables CONDSTORE, and is refused with BAD while a mailbox without them is
    /// selected (RFC 7162 §3.1.2.2).
    func useModSeqs(of selected: SelectedMailbox) throws {
        guard selected.hasModSeqs else {
            throw CommandFailure(.bad("The mailbox keeps no mod-sequences (NOMODSEQ)"))
        }
        try enableCondstore()
    }

    /// Whether responses about a mailbox' messages have MODSEQ although nobody asked for it (RFC 7162 §3.2.4).
    func tellsModSeqs(of selected: SelectedMailbox) -> Bool { enabled.contains(.condstore) && selected.hasModSeqs }

    /// Whether VANISHED stands for EXPUNGE: RFC 7162 §3.2.3, not where mod-sequences are not kept; RFC 9586 §3, always.
    func tellsVanished(of selected: SelectedMailbox) -> Bool {
        enabled.contains(.uidOnly) || enabled.contains(.qresync) && selected.hasModSeqs
    }

    /// The HIGHESTMODSEQ that goes with a command's end, if the client needs one.
    ///
    /// Having heard of expunges, which have no mod-sequence, it learns theirs from it (RFC 7162 §3.2.7, where it must after
    /// VANISHED and may after EXPUNGE; RFC 6851 §4.4 wants it after MOVE in any case). And as long as expunges are owed, which
    /// may not be told in answer to FETCH, STORE or SEARCH, it must not take the mod-sequences that it was told meanwhile for
    /// the state of the mailbox: it gets a lower one (§3.2, and the example in §6).
    func highestModSeqCode(_ report: UpdateReport, _ selected: SelectedMailbox, _ account: Account) throws -> String? {
        guard tellsModSeqs(of: selected), report.toldExpunges || report.owesExpunges else { return nil }
        return "HIGHESTMODSEQ \(try selected.highestToldModSeq(account))"
    }
}

extension SelectedMailbox {
    /// The highest mod-sequence up to which the client has heard of everything: the mailbox' highest, but while changes or
    /// expunges are untold no more than what has been told. Never goes back.
    func highestToldModSeq(_ account: Account) throws -> ModSeq {
        guard let mailbox = try account.store.snapshot().mailbox(id) else { throw MailboxGone() }
        let mark = pin.mark
        return min(mailbox.highestModSeq, mark.vanished, mark.changed)
    }
}
