import IMAPClient
import MailModel
import NIOCore

/// Looks at whole mailboxes at a quiet moment, with a connection of its own that keeps nothing.
struct Referee {
    private let connection: IMAPConnection
    private let hasModSeq: Bool
    let transcript: Transcript

    init(_ plan: StressPlan) async throws {
        transcript = Transcript(capacity: 60)
        var options = IMAPConnection.Options()
        options.transcript = transcript
        connection = try await IMAPConnection.connect(host: plan.host, port: plan.port, options: options)
        if connection.greeting.condition != .preauthenticated {
            let answer = try await connection.command(.login(user: plan.user, password: plan.password))
            guard answer.status.isOK else { throw ConnectionError.refused(answer.status.text) }
        }
        if connection.capabilities.isEmpty { _ = try await connection.command("CAPABILITY") }
        hasModSeq = connection.capabilities.contains("CONDSTORE") || connection.capabilities.contains("QRESYNC")
    }

    func has(_ capability: String) -> Bool { connection.capabilities.contains(capability) }

    @discardableResult
    func run(_ command: ClientCommand) async throws -> Exchange {
        let answer = try await connection.command(command)
        for case .unreadable(_, let reason) in answer.untagged { throw Broken("a response is broken: \(reason)") }
        try require(answer.status.isOK, "\(answer.status.condition.rawValue) \(answer.status.text)")
        return Exchange(status: answer.status, untagged: answer.untagged)
    }

    func close() async { await connection.close() }

    /// No mailboxes of an earlier run, and the ones of this.
    func prepare(_ world: World) async throws {
        let prefix = world.plan.prefix
        let listing = try await run("LIST \"\" \(prefix)-*")
        for case .list(let list) in listing.untagged { try await run("DELETE \(list.name)") }
        for number in 1...max(1, world.plan.mailboxes) {
            let name = "\(prefix)-\(number)"
            try await run("CREATE \(name)")
            world.created(name, isFixed: true)
        }
    }

    /// The whole mailbox: every message, in its order; what the figures say of it must be so.
    func examine(_ lease: World.Lease, _ world: World) async throws -> Replica {
        var items = "MESSAGES UIDNEXT UIDVALIDITY UNSEEN"
        if hasModSeq { items += " HIGHESTMODSEQ" }
        let answer = try await run("STATUS \(lease.name) (\(items))")
        var figures: MailboxStatusResponse?
        for case .mailboxStatus(let status) in answer.untagged { figures = status }
        let opening = try Opening(try await run("EXAMINE \(lease.name)\(hasModSeq ? " (CONDSTORE)" : "")"))
        var truth = Replica()
        try truth.open(exists: opening.exists)
        let fetched = opening.exists == 0 ? nil : try await run(
            "UID FETCH 1:* (UID FLAGS\(hasModSeq ? " MODSEQ" : "") BODY.PEEK[HEADER.FIELDS (X-Stress)])")
        for case .fetch(let fetch) in fetched?.untagged ?? [] {
            try truth.fetched(fetch)
            guard let uid = fetch.uid, let bytes = fetch.sections.first?.bytes else { continue }
            let text = String(buffer: bytes).split(whereSeparator: \.isWhitespace)
            try require(text.count == 2, "the header of UID \(uid) is \(text)")
            try world.read(lease.id, uid, content: String(text[1]))
        }
        // A mailbox that is open could not be deleted. Nothing is expunged, since it was opened for reading.
        try await run("CLOSE")
        try require(truth.firstIncomplete == nil, "UID FETCH 1:* does not tell of all \(opening.exists) messages")
        try world.opened(
            lease, uidValidity: opening.uidValidity, uidNext: opening.uidNext, highestModSeq: opening.highestModSeq)
        try require(truth.lastUID < opening.uidNext, "UIDNEXT is \(opening.uidNext), and there is UID \(truth.lastUID)")
        let unseen = truth.messages.filter { $0.flags?.contains("\\seen") == false }.count
        try require(
            figures?.messages == UInt32(opening.exists) && figures?.uidNext == opening.uidNext
                && figures?.uidValidity == opening.uidValidity && figures?.unseen == UInt32(unseen),
            "STATUS tells \(figures.map { "\($0)" } ?? "nothing") of \(opening.exists) messages, \(unseen) unseen, "
                + "UIDNEXT \(opening.uidNext)")
        if hasModSeq {
            let highest = opening.highestModSeq ?? 0
            try require(figures?.highestModSeq?.rawValue == highest, "STATUS and EXAMINE tell different HIGHESTMODSEQs")
            let largest = truth.messages.compactMap(\.modSeq).max() ?? 0
            try require(highest >= largest, "HIGHESTMODSEQ is \(highest), and a message has MODSEQ \(largest)")
        }
        if world.plan.isLockstep {
            try world.compare(lease.id, truth.messages)
        } else {
            world.settle(lease.id, truth.messages)
        }
        truth.highestModSeq = opening.highestModSeq ?? 0
        return truth
    }
}

extension StressSession {
    /// At a quiet moment: what this client believes is what the mailbox is.
    func settle(_ truths: [Int: Replica]) async throws {
        if idleTag != nil {
            try await awaitPushes(truths)
            try await endIdle()
        } else if once(in: 3) {
            try await reconnect()
        }
        guard selection != nil, let truth = truths[selection!.lease.id] else { return }
        try expectOK(try await exchange("NOOP", .other))
        try await learn()
        world.count { $0.comparisons += 1 }
        let replica = selection!.replica
        try require(replica.uids == truth.uids, "the mailbox has UIDs \(truth.uids), and the client knows \(replica.uids)")
        for (known, message) in zip(replica.messages, truth.messages) {
            try require(
                known.flags == message.flags,
                "UID \(message.uid!) has \(message.flags!.sorted()), and the client knows "
                    + "\(known.flags.map { $0.sorted() } ?? [])")
            guard kind != .plain else { continue }
            try require(
                known.modSeq == message.modSeq,
                "UID \(message.uid!) has MODSEQ \(message.modSeq ?? 0), and the client knows \(known.modSeq ?? 0)")
        }
        try require(
            kind == .plain || replica.highestModSeq <= truth.highestModSeq,
            "HIGHESTMODSEQ is \(truth.highestModSeq), and the client was told \(replica.highestModSeq)")
    }

    /// During IDLE all comes by itself (RFC 2177 §3).
    private func awaitPushes(_ truths: [Int: Replica]) async throws {
        guard let truth = selection.flatMap({ truths[$0.lease.id] }), let connection else { return }
        while !selection!.replica.agrees(with: truth) {
            guard let response = try await connection.next(within: .seconds(Int64(plan.pushSeconds))) else {
                let known = selection!.replica.uids
                throw Broken("IDLE does not tell of all changes; the client knows \(known) of \(truth.uids)")
            }
            try take(response, .other)
        }
    }
}

extension Replica {
    /// Whether what is known is right, and the number of messages.
    func agrees(with truth: Replica) -> Bool {
        messages.count == truth.messages.count
            && zip(messages, truth.messages).allSatisfy { known, message in
                (known.uid == nil || known.uid == message.uid) && (known.flags == nil || known.flags == message.flags)
            }
    }
}
