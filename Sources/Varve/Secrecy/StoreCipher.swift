import Synchronization
import VarveFormat

/// Seals and opens what an encrypted store keeps (`Formats/encryption.md`).
///
/// No nonce is used twice under one key, by construction: all that this object seals is sealed under a key of its own, made
/// of the data key and 16 bytes drawn when the object was made; and under that key each seal has a number of its own, each
/// piece of a seal a part of its own. Nothing is remembered on disk for it, so nothing that a crash, a copy of the folder or
/// a restored backup does to the disk can bring a nonce back.
final class StoreCipher: @unchecked Sendable {
    let store: StoreUUID
    private let dataKey: Secret
    private let own: Session
    private let counter = Atomic<UInt64>(0)
    /// Those whose payloads were read last.
    private let sessions = Mutex<[SessionID: Session]>([:])

    /// Sessions whose keys are kept at hand beside the own one; another one costs two hashes and a key schedule.
    private static let maximumSessions = 64

    init(_ dataKey: Secret, store: StoreUUID, entropy: Entropy.Source) throws(StoreError) {
        self.store = store
        self.dataKey = dataKey
        let block = ByteBlock(capacity: SessionID.size)
        try entropy(block.bytes)
        let start = UnsafeRawPointer(block.bytes.baseAddress!)
        own = try Session(SessionID(first: start.load64(0), second: start.load64(8)), dataKey)
    }

    /// For tests: a session that is not drawn.
    init(_ dataKey: Secret, store: StoreUUID, session: SessionID) throws(StoreError) {
        self.store = store
        self.dataKey = dataKey
        own = try Session(session, dataKey)
    }

    var session: SessionID { own.id }

    /// The next number of this session.
    func nextSeal() -> Seal {
        Seal(session: own.id, counter: counter.add(1, ordering: .relaxed).newValue)
    }

    /// Encrypts a piece; each part of a seal once.
    /// - Parameters:
    ///   - tag: gets 16 bytes; behind the piece, if nil.
    ///   - seal: what `nextSeal` gave.
    ///   - out: gets as many bytes as the piece has. May be where the piece lies.
    func seal(
        _ piece: UnsafeRawBufferPointer, tag: UnsafeMutableRawPointer? = nil, _ seal: Seal, part: UInt32,
        _ context: SealContext, into out: UnsafeMutableRawPointer
    ) throws(StoreError) {
        precondition(seal.session == own.id, "a seal of another session")
        try StoreCipher.withNonce(seal, part) { nonce throws(StoreError) in
            try context.withBytes { context throws(StoreError) in
                try own.withContext(seals: true) { sealing throws(StoreError) in
                    try sealing.seal(piece, nonce: nonce, context, into: out, tag: tag ?? out + piece.count)
                }
            }
        }
    }

    /// Decrypts a piece behind which its tag stands.
    /// - Parameter out: gets 16 bytes less than are stored.
    /// - Returns: false if these bytes were not sealed as this part with this store's key.
    func open(
        _ stored: UnsafeRawBufferPointer, _ seal: Seal, part: UInt32, _ context: SealContext,
        into out: UnsafeMutableRawPointer
    ) throws(StoreError) -> Bool {
        guard stored.count >= Seal.tagSize, let start = stored.baseAddress else { return false }
        let count = stored.count - Seal.tagSize
        return try open(
            UnsafeRawBufferPointer(rebasing: stored[..<count]), tag: start + count, seal, part: part, context, into: out)
    }

    /// Decrypts a piece.
    /// - Parameter out: gets as many bytes as the piece has.
    /// - Returns: false if these bytes were not sealed as this part with this store's key.
    func open(
        _ piece: UnsafeRawBufferPointer, tag: UnsafeRawPointer, _ seal: Seal, part: UInt32, _ context: SealContext,
        into out: UnsafeMutableRawPointer
    ) throws(StoreError) -> Bool {
        let session = try session(seal.session)
        return try StoreCipher.withNonce(seal, part) { nonce throws(StoreError) in
            try context.withBytes { context throws(StoreError) in
                try session.withContext(seals: false) { opening throws(StoreError) in
                    try opening.open(piece, tag: tag, nonce: nonce, context, into: out)
                }
            }
        }
    }

