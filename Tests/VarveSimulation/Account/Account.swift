import MailModel

/// An account as plain values: what the store must hold after a commit.
package struct Account: Equatable, Sendable {
    struct Message: Equatable, Sendable {
        var uid: UInt32
        /// Which of `Mail.bodies`.
        var body: Int
        var system: UInt16
        /// A bit for each of `Mail.keywords`.
        var keywords: UInt16
        var modSeq: UInt64
        /// Seconds since 1970.
        var saveDate: Int64
    }

    struct Mailbox: Equatable, Sendable {
        var name: String
        var uidValidity: UInt32
        var uidNext: UInt32 = 1
        var highestModSeq: UInt64
        var firstRecent: UInt32 = 1
        var use: SpecialUse = []
        var mode = SyncMode.full
        /// Ascending in UID.
        var messages: [Message] = []
        /// Expunged by which commit.
        var vanished: [UInt32: UInt64] = [:]
    }

    /// Of the commit that made it; while a transaction is built, its own.
    var modSeq: UInt64
    /// Of the commit under way, in seconds.
    var time: Int64 = 0
    var mailboxes: [UInt32: Mailbox] = [:]
    var subscriptions: Set<String> = []
    /// Also such as were taken back in the same transaction.
    var subscriptionChanges = 0
    /// Of what mailboxes are for and how their history is kept; also such as were taken back in the same transaction.
    var attributeChanges = 0
    /// The highest that any mailbox has had.
    var lastUIDValidity: UInt32 = 0
    var lastMailbox: UInt32 = 0

    /// A new store, with nothing but INBOX.
    init(time: Int64) {
        modSeq = 1
        self.time = time
        adopt(1, Account.inbox, uidValidity: UInt32(time))
    }

    static let inbox = "INBOX"

    /// Whether a transaction that leads from one to the other would have something to commit.
    func hasSameContent(as other: Account) -> Bool {
        var other = other
        other.modSeq = modSeq
        other.time = time
        return self == other
    }

    var ids: [UInt32] { mailboxes.keys.sorted() }
    func id(_ name: String) -> UInt32? { ids.first { mailboxes[$0]!.name == name } }

    // MARK: Changes, by the commit `modSeq`

    mutating func adopt(_ id: UInt32, _ name: String, uidValidity: UInt32) {
        mailboxes[id] = Mailbox(name: name, uidValidity: uidValidity, highestModSeq: modSeq)
        lastUIDValidity = uidValidity
        lastMailbox = id
    }

    @discardableResult
    mutating func append(_ body: Int, to mailbox: UInt32, _ system: UInt16, _ keywords: UInt16) -> UInt32 {
        let uid = mailboxes[mailbox]!.uidNext
        mailboxes[mailbox]!.messages.append(
            Message(uid: uid, body: body, system: system, keywords: keywords, modSeq: modSeq, saveDate: time))
        mailboxes[mailbox]!.uidNext += 1
        mailboxes[mailbox]!.highestModSeq = modSeq
        return uid
    }

    enum FlagOperation: CaseIterable { case add, remove, replace }

    mutating func changeFlags(
        _ operation: FlagOperation, _ system: UInt16, _ keywords: UInt16, of uids: UIDSet, in mailbox: UInt32
    ) {
        for i in mailboxes[mailbox]!.messages.indices where uids.contains(UID(mailboxes[mailbox]!.messages[i].uid)) {
            var message = mailboxes[mailbox]!.messages[i]
            switch operation {
            case .add:
                message.system |= system
                message.keywords |= keywords
            case .remove:
                message.system &= ~system
                message.keywords &= ~keywords
            case .replace:
                message.system = system
                message.keywords = keywords
            }
            guard message != mailboxes[mailbox]!.messages[i] else { continue }
            message.modSeq = modSeq
            mailboxes[mailbox]!.messages[i] = message
            mailboxes[mailbox]!.highestModSeq = modSeq
        }
    }

    mutating func expunge(_ uids: UIDSet, in mailbox: UInt32, onlyDeleted: Bool) {
        let victims = mailboxes[mailbox]!.messages.filter {
            uids.contains(UID($0.uid)) && (!onlyDeleted || $0.system & SystemFlags.deleted.rawValue != 0)
        }
        guard !victims.isEmpty else { return }
        let gone = Set(victims.map(\.uid))
        mailboxes[mailbox]!.messages.removeAll { gone.contains($0.uid) }
        for uid in gone { mailboxes[mailbox]!.vanished[uid] = modSeq }
        mailboxes[mailbox]!.highestModSeq = modSeq
    }

    mutating func copy(_ uids: UIDSet, from source: UInt32, to target: UInt32, moves: Bool) {
        let originals = mailboxes[source]!.messages.filter { uids.contains(UID($0.uid)) }
        for message in originals { append(message.body, to: target, message.system, message.keywords) }
        if moves { expunge(UIDSet(originals.map { UID($0.uid) }), in: source, onlyDeleted: false) }
    }

    mutating func subscribe(_ name: String, _ isSubscribed: Bool) {
        guard subscriptions.contains(name) != isSubscribed else { return }
        if isSubscribed { subscriptions.insert(name) } else { subscriptions.remove(name) }
        subscriptionChanges += 1
    }

    /// Neither changes the mailbox' modseq.
    mutating func set(_ use: SpecialUse, of mailbox: UInt32) {
        if mailboxes[mailbox]!.use != use { attributeChanges += 1 }
        mailboxes[mailbox]!.use = use
    }

    mutating func set(_ mode: SyncMode, of mailbox: UInt32) {
        if mailboxes[mailbox]!.mode != mode { attributeChanges += 1 }
        mailboxes[mailbox]!.mode = mode
    }

    mutating func claimRecent(in mailbox: UInt32) {
        guard mailboxes[mailbox]!.firstRecent < mailboxes[mailbox]!.uidNext else { return }
        mailboxes[mailbox]!.firstRecent = mailboxes[mailbox]!.uidNext
    }

    mutating func rename(_ id: UInt32, to name: String) {
        let old = mailboxes[id]!.name
        for other in ids where other == id || mailboxes[other]!.name.utf8.starts(with: (old + "/").utf8) {
            let rest = mailboxes[other]!.name.utf8.dropFirst(old.utf8.count)
            mailboxes[other]!.name = name + String(decoding: rest, as: UTF8.self)
            mailboxes[other]!.highestModSeq = modSeq
        }
    }
}
