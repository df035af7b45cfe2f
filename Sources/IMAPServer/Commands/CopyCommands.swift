import IMAPCodec
import MailModel
import Varve

// COPY (RFC 3501 §6.4.7), MOVE (RFC 6851), with COPYUID (RFC 4315 §3).

extension CommandTable {
    static let copyCommands = [
        CommandRow("COPY", .selected, mayShift: false, namesByNumber: true) { session, tagged in
            try await session.transfer(tagged.command)
        },
        CommandRow("UID COPY", .selected) { session, tagged in try await session.transfer(tagged.command) },
        CommandRow("MOVE", .selected, namesByNumber: true) { session, tagged in
            try await session.transfer(tagged.command)
        },
        CommandRow("UID MOVE", .selected) { session, tagged in try await session.transfer(tagged.command) },
    ]
}

extension Session {
    fileprivate func transfer(_ command: Command) async throws -> Reply {
        guard case .selected(let account, let selected) = state else { return .mismatch }
        let (set, target, byUID, moves): (SequenceSet, MailboxPath, Bool, Bool)
        switch command {
        case .copy(let s, let to, let uid): (set, target, byUID, moves) = (s, to, uid, false)
        case .move(let s, let to, let uid): (set, target, byUID, moves) = (s, to, uid, true)
        default: return .mismatch
        }
        if moves, selected.isReadOnly { return .readOnlyMailbox }
        let (uids, count) = try resolveAndCount(set, byUID: byUID, selected, account)
        nothingWaits()
        let copied = try await account.commit { tx in
            guard let mailbox = try tx.mailbox(named: target.name) else { throw CommandFailure(.tryCreate) }
            guard try tx.mailbox(selected.id) != nil else { throw MailboxGone() }
            let copied =
                moves
                ? try tx.move(uids, from: selected.id, to: mailbox.id)
                : try tx.copy(uids, from: selected.id, to: mailbox.id)
            // RFC 3501 §6.4.7: all or nothing. Not of UIDs: what has none is passed over (§6.4.8).
            guard byUID || copied.source.count == count else { throw CommandFailure(.expungedMeanwhile) }
            return copied
        }.result
        let name = moves ? "Move" : "Copy"
        guard !copied.source.isEmpty else {
            // RFC 4315 §3: nothing was copied, so there is no COPYUID.
            return .ok("\(name) completed; no such messages")
        }
        let code = "COPYUID \(copied.uidValidity) \(copied.source) \(copied.destination)"
        guard moves else { return .ok("Copy completed", code: code) }
        // RFC 6851 §4.3: before the EXPUNGEs, which `report` tells.
        out.writeStatus("*", .ok, code: code, "Moved")
        return .ok("Move completed")
    }

    /// The messages as UIDs, and how many of them the session knows.
    private func resolveAndCount(
        _ set: SequenceSet, byUID: Bool, _ selected: SelectedMailbox, _ account: Account
    ) throws -> (UIDSet, Int) {
        let view = try selected.view(account)
        let uids = try resolve(set, byUID: byUID, view)
        var count = 0
        for range in uids.ranges { count += try view.count(in: range) }
        return (uids, count)
    }
}

extension Reply {
    /// RFC 5530 §3.
    fileprivate static let expungedMeanwhile = Reply(
        status: .no, code: "EXPUNGEISSUED", text: "Some of the messages have been expunged; nothing was done")
    static let readOnlyMailbox = Reply(status: .no, code: "READ-ONLY", text: "The mailbox was opened with EXAMINE")
}
