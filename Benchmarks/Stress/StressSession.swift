import IMAPClient
import MailModel
import NIOCore
import TestSupport

/// One client: it changes mailboxes, keeps copies of them, and holds the server to what it says.
actor StressSession {
    /// How a client learns what others did.
    enum Kind: String, CaseIterable, Sendable {
        /// RFC 7162 §3.2
        case qresync
        /// RFC 7162 §3.1, and expunges by asking what is left.
        case condstore
        /// EXISTS, EXPUNGE and FETCH while selected; all anew on return.
        case plain
    }

    /// A mailbox that is selected.
    struct Selection {
        let lease: World.Lease
        var replica: Replica
        let isReadOnly: Bool
        /// Tells this selection from all others of the run.
        let serial: Int
    }

    let index: Int
    let kind: Kind
    let world: World
    var random: SeededGenerator
    var connection: IMAPConnection?
    var selection: Selection?
    /// What the client keeps when it is not connected, by mailbox.
    var disk: [Int: Replica] = [:]
    /// The tag of an IDLE that is not ended.
    var idleTag: String?
    var lastContent = 0
    /// The command in progress sets \Seen by itself.
    var isSettingSeen = false
    /// The client is not connected, and acts that many times less.
    private var stepsAway = 0
    /// Where it returns to.
    private var lastBox: Int?
    /// How often there was an occasion for the plan's canary.
    var lies = 0
    private var lastSerial = 0
    nonisolated let transcript = Transcript(capacity: 100)

    init(_ index: Int, _ kind: Kind, _ world: World) {
        self.index = index
        self.kind = kind
        self.world = world
        random = SeededGenerator(seed: world.plan.seed &* 0x9E37_79B9 &+ UInt64(index))
    }

    nonisolated var name: String { "\(index) (\(kind.rawValue))" }
    var plan: StressPlan { world.plan }

    // MARK: Choices

    func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
    func once(in count: Int) -> Bool { pick(count) == 0 }

    func nextSerial() -> Int {
        lastSerial += 1
        return lastSerial * 1000 + index
    }

    /// One action.
    func step() async throws {
        if stepsAway > 0 {
            stepsAway -= 1
            return
        }
        if idleTag != nil { try await endIdle() }
        if connection == nil {
            try await connect()
            if let last = lastBox, let lease = world.lease(last) { return try await select(lease, isReadOnly: false) }
        }
        guard selection != nil else { return try await selectAny() }
        // What it then does to messages is known by their UIDs.
        if plan.isLockstep { try await learn() }
        let count = selection!.replica.messages.count
        let isReadOnly = selection!.isReadOnly
        switch pick(100) {
        case _ where count < 4 && !isReadOnly, 0..<12: try await append()
        case 12..<38 where !isReadOnly: try await store()
        case 38..<44: try await read()
        case 44..<50: try await copy(isMove: false)
        case 50..<56 where !isReadOnly: try await copy(isMove: true)
        case 56..<63 where !isReadOnly: try await expunge()
        case _ where count > 60 && !isReadOnly: try await expunge()
        case 63..<70: try await noop()
        case 70..<76: try await beginIdle()
        case 76..<80: try await search()
        case 80..<83 where kind == .qresync: try await resynchronise()
        case 83..<88: try await selectAny()
        case 88..<91: try await changeMailboxes()
        case 91..<94: try await reconnect()
        case 94..<96:
            lastBox = selection!.lease.id
            await drop()
            world.count { $0.reconnections += 1 }
            stepsAway = pick(12)
        case 96..<100: try await breakOff()
        default: try await noop()
        }
    }

    // MARK: The connection

    func connect() async throws {
        var options = IMAPConnection.Options()
        options.transcript = transcript
        transcript.note("connecting")
        let connection = try await IMAPConnection.connect(host: plan.host, port: plan.port, options: options)
        self.connection = connection
        if connection.greeting.condition != .preauthenticated {
            try expectOK(try await exchange(.login(user: plan.user, password: plan.password), .other))
        }
        if connection.capabilities.isEmpty { try expectOK(try await exchange("CAPABILITY", .other)) }
        guard kind == .qresync else { return }
        let answer = try await exchange("ENABLE QRESYNC", .other)
        try expectOK(answer)
        var isEnabled = false
        for case .enabled(let names) in answer.untagged where names.contains("QRESYNC") { isEnabled = true }
        try require(isEnabled, "ENABLE QRESYNC is not answered with ENABLED QRESYNC (RFC 5161 §3.1)")
    }

    func has(_ capability: String) -> Bool { connection?.capabilities.contains(capability) ?? false }

    /// Keeps what a client has on disk, and closes without a word.
    func drop() async {
        leave()
        idleTag = nil
        let connection = connection
        self.connection = nil
        await connection?.close()
    }

    /// The mailbox is selected no longer.
    func leave() {
        guard let selection else { return }
        disk[selection.lease.id] = selection.replica.stored
        world.release(selection.lease)
        self.selection = nil
    }

    func reconnect() async throws {
        let last = selection?.lease.id
        if once(in: 3), let connection {
            _ = try? await connection.command("LOGOUT")
        }
        await drop()
        world.count { $0.reconnections += 1 }
        try await connect()
        if let last, let lease = world.lease(last) { try await select(lease, isReadOnly: false) }
    }

    func expectOK(_ answer: Exchange) throws {
        try require(answer.status.isOK, "\(answer.status.condition.rawValue) \(answer.status.text)")
    }
}
