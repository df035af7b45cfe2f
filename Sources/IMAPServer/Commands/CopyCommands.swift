import IMAPCodec
import MailModel
import Varve

// COPY (RFC 3501 §6.4.7), MOVE (RFC 6851), with COPYUID (RFC 4315 §3).

extension CommandTable {
    static let copyCommands = [
        CommandRow("COPY", .selected, mayShift: false) { session, tagged in try await session.transfer(tagged.command) },
        CommandRow("UID COPY", .selected) { session, tagged in try await session.transfer(tagged.command) },
        CommandRow("MOVE", .selected) { session, tagged in try await session.transfer(tagged.command) },
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
        let uids = try resolve(set, byUID: byUID, in: selected, of: account)
        let copied = try await account.commit { tx in
            guard let mailbox = try tx.mailbox(named: target.name) else { throw CommandFailure(.tryCreate) }
            guard try tx.mailbox(selected.id) != nil else { throw MailboxGone() }
            return moves
                ? try tx.move(uids, from: selected.id, to: mailbox.id)
                : try tx.copy(uids, from: selected.id, to: mailbox.id)
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
}

extension Reply {
    static let readOnlyMailbox = Reply(status: .no, code: "READ-ONLY", text: "The mailbox was opened with EXAMINE")
}
