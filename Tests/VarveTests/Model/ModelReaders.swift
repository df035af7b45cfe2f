import MailModel

@testable import Varve

/// A session that has a mailbox selected: what it was told, message by message, beside the mark that stands for it.
struct ModelSession {
    let mailbox: UInt32
    let pin: ViewPin
    /// By sequence number.
    var known: [(uid: UInt32, body: Int)]
}

/// A client that keeps a copy of a mailbox and is connected now and then.
struct ModelClient {
    let mailbox: UInt32
    var modSeq: UInt64 = 0
    var messages: [UInt32: Model.Message] = [:]
}

extension ModelRun {
    private static let maximumSessions = 12
    private static let maximumClients = 8

    func openSession() throws {
        if sessions.count >= ModelRun.maximumSessions { sessions.remove(at: number(0...sessions.count - 1)) }
        guard let id = randomMailbox(), let pin = try store.pin(MailboxID(id)) else { return }
        sessions.append(
            ModelSession(mailbox: id, pin: pin, known: model.mailboxes[id]!.messages.map { ($0.uid, $0.body) }))
    }

    /// Looks at a mailbox as one of the sessions knows it, and perhaps tells it more.
    func moveSession() throws {
        guard !sessions.isEmpty else { return }
        let index = number(0...sessions.count - 1)
        let session = sessions[index]
        let mark = session.pin.mark
        guard let mailbox = model.mailboxes[session.mailbox] else {
            try require(try store.snapshot().view(mark) == nil, "a view of a mailbox that is deleted")
            sessions.remove(at: index)
            return
        }
        guard let view = try store.snapshot().view(mark) else {
            return try require(false, "no view of a mailbox that is there")
        }
        try look(view, session)
        switch number(0...5) {
        case 0...1:
            // Told all.
            let gone = mailbox.vanished(since: mark.vanished.rawValue)
            sessions[index].known.removeAll { gone.contains($0.uid) }
            sessions[index].known.append(
                contentsOf: mailbox.messages.lazy.filter { $0.uid >= mark.uidNext.rawValue }.map { ($0.uid, $0.body) })
            try require(
                sessions[index].known.map(\.uid) == mailbox.messages.map(\.uid),
                "a session that was told all knows another mailbox")
            session.pin.advance(to: view.newest)
        case 2...3:
            // Told of new mail, but not of expunges: what came and went meanwhile is among it.
            var told = mailbox.messages.filter { $0.uid >= mark.uidNext.rawValue }.map { (uid: $0.uid, body: $0.body) }
            told += mailbox.vanished(since: mark.vanished.rawValue).filter { $0 >= mark.uidNext.rawValue }.map {
                (uid: $0, body: -1)
            }
            sessions[index].known.append(contentsOf: told.sorted { $0.uid < $1.uid })
            var next = mark
            next.changed = view.newest.changed
            next.uidNext = view.newest.uidNext
            session.pin.advance(to: next)
        default: break
        }
    }

    private func look(_ view: View, _ session: ModelSession) throws {
        let count = try view.count
        try require(count == session.known.count, "a session counts \(count), knows \(session.known.count)")
        for _ in 0..<2 {
            guard let (index, message) = session.known.enumerated().randomElement(using: &random) else { break }
            let uid = UID(message.uid)
            try require(try view.uid(at: index + 1) == uid, "UID of number \(index + 1) for a session")
            try require(try view.sequenceNumber(of: uid) == index + 1, "number of UID \(uid) for a session")
            guard let found = try view.message(uid) else { return try require(false, "UID \(uid) is lost for a session") }
            if message.body >= 0, chance(4) { try read(found, message.body) }
        }
        try require(try view.uid(at: session.known.count + 1) == nil, "a session sees a message too many")
        if chance(8) {
            var uids: [UInt32] = []
            try view.forEachMessage(in: UIDRange(.min, .max)) { number, message in
                uids.append(message.uid.rawValue)
                return number == uids.count
            }
            try require(uids == session.known.map(\.uid), "a session's messages \(uids), known \(session.known.map(\.uid))")
        }
    }

    /// A client asks for what changed since it was there last, and must then have what a full read gives.
    func resynchronise() throws {
        if clients.isEmpty || (clients.count < ModelRun.maximumClients && chance(4)) {
            if let id = randomMailbox() { clients.append(ModelClient(mailbox: id)) }
        }
        guard !clients.isEmpty else { return }
        let index = number(0...clients.count - 1)
        var client = clients[index]
        let snapshot = store.snapshot()
        guard let mailbox = model.mailboxes[client.mailbox], let view = try snapshot.view(of: MailboxID(client.mailbox))
        else {
            clients.remove(at: index)
            return
        }
        let since = ModSeq(client.modSeq)
        for range in try view.vanished(since: since).ranges {
            for uid in range.first.rawValue...range.last.rawValue { client.messages[uid] = nil }
        }
        for range in try view.changed(since: since) {
            try view.forEachMessage(in: range) { _, message in
                let body = mailbox.index(of: message.uid.rawValue).map { mailbox.messages[$0].body } ?? 0
                client.messages[message.uid.rawValue] = ModelRun.plain(message, snapshot, like: body)
                return true
            }
        }
        client.modSeq = snapshot.modSeq.rawValue
        clients[index] = client
        try require(
            client.messages.values.sorted { $0.uid < $1.uid } == mailbox.messages,
            "a client of mailbox \(client.mailbox) that knew \(since) has not what a full read gives")
    }
}
