import IMAPCodec
import Varve

// LIST, LSUB (RFC 3501 §6.3.8, §6.3.9; RFC 5258, RFC 5819, RFC 6154), STATUS (RFC 3501 §6.3.10).

extension CommandTable {
    static let listCommands = [
        CommandRow("LIST", .loggedIn, isQuick: true) { session, tagged in
            guard case .list(let list) = tagged.command, let account = session.account else { return .mismatch }
            if !list.isExtended, list.patterns.first?.isEmpty ?? true {
                // RFC 3501 §6.3.8: the client asks for the delimiter and the root only.
                session.out.writeLine("* LIST (\\Noselect) \"/\" \"\"")
                return .ok("List completed")
            }
            let limit = session.server.limits.maximumListPatterns
            guard list.patterns.count <= limit else {
                return .no("A LIST has at most \(limit) patterns", code: "LIMIT")
            }
            try session.enableWhatIsAsked(list.status)
            try await session.list(ListQuery(list, appendLimit: session.appendLimit), account)
            return .ok("List completed")
        },
        CommandRow("LSUB", .loggedIn, isQuick: true) { session, tagged in
            guard case .lsub(let reference, let pattern) = tagged.command, let account = session.account else {
                return .mismatch
            }
            try await session.list(ListQuery(lsub: reference, pattern), account)
            return .ok("Lsub completed")
        },
        CommandRow("STATUS", .loggedIn, isQuick: true) { session, tagged in
            guard case .status(let path, let items) = tagged.command, let account = session.account else { return .mismatch }
            try session.enableWhatIsAsked(items)
            let snapshot = account.store.snapshot()
            guard let info = try snapshot.mailbox(named: path.name) else { return .noSuchMailbox(path) }
            var name = info.name
            try name.withUTF8 { name in
                try StatusWriter(items, appendLimit: session.appendLimit)
                    .write(info.status, name: UnsafeRawBufferPointer(name), snapshot, to: &session.out)
            }
            return .ok("Status completed")
        },
    ]
}

extension Session {
    fileprivate var appendLimit: Int { server.limits.parser.maximumMessageBytes }

    fileprivate func list(_ query: ListQuery, _ account: Account) async throws {
        var answer = ListAnswer(query)
        while !answer.isAtEnd {
            try answer.proceed(in: account.store.snapshot(), to: &out)
            // Logged; the client hears OK (RFC 5819 §2).
            if let failure = answer.failure { _ = self.failure(failure, in: "LIST") }
            if out.readableBytes >= Session.flushSize {
                await flush()
                // What comes is as large again.
                if !answer.isAtEnd { out.reserveCapacity(Session.flushSize + Session.flushSize / 4) }
            }
            await Task.yield()
            if state.isLoggedOut { return }
        }
    }

    /// RFC 7162 §3.1: who asks for HIGHESTMODSEQ knows CONDSTORE.
    fileprivate func enableWhatIsAsked(_ items: [StatusItem]) throws {
        if items.contains(.highestModSeq) { try enableCondstore() }
    }
}
