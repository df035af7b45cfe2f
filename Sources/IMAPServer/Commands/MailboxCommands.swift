import IMAPCodec
import MailModel
import Varve

// CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 3501 §6.3.3 … §6.3.7).

extension CommandTable {
    static let mailboxCommands = [
        CommandRow("CREATE", .loggedIn) { session, tagged in
            guard case .create(let create) = tagged.command, let account = session.account else { return .mismatch }
            let use = try SpecialUse(ofCreated: create.uses)
            let uidValidity = try await account.commit { tx in
                try tx.createMailbox(create.mailbox.name, specialUse: use).uidValidity
            }.result
            // RFC 8474 §4.1
            return .ok("Create completed", code: "MAILBOXID (\(uidValidity.objectID))")
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
    ]
}

extension Reply {
    static func noSuchMailbox(_ path: MailboxPath) -> Reply {
        .no("There is no mailbox of this name", code: "NONEXISTENT")
    }
}

extension SpecialUse {
    /// Uses that show messages of other mailboxes (RFC 6154 §2, RFC 8457 §3): no mailbox that a client creates does.
    private static let views: SpecialUse = [.all, .flagged, .important]

    /// What CREATE says that a mailbox is for. A use that it cannot have keeps it from being created (RFC 6154 §3).
    fileprivate init(ofCreated names: [String]) throws {
        self = []
        for name in names {
            let known = SpecialUse.names.first { $0.name.lowercased() == name.lowercased() }
            guard let known, SpecialUse.views.isDisjoint(with: known.use) else {
                throw CommandFailure(.no("A mailbox cannot be created for the use \(name)", code: "USEATTR"))
            }
            formUnion(known.use)
        }
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
}
