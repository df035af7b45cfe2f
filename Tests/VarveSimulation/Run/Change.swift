import MailModel
import TestSupport
import Varve

/// One change within a transaction. To add one: a case, its weight, what it does to the store and to the account.
enum Change: CaseIterable {
    case append, appendLarge, flags, expunge, copy, move, claimRecent
    case create, rename, delete, subscribe, unsubscribe
    case setUse, setMode

    /// How often it comes, beside the others.
    var weight: Int {
        switch self {
        case .append: 30
        case .appendLarge: 3
        case .flags: 22
        case .expunge: 12
        case .copy: 6
        case .move: 6
        case .claimRecent: 2
        case .create: 8
        case .rename: 4
        case .delete: 2
        case .subscribe: 2
        case .unsubscribe: 1
        case .setUse: 2
        case .setMode: 3
        }
    }

    static func random(_ random: inout SeededGenerator) -> Change { Step.pick(allCases, \.weight, &random) }

    /// Mailboxes are to stay small, so that recovery is quick.
    private static let maximumMessages = 60

    func make(_ tx: Transaction, _ account: inout Account, _ run: RandomWorkload) throws {
        let id = account.ids.randomElement(using: &run.random)!
        let mailbox = MailboxID(id)
        let name = Mail.mailboxes.randomElement(using: &run.random)!
        switch self {
        case .append, .appendLarge:
            let body =
                self == .append
                ? run.number(0...(Mail.small - 1)) : run.number(Mail.small...(Mail.small + Mail.large - 1))
            let (system, keywords) = Change.flags(run)
            let uid = try tx.append(
                run.prepared(body), to: mailbox, flags: Change.flags(system, keywords), internalDate: Mail.internalDate)
            guard account.append(body, to: id, system, keywords) == uid.rawValue else {
                throw Violation("UID \(uid) is given")
            }
        case .flags:
            let (system, keywords) = Change.flags(run)
            let uids = Change.uids(account.mailboxes[id]!, run)
            let operation = Account.FlagOperation.allCases.randomElement(using: &run.random)!
            try tx.changeFlags(Change.flagChange(operation, system, keywords), of: uids, in: mailbox)
            account.changeFlags(operation, system, keywords, of: uids, in: id)
        case .expunge:
            let uids = Change.uids(account.mailboxes[id]!, run)
            let onlyDeleted = run.chance(2)
            try tx.expunge(uids, in: mailbox, onlyDeleted: onlyDeleted)
            account.expunge(uids, in: id, onlyDeleted: onlyDeleted)
        case .copy, .move:
            let target = account.ids.randomElement(using: &run.random)!
            let uids = Change.uids(account.mailboxes[id]!, run)
            guard account.mailboxes[target]!.messages.count < Change.maximumMessages else { return }
            if self == .move {
                try tx.move(uids, from: mailbox, to: MailboxID(target))
            } else {
                try tx.copy(uids, from: mailbox, to: MailboxID(target))
            }
            account.copy(uids, from: id, to: target, moves: self == .move)
        case .setUse:
            let use = Change.use(run)
            try tx.setSpecialUse(use, of: mailbox)
            account.set(use, of: id)
        case .setMode:
            // Mostly the one in which the engine does something of its own.
            let mode = run.chance(2) ? SyncMode.noExpungeLog : SyncMode.allCases.randomElement(using: &run.random)!
            try tx.setSyncMode(mode, of: mailbox)
            account.set(mode, of: id)
        case .claimRecent:
            _ = try tx.claimRecent(in: mailbox)
            account.claimRecent(in: id)
        case .create:
            guard account.id(name) == nil else { return }
            let use = run.chance(4) ? Change.use(run) : []
            try tx.createMailbox(name, specialUse: use)
            try Change.adopt(tx, &account, Change.superiors(name) + [name])
            account.set(use, of: account.id(name)!)
        case .rename: try Change.rename(tx, &account, id, to: name)
        case .delete:
            guard account.mailboxes[id]!.name != Account.inbox else { return }
            try tx.deleteMailbox(mailbox)
            account.mailboxes[id] = nil
        case .subscribe:
            try tx.subscribe(name)
            account.subscribe(name, true)
        case .unsubscribe:
            try tx.unsubscribe(name)
            account.subscribe(name, false)
        }
    }

