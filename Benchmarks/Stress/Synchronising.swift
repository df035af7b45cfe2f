import IMAPClient
import MailModel
import NIOCore

/// How a client comes to know what others did.
extension StressSession {
    /// What is asked for of each message.
    var items: String { kind == .plain ? "(UID FLAGS)" : "(UID FLAGS MODSEQ)" }

    // MARK: While a mailbox is selected

    /// Asks for what was announced and is not known.
    func learn() async throws {
        guard let first = selection?.replica.firstIncomplete else { return }
        let messages = selection!.replica.messages
        // New messages by their UIDs, unless one further on is known already.
        if first > 0, messages[first...].allSatisfy({ $0.uid == nil }), messages[first - 1].uid != nil, once(in: 2) {
            try expectFetched(try await exchange("UID FETCH \(messages[first - 1].uid! + 1):* \(items)", .uidFetch))
        } else {
            try expectFetched(try await exchange("FETCH \(first + 1):* \(items)", .fetch))
        }
    }

    /// Messages that are gone may be answered with NO (RFC 2180 §4.1).
    func expectFetched(_ answer: Exchange) throws {
        let isFine = answer.status.isOK || answer.isExpungeIssued || plan.quirks.contains(.plainNo)
        try require(isFine, "\(answer.status.condition.rawValue) \(answer.status.text)")
    }

    func noop() async throws {
        try expectOK(try await exchange(once(in: 4) ? "CHECK" : "NOOP", .other))
        try await learn()
        try compareInLockstep()
    }

    /// In lockstep, all that was done before a NOOP or a SELECT is known after it.
    func compareInLockstep() throws {
        guard plan.isLockstep, let selection, !plan.quirks.contains(.lateNews) else { return }
        try require(selection.replica.firstIncomplete == nil, "FETCH does not tell of all messages that there are")
        try world.compare(selection.lease.id, selection.replica.messages)
        world.count { $0.comparisons += 1 }
    }

    func beginIdle() async throws {
        guard has("IDLE"), let connection else { return try await noop() }
        let tag = try await connection.send("IDLE")
        while true {
            let response = try await connection.next()
            if case .continuation = response { break }
            if case .status(let status) = response, status.tag == tag { throw Broken("IDLE: \(status.text)") }
            try take(response, .other)
        }
        idleTag = tag
    }

    func endIdle() async throws {
        guard let tag = idleTag else { return }
        idleTag = nil
        try await connection?.sendLine("DONE")
        try expectOK(try await finish(tag, .other))
        try await noop()
    }

    /// RFC 7162 §3.2.6, of a mailbox that is selected.
    func resynchronise() async throws {
        guard let replica = selection?.replica, replica.highestModSeq > 0 else { return try await noop() }
        let since = once(in: 4) ? 1 + replica.highestModSeq / 2 : replica.highestModSeq
        let command = "UID FETCH 1:* (FLAGS) (CHANGEDSINCE \(since) VANISHED)"
        try expectOK(try await exchange(ClientCommand(command), .uidFetchVanished))
        try await noop()
    }

    // MARK: SELECT

    func selectAny() async throws {
        let lease = world.lease(&random)
        if selection != nil, once(in: 3) {
            let box = selection!.lease.id
            let closes = once(in: 2)
            let isReadOnly = selection!.isReadOnly
            let known = selection!.replica
            let answer = try await exchange(closes || !has("UNSELECT") ? "CLOSE" : "UNSELECT", .other)
            try expectOK(answer)
            if closes || !has("UNSELECT"), !isReadOnly { world.expunged(box, known: known) }
            leave()
        }
        try await select(lease, isReadOnly: once(in: 8))
    }

    /// - Parameter lease: given back when the mailbox is selected no longer.
    func select(_ lease: World.Lease, isReadOnly: Bool) async throws {
        leave()
        var kept = disk[lease.id] ?? Replica()
        let verb = isReadOnly ? "EXAMINE" : "SELECT"
        let (parameter, asksForChanges) = selectParameter(kept)
        let answer: Exchange
        do {
            answer = try await exchange("\(verb) \(lease.name)\(parameter)", .select)
            try expectOK(answer)
        } catch {
            world.release(lease)
            throw error
        }
        selection = Selection(lease: lease, replica: Replica(), isReadOnly: isReadOnly, serial: nextSerial())
        let opening = try Opening(answer)
        if opening.uidValidity != kept.uidValidity { kept = Replica() }
        try require(opening.uidNext >= kept.uidNext, "UIDNEXT goes back from \(kept.uidNext) to \(opening.uidNext)")
        try world.opened(
            lease, uidValidity: opening.uidValidity, uidNext: opening.uidNext, highestModSeq: opening.highestModSeq)
        if kind != .plain {
            let highest = opening.highestModSeq ?? 0
            try require(highest > 0, "SELECT tells no HIGHESTMODSEQ (RFC 7162 §3.1.2.1)")
            try require(highest >= kept.highestModSeq, "HIGHESTMODSEQ goes back from \(kept.highestModSeq) to \(highest)")
        }
        let isValid = opening.uidValidity == (disk[lease.id]?.uidValidity ?? 0)
        let knownSince = kept.highestModSeq
        kept.uidValidity = opening.uidValidity
        kept.uidNext = opening.uidNext
        switch kind {
        case .qresync where asksForChanges && isValid: try openKept(&kept, opening)
        case .plain, .qresync, .condstore: try await openAnew(kept, opening, since: knownSince)
        }
        if kind != .plain { selection!.replica.highestModSeq = opening.highestModSeq ?? 0 }
        try await learn()
        try compareInLockstep()
    }

