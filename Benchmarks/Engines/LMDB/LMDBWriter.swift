#if Rivals
    import CLMDB
    import MailModel

    /// What a writing transaction does. Rows of mailboxes, and which UIDs came, are written at its end.
    struct LMDBWriter: RivalWriter {
        private let transaction: OpaquePointer
        private let databases: LMDBEnvironment.Databases
        private var meta: LMDBEnvironment.Meta
        private var mailboxes = OpenMailboxes()

        init(_ transaction: OpaquePointer, _ databases: LMDBEnvironment.Databases) throws {
            self.transaction = transaction
            self.databases = databases
            meta = try transaction.get(databases.meta, UInt64(0)).flatMap { LMDBEnvironment.Meta(stored: $0) } ?? .init()
        }

        mutating func finish() throws {
            for (id, entry) in mailboxes.entries {
                let (name, row, added) = (entry.name, entry.row, entry.added)
                try store(name, row)
                try markLive(added, id, isLive: true)
            }
            try withUnsafeBytes(of: meta) { try transaction.put(databases.meta, UInt64(0), $0) }
        }

        private func store(_ name: String, _ row: MailboxRow) throws {
            var name = name
            try name.withUTF8 { name in
                try withUnsafeBytes(of: row) { try transaction.put(databases.mailboxes, bytes: UnsafeRawBufferPointer(name), $0) }
            }
        }

        private func markLive(_ uids: UIDSet, _ mailbox: UInt32, isLive: Bool) throws {
            try LiveBlocks.mark(uids, isLive: isLive) { block in
                try transaction.get(databases.live, LMDBEnvironment.key(mailbox, block)).map { Array($0) } ?? []
            } put: { block, value in
                try value.withUnsafeBytes { try transaction.put(databases.live, LMDBEnvironment.key(mailbox, block), $0) }
            }
        }

        mutating func nextModSeq() { meta.modSeq += 1 }

        mutating func create(_ name: String) throws {
            try store(name, MailboxRow(id: UInt32(meta.nextMailbox)))
            meta.nextMailbox += 1
        }

        private mutating func open(_ mailbox: MailboxKey) throws {
            try mailboxes.open(mailbox) { [transaction, databases] name in
                var key = name
                let row = try key.withUTF8 {
                    try transaction.get(databases.mailboxes, bytes: UnsafeRawBufferPointer($0)).flatMap { MailboxRow(stored: $0) }
                }
                guard let row else { throw EngineError("LMDB", "there is no mailbox \(name)") }
                return row
            }
        }

        mutating func append(_ message: RivalMessage, to mailbox: MailboxKey) throws -> UID {
            try open(mailbox)
            let (uid, row) = mailboxes.append(message, to: mailbox, modSeq: meta.modSeq, body: meta.nextBody)
            meta.nextBody += 1
            try withUnsafeBytes(of: row) { try transaction.put(databases.messages, LMDBEnvironment.key(mailbox.id, uid), $0) }
            try withUnsafeBytes(of: uid) {
                try transaction.put(databases.changed, LMDBEnvironment.key(mailbox.id, modSeq: meta.modSeq), $0, MDB_APPENDDUP)
            }
            try withUnsafeBytes(of: row.body) { number in
                var key = MDB_val(number)
                // Room for it in the page itself: nothing is put together first.
                var value = MDB_val(mv_size: message.storedCount, mv_data: nil)
                try check(
                    mdb_put(transaction, databases.bodies, &key, &value, UInt32(MDB_RESERVE | MDB_APPEND)), "mdb_put")
                message.store(into: value.mv_data)
            }
            return UID(uid)
        }

        mutating func change(_ flags: SystemFlags, isSet: Bool, of uids: UIDSet, in mailbox: MailboxKey) throws {
            try open(mailbox)
            var box = mailboxes[mailbox]
            var old = OldChanges(mailbox.id)
            var changed: [UInt32] = []
            let modSeq = meta.modSeq
            try forEachMessage(uids, in: mailbox) { cursor, uid, row in
                let new = isSet ? row.flags | flags.rawValue : row.flags & ~flags.rawValue
                guard new != row.flags else { return }
                old.add(uid, row.modSeq)
                box.replace(row.flags, by: new)
                changed.append(uid)
                var row = row
                row.flags = new
                row.modSeq = modSeq
                try withUnsafeBytes(of: LMDBEnvironment.key(mailbox.id, uid)) { number in
                    try withUnsafeBytes(of: row) {
                        var key = MDB_val(number)
                        var value = MDB_val($0)
                        try check(mdb_cursor_put(cursor, &key, &value, UInt32(MDB_CURRENT)), "mdb_cursor_put")
                    }
                }
            }
            guard !changed.isEmpty else { return }
            box.highestModSeq = modSeq
            mailboxes[mailbox] = box
            try old.remove(from: databases.changed, transaction)
            try addNumbers(changed, to: databases.changed, LMDBEnvironment.key(mailbox.id, modSeq: modSeq))
        }

        mutating func expunge(_ uids: UIDSet, in mailbox: MailboxKey) throws {
            try open(mailbox)
            var box = mailboxes[mailbox]
            var old = OldChanges(mailbox.id)
            var gone: [UInt32] = []
            var bodies: [UInt64] = []
            try forEachMessage(uids, in: mailbox) { cursor, uid, row in
                old.add(uid, row.modSeq)
                box.remove(row)
                gone.append(uid)
                bodies.append(row.body)
                try check(mdb_cursor_del(cursor, 0), "mdb_cursor_del")
            }
            guard !gone.isEmpty else { return }
            box.highestModSeq = meta.modSeq
            mailboxes[mailbox] = box
            try old.remove(from: databases.changed, transaction)
            try addNumbers(gone, to: databases.vanished, LMDBEnvironment.key(mailbox.id, modSeq: meta.modSeq))
            try addNumbers(bodies, to: databases.dead, UInt64(0))
            try markLive(UIDSet(gone.lazy.map { UID($0) }), mailbox.id, isLive: false)
        }

        /// Calls `body` with a cursor at each message among `uids`.
        private func forEachMessage(
            _ uids: UIDSet, in mailbox: MailboxKey, _ body: (OpaquePointer, UInt32, MessageRow) throws -> Void
        ) throws {
            let cursor = try transaction.cursor(databases.messages)
            defer { mdb_cursor_close(cursor) }
            var key = MDB_val()
            var value = MDB_val()
            for range in uids.ranges {
                let end = LMDBEnvironment.key(mailbox.id, range.last.rawValue)
                var isThere = try cursor.seek(LMDBEnvironment.key(mailbox.id, range.first.rawValue), &key, &value)
                while isThere {
                    let number = key.mv_data.loadUnaligned(as: UInt64.self)
                    guard number <= end else { break }
                    guard let row = MessageRow(stored: value.bytes) else { throw EngineError("LMDB", "a message of another size") }
                    try body(cursor, UInt32(truncatingIfNeeded: number), row)
                    isThere = try cursor.move(MDB_NEXT, &key, &value)
                }
            }
        }

        /// Adds ascending numbers under a key, page by page.
        private func addNumbers<Number: BitwiseCopyable, Key: BitwiseCopyable>(
            _ numbers: [Number], to database: MDB_dbi, _ key: Key
        ) throws {
            let cursor = try transaction.cursor(database)
            defer { mdb_cursor_close(cursor) }
            try withUnsafeBytes(of: key) { key in
                try numbers.withUnsafeBytes { numbers in
                    var key = MDB_val(key)
                    var values = [
                        MDB_val(
                            mv_size: MemoryLayout<Number>.size, mv_data: UnsafeMutableRawPointer(mutating: numbers.baseAddress)),
                        MDB_val(mv_size: numbers.count / MemoryLayout<Number>.size, mv_data: nil),
                    ]
                    try check(mdb_cursor_put(cursor, &key, &values, UInt32(MDB_MULTIPLE)), "mdb_cursor_put")
                }
            }
        }
    }

    /// Under which modseqs messages stood that are changed now: they are taken away there, all at once where that is all there is.
    private struct OldChanges {
        private let mailbox: UInt32
        private var uids: [UInt64: [UInt32]] = [:]
        private var last: (modSeq: UInt64, uids: [UInt32])?

        init(_ mailbox: UInt32) { self.mailbox = mailbox }

        mutating func add(_ uid: UInt32, _ modSeq: UInt64) {
            // Neighbours mostly came together.
            if last?.modSeq == modSeq {
                last!.uids.append(uid)
                return
            }
            flush()
            last = (modSeq, [uid])
        }

        private mutating func flush() {
            if let last { uids[last.modSeq, default: []] += last.uids }
            last = nil
        }

        mutating func remove(from database: MDB_dbi, _ transaction: OpaquePointer) throws {
            flush()
            let cursor = try transaction.cursor(database)
            defer { mdb_cursor_close(cursor) }
            for (modSeq, uids) in uids.sorted(by: { $0.key < $1.key }) {
                try withUnsafeBytes(of: LMDBEnvironment.key(mailbox, modSeq: modSeq)) { bytes in
                    var key = MDB_val(bytes)
                    var value = MDB_val()
                    guard try cursor.move(MDB_SET, &key, &value) else { throw EngineError("LMDB", "no change \(modSeq)") }
                    var count = 0
                    try check(mdb_cursor_count(cursor, &count), "mdb_cursor_count")
                    if count == uids.count {
                        try check(mdb_cursor_del(cursor, UInt32(MDB_NODUPDATA)), "mdb_cursor_del")
                        return
                    }
                    for uid in uids {
                        try withUnsafeBytes(of: uid) {
                            var key = MDB_val(bytes)
                            var value = MDB_val($0)
                            guard try cursor.move(MDB_GET_BOTH, &key, &value) else { throw EngineError("LMDB", "no change of \(uid)") }
                            try check(mdb_cursor_del(cursor, 0), "mdb_cursor_del")
                        }
                    }
                }
            }
        }
    }
#endif
