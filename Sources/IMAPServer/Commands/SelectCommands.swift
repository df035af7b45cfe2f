import IMAPCodec
import MailModel
import Varve

// SELECT, EXAMINE (with the parameters of RFC 7162), CHECK, CLOSE (RFC 3501 §6.3.1, §6.3.2, §6.4.1, §6.4.2), UNSELECT (RFC 3691).

extension CommandTable {
    static let selectCommands = [
        CommandRow("SELECT", .loggedIn, reportsUpdates: false, isQuick: true) { session, tagged in
            try await session.select(tagged.command)
        },
        CommandRow("EXAMINE", .loggedIn, reportsUpdates: false, isQuick: true) { session, tagged in
            try await session.select(tagged.command)
        },
        CommandRow("CHECK", .selected, isQuick: true) { session, _ in
            // All that was acknowledged is on disk: there is nothing to wait for.
            .ok("Check completed")
        },
        CommandRow("CLOSE", .selected, reportsUpdates: false) { session, _ in
            guard case .selected(let account, let selected) = session.state else { return .mismatch }
            session.state = .authenticated(account)
            // RFC 3501 §6.4.2: expunges, and tells nothing of it; a mailbox that was only examined stays as it is.
            if !selected.isReadOnly {
                _ = try await account.commit { tx in
                    guard try tx.mailbox(selected.id) != nil else { return }
                    try tx.expunge(UIDSet(UIDRange(.min, .max)), in: selected.id)
                }
            }
            return .ok("Close completed")
        },
        CommandRow("UNSELECT", .selected, reportsUpdates: false, isQuick: true) { session, _ in
            guard case .selected(let account, _) = session.state else { return .mismatch }
            session.state = .authenticated(account)
            return .ok("Unselect completed")
        },
    ]
}

extension Session {
    fileprivate func select(_ command: Command) async throws -> Reply {
        guard case .select(let select) = command, let account else { return .mismatch }
        if let known = select.qresync {
            // RFC 7162 §3.2.5
            guard enabled.contains(.qresync) else { return .bad("QRESYNC wants ENABLE QRESYNC first") }
            guard known.sequenceMatch == nil || !enabled.contains(.uidOnly) else {
                return Reply(status: .bad, code: "UIDREQUIRED", text: "Messages are named by UID alone")
            }
        }
        if case .selected = state {
            // RFC 7162 §3.2.11: what is said from here on concerns another mailbox.
            out.writeStatus("*", .ok, code: "CLOSED", "The mailbox is closed")
        }
        // RFC 3501 §6.3.1: whatever comes of it, the mailbox selected before is so no more.
        state = .authenticated(account)
        if select.condstore { try enableCondstore() }
        // A damaged store takes no changes (RFC 3501 §6.3.1: the server says so).
        let isReadOnly = select.isReadOnly || account.store.isReadOnly
        guard let selected = try await open(select.mailbox, account, isReadOnly: isReadOnly) else {
            return .noSuchMailbox(select.mailbox)
        }
        if let known = select.qresync { try await resynchronise(known, selected, account) }
        guard !state.isLoggedOut else { return .mismatch }
        return .ok(
            select.isReadOnly ? "Examine completed" : "Select completed", code: isReadOnly ? "READ-ONLY" : "READ-WRITE")
    }

    /// Selects the mailbox, and says what RFC 3501 §6.3.1 and its extensions want to be said.
    /// - Returns: nil if there is no such mailbox.
    private func open(_ path: MailboxPath, _ account: Account, isReadOnly: Bool) async throws -> SelectedMailbox? {
        guard let info = try account.store.snapshot().mailbox(named: path.name),
            let pin = try account.store.pin(info.id)
        else { return nil }
        let selected = SelectedMailbox(
            id: info.id, isReadOnly: isReadOnly, hasModSeqs: info.syncMode != .noModSeq, pin: pin, recent: UIDSet())
        let view: View
        do {
            try await claimRecent(selected, account)
            view = try selected.view(account)
        } catch is MailboxGone {
            return nil
        }
        let known = view.mailbox

        writeFlagNames(view.snapshot, selected)
        out.writeLine("* \(try view.count) EXISTS")
        out.writeLine("* \(try recentCount(view, selected)) RECENT")
        // RFC 9586: no sequence numbers.
        if !enabled.contains(.uidOnly), let unseen = try view.firstUnseen {
            out.writeStatus("*", .ok, code: "UNSEEN \(unseen)", "First unseen message")
        }
        writePermanentFlags(view.snapshot, selected)
        out.writeStatus("*", .ok, code: "UIDVALIDITY \(known.uidValidity)", "UIDs are valid")
        out.writeStatus("*", .ok, code: "UIDNEXT \(view.mark.uidNext)", "Predicted next UID")
        // RFC 7162 §3.1.2: one of the two, whether the client has asked for it or not.
        if selected.hasModSeqs {
            let modSeq = min(known.highestModSeq, view.mark.changed)
            out.writeStatus("*", .ok, code: "HIGHESTMODSEQ \(modSeq)", "Highest mod-sequence")
        } else {
            out.writeStatus("*", .ok, code: "NOMODSEQ", "Mod-sequences are not kept")
        }
        // RFC 8474 §4.2
        out.writeStatus("*", .ok, code: "MAILBOXID (\(known.uidValidity.objectID))", "Names the mailbox for good")
        state = .selected(account, selected)
        return selected
    }
}
