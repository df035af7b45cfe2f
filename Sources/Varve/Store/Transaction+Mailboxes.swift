import MailModel
import VarveFormat

/// Names of mailboxes: UTF-8, levels separated by `/`. INBOX is always there and is written in capitals.
public enum MailboxName {
    public static let inbox = "INBOX"
    public static let delimiter: Character = "/"
    /// Bytes of a whole name at most, and levels at most.
    public static let maximumLength = Format.maximumNameLength
    public static let maximumLevels = 100

    /// What is wrong with a name; nil if a mailbox may have it.
    public static func problem(_ name: String) -> String? {
        if name.isEmpty { return "a mailbox name is empty" }
        if name.utf8.count > maximumLength { return "a mailbox name has \(maximumLength) bytes at most" }
        let levels = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        if levels.contains(where: \.isEmpty) { return "a level of the mailbox name \(name) is empty" }
        if levels.count > maximumLevels { return "a mailbox name has \(maximumLevels) levels at most" }
        if name.utf8.contains(where: { $0 < 32 || $0 == 127 }) { return "a mailbox name has no control characters" }
        return nil
    }

    /// The names above this one, the highest first.
    static func superiors(_ name: String) -> [String] {
        // By bytes: some characters join with a `/` beside them to one.
        let utf8 = name.utf8
        return utf8.indices.filter { utf8[$0] == UInt8(ascii: "/") }.map { String(decoding: utf8[..<$0], as: UTF8.self) }
    }
}

extension Transaction {
    /// Creates a mailbox, and those above it that are not there.
    /// - Parameter specialUse: of the mailbox, and not of those above it (RFC 6154 §3).
    /// - Throws: `.alreadyExists`, `.invalidName`, `.limit`.
    @discardableResult
    public func createMailbox(_ name: String, specialUse: SpecialUse = []) throws(StoreError) -> MailboxInfo {
        checkValid()
        try check(name)
        guard try index.mailboxID(named: name) == nil else {
            throw StoreError(.alreadyExists, "there is a mailbox \(name) already")
        }
        return try changing { () throws(StoreError) in
            try createSuperiors(of: name)
            let id = MailboxID(try create(name))
            try setSpecialUse(specialUse, of: id)
            return MailboxInfo(try row(id))
        }
    }

    private func check(_ name: String) throws(StoreError) {
        if let problem = MailboxName.problem(name) { throw StoreError(.invalidName, problem) }
    }

    private func createSuperiors(of name: String) throws(StoreError) {
        for superior in MailboxName.superiors(name) where try index.mailboxID(named: superior) == nil {
            _ = try create(superior)
        }
    }

    /// - Returns: its id.
    private func create(_ name: String) throws(StoreError) -> UInt32 {
        let id = index.state.nextMailbox
        guard id < UInt32.max else { throw StoreError(.limit, "the account has used up its mailbox ids") }
        // Seconds since 1970, but never one that any mailbox of the account has had: a name gets a new one each time
        // (RFC 3501 §2.3.1.1).
        let seconds = UInt32(truncatingIfNeeded: min(index.time / 1000, UInt64(UInt32.max - 1)))
        guard index.state.lastUIDValidity < UInt32.max else {
            throw StoreError(.limit, "the account has used up its UIDVALIDITYs")
        }
        let uidValidity = max(seconds, index.state.lastUIDValidity + 1)
        try index.createMailbox(id, uidValidity: uidValidity, name: name)
        try add(.createMailbox(id: id, uidValidity: uidValidity, name: name))
        try setSyncMode(newSyncMode, of: MailboxID(id))
        return id
    }

    /// Deletes a mailbox with its messages. Mailboxes below it stay.
    /// - Throws: `.notFound`; `.notPermitted` for INBOX.
    public func deleteMailbox(_ id: MailboxID) throws(StoreError) {
        let row = try row(id)
        guard row.name != Array(MailboxName.inbox.utf8) else {
            throw StoreError(.notPermitted, "INBOX cannot be deleted")
        }
        try changing { () throws(StoreError) in
            try index.deleteMailbox(id.rawValue)
            try add(.deleteMailbox(id: id.rawValue))
        }
    }

    /// Gives a mailbox, and all below it, another name; those above the new name are created if they are not there.
    /// INBOX stays: its messages move to a new mailbox of that name, and what is below it keeps its name (RFC 3501 §6.3.5).
    /// - Throws: `.notFound`, `.alreadyExists`, `.invalidName`.
    /// - Complexity: O(log mailboxes) for each mailbox renamed.
    public func renameMailbox(_ id: MailboxID, to name: String) throws(StoreError) {
        let row = try row(id)
        try check(name)
        let old = String(decoding: row.name, as: UTF8.self)
        if old == MailboxName.inbox {
            let target = try createMailbox(name)
            if row.messages > 0 { try move(UIDSet(UIDRange(.min, .max)), from: id, to: target.id) }
            return
        }
        guard !name.utf8.starts(with: (old + "/").utf8) else {
            throw StoreError(.invalidName, "a mailbox cannot be moved below itself")
        }
        guard try index.mailboxID(named: name) == nil else {
            throw StoreError(.alreadyExists, "there is a mailbox \(name) already")
        }
        try changing { () throws(StoreError) in
            try createSuperiors(of: name)
            try rename(id.rawValue, to: name)
            try renameInferiors(of: old, to: name)
        }
    }

    /// Gives all mailboxes below a name, which itself need be none, another one above them.
    public func renameInferiors(of name: String, to newName: String) throws(StoreError) {
        checkValid()
        try check(newName)
        guard !newName.utf8.starts(with: (name + "/").utf8), !newName.utf8.elementsEqual(name.utf8) else {
            throw StoreError(.invalidName, "a mailbox cannot be moved below itself")
        }
        var inferiors: [(id: UInt32, name: String)] = []
        try (name + "/").withBytes { prefix throws(StoreError) in
            _ = try index.state.names.forEach(from: prefix, index.allocator.pages) { key, value in
                guard key.starts(with: prefix), value.count == 4 else { return false }
                inferiors.append((value.baseAddress!.load32(0), String(decoding: key, as: UTF8.self)))
                return true
            }
        }
        try changing { () throws(StoreError) in try rename(inferiors, below: name, to: newName) }
    }

    private func rename(_ inferiors: [(id: UInt32, name: String)], below name: String, to newName: String) throws(StoreError)
    {
        for inferior in inferiors {
            let renamed = newName + String(decoding: inferior.name.utf8.dropFirst(name.utf8.count), as: UTF8.self)
            try check(renamed)
            try rename(inferior.id, to: renamed)
        }
    }

    private func rename(_ id: UInt32, to name: String) throws(StoreError) {
        try index.renameMailbox(id, to: name)
        try add(.renameMailbox(id: id, name: name))
    }

    /// Subscribes to a name, which need not be a mailbox's (RFC 3501 §6.3.6).
    public func subscribe(_ name: String) throws(StoreError) {
        checkValid()
        try check(name)
        guard try !isSubscribed(name) else { return }
        try changing { () throws(StoreError) in
            try index.setSubscribed(name, true)
            try add(.subscribe(name: name))
        }
    }

    public func unsubscribe(_ name: String) throws(StoreError) {
        checkValid()
        guard try isSubscribed(name) else { return }
        try changing { () throws(StoreError) in
            try index.setSubscribed(name, false)
            try add(.unsubscribe(name: name))
        }
    }

    private func isSubscribed(_ name: String) throws(StoreError) -> Bool {
        try name.withBytes { name throws(StoreError) in
            try index.state.subscriptions.find(name, index.allocator.pages) != nil
        }
    }
}