    /// RFC 7162 §3.2.5: with UIDs and pairs of numbers or without. And whether changes are asked for.
    private func selectParameter(_ kept: Replica) -> (String, Bool) {
        switch kind {
        case .plain: return ("", false)
        case .condstore: return (" (CONDSTORE)", false)
        case .qresync:
            guard kept.highestModSeq > 0 else { return (once(in: 2) ? " (CONDSTORE)" : "", false) }
            var text = "\(kept.uidValidity) \(kept.highestModSeq)"
            let uids = kept.uids
            if !uids.isEmpty {
                switch pick(4) {
                case 0: text += " \(UIDSet(uids.map { UID($0) }))"
                case 1: text += " 1:\(uids.last!)"
                default: break
                }
                if once(in: 3) {
                    // Client and server compare from the lowest on; mostly the last numbers are sent, in steps that grow.
                    var numbers: [Int] = []
                    var number = uids.count
                    var step = 1
                    while number > 0 {
                        numbers.insert(number, at: 0)
                        number -= step
                        step *= 2
                    }
                    let list = numbers.map(String.init).joined(separator: ",")
                    text += " (\(list) \(numbers.map { String(uids[$0 - 1]) }.joined(separator: ",")))"
                }
            }
            return (" (QRESYNC (\(text)))", true)
        }
    }

    /// The server has told in the answer to SELECT what changed in what was kept.
    private func openKept(_ kept: inout Replica, _ opening: Opening) throws {
        for set in opening.vanished { try kept.vanishEarlier(set) }
        try kept.open(exists: opening.exists)
        selection!.replica = kept
        for fetch in opening.fetched { try take(.fetch(fetch), .uidFetch) }
    }

    /// The client asks for what changed.
    private func openAnew(_ kept: Replica, _ opening: Opening, since: UInt64) async throws {
        try require(opening.vanished.isEmpty, "VANISHED (EARLIER), and QRESYNC did not ask for it")
        var new = kept
        guard !kept.messages.isEmpty, opening.exists > 0 else {
            new.keepOnly([])
            try new.open(exists: opening.exists)
            selection!.replica = new
            return
        }
        let last = kept.lastUID
        if plan.isLockstep, once(in: 2) {
            // Nothing happens meanwhile: what is left is what the client has, and stands first.
            let answer = try await exchange("UID SEARCH UID 1:\(last)", .select)
            try expectOK(answer)
            var left: Set<UInt32> = []
            for case .search(let uids, _) in answer.untagged { left.formUnion(uids) }
            new.keepOnly(left)
            try require(Set(new.uids) == left, "UID SEARCH finds \(left.subtracting(new.uids)), which were not there before")
            try new.open(exists: opening.exists)
            selection!.replica = new
        } else {
            // The numbers of all, then what the client knows of each.
            try selection!.replica.exists(UInt32(opening.exists))
            let items = kind == .plain ? "(UID)" : "(UID MODSEQ)"
            try expectFetched(try await exchange("FETCH 1:* \(items)", .fetch))
            try fill(from: kept)
        }
        if kind == .plain || since == 0 {
            try expectFetched(try await exchange("UID FETCH 1:\(last) \(items)", .uidFetch))
        } else if opening.highestModSeq != since {
            let answer = try await exchange("UID FETCH 1:\(last) (FLAGS) (CHANGEDSINCE \(since))", .uidFetch)
            try expectFetched(answer)
            for case .fetch(let fetch) in answer.untagged {
                try require(
                    (fetch.modSeq?.rawValue ?? 0) > since,
                    "CHANGEDSINCE \(since) tells of MODSEQ \(fetch.modSeq?.rawValue ?? 0)")
            }
        }
    }

    /// Takes over flags that were kept, for messages whose UIDs have been told.
    private func fill(from kept: Replica) throws {
        var known: [UInt32: Replica.Message] = [:]
        for message in kept.messages { if let uid = message.uid { known[uid] = message } }
        try selection!.replica.resume(kept, known)
    }
}

/// What the answer to SELECT says.
struct Opening {
    var exists = 0
    var uidValidity: UInt32 = 0
    var uidNext: UInt32 = 0
    var highestModSeq: UInt64?
    var vanished: [UIDSet] = []
    var fetched: [FetchResponse] = []

    init(_ answer: Exchange) throws {
        var isExistsTold = false
        // What stands before CLOSED is of the mailbox that was selected before (RFC 7162 §3.2.11).
        let closed = answer.untagged.lastIndex { if case .status(let status) = $0 { status.code == .closed } else { false } }
        for response in answer.untagged[(closed.map { $0 + 1 } ?? 0)...] {
            switch response {
            case .exists(let count):
                exists = Int(count)
                isExistsTold = true
            case .vanished(let set, let isEarlier):
                try require(isEarlier, "VANISHED without EARLIER in answer to SELECT (RFC 7162 §3.2.10.1)")
                vanished.append(set)
            case .fetch(let fetch): fetched.append(fetch)
            case .expunge(let number): throw Broken("EXPUNGE \(number) in answer to SELECT")
            case .status(let status):
                switch status.code {
                case .uidValidity(let number): uidValidity = number
                case .uidNext(let number): uidNext = number
                case .highestModSeq(let modSeq): highestModSeq = modSeq.rawValue
                default: break
                }
            default: break
            }
        }
        try require(isExistsTold && uidValidity > 0 && uidNext > 0, "SELECT lacks EXISTS, UIDVALIDITY or UIDNEXT")
    }
}
