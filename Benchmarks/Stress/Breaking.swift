import IMAPClient
import MailModel
import NIOCore

/// Mailboxes that come and go, and connections that break.
extension StressSession {
    /// Names that mailboxes come and go under, again and again.
    private static let names = 4

    /// CREATE, RENAME or DELETE, never of what another session uses.
    func changeMailboxes() async throws {
        let used = Set(world.mailboxes.map(\.name))
        let free = (1...StressSession.names).map { "\(plan.prefix)-side\($0)" }.filter { !used.contains($0) }
        // Only one session at a time may have a name in its hands.
        guard plan.isLockstep || index == 0 else { return try await noop() }
        guard let name = free.randomElement(using: &random), once(in: 2) || free.count == StressSession.names else {
            guard let taken = world.takeUnused(&random) else { return try await noop() }
            return try expectOK(try await exchange("DELETE \(taken.name)", .other))
        }
        if once(in: 2), let taken = world.takeUnused(&random) {
            try expectOK(try await exchange("RENAME \(taken.name) \(name)", .other))
            return world.putBack(taken, name: name)
        }
        try expectOK(try await exchange("CREATE \(name)", .other))
        world.created(name, isFixed: false)
    }

    /// The connection breaks in the middle of an answer. What came by then is on the client's disk; what a whole answer
    /// would have let it believe is not.
    func breakOff() async throws {
        guard let selection, let connection else { return try await reconnect() }
        let count = pick(6)
        switch pick(3) {
        case 0 where kind == .qresync && selection.replica.highestModSeq > 0: try await breakOffSelect(count)
        case 1:
            _ = try await connection.send("FETCH 1:* \(items)")
            try await takeSome(count, .fetch)
            await drop()
        default:
            _ = try await connection.send("NOOP")
            try await takeSome(count, .other)
            await drop()
        }
        world.count { $0.reconnections += 1 }
        try await connect()
        if let lease = world.lease(selection.lease.id) { try await select(lease, isReadOnly: false) }
    }

    /// Some responses, and no more.
    private func takeSome(_ count: Int, _ kind: CommandKind) async throws {
        for _ in 0..<count {
            let response = try await connection!.next()
            if case .status(let status) = response, status.tag != nil { return }
            try take(response, kind)
        }
    }

    /// Comes back, hears some of what changed, and breaks off again.
    private func breakOffSelect(_ count: Int) async throws {
        let box = selection!.lease.id
        await drop()
        try await connect()
        guard var kept = disk[box], kept.highestModSeq > 0, let lease = world.lease(box) else { return }
        defer { world.release(lease) }
        let set = "(QRESYNC (\(kept.uidValidity) \(kept.highestModSeq)))"
        let answerTag = try await connection!.send("SELECT \(lease.name) \(set)")
        // The mailbox' own data come first.
        for _ in 0..<(count + 7) {
            let response = try await connection!.next()
            if case .status(let status) = response, status.tag == answerTag { break }
            if case .vanished(let set, isEarlier: true) = response { try kept.vanishEarlier(set) }
            if case .fetch(let fetch) = response { try kept.refresh(fetch) }
        }
        disk[box] = kept
        await drop()
    }
}
