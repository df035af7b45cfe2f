import MailModel
import Varve

/// Holds what a store tells against what it must hold.
struct Comparison {
    let account: Account
    let snapshot: Snapshot
    /// From which commit on changes are asked for.
    let since: UInt64

    /// - Returns: where the two differ first, nil if they do not.
    static func difference(_ snapshot: Snapshot, _ account: Account, since: UInt64 = 0) throws -> String? {
        try Comparison(account: account, snapshot: snapshot, since: since).difference()
    }

    private func difference() throws -> String? {
        guard snapshot.modSeq.rawValue == account.modSeq else {
            return "modseq \(snapshot.modSeq), expected \(account.modSeq)"
        }
        var infos: [MailboxInfo] = []
        try snapshot.forEachMailbox {
            infos.append($0)
            return true
        }
        let ids = Set(infos.map(\.id.rawValue))
        guard ids.count == infos.count, ids == Set(account.mailboxes.keys) else {
            let expected = account.ids.map { "\($0) \(account.mailboxes[$0]!.name)" }
            return "mailboxes \(infos.map { "\($0.id) \($0.name)" }), expected \(expected)"
        }
        var subscriptions: Set<String> = []
        try snapshot.forEachSubscription { subscriptions.insert($0).inserted }
        guard subscriptions == account.subscriptions else {
            return "subscriptions \(subscriptions.sorted()), expected \(account.subscriptions.sorted())"
        }
        var changes: [UInt32: UInt64] = [:]
        try snapshot.mailboxesChanged(since: ModSeq(since)) {
            changes[$0.rawValue] = $1.rawValue
            return true
        }
        guard changes == account.mailboxes.mapValues(\.highestModSeq).filter({ $0.value > since }) else {
            return "mailboxes changed since \(since): \(changes)"
        }
        for info in infos {
            if let difference = try difference(info, account.mailboxes[info.id.rawValue]!) {
                return "mailbox \(info.id) (\(info.name)): \(difference)"
            }
        }
        return nil
    }

    private func difference(_ info: MailboxInfo, _ expected: Account.Mailbox) throws -> String? {
        guard info.name == expected.name else { return "its name, expected \(expected.name)" }
        guard info.specialUse == expected.use, info.syncMode == expected.mode else {
            return "use \(info.specialUse.rawValue), mode \(info.syncMode), expected \(expected.use.rawValue), \(expected.mode)"
        }
        let numbers = [
            UInt64(info.uidValidity.rawValue), UInt64(info.uidNext.rawValue), info.highestModSeq.rawValue,
            UInt64(info.firstRecent.rawValue), UInt64(info.messages), UInt64(info.unseen), UInt64(info.deleted), info.bytes,
        ]
        var unseen = 0
        var deleted = 0
        var bytes = 0
        for message in expected.messages {
            if message.system & SystemFlags.seen.rawValue == 0 { unseen += 1 }
            if message.system & SystemFlags.deleted.rawValue != 0 { deleted += 1 }
            bytes += Mail.bodies[message.body].count
        }
        let wanted = [
            UInt64(expected.uidValidity), UInt64(expected.uidNext), expected.highestModSeq, UInt64(expected.firstRecent),
            UInt64(expected.messages.count), UInt64(unseen), UInt64(deleted), UInt64(bytes),
        ]
        guard numbers == wanted else {
            return "UIDVALIDITY, UIDNEXT, modseq, recent, messages, unseen, deleted, bytes \(numbers), expected \(wanted)"
        }
        guard let view = try snapshot.view(of: info.id) else { return "there is no view of it" }
        return try differenceOfMessages(view, expected) ?? differenceOfChanges(view, expected)
    }

    private func differenceOfMessages(_ view: View, _ expected: Account.Mailbox) throws -> String? {
        var next = 0
        var difference: String?
        try view.forEachMessage(in: UIDRange(.min, .max)) { number, message in
            guard next < expected.messages.count else {
                difference = "UID \(message.uid) should not be there"
                return false
            }
            let wanted = expected.messages[next]
            next += 1
            difference = self.difference(number, message, next, wanted)
            return difference == nil
        }
        if difference == nil, next < expected.messages.count { difference = "UID \(expected.messages[next].uid) is missing" }
        return difference
    }

    private func difference(_ number: Int, _ message: Message, _ wantedNumber: Int, _ wanted: Account.Message) -> String? {
        let keywords: UInt16? = message.hasKeywords ? Mail.mask(snapshot.keywords(of: message)) : 0
        if number == wantedNumber, message.uid.rawValue == wanted.uid, message.flags.rawValue == wanted.system,
            keywords == wanted.keywords, message.modSeq.rawValue == wanted.modSeq,
            message.size == Mail.bodies[wanted.body].count, message.saveDate == wanted.saveDate,
            message.internalDate == Mail.internalDate, !message.isExpunged
        {
            return nil
        }
        return "message \(number): UID \(message.uid), flags \(message.flags.rawValue), keywords "
            + "\(snapshot.keywords(of: message)), modseq \(message.modSeq), size \(message.size), "
            + "saved \(message.saveDate), expected \(wanted)"
    }

    private func differenceOfChanges(_ view: View, _ expected: Account.Mailbox) throws -> String? {
        let vanished = UIDSet(expected.vanished.filter { $0.value > since }.keys.map { UID($0) })
        let told = try view.vanished(since: ModSeq(since))
        // What is forgotten is answered with more UIDs, none of them of a message that is there.
        let isComplete =
            view.mailbox.vanishedFloor.rawValue <= since
            ? told == vanished
            : told.intersection(vanished) == vanished && !expected.messages.contains { told.contains(UID($0.uid)) }
        guard isComplete else { return "vanished since \(since): \(told), expected \(vanished)" }
        let changed = UIDSet(try view.changed(since: ModSeq(since)))
        for message in expected.messages where changed.contains(UID(message.uid)) != (message.modSeq > since) {
            return "UID \(message.uid), changed at \(message.modSeq), changed since \(since): \(changed)"
        }
        return nil
    }
}
