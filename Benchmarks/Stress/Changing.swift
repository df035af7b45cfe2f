import IMAPClient
import MailModel
import NIOCore

/// What a client does to messages.
extension StressSession {
    static let flags = ["\\Seen", "\\Answered", "\\Flagged", "\\Draft", "$Work", "Todo", "later", "\\Deleted"]

    private func someFlags() -> [String] {
        (0..<pick(3)).map { _ in StressSession.flags[pick(StressSession.flags.count)] }
            .reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// Messages by their numbers, or by UID if all of them are known.
    struct Targets {
        var indices: [Int]
        var isByUID: Bool
        /// As a command names them.
        var set: String
    }

    /// A run of messages, single ones, or the last; nil if there are none.
    private func targets(atMost: Int) -> Targets? {
        guard let messages = selection?.replica.messages, !messages.isEmpty else { return nil }
        let isByUID = once(in: 2)
        let usable = messages.indices.filter { !isByUID || messages[$0].uid != nil }
        guard !usable.isEmpty else { return nil }
        func name(_ index: Int) -> String { String(isByUID ? Int(messages[index].uid!) : index + 1) }
        let from = pick(usable.count)
        switch pick(6) {
        case 0: return Targets(indices: [usable[from]], isByUID: isByUID, set: name(usable[from]))
        case 1:
            let chosen = usable.indices.filter { $0 % 3 == from % 3 }.prefix(atMost).map { usable[$0] }
            return Targets(indices: chosen, isByUID: isByUID, set: chosen.map(name).joined(separator: ","))
        case 2 where !isByUID:
            return Targets(indices: [messages.count - 1], isByUID: false, set: "*")
        default:
            let to = min(from + pick(atMost), usable.count - 1)
            let run = Array(usable[from...to])
            // A range of UIDs may also name messages that were not told of; a range of numbers does not.
            let isRange = !isByUID || plan.isLockstep && run == Array(run.first!...run.last!)
            let set = isRange ? "\(name(run.first!)):\(name(run.last!))" : run.map(name).joined(separator: ",")
            return Targets(indices: run, isByUID: isByUID, set: set)
        }
    }

    private func uids(_ targets: Targets) -> [UInt32] {
        targets.indices.compactMap { selection?.replica.messages[$0].uid }
    }

    // MARK: APPEND

    func append() async throws {
        let lease = selection != nil && once(in: 2) ? world.lease(selection!.lease.id)! : world.lease(&random)
        defer { world.release(lease) }
        var command = ClientCommand("APPEND \(lease.name)")
        var added: [(content: String, flags: Set<String>)] = []
        for _ in 0...(has("MULTIAPPEND") ? pick(3) : 0) {
            lastContent += 1
            let content = "\(plan.seed)-\(index)-\(lastContent)"
            let flags = someFlags()
            let lines = String(repeating: "All work and no play.\r\n", count: pick(8))
            command.append(flags.isEmpty && once(in: 2) ? " " : " (\(flags.joined(separator: " "))) ")
            let header = "X-Stress: \(content)\r\nSubject: \(content)\r\n"
            command.append(literal: ByteBuffer(string: "\(header)\r\n\(content)\r\n\(lines)"))
            added.append((content, Replica.normalised(flags)))
        }
        let answer = try await exchange(command, .other)
        try expectOK(answer)
        guard has("UIDPLUS") else { return }
        guard case .appendUID(let validity, let ranges)? = answer.status.code else {
            throw Broken("APPEND is not answered with APPENDUID (RFC 4315 §3)")
        }
        try require(ranges.reduce(0) { $0 + $1.span } == added.count, "APPENDUID has \(ranges) for \(added.count) messages")
        for (uid, message) in zip(ranges.lazy.flatMap { $0.first.rawValue...$0.last.rawValue }, added) {
            try world.added(lease.id, uidValidity: validity, uid, content: message.content, flags: message.flags)
        }
        try await learn()
    }

    // MARK: STORE

    func store() async throws {
        guard let targets = targets(atMost: 12) else { return try await noop() }
        let change = FlagChange(sign: [.add, .add, .remove, .replace][pick(4)], flags: someFlags())
        let isSilent = once(in: 2)
        var modifier = ""
        var unchangedSince: UInt64?
        if kind != .plain, once(in: 3) {
            let known = selection!.replica.messages[targets.indices[0]].modSeq ?? 0
            unchangedSince = [selection!.replica.highestModSeq, known, known / 2][pick(3)]
            modifier = " (UNCHANGEDSINCE \(unchangedSince!))"
        }
        let before = targets.indices.map { selection!.replica.messages[$0] }
        // Of a conditional STORE nobody knows before what it will change.
        if isSilent, unchangedSince == nil { for index in targets.indices { selection!.replica.store(change, at: index) } }
        let verb = targets.isByUID ? "UID STORE" : "STORE"
        let names = change.flags.joined(separator: " ")
        let text = "\(verb) \(targets.set)\(modifier) \(change.sign.rawValue)FLAGS\(isSilent ? ".SILENT" : "") (\(names))"
        let answer = try await exchange(ClientCommand(text), targets.isByUID ? .uidStore : .store)
        let modified = answer.modified
        // NO with MODIFIED: some were expunged, some changed by others, and the rest is done (RFC 7162 §3.1.3).
        if modified.count == 0 { try expectFetched(answer) }
        let isDone = answer.status.isOK || modified.count > 0 || answer.isExpungeIssued && !plan.quirks.contains(.plainNo)
        let box = selection!.lease.id
        for (place, index) in targets.indices.enumerated() {
            let message = before[place]
            let number = targets.isByUID ? message.uid! : UInt32(index + 1)
            let isModified = modified.contains(UID(number))
            let now = message.uid.flatMap { uid in selection!.replica.messages.firstIndex { $0.uid == uid } }
            if let since = unchangedSince, !isModified, answer.status.isOK, now != nil, let modSeq = message.modSeq {
                try require(
                    modSeq <= since, "UNCHANGEDSINCE \(since) let UID \(message.uid ?? 0) with MODSEQ \(modSeq) be changed")
            }
            guard let uid = message.uid else { continue }
            if !isDone { world.stored(box, [uid], nil) } else if !isModified { world.stored(box, [uid], change) }
            // Where the client cannot tell, it asks.
            if isSilent && unchangedSince != nil || !answer.status.isOK, let now { selection!.replica.forgetFlags(at: now) }
        }
        if modified.count > 0 {
            let named = targets.isByUID ? before.compactMap(\.uid) : targets.indices.map { UInt32($0 + 1) }
            try require(
                modified.uids.allSatisfy { named.contains($0) },
                "MODIFIED \(modified) is not part of what was named: \(named)")
        }
        if plan.isLockstep { try await learn() }
    }

    // MARK: FETCH

    /// Reads messages, which sets \Seen unless it only peeks (RFC 3501 §6.4.5), and checks that they are what they were.
    func read() async throws {
        guard let targets = targets(atMost: 3) else { return try await noop() }
        let peeks = once(in: 2)
        let items = "(\(items.dropFirst().dropLast()) BODY\(peeks ? ".PEEK" : "")[TEXT])"
        let kind: CommandKind = targets.isByUID ? .uidFetch : .fetch
        let isReadOnly = selection!.isReadOnly
        let verb = targets.isByUID ? "UID FETCH" : "FETCH"
        isSettingSeen = !peeks && !isReadOnly
        let answer = try await exchange(ClientCommand("\(verb) \(targets.set) \(items)"), kind)
        isSettingSeen = false
        try expectFetched(answer)
        let box = selection!.lease.id
        let isSeenLate = !peeks && !isReadOnly && plan.quirks.contains(.seenWithOldModSeq)
        for case .fetch(let fetch) in answer.untagged {
            guard let section = fetch.sections.first, let uid = fetch.uid else { continue }
            if isSeenLate, let now = selection!.replica.messages.firstIndex(where: { $0.uid == uid }) {
                selection!.replica.forgetFlags(at: now)
            }
            guard let bytes = section.bytes else {
                try require(plan.quirks.contains(.nilForGone), "\(section.name) of UID \(uid) is NIL")
                continue
            }
            let content = String(decoding: bytes.readableBytesView.prefix { $0 != 13 }, as: UTF8.self)
            try world.read(box, uid, content: content)
            if !peeks, !isReadOnly { world.stored(box, [uid], FlagChange(sign: .add, flags: ["\\Seen"])) }
        }
        if plan.isLockstep { try await learn() }
    }

    // MARK: COPY and MOVE

    func copy(isMove: Bool) async throws {
        guard !isMove || has("MOVE"), let targets = targets(atMost: 5) else { return try await noop() }
        let lease = world.lease(&random)
        defer { world.release(lease) }
        let source = selection!.lease.id
        if isMove, source == lease.id, once(in: 2) { return try await noop() }
        let command = "\(targets.isByUID ? "UID " : "")\(isMove ? "MOVE" : "COPY") \(targets.set) \(lease.name)"
        let before = uids(targets)
        let answer = try await exchange(ClientCommand(command), .other)
        try expectFetched(answer)
        guard has("UIDPLUS") else { return try await learn() }
        if let copied = answer.copyUID {
            let count = copied.source.reduce(0) { $0 + $1.span }
            try require(count == copied.destination.reduce(0) { $0 + $1.span }, "COPYUID has lists of different lengths")
            try require(count <= before.count || !plan.isLockstep, "COPYUID has \(count) messages of \(before.count)")
            let from = copied.source.lazy.flatMap { $0.first.rawValue...$0.last.rawValue }
            let to = copied.destination.lazy.flatMap { $0.first.rawValue...$0.last.rawValue }
            for (old, new) in zip(from, to) {
                let flags = plan.quirks.contains(.staleCopies) ? nil : world.flags(source, old)
                try world.added(
                    lease.id, uidValidity: copied.validity, new, content: world.content(source, old), flags: flags)
                guard isMove else { continue }
                world.removed(source, [old])
                let isThere = selection!.replica.uids.contains(old)
                try require(!isThere, "MOVE tells of no EXPUNGE or VANISHED of UID \(old) (RFC 6851 §3.3)")
            }
        } else {
            // There is none where all of them were gone.
            let left = before.filter { selection!.replica.uids.contains($0) }
            try require(
                !answer.status.isOK || answer.isExpungeIssued || left.isEmpty || !plan.isLockstep,
                "\(isMove ? "MOVE" : "COPY") is not answered with COPYUID (RFC 4315 §3)")
        }
        try await learn()
    }

    // MARK: EXPUNGE

    func expunge() async throws {
        let box = selection!.lease.id
        if let targets = targets(atMost: selection!.replica.messages.count > 60 ? 50 : 4), targets.isByUID {
            let change = FlagChange(sign: .add, flags: ["\\Deleted"])
            let uids = uids(targets)
            let answer = try await exchange("UID STORE \(targets.set) +FLAGS (\\Deleted)", .uidStore)
            try expectFetched(answer)
            world.stored(box, uids, answer.status.isOK ? change : nil)
            if has("UIDPLUS"), once(in: 2), !uids.isEmpty {
                let set = UIDSet(uids.map { UID($0) })
                let known = selection!.replica
                try expectOK(try await exchange("UID EXPUNGE \(set)", .other))
                world.expunged(box, set, known: known)
                return try await learn()
            }
        }
        let known = selection!.replica
        try expectOK(try await exchange("EXPUNGE", .other))
        world.expunged(box, known: known)
        try await learn()
    }

    // MARK: SEARCH

    /// What is found is what the client knows, where nothing happens in between.
    func search() async throws {
        try await noop()
        guard let replica = selection?.replica else { return }
        let flag = ["\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted"][pick(5)]
        var key = String(flag.dropFirst()).uppercased()
        var wanted = replica.messages.filter { $0.flags?.contains(flag.lowercased()) == true }.compactMap(\.uid)
        switch pick(4) {
        case 0 where kind != .plain && replica.highestModSeq > 0:
            let since = replica.messages.isEmpty ? 1 : replica.messages[pick(replica.messages.count)].modSeq ?? 1
            key = "MODSEQ \(since)"
            wanted = replica.messages.filter { $0.modSeq ?? 0 >= since }.compactMap(\.uid)
        case 1:
            let keyword = ["$Work", "Todo", "later"][pick(3)]
            key = "UNKEYWORD \(keyword)"
            wanted = replica.messages.filter { $0.flags?.contains(keyword.lowercased()) == false }.compactMap(\.uid)
        case 2:
            key = "NOT \(key)"
            wanted = replica.messages.filter { $0.flags?.contains(flag.lowercased()) == false }.compactMap(\.uid)
        default: break
        }
        let answer = try await exchange(ClientCommand("UID SEARCH \(key)"), .uidSearch)
        try expectOK(answer)
        var found: Set<UInt32> = []
        for case .search(let uids, let modSeq) in answer.untagged {
            found.formUnion(uids)
            let isTold = !key.hasPrefix("MODSEQ") || uids.isEmpty || modSeq != nil
            try require(isTold, "SEARCH MODSEQ finds \(uids) and tells no MODSEQ (RFC 7162 §3.1.5)")
        }
        guard plan.isLockstep else { return }
        try require(found == Set(wanted), "SEARCH \(key) finds \(found.sorted()), and not \(wanted)")
    }
}
