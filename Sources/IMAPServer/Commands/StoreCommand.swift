import IMAPCodec
import MailModel
import Varve

// STORE (RFC 3501 §6.4.6).

extension CommandTable {
    static let storeCommands = [
        CommandRow("STORE", .selected, mayShift: false) { session, tagged in try await session.store(tagged.command) },
        CommandRow("UID STORE", .selected) { session, tagged in try await session.store(tagged.command) },
    ]
}

extension Session {
    fileprivate func store(_ command: Command) async throws -> Reply {
        guard case .store(let store) = command, case .selected(let account, let selected) = state else { return .mismatch }
        guard !selected.isReadOnly else { return .readOnlyMailbox }
        let uids = try resolve(store.set, byUID: store.uid, in: selected, of: account)
        let change: FlagChange =
            switch store.operation {
            case .add: .add(store.flags)
            case .remove: .remove(store.flags)
            case .replace: .replace(store.flags)
            }
        let ((changed, foreign), modSeq) = try await account.commit { tx in
            guard let mailbox = try tx.mailbox(selected.id) else { throw MailboxGone() }
            let foreign = store.isSilent ? try untoldChanges(of: uids, tx, mailbox, selected) : UIDSet()
            return (try tx.changeFlags(change, of: uids, in: selected.id), foreign)
        }
        if !changed.isEmpty { selected.toldCommits.insert(modSeq) }
        try await writeFlags(of: store.isSilent ? foreign : uids, selected, account)
        return try storeReply(store, uids, selected, account)
    }

    /// Messages whose flags others have changed and the client has not been told. The change that is now made hides that
    /// they were, so that they are to be told with it, .SILENT or not (RFC 3501 §6.4.6).
    private func untoldChanges(
        of uids: UIDSet, _ tx: Transaction, _ mailbox: MailboxInfo, _ selected: SelectedMailbox
    ) throws -> UIDSet {
        let mark = selected.pin.mark
        guard mailbox.highestModSeq > mark.changed else { return UIDSet() }
        var foreign = UIDSet()
        try tx.messages(in: selected.id, uids) { message in
            guard message.uid < mark.uidNext, message.modSeq > mark.changed else { return }
            if !selected.toldCommits.contains(message.modSeq) { foreign.insert(message.uid) }
        }
        return foreign
    }

    /// The new flags of all messages that were named, also of those that had them already.
    private func writeFlags(of uids: UIDSet, _ selected: SelectedMailbox, _ account: Account) async throws {
        var batches = MessageBatches(uids)
        while let batch = try batches.next(selected.view(account)) {
            for entry in batch where !entry.message.isExpunged { writeFlags(entry, selected) }
            await flushIfLarge()
            if state.isLoggedOut { return }
        }
    }

    /// Sequence numbers that name messages already expunged by others: the rest was done, and the client is told that some
    /// were not (RFC 5530 §3, EXPUNGEISSUED).
    private func storeReply(
        _ store: StoreCommand, _ uids: UIDSet, _ selected: SelectedMailbox, _ account: Account
    ) throws -> Reply {
        guard !store.uid, !(try selected.view(account)).untoldVanished.intersection(uids).isEmpty else {
            return .ok("Store completed")
        }
        return .no("Some of the messages are expunged; the others are changed", code: "EXPUNGEISSUED")
    }
}
