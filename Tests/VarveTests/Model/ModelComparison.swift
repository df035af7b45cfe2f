import MailModel

@testable import Varve

extension ModelRun {
    func compareAll() throws {
        let snapshot = store.snapshot()
        try require(snapshot.modSeq.rawValue == model.modSeq, "modseq \(snapshot.modSeq), expected \(model.modSeq)")
        var names: [String] = []
        try snapshot.forEachMailbox {
            names.append($0.name)
            return true
        }
        try require(names.count == model.mailboxes.count, "mailboxes \(names)")
        try require(
            zip(names, names.dropFirst()).allSatisfy { $0.utf8.lexicographicallyPrecedes($1.utf8) }, "order of \(names)")
        var subscriptions: Set<String> = []
        try snapshot.forEachSubscription { subscriptions.insert($0).inserted }
        try require(subscriptions == model.subscriptions, "subscriptions")
        var changes: [UInt32: UInt64] = [:]
        try snapshot.mailboxesChanged(since: 0) {
            changes[$0.rawValue] = $1.rawValue
            return true
        }
        try require(changes == model.mailboxes.mapValues(\.highestModSeq), "changes of mailboxes")
        for id in model.mailboxes.keys.sorted() { try compare(id) }
    }

    /// One mailbox, seen in every way.
    func compare(_ id: UInt32) throws {
        let snapshot = store.snapshot()
        guard let view = try snapshot.view(of: MailboxID(id)) else { return try require(false, "mailbox \(id) is gone") }
        let expected = model.mailboxes[id]!
        let info = view.mailbox
        try require(
            info.name == expected.name && info.uidValidity.rawValue == expected.uidValidity
                && info.uidNext.rawValue == expected.uidNext && info.highestModSeq.rawValue == expected.highestModSeq
                && info.firstRecent.rawValue == expected.firstRecent,
            "mailbox \(info), expected \(expected.name) \(expected.uidValidity) \(expected.uidNext)"
        )
        try require(
            info.messages == expected.messages.count
                && info.unseen == expected.messages.count { !$0.system.contains(.seen) }
                && info.deleted == expected.messages.count { $0.system.contains(.deleted) }
                && info.bytes == expected.messages.reduce(0) { $0 + UInt64(ModelRun.texts[$1.body].count) },
            "counters of \(info)")
        let firstUnseen = expected.messages.firstIndex { !$0.system.contains(.seen) }.map { $0 + 1 }
        try require(try view.firstUnseen == firstUnseen, "first unseen")
        var found: [Model.Message] = []
        var numbers: [Int] = []
        try view.forEachMessage(in: UIDRange(.min, .max)) { number, message in
            numbers.append(number)
            found.append(
                ModelRun.plain(
                    message, snapshot, like: expected.messages.count > found.count ? expected.messages[found.count].body : 0)
            )
            return true
        }
        try require(found == expected.messages, "messages of \(info.name): \(found), expected \(expected.messages)")
        try require(numbers == Array(1..<(found.count + 1)), "sequence numbers")
        if let (index, message) = expected.messages.enumerated().randomElement(using: &random) {
            try require(try view.uid(at: index + 1) == UID(message.uid), "UID of number \(index + 1)")
            try require(try view.sequenceNumber(of: UID(message.uid)) == index + 1, "number of UID \(message.uid)")
            try read(try view.message(UID(message.uid)), message.body)
        }
        try require(try view.uid(at: expected.messages.count + 1) == nil, "a message too many")
        let since = UInt64(number(0...Int(model.modSeq)))
        // Below the floor, everything that is not there.
        let gone =
            since < info.vanishedFloor.rawValue
            ? expected.vanished.map(\.uid) : Array(expected.vanished(since: since))
        try require(
            try view.vanished(since: ModSeq(since)) == UIDSet(gone.map { UID($0) }), "vanished since \(since)")
        try require(
            options.syncMode == .noExpungeLog || info.vanishedFloor == 0, "a floor of \(info.vanishedFloor), for no reason")
        try require(
            try ModelRun.covered(view.changed(since: ModSeq(since)), expected)
                == expected.messages.filter { $0.modSeq > since }.map(\.uid),
            "changed since \(since)")
    }

    /// Live UIDs in ranges, each of which must begin and end with one.
    static func covered(_ ranges: [UIDRange], _ mailbox: Model.Mailbox) throws -> [UInt32] {
        var result: [UInt32] = []
        for range in ranges {
            guard mailbox.index(of: range.first.rawValue) != nil, mailbox.index(of: range.last.rawValue) != nil else {
                throw Difference(description: "a changed range \(range) that does not begin and end with a message")
            }
            result.append(contentsOf: mailbox.messages.lazy.map(\.uid).filter { range.contains(UID($0)) })
        }
        return result.sorted()
    }

    static func plain(_ message: Message, _ snapshot: Snapshot, like body: Int) -> Model.Message {
        Model.Message(
            uid: message.uid.rawValue, body: message.size == texts[body].count ? body : -1, system: message.flags,
            keywords: Set(snapshot.keywords(of: message).map { $0.lowercased() }), modSeq: message.modSeq.rawValue)
    }

    func read(_ message: Message?, _ body: Int) throws {
        guard let message else { return try require(false, "a message is not there") }
        try require(try store.body(of: message).bytes() == ModelRun.texts[body], "the bytes of UID \(message.uid)")
    }
}
