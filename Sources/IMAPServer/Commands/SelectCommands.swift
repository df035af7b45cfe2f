import IMAPCodec
import MailModel
import Varve

// SELECT, EXAMINE, CHECK, CLOSE (RFC 3501 §6.3.1, §6.3.2, §6.4.1, §6.4.2), UNSELECT (RFC 3691).

extension CommandTable {
    static let selectCommands = [
        CommandRow("SELECT", .loggedIn, reportsUpdates: false) { session, tagged in
            guard case .select(let select) = tagged.command, let account = session.account else { return .mismatch }
            return try session.select(select.mailbox, account, isReadOnly: false)
        },
        CommandRow("EXAMINE", .loggedIn, reportsUpdates: false) { session, tagged in
            guard case .select(let select) = tagged.command, let account = session.account else { return .mismatch }
            return try session.select(select.mailbox, account, isReadOnly: true)
        },
        CommandRow("CHECK", .selected) { session, _ in
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
        CommandRow("UNSELECT", .selected, reportsUpdates: false) { session, _ in
            guard case .selected(let account, _) = session.state else { return .mismatch }
            session.state = .authenticated(account)
            return .ok("Unselect completed")
        },
    ]
}

extension Session {
    fileprivate func select(_ path: MailboxPath, _ account: Account, isReadOnly: Bool) throws -> Reply {
        // RFC 3501 §6.3.1: whatever comes of it, the mailbox selected before is so no more.
        state = .authenticated(account)
        let completed = isReadOnly ? "Examine completed" : "Select completed"
        // A damaged store takes no changes (RFC 3501 §6.3.1: the server says so).
        let isReadOnly = isReadOnly || account.store.isReadOnly
        guard let info = try account.store.snapshot().mailbox(named: path.name),
            let pin = try account.store.pin(info.id)
        else { return .noSuchMailbox(path) }
        let selected = SelectedMailbox(id: info.id, isReadOnly: isReadOnly, pin: pin, recent: UIDSet())
        let view: View
        do {
            view = try selected.view(account)
            if view.mailbox.firstRecent < view.mailbox.uidNext { try claimRecent(selected, view.mailbox, account) }
        } catch is MailboxGone {
            return .noSuchMailbox(path)
        }
        let known = view.mailbox

        let keywords = view.snapshot.keywords.sorted()
        out.writeString("* FLAGS ")
        out.writeFlags(.all, keywords: keywords, recent: false)
        out.writeLine("\r\n* \(try view.count) EXISTS")
        out.writeLine("* \(try recentCount(view, selected)) RECENT")
        if let unseen = try view.firstUnseen {
            out.writeStatus("*", .ok, code: "UNSEEN \(unseen)", "First unseen message")
        }
        out.writeStatus("*", .ok, code: permanentFlags(keywords, isReadOnly), "Flags that are kept")
        out.writeStatus("*", .ok, code: "UIDVALIDITY \(known.uidValidity)", "UIDs are valid")
        out.writeStatus("*", .ok, code: "UIDNEXT \(view.mark.uidNext)", "Predicted next UID")
        state = .selected(account, selected)
        return .ok(completed, code: isReadOnly ? "READ-ONLY" : "READ-WRITE")
    }

    /// RFC 3501 §7.1: `\*` says that new keywords can be made.
    private func permanentFlags(_ keywords: [String], _ isReadOnly: Bool) -> String {
        if isReadOnly { return "PERMANENTFLAGS ()" }
        return "PERMANENTFLAGS (\((Flags(.all, keywords: keywords).names + ["\\*"]).joined(separator: " ")))"
    }
}
