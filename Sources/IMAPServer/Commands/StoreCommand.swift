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
        let (changed, modSeq) = try await account.commit { tx in
            guard try tx.mailbox(selected.id) != nil else { throw MailboxGone() }
            return try tx.changeFlags(change, of: uids, in: selected.id)
        }
        if !changed.isEmpty { selected.toldCommits.insert(modSeq) }
        if !store.isSilent { try await writeFlags(of: uids, selected, account) }
        return try storeReply(store, uids, selected, account)
    }

    /// The new flags of all messages that were named, also of those that had them already.
    private func writeFlags(of uids: UIDSet, _ selected: SelectedMailbox, _ account: Account) async throws {
        var batches = MessageBatches(uids)
        while let batch = try batches.next(selected.view(account)) {
            for (number, message) in batch.messages where !message.isExpunged {
                writeFlags(number, message, batch.snapshot, selected)
            }
            await flushIfLarge()
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
