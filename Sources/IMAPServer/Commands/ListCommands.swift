import IMAPCodec
import Varve

// LIST, LSUB (RFC 3501 §6.3.8, §6.3.9; RFC 3348 CHILDREN).

extension CommandTable {
    static let listCommands = [
        CommandRow("LIST", .loggedIn) { session, tagged in
            guard case .list(let list) = tagged.command, let account = session.account else { return .mismatch }
            if list.pattern.isEmpty {
                // RFC 3501 §6.3.8: the client asks for the delimiter and the root only.
                session.out.writeLine("* LIST (\\Noselect) \"/\" \"\"")
                return .ok("List completed")
            }
            let pattern = ListPattern(reference: list.reference, pattern: list.pattern)
            for entry in try Session.list(pattern, account.store.snapshot()) {
                session.writeListed("LIST", entry)
                await session.flushIfLarge()
            }
            return .ok("List completed")
        },
        CommandRow("LSUB", .loggedIn) { session, tagged in
            guard case .lsub(let reference, let name) = tagged.command, let account = session.account else {
                return .mismatch
            }
            let pattern = ListPattern(reference: reference, pattern: name)
            for entry in try Session.listSubscribed(pattern, account.store.snapshot()) {
                session.writeListed("LSUB", entry)
                await session.flushIfLarge()
            }
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
    /// Mailboxes that match, and names above them that are no mailboxes themselves: without these a client that asks level
    /// by level would never find what is below.
    fileprivate static func list(_ pattern: ListPattern, _ snapshot: Snapshot) throws -> [ListedName] {
        var names: [String] = []
        // INBOX is found whatever its spelling in the pattern, so the prefix may not keep it out.
        let prefix = pattern.literalPrefix
        try snapshot.forEachMailbox(prefix: prefix) { info in
            names.append(info.name)
            return true
        }
        if !prefix.isEmpty, !names.contains(MailboxName.inbox), try snapshot.mailbox(named: MailboxName.inbox) != nil {
            names.append(MailboxName.inbox)
        }
        var result: [ListedName] = []
        var missing: Set<String> = []
        for name in names {
            for superior in superiors(of: name) where !missing.contains(superior) {
                guard pattern.matches(superior), try snapshot.mailbox(named: superior) == nil else { continue }
                missing.insert(superior)
                result.append(ListedName(name: superior, isSelectable: false, hasChildren: true))
            }
            guard pattern.matches(name) else { continue }
            result.append(ListedName(name: name, hasChildren: try snapshot.hasInferiors(name)))
        }
        return result
    }

    /// Names subscribed to; with a pattern that ends above one of them, the name where it ends, as \Noselect
    /// (RFC 3501 §6.3.9).
    fileprivate static func listSubscribed(_ pattern: ListPattern, _ snapshot: Snapshot) throws -> [ListedName] {
        var names: [String] = []
        try snapshot.forEachSubscription { name in
            names.append(name)
            return true
        }
        let subscribed = Set(names)
        var result: [ListedName] = []
        var above: Set<String> = []
        for name in names {
            if pattern.matches(name) {
                result.append(ListedName(name: name))
                continue
            }
            for superior in superiors(of: name)
            where pattern.matches(superior) && !subscribed.contains(superior) && above.insert(superior).inserted {
                result.append(ListedName(name: superior, isSelectable: false))
            }
        }
        return result
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