    /// The payload of a commit, or of another frame whose records stand behind such a head, with its records encrypted.
    /// - Parameter payload: head and records in the clear.
    func sealRecords(_ payload: [UInt8], _ kind: FrameKind) throws(StoreError) -> [UInt8] {
        let seal = nextSeal()
        var out = [UInt8](repeating: 0, count: payload.count + SealedRecords.overhead)
        var failure: StoreError?
        payload.withUnsafeBytes { payload in
            out.withUnsafeMutableBytes { out in
                let target = out.baseAddress!
                target.copyMemory(from: payload.baseAddress!, byteCount: CommitHeader.size)
                CommitHeader.markSealed(target)
                seal.encode(into: target + SealedRecords.sealOffset)
                do throws(StoreError) {
                    try self.seal(
                        UnsafeRawBufferPointer(rebasing: payload[CommitHeader.size...]), seal, part: 0,
                        .records(kind, head: target), into: target + SealedRecords.recordsOffset)
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
        return out
    }

    /// The records of a payload, in the clear.
    /// - Parameter payload: whose head says that they are sealed.
    /// - Throws: `.corrupt`, without a place, if this store's key did not seal them.
    func openRecords(_ payload: UnsafeRawBufferPointer, _ kind: FrameKind) throws(StoreError) -> ByteBlock {
        let parts: SealedRecords
        do throws(FormatError) { parts = try SealedRecords(payload) } catch { throw StoreError(.corrupt, error.description) }
        let records = ByteBlock(capacity: parts.length)
        let isGenuine = try open(
            UnsafeRawBufferPointer(rebasing: payload[SealedRecords.recordsOffset...]), parts.seal, part: 0,
            .records(kind, head: payload.baseAddress!), into: records.bytes.baseAddress!)
        guard isGenuine else { throw StoreError(.corrupt, "the records were not sealed with this store's key") }
        return records
    }

    private static func withNonce<R>(
        _ seal: Seal, _ part: UInt32, _ body: (UnsafeRawPointer) throws(StoreError) -> R
    ) throws(StoreError) -> R {
        var nonce: (UInt64, UInt32) = (0, 0)
        return try withUnsafeMutablePointer(to: &nonce) { pointer throws(StoreError) in
            seal.writeNonce(part: part, into: UnsafeMutableRawPointer(pointer))
            return try body(UnsafeRawPointer(pointer))
        }
    }

    private func session(_ id: SessionID) throws(StoreError) -> Session {
        if id == own.id { return own }
        if let known = sessions.withLock({ $0[id] }) { return known }
        let session = try Session(id, dataKey)
        return sessions.withLock { sessions in
            if let known = sessions[id] { return known }
            // Which one goes does not matter: it is made again when it is asked for.
            if sessions.count >= StoreCipher.maximumSessions { sessions.remove(at: sessions.startIndex) }
            sessions[id] = session
            return session
        }
    }

    /// The key of one session, and contexts that are made ready with it.
    private final class Session: @unchecked Sendable {
        let id: SessionID
        private let key: Secret
        private let idle = Mutex<(sealing: [SealingContext], opening: [SealingContext])>(([], []))

        /// Contexts that are kept of each direction: as many as threads that are at it at the same time.
        private static let maximumIdle = 8

        init(_ id: SessionID, _ dataKey: Secret) throws(StoreError) {
            self.id = id
            var salt = (id.first.littleEndian, id.second.littleEndian)
            key = try withUnsafePointer(to: &salt) { salt throws(StoreError) in
                try KeyDerivation.derive(
                    dataKey, salt: UnsafeRawBufferPointer(start: salt, count: SessionID.size), .session)
            }
        }

        func withContext<R>(
            seals: Bool, _ body: (SealingContext) throws(StoreError) -> R
        ) throws(StoreError) -> R {
            let known = idle.withLock { seals ? $0.sealing.popLast() : $0.opening.popLast() }
            let context: SealingContext
            if let known { context = known } else { context = try SealingContext(key, seals: seals) }
            defer {
                idle.withLock {
                    if seals {
                        if $0.sealing.count < Session.maximumIdle { $0.sealing.append(context) }
                    } else {
                        if $0.opening.count < Session.maximumIdle { $0.opening.append(context) }
                    }
                }
            }
            return try body(context)
        }
    }
}
