import IMAPCodec
import MailModel
import Varve

// CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, STATUS (RFC 3501 §6.3.3 … §6.3.7, §6.3.10).

extension CommandTable {
    static let mailboxCommands = [
        CommandRow("CREATE", .loggedIn) { session, tagged in
            guard case .create(let create) = tagged.command, let account = session.account else { return .mismatch }
            _ = try await account.commit { tx in try tx.createMailbox(create.mailbox.name) }
            return .ok("Create completed")
        },
        CommandRow("DELETE", .loggedIn) { session, tagged in
            guard case .delete(let path) = tagged.command, let account = session.account else { return .mismatch }
            let deleted = try await account.commit { tx in
                guard let mailbox = try tx.mailbox(named: path.name) else { throw CommandFailure(.noSuchMailbox(path)) }
                try tx.deleteMailbox(mailbox.id)
                return mailbox.id
            }.result
            // Who deletes the mailbox it has selected knows so: it has none selected now.
            if case .selected(_, let selected) = session.state, selected.id == deleted {
                session.state = .authenticated(account)
            }
            return .ok("Delete completed")
        },
        CommandRow("RENAME", .loggedIn) { session, tagged in
            guard case .rename(let from, let to) = tagged.command, let account = session.account else { return .mismatch }
            return try await session.rename(from, to, account)
        },
        CommandRow("SUBSCRIBE", .loggedIn) { session, tagged in
            guard case .subscribe(let path) = tagged.command, let account = session.account else { return .mismatch }
            _ = try await account.commit { tx in try tx.subscribe(path.name) }
            return .ok("Subscribe completed")
        },
        CommandRow("UNSUBSCRIBE", .loggedIn) { session, tagged in
            guard case .unsubscribe(let path) = tagged.command, let account = session.account else { return .mismatch }
            _ = try await account.commit { tx in try tx.unsubscribe(path.name) }
            return .ok("Unsubscribe completed")
        },
        CommandRow("STATUS", .loggedIn) { session, tagged in
            guard case .status(let path, let items) = tagged.command, let account = session.account else { return .mismatch }
            let snapshot = account.store.snapshot()
            guard let info = try snapshot.mailbox(named: path.name) else { return .noSuchMailbox(path) }
            try session.writeStatus(info, items, snapshot)
            return .ok("Status completed")
        },
    ]
}

extension Reply {
    static func noSuchMailbox(_ path: MailboxPath) -> Reply {
        .no("There is no mailbox of this name", code: "NONEXISTENT")
    }
}

extension Session {
    fileprivate func rename(_ from: MailboxPath, _ to: MailboxPath, _ account: Account) async throws -> Reply {
        _ = try await account.commit { tx in
            if let mailbox = try tx.mailbox(named: from.name) {
                try tx.renameMailbox(mailbox.id, to: to.name)
            } else if try account.store.snapshot().hasInferiors(from.name) {
                // A name that is no mailbox, above others that are.
                try tx.renameInferiors(of: from.name, to: to.name)
            } else {
                throw CommandFailure(.noSuchMailbox(from))
            }
        }
        return .ok("Rename completed")
    }

    /// `* STATUS name (…)` (RFC 3501 §7.2.4).
    func writeStatus(_ info: MailboxInfo, _ items: [StatusItem], _ snapshot: Snapshot) throws {
        out.writeString("* STATUS ")
        out.writeMailboxName(info.name)
        for (index, item) in items.enumerated() {
            out.writeString(index == 0 ? " (" : " ")
            out.writeString(item.rawValue)
            out.writeString(" ")
            switch item {
            case .messages: out.writeDecimal(info.messages)
            case .uidNext: out.writeDecimal(info.uidNext.rawValue)
            case .uidValidity: out.writeDecimal(info.uidValidity.rawValue)
            case .unseen: out.writeDecimal(info.unseen)
            case .recent: out.writeDecimal(try unclaimedCount(info, snapshot))
            case .highestModSeq: out.writeDecimal(info.highestModSeq.rawValue)
            case .size: out.writeDecimal(info.bytes)
            case .deleted: out.writeDecimal(info.deleted)
            case .mailboxID: out.writeString("(F\(info.id))")
            case .appendLimit: out.writeDecimal(server.limits.parser.maximumMessageBytes)
            }
        }
        out.writeString(")\r\n")
    }

    private func unclaimedCount(_ info: MailboxInfo, _ snapshot: Snapshot) throws -> Int {
        guard info.firstRecent < info.uidNext, let view = try snapshot.view(of: info.id) else { return 0 }
        return try view.count(in: UIDRange(info.firstRecent, UID(info.uidNext.rawValue - 1)))
    }
}
