import IMAPClient
import MailModel
import NIOCore

/// A command's answer.
struct Exchange: Sendable {
    var status: StatusResponse
    var untagged: [Response]

    /// In the tagged response or one before it.
    var codes: [ResponseCode] {
        var codes: [ResponseCode] = []
        for case .status(let status) in untagged { if let code = status.code { codes.append(code) } }
        if let code = status.code { codes.append(code) }
        return codes
    }

    /// Numbers that were not changed because of UNCHANGEDSINCE (RFC 7162 §3.1.3).
    var modified: UIDSet {
        for case .modified(let set) in codes { return set }
        return []
    }

    var copyUID: (validity: UInt32, source: [UIDRange], destination: [UIDRange])? {
        for case .copyUID(let validity, let source, let destination) in codes { return (validity, source, destination) }
        return nil
    }

    /// Some of the messages are gone (RFC 5530 §3).
    var isExpungeIssued: Bool { codes.contains { $0.name == "EXPUNGEISSUED" } }
}

/// What a command allows to be said in its answer.
enum CommandKind: Sendable {
    /// FETCH, STORE, SEARCH and their UID forms. The first three shut out EXPUNGE (RFC 3501 §7.4.1) and VANISHED
    /// (RFC 7162 §3.2.10.2).
    case fetch, store, search, uidFetch, uidStore, uidSearch
    /// UID FETCH with VANISHED.
    case uidFetchVanished
    /// What comes is no part of the mailbox that was selected before.
    case select
    case other

    var allowsExpunge: Bool { self != .fetch && self != .store && self != .search }
}

extension StressSession {
    /// Sends a command, and takes in all that comes up to its answer.
    func exchange(_ command: ClientCommand, _ kind: CommandKind) async throws -> Exchange {
        guard let connection else { throw Broken("there is no connection") }
        return try await finish(try await connection.send(command), kind)
    }

    /// Takes in all that comes up to the answer to a command.
    func finish(_ tag: String, _ kind: CommandKind) async throws -> Exchange {
        guard let connection else { throw Broken("there is no connection") }
        world.count { $0.commands += 1 }
        var untagged: [Response] = []
        while true {
            guard let response = lie(try await connection.next(), kind) else { continue }
            if case .status(let status) = response, status.tag != nil {
                try require(status.tag == tag, "\(status.tag!) is answered, not \(tag)")
                try require(status.condition != .bad, "BAD \(status.text)")
                let answer = Exchange(status: status, untagged: untagged)
                if kind != .select { updateHighestModSeq(answer) }
                return answer
            }
            if kind == .select {
                if case .unreadable(_, let reason) = response { throw Broken("a response is broken: \(reason)") }
            } else {
                try take(response, kind)
            }
            untagged.append(response)
        }
    }

    /// What the plan's canary makes of a response; nil for one that it swallows.
    private func lie(_ response: Response, _ kind: CommandKind) -> Response? {
        guard let canary = plan.canary else { return response }
        switch (canary, response) {
        case (.hastyHighestModSeq, .status(var status)):
            guard case .highestModSeq(let modSeq)? = status.code else { return response }
            status.code = .highestModSeq(ModSeq(modSeq.rawValue &+ 3))
            return .status(status)
        // STORE without .SILENT is among what causes it.
        case (.losesFetch, .fetch) where kind == .other || kind == .store || kind == .uidStore: break
        case (.losesExpunge, .expunge), (.losesVanished, .vanished(_, isEarlier: false)): break
        case (.losesVanishedEarlier, .vanished(_, isEarlier: true)) where kind == .select: break
        default: return response
        }
        lies += 1
        return lies % 3 == 1 ? nil : response
    }

    /// RFC 7162 §6: a HIGHESTMODSEQ that the server gives is taken as it is, else the highest of the MODSEQs since the last
    /// tagged response.
    private func updateHighestModSeq(_ answer: Exchange) {
        guard kind != .plain, selection != nil, selection!.replica.highestModSeq > 0 else { return }
        var given: UInt64?
        for case .highestModSeq(let modSeq) in answer.codes { given = modSeq.rawValue }
        if let given {
            selection!.replica.highestModSeq = given
        } else {
            for case .fetch(let fetch) in answer.untagged {
                selection!.replica.highestModSeq = max(selection!.replica.highestModSeq, fetch.modSeq?.rawValue ?? 0)
            }
        }
    }

    /// One untagged response about the selected mailbox.
    func take(_ response: Response, _ kind: CommandKind) throws {
        switch response {
        case .unreadable(_, let reason): throw Broken("a response is broken: \(reason)")
        case .status(let status):
            try require(status.condition != .bye, "BYE \(status.text)")
        case .exists(let count): try selection?.replica.exists(count)
        case .expunge(let number):
            try require(kind.allowsExpunge, "EXPUNGE in answer to FETCH, STORE or SEARCH (RFC 3501 §7.4.1)")
            try require(self.kind != .qresync, "EXPUNGE after ENABLE QRESYNC (RFC 7162 §3.2.10)")
            try selection?.replica.expunge(number)
        case .vanished(let set, isEarlier: true):
            try require(kind == .uidFetchVanished, "VANISHED (EARLIER) that was not asked for (RFC 7162 §3.2.10.1)")
            try require(set.count <= 1 << 24, "VANISHED (EARLIER) \(set)")
        case .vanished(let set, isEarlier: false):
            try require(self.kind == .qresync, "VANISHED without ENABLE QRESYNC (RFC 7162 §3.2.10)")
            try require(kind.allowsExpunge, "VANISHED in answer to FETCH, STORE or SEARCH (RFC 7162 §3.2.10.2)")
            try selection?.replica.vanish(set)
        case .fetch(let fetch): try take(fetch, kind)
        default: break
        }
    }

    private func take(_ fetch: FetchResponse, _ kind: CommandKind) throws {
        guard selection != nil else { throw Broken("FETCH, and no mailbox is selected") }
        if self.kind != .plain {
            // All commands here that ask for anything ask for both; what others cause must have them (RFC 7162 §3.2.4).
            try require(fetch.modSeq != nil, "FETCH without MODSEQ after CONDSTORE was enabled (RFC 7162 §3.1)")
            let needsUID = self.kind == .qresync && !plan.quirks.contains(.fetchWithoutUID)
            try require(!needsUID || fetch.uid != nil, "FETCH without UID (RFC 7162 §3.2.4)")
        }
        let setsSeen = isSettingSeen && plan.quirks.contains(.seenWithOldModSeq)
        try selection!.replica.fetched(fetch, setsSeen: setsSeen)
        guard let flags = fetch.flags, flags.contains(where: { $0.lowercased() == "\\recent" }), !selection!.isReadOnly,
            let uid = selection!.replica.messages[Int(fetch.sequenceNumber ?? 1) - 1].uid
        else { return }
        try world.isShownRecent(selection!.lease.id, uid: uid, to: selection!.serial)
    }
}
