import IMAPCodec
import MailModel
import Varve

// STORE (RFC 3501 §6.4.6), on condition that nobody else changed the messages (RFC 7162 §3.1.3).

extension CommandTable {
    static let storeCommands = [
        CommandRow("STORE", .selected, mayShift: false, namesByNumber: true) { session, tagged in
            try await session.store(tagged.command)
        },
        CommandRow("UID STORE", .selected) { session, tagged in try await session.store(tagged.command) },
    ]
}

/// What a STORE did.
private struct StoreResult {
    /// Those whose flags it changed.
    var changed = UIDSet()
    /// Those that had changed too late for its UNCHANGEDSINCE, and were left as they are.
    var modified = UIDSet()
    /// Those that others changed before, which the client has not been told.
    var foreign = UIDSet()
    var modSeq = ModSeq.zero
}

extension Session {
    fileprivate func store(_ command: Command) async throws -> Reply {
        guard case .store(let store) = command, case .selected(let account, let selected) = state else { return .mismatch }
        // RFC 7162 §3.1.2.2: BAD where mod-sequences are not kept, also if the mailbox was only examined.
        if store.unchangedSince != nil { try useModSeqs(of: selected) }
        guard !selected.isReadOnly else { return .readOnlyMailbox }
        let uids = try resolve(store.set, byUID: store.uid, in: selected, of: account)
        let result = try await change(store, uids, selected, account)
        let modified = try await tell(result, of: store, uids, selected, account)
        if !result.changed.isEmpty { selected.toldCommits.insert(result.modSeq) }
        return try storeReply(store, uids, modified, selected, account)
    }

    private func change(
        _ store: StoreCommand, _ uids: UIDSet, _ selected: SelectedMailbox, _ account: Account
    ) async throws -> StoreResult {
        let change: FlagChange =
            switch store.operation {
            case .add: .add(store.flags)
            case .remove: .remove(store.flags)
            case .replace: .replace(store.flags)
            }
        nothingWaits()
        var (result, modSeq) = try await account.commit { tx in
            guard let mailbox = try tx.mailbox(selected.id) else { throw MailboxGone() }
            var result = StoreResult()
            var targets = uids
            if let since = store.unchangedSince {
                // Looked at in the very transaction that changes the others: nobody comes between.
                result.modified = try tx.changed(of: uids, in: selected.id, since: ModSeq(since))
                targets = uids.subtracting(result.modified)
            }
            if store.isSilent { result.foreign = try untoldChanges(of: targets, tx, mailbox, selected) }
            result.changed = try tx.changeFlags(change, of: targets, in: selected.id)
            return result
        }
        result.modSeq = modSeq
        return result
    }

    /// Messages whose flags others have changed and the client has not been told. The change that is now made hides that
    /// they were, so that they are to be told with it, .SILENT or not (RFC 3501 §6.4.6).
    private func untoldChanges(
        of uids: UIDSet, _ tx: Transaction, _ mailbox: MailboxInfo, _ selected: SelectedMailbox
    ) throws -> UIDSet {
        let mark = selected.pin.mark
        guard mailbox.highestModSeq > mark.changed else { return UIDSet() }
        var foreign = UIDSet()
        let changed = try tx.changed(of: uids, in: selected.id, since: mark.changed)
        try tx.messages(in: selected.id, changed.intersection(selected.told)) { message in
            if !selected.toldCommits.contains(message.modSeq) { foreign.insert(message.uid) }
        }
        return foreign
    }

    /// The new flags of all messages that were named, also of those that had them already; with .SILENT only where the client
    /// could not know them, and of the others the mod-sequence, if it has asked for such (RFC 7162 §3.1.3). Of messages that
    /// were left as they are it hears why (RFC 7162 §3.1.3, example 10).
    /// - Returns: those left, by what the client named them by: UIDs, known to it or not, or the sequence numbers of those still
    ///   there.
    private func tell(
        _ result: StoreResult, of store: StoreCommand, _ uids: UIDSet, _ selected: SelectedMailbox, _ account: Account
    ) async throws -> UIDSet {
        let withFlags = store.isSilent ? result.foreign.union(result.modified) : uids
        var told = withFlags
        if tellsModSeqs(of: selected) { told.formUnion(store.unchangedSince == nil ? result.changed : uids) }
        var modified = store.uid ? result.modified : UIDSet()
        let before = account.store.snapshot().modSeq
        var batches = MessageBatches(told)
        while let batch = try batches.next(selected.view(account)) {
            for entry in batch where !entry.message.isExpunged {
                let uid = entry.message.uid
                writeChange(entry, selected, flags: withFlags.contains(uid))
                if !store.uid, result.modified.contains(uid) { modified.insert(UID(UInt32(entry.number))) }
            }
            await flushIfLarge()
            if state.isLoggedOut { break }
        }
        // `report` need not tell them once more.
        selected.toldChanges = (withFlags.intersection(selected.told), through: before)
        return modified
    }

    /// Sequence numbers that name messages already expunged by others: the rest was done, and the client is told that some
    /// were not (RFC 5530 §3, EXPUNGEISSUED).
    private func storeReply(
        _ store: StoreCommand, _ uids: UIDSet, _ modified: UIDSet, _ selected: SelectedMailbox, _ account: Account
    ) throws -> Reply {
        let areSomeGone = try !store.uid && !selected.view(account).untoldVanished.intersection(uids).isEmpty
        guard modified.isEmpty else {
            let code = "MODIFIED \(modified)"
            return areSomeGone
                ? .no("Some of the messages no longer exist, others have been changed", code: code)
                : .ok("Conditional store failed", code: code)
        }
        guard areSomeGone else { return .ok("Store completed") }
        return .no("Some of the messages are expunged; the others are changed", code: "EXPUNGEISSUED")
    }
}
