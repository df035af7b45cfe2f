import MailModel
import VarveFormat

/// The whole account as it was at one modseq. Immutable; reading it takes no lock.
public struct Snapshot: Sendable {
    let root: Root

    init(_ root: Root) { self.root = root }

    public var modSeq: ModSeq { ModSeq(root.state.modSeq) }

    // MARK: Mailboxes

    /// - Complexity: O(log mailboxes).
    public func mailbox(named name: String) throws(StoreError) -> MailboxInfo? {
        guard let id = try name.withBytes({ name throws(StoreError) in try root.state.mailboxID(named: name, root.pages) })
        else { return nil }
        return try mailbox(MailboxID(id))
    }

    public func mailbox(_ id: MailboxID) throws(StoreError) -> MailboxInfo? {
        try root.state.mailbox(id.rawValue, root.pages).map(MailboxInfo.init)
    }

    public var mailboxCount: Int { get throws(StoreError) { try root.state.mailboxes.count(root.pages) } }

    /// Calls `body` with each mailbox whose name begins with `prefix`, in the order of the names' bytes, until it returns
    /// false.
    public func forEachMailbox(prefix: String = "", _ body: (MailboxInfo) -> Bool) throws(StoreError) {
        var failure: StoreError?
        try prefix.withBytes { prefix throws(StoreError) in
            _ = try root.state.names.forEach(from: prefix, root.pages) { name, value in
                guard name.starts(with: prefix), value.count == 4 else { return false }
                do throws(StoreError) {
                    guard let info = try mailbox(MailboxID(value.baseAddress!.load32(0))) else {
                        throw .corrupt(FileNames.index, "a name leads to no mailbox")
                    }
                    return body(info)
                } catch {
                    failure = error
                    return false
                }
            }
        }
        if let failure { throw failure }
    }

    /// Whether there is a mailbox below this name.
    public func hasInferiors(_ name: String) throws(StoreError) -> Bool {
        try name.withBytes { name throws(StoreError) in try root.state.hasInferiors(name, root.pages) }
    }

    /// Mailboxes that changed after `modSeq`, in the order of their last changes.
    /// - Complexity: O(log mailboxes + result).
    public func mailboxesChanged(since modSeq: ModSeq, _ body: (MailboxID, ModSeq) -> Bool) throws(StoreError) {
        guard modSeq < .max else { return }
        typealias Tree = RowTree<MailboxChangesSchema>
        try root.state.mailboxChanges.forEachLeaf(
            MailboxChangeRow.key(modSeq: modSeq.rawValue + 1, mailbox: 0), .max, root.pages
        ) { leaf, rows in
            for row in rows {
                let key = Tree.key(leaf, row)
                if !body(MailboxID(MailboxChangeRow.mailbox(key)), ModSeq(MailboxChangeRow.modSeq(key))) { return false }
            }
            return true
        }
    }

    // MARK: Subscriptions

    /// Names subscribed to, also such as no mailbox has (RFC 3501 §6.3.6), in the order of their bytes.
    public func forEachSubscription(_ body: (String) -> Bool) throws(StoreError) {
        try [UInt8]().withBytes { start throws(StoreError) in
            _ = try root.state.subscriptions.forEach(from: start, root.pages) { name, _ in
                body(String(decoding: name, as: UTF8.self))
            }
        }
    }

    public func isSubscribed(_ name: String) throws(StoreError) -> Bool {
        try name.withBytes { name throws(StoreError) in try root.state.subscriptions.find(name, root.pages) != nil }
    }

    // MARK: Keywords

    /// Every keyword that a message of the account has had, in no particular order.
    public var keywords: [String] { Array(root.state.keywords.names.values) }

    /// How many `keywords` there are. They only ever become more.
    /// - Complexity: O(1).
    public var keywordCount: Int { root.state.keywords.names.count }

    /// The message's keywords; no copy is made.
    public func keywords(of message: Message) -> [String] { keywords(ofSet: message.keywordSet) }

    /// The keywords that messages with this number bear; no copy is made. What a number stands for never changes. Empty for
    /// 0, and for a number that is newer than the snapshot.
    public func keywords(ofSet number: UInt32) -> [String] { root.state.keywords.names(ofSet: number) }

