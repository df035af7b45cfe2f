import IMAPCodec
import MailModel
import Varve

// EXPUNGE (RFC 3501 §6.4.3), UID EXPUNGE (RFC 4315 §2.1).

extension CommandTable {
    static let expungeCommands = [
        CommandRow("EXPUNGE", .selected) { session, _ in try await session.expunge(nil) },
        CommandRow("UID EXPUNGE", .selected) { session, tagged in
            guard case .uidExpunge(let set) = tagged.command else { return .mismatch }
            return try await session.expunge(set)
        },
    ]
}

extension Session {
    /// Expunges; that it is so is told as every other expunge is, by `report`.
    fileprivate func expunge(_ set: SequenceSet?) async throws -> Reply {
        guard case .selected(let account, let selected) = state else { return .mismatch }
        guard !selected.isReadOnly else { return .readOnlyMailbox }
        let uids: UIDSet
        if let set {
            uids = try resolve(set, byUID: true, in: selected, of: account)
        } else {
            // Only what the client knows of: it has not seen what came since.
            uids = selected.told
        }
        nothingWaits()
        _ = try await account.commit { tx in
            guard try tx.mailbox(selected.id) != nil else { throw MailboxGone() }
            return try tx.expunge(uids, in: selected.id)
        }
        return .ok("Expunge completed")
    }
}
