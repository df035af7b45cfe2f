import IMAPCodec
import Varve

// LIST, LSUB (RFC 3501 §6.3.8, §6.3.9; RFC 3348 CHILDREN).

extension CommandTable {
    static let listCommands = [
        CommandRow("LIST", .loggedIn) { session, tagged in
            guard case .list(let list) = tagged.command, let account = session.account else { return .mismatch }
            let name = list.patterns.first ?? ""
            if name.isEmpty {
                // RFC 3501 §6.3.8: the client asks for the delimiter and the root only.
                session.out.writeLine("* LIST (\\Noselect) \"/\" \"\"")
                return .ok("List completed")
            }
            let pattern = ListPattern(reference: list.reference, pattern: name)
            try await session.list(pattern, account)
            return .ok("List completed")
        },
        CommandRow("LSUB", .loggedIn) { session, tagged in
            guard case .lsub(let reference, let name) = tagged.command, let account = session.account else {
                return .mismatch
            }
            let pattern = ListPattern(reference: reference, pattern: name)
            try await session.listSubscribed(pattern, account)
            return .ok("Lsub completed")
        },
    ]
}

/// A name to be listed.
private struct ListedName {
    var name: String
    /// It is no mailbox, only stands above others.
    var isSelectable = true
    /// nil: not to be said.
    var hasChildren: Bool?
}

extension Session {
    /// Names are matched in groups of so many, between which others have the thread: a client chooses how dear a pattern is.
    private static let namesAtOneTime = 256

    /// Mailboxes that match, and names above them that are no mailboxes themselves: without these a client that asks level
    /// by level would never find what is below.
    fileprivate func list(_ pattern: ListPattern, _ account: Account) async throws {
        let names = try Session.names(pattern, account.store.snapshot())
        var visited: Set<String> = []
        for start in stride(from: 0, to: names.count, by: Session.namesAtOneTime) {
            let group = names[start..<min(start + Session.namesAtOneTime, names.count)]
            for entry in try Session.matches(group, pattern, &visited, account.store.snapshot()) {
                writeListed("LIST", entry)
            }
            await flushIfLarge()
            await Task.yield()
            if state.isLoggedOut { return }
        }
    }

    /// Names of mailboxes that can match or lie below one that can.
    private static func names(_ pattern: ListPattern, _ snapshot: Snapshot) throws -> [String] {
        var names: [String] = []
        // INBOX is found whatever its spelling in the pattern, so the prefix may not keep it out.
        let prefix = pattern.literalPrefix
        try snapshot.forEachMailbox(prefix: prefix) { info in
            names.append(info.name)
            return true
        }
        if !prefix.isEmpty, !MailboxName.inbox.hasPrefix(prefix), try snapshot.mailbox(named: MailboxName.inbox) != nil {
            names.append(MailboxName.inbox)
        }
        return names
    }

    /// - Parameter visited: superiors of names before that have been looked at.
    private static func matches(
        _ names: ArraySlice<String>, _ pattern: ListPattern, _ visited: inout Set<String>, _ snapshot: Snapshot
    ) throws -> [ListedName] {
        var result: [ListedName] = []
        for name in names {
            for superior in superiors(of: name) where visited.insert(superior).inserted {
                guard pattern.matches(superior), try snapshot.mailbox(named: superior) == nil else { continue }
                result.append(ListedName(name: superior, isSelectable: false, hasChildren: true))
            }
            guard pattern.matches(name) else { continue }
            result.append(ListedName(name: name, hasChildren: try snapshot.hasInferiors(name)))
        }
        return result
    }

    /// Names subscribed to; with a pattern that ends above one of them, the name where it ends, as \Noselect
    /// (RFC 3501 §6.3.9).
    fileprivate func listSubscribed(_ pattern: ListPattern, _ account: Account) async throws {
        let names = try Session.subscribed(account.store.snapshot())
        let subscribed = Set(names)
        var above: Set<String> = []
        for (index, name) in names.enumerated() {
            if pattern.matches(name) {
                writeListed("LSUB", ListedName(name: name))
            } else {
                for superior in Session.superiors(of: name)
                where !subscribed.contains(superior) && above.insert(superior).inserted && pattern.matches(superior) {
                    writeListed("LSUB", ListedName(name: superior, isSelectable: false))
                }
            }
            await flushIfLarge()
            if index % Session.namesAtOneTime == 0 { await Task.yield() }
            if state.isLoggedOut { return }
        }
    }

    private static func subscribed(_ snapshot: Snapshot) throws -> [String] {
        var names: [String] = []
        try snapshot.forEachSubscription { name in
            names.append(name)
            return true
        }
        return names
    }

    private static func superiors(of name: String) -> [String] {
        var result: [String] = []
        var index = name.startIndex
        while let slash = name[index...].firstIndex(of: MailboxName.delimiter) {
            result.append(String(name[..<slash]))
            index = name.index(after: slash)
        }
        return result
    }

    fileprivate func writeListed(_ response: String, _ entry: ListedName) {
        var attributes: [String] = []
        if !entry.isSelectable { attributes.append("\\Noselect") }
        if let hasChildren = entry.hasChildren { attributes.append(hasChildren ? "\\HasChildren" : "\\HasNoChildren") }
        out.writeString("* \(response) (\(attributes.joined(separator: " "))) \"/\" ")
        out.writeMailboxName(entry.name)
        out.writeString("\r\n")
    }
}