    public func flags(of message: Message) -> Flags { Flags(message.flags, keywords: keywords(of: message)) }

    // MARK: Views

    /// The mailbox, wholly told.
    public func view(of mailbox: MailboxID) throws(StoreError) -> View? {
        guard let row = try root.state.mailbox(mailbox.rawValue, root.pages) else { return nil }
        return try View(self, row, View.newest(row, self))
    }

    /// The mailbox as the holder of a mark knows it.
    /// - Returns: nil if the mailbox is gone, or if the expunges after the mark's are no longer known: `mark.vanished` is below
    ///   the mailbox' `vanishedFloor`, so that sequence numbers would be wrong. The holder begins anew, with
    ///   `view(of:)`. That does not happen to a mark which a `ViewPin` holds.
    /// - Complexity: O(log messages + what has vanished since the mark).
    public func view(_ mark: ViewMark) throws(StoreError) -> View? {
        guard let row = try root.state.mailbox(mark.mailbox.rawValue, root.pages),
            // Who knows no message at all cannot miss that one is gone.
            mark.vanished.rawValue >= row.vanishedFloor || mark.uidNext <= .min
        else { return nil }
        return try View(self, row, mark)
    }
}

extension IndexState {
    func hasInferiors(_ name: UnsafeRawBufferPointer, _ pages: borrowing Pages) throws(StoreError) -> Bool {
        var found = false
        try (Array(name) + [UInt8(ascii: "/")]).withBytes { prefix throws(StoreError) in
            _ = try names.forEach(from: prefix, pages) { key, _ in
                found = key.starts(with: prefix)
                return false
            }
        }
        return found
    }
}

/// What a mailbox is, at one modseq: its name, and all of its `status`, which can be asked of it as its own.
@dynamicMemberLookup
public struct MailboxInfo: Sendable {
    public let status: MailboxStatus
    /// `/` stands between levels.
    public let name: String
    /// The commit that created the mailbox.
    public let created: ModSeq
    /// Expunges at or before this are no longer known.
    public let vanishedFloor: ModSeq

    init(_ row: MailboxRow) {
        status = MailboxStatus(row)
        name = String(decoding: row.name, as: UTF8.self)
        created = ModSeq(row.created)
        vanishedFloor = ModSeq(row.vanishedFloor)
    }

    @inlinable public subscript<Value>(dynamicMember member: KeyPath<MailboxStatus, Value>) -> Value { status[keyPath: member] }
}

/// What the index knows of a message, copied out of it.
public struct Message: Sendable {
    public let uid: UID
    /// Names the content: copies have the same.
    public let identity: MessageIdentity
    /// The commit that last changed the message, or expunged it.
    public let modSeq: ModSeq
    public let flags: SystemFlags
    public let internalDate: InternalDate
    /// When it came into this mailbox: seconds since 1970.
    public let saveDate: Int64
    /// Bytes, as it was given.
    public let size: Int
    /// It is expunged, and still shown to a view that has not been told.
    public let isExpunged: Bool
    /// Names its keywords (`Snapshot.keywords(ofSet:)`); 0 if it has none.
    public let keywordSet: UInt32
    let location: LogPosition
    /// In which it was found.
    let mailbox: UInt32

    public var hasKeywords: Bool { keywordSet != 0 }

    init(_ leaf: UnsafeRawPointer, _ row: Int) {
        self.init(MessageRow(leaf, row), mailbox: UIDSchema.group(RowTree<UIDSchema>.key(leaf, row)))
    }

    private init(_ row: MessageRow, mailbox: UInt32) {
        self.mailbox = mailbox
        uid = UID(row.uid)
        identity = MessageIdentity(row.identity)
        modSeq = ModSeq(row.modSeq)
        flags = SystemFlags(rawValue: row.flags).intersection(.all)
        internalDate = InternalDate(seconds: row.internalDate, zoneMinutes: row.zoneMinutes)
        saveDate = Int64(MessageRow.saveDateEpoch) + Int64(row.saveDate)
        size = Int(row.size)
        isExpunged = row.flags & MessageRow.deadBit != 0
        keywordSet = row.keywordSet
        location = row.location
    }
}