    static func appendAlike(_ tx: Transaction, _ account: inout Account) throws {
        let inbox = account.id(Account.inbox)!
        let body = 2
        let uid = try tx.append(Mail.prepared[body], to: MailboxID(inbox), internalDate: Mail.internalDate)
        guard account.append(body, to: inbox, 0, 0) == uid.rawValue else { throw Violation("UID \(uid) is given") }
    }

    private static func use(_ run: RandomWorkload) -> SpecialUse {
        SpecialUse(rawValue: UInt16(run.number(0...255) & run.number(0...255)))
    }

    private static func flags(_ run: RandomWorkload) -> (UInt16, UInt16) {
        let system = UInt16(run.number(0...31) & run.number(0...31))
        guard run.chance(2) else { return (system, 0) }
        var keywords: UInt16 = 0
        for _ in 0..<run.number(1...3) { keywords |= 1 << UInt16(run.number(0...(Mail.keywords.count - 1))) }
        return (system, keywords)
    }

    private static func flags(_ system: UInt16, _ keywords: UInt16) -> Flags {
        Flags(SystemFlags(rawValue: system), keywords: Mail.names(keywords))
    }

    private static func flagChange(_ operation: Account.FlagOperation, _ system: UInt16, _ keywords: UInt16) -> FlagChange {
        switch operation {
        case .add: .add(flags(system, keywords))
        case .remove: .remove(flags(system, keywords))
        case .replace: .replace(flags(system, keywords))
        }
    }

    /// A set over a mailbox' UIDs: all, a range, a few, one that is there, or such as do not exist.
    private static func uids(_ mailbox: Account.Mailbox, _ run: RandomWorkload) -> UIDSet {
        let top = Int(mailbox.uidNext) + 3
        switch run.number(0...9) {
        case 0: return UIDSet(UIDRange(.min, .max))
        case 1...4:
            let first = run.number(1...top)
            return UIDSet(UIDRange(UID(UInt32(first)), UID(UInt32(run.number(first...min(top, first + 20))))))
        case 5...6: return UIDSet((0..<run.number(1...8)).map { _ in UID(UInt32(run.number(1...top))) })
        default: return mailbox.messages.randomElement(using: &run.random).map { UIDSet(UID($0.uid)) } ?? UIDSet()
        }
    }

    // MARK: Mailboxes

    private static func superiors(_ name: String) -> [String] {
        let levels = name.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
        return (1..<max(levels.count, 1)).map { levels[..<$0].joined(separator: "/") }
    }

    /// Takes over mailboxes that the store made: ids and UIDVALIDITYs must be new.
    private static func adopt(_ tx: Transaction, _ account: inout Account, _ names: [String]) throws {
        for name in names where account.id(name) == nil {
            guard let info = try tx.mailbox(named: name) else { throw Violation("mailbox \(name) was not made") }
            guard info.uidValidity.rawValue > account.lastUIDValidity, info.id.rawValue > account.lastMailbox else {
                throw Violation("mailbox \(name) has a UIDVALIDITY or an id that was there before: \(info)")
            }
            account.adopt(info.id.rawValue, name, uidValidity: info.uidValidity.rawValue)
        }
    }

    private static func rename(_ tx: Transaction, _ account: inout Account, _ id: UInt32, to name: String) throws {
        let old = account.mailboxes[id]!.name
        // What the engine refuses it refuses before, or the whole transaction with it: that is tested elsewhere.
        guard account.id(name) == nil, !name.utf8.starts(with: (old + "/").utf8) else { return }
        if old != Account.inbox {
            for other in account.mailboxes.values where other.name.utf8.starts(with: (old + "/").utf8) {
                let renamed = name + String(decoding: other.name.utf8.dropFirst(old.utf8.count), as: UTF8.self)
                guard account.id(renamed) == nil, MailboxName.problem(renamed) == nil, !superiors(name).contains(renamed)
                else { return }
            }
        }
        try tx.renameMailbox(MailboxID(id), to: name)
        try adopt(tx, &account, superiors(name))
        if old == Account.inbox {
            try adopt(tx, &account, [name])
            account.copy(UIDSet(UIDRange(.min, .max)), from: id, to: account.id(name)!, moves: true)
        } else {
            account.rename(id, to: name)
        }
    }
}
