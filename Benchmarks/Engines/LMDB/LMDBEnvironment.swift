#if Rivals
    import CLMDB

    /// An LMDB environment with the databases of a mail store, and calls on it that throw.
    ///
    /// | database | key | value |
    /// |---|---|---|
    /// | mailboxes | name | `MailboxRow` |
    /// | messages | mailbox and UID, one integer | `MessageRow` |
    /// | bodies | body's number | summary and body |
    /// | changed, vanished | mailbox, modseq | UIDs, as fixed-size duplicates |
    /// | live | mailbox and block, one integer | `LiveBlocks` |
    /// | meta | 0 | `Meta` |
    /// | dead | 0 | numbers of bodies that no message has any more |
    final class LMDBEnvironment {
        struct Meta: StoredRow {
            var modSeq: UInt64 = 0
            var nextBody: UInt64 = 1
            var nextMailbox: UInt64 = 1
        }

        struct Databases {
            var mailboxes = MDB_dbi()
            var messages = MDB_dbi()
            var bodies = MDB_dbi()
            var changed = MDB_dbi()
            var vanished = MDB_dbi()
            var live = MDB_dbi()
            var meta = MDB_dbi()
            var dead = MDB_dbi()
        }

        let handle: OpaquePointer
        private(set) var databases = Databases()

        /// Address space only.
        private static let mapSize = 128 << 30

        init(_ folder: String) throws {
            var handle: OpaquePointer?
            try check(mdb_env_create(&handle), "mdb_env_create")
            self.handle = handle!
            try check(mdb_env_set_mapsize(handle, LMDBEnvironment.mapSize), "mdb_env_set_mapsize")
            try check(mdb_env_set_maxdbs(handle, 16), "mdb_env_set_maxdbs")
            // Reading transactions belong to whoever reads, not to a thread.
            try check(mdb_env_open(handle, folder, UInt32(MDB_NOTLS), 0o644), "mdb_env_open")
            databases = try write { transaction in
                func open(_ name: String, _ flags: Int32) throws -> MDB_dbi {
                    var database = MDB_dbi()
                    try check(mdb_dbi_open(transaction, name, UInt32(MDB_CREATE | flags), &database), name)
                    return database
                }
                let numbered = MDB_DUPSORT | MDB_DUPFIXED | MDB_INTEGERDUP
                return Databases(
                    mailboxes: try open("mailboxes", 0), messages: try open("messages", MDB_INTEGERKEY),
                    bodies: try open("bodies", MDB_INTEGERKEY), changed: try open("changed", numbered),
                    vanished: try open("vanished", numbered), live: try open("live", MDB_INTEGERKEY),
                    meta: try open("meta", MDB_INTEGERKEY), dead: try open("dead", MDB_INTEGERKEY | numbered))
            }
        }

        func close() { mdb_env_close(handle) }

        /// One transaction, on disk when the call returns.
        func write<R>(_ body: (OpaquePointer) throws -> R) throws -> R {
            var transaction: OpaquePointer?
            try check(mdb_txn_begin(handle, nil, 0, &transaction), "mdb_txn_begin")
            let result: R
            do {
                result = try body(transaction!)
            } catch {
                mdb_txn_abort(transaction)
                throw error
            }
            try check(mdb_txn_commit(transaction), "mdb_txn_commit")
            return result
        }

        /// Whether commits wait for the disk.
        func setSynchronous(_ isSynchronous: Bool) throws {
            try check(mdb_env_set_flags(handle, UInt32(MDB_NOSYNC), isSynchronous ? 0 : 1), "mdb_env_set_flags")
            if isSynchronous { try check(mdb_env_sync(handle, 1), "mdb_env_sync") }
        }

        /// The key of something of a mailbox: in the order of mailboxes, then of UIDs or blocks.
        static func key(_ mailbox: UInt32, _ number: UInt32) -> UInt64 { UInt64(mailbox) << 32 | UInt64(number) }

        /// The key of a modseq's UIDs: big-endian, so that bytes compare as numbers do.
        static func key(_ mailbox: UInt32, modSeq: UInt64) -> (UInt64, UInt64) {
            (UInt64(mailbox).bigEndian, modSeq.bigEndian)
        }
    }

    func check(_ code: Int32, _ call: String) throws {
        guard code == 0 else { throw EngineError("LMDB", "\(call): \(String(cString: mdb_strerror(code)))") }
    }

    extension MDB_val {
        init(_ bytes: UnsafeRawBufferPointer) {
            self.init(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
        }

        var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: mv_data, count: mv_size) }
    }

    extension OpaquePointer {
        /// What a transaction has under a key; nil if there is nothing. Valid until the transaction ends or writes.
        func get<Key: BitwiseCopyable>(_ database: MDB_dbi, _ key: Key) throws -> UnsafeRawBufferPointer? {
            try withUnsafeBytes(of: key) { try get(database, bytes: $0) }
        }

        func get(_ database: MDB_dbi, bytes: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer? {
            var key = MDB_val(bytes)
            var value = MDB_val()
            let code = mdb_get(self, database, &key, &value)
            if code == MDB_NOTFOUND { return nil }
            try check(code, "mdb_get")
            return value.bytes
        }

        func put<Key: BitwiseCopyable>(_ database: MDB_dbi, _ key: Key, _ value: UnsafeRawBufferPointer, _ flags: Int32 = 0) throws {
            try withUnsafeBytes(of: key) { try put(database, bytes: $0, value, flags) }
        }

        func put(_ database: MDB_dbi, bytes: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ flags: Int32 = 0) throws {
            var key = MDB_val(bytes)
            var value = MDB_val(value)
            try check(mdb_put(self, database, &key, &value, UInt32(flags)), "mdb_put")
        }

        func cursor(_ database: MDB_dbi) throws -> OpaquePointer {
            var cursor: OpaquePointer?
            try check(mdb_cursor_open(self, database, &cursor), "mdb_cursor_open")
            return cursor!
        }

        /// Moves a cursor. - Returns: false where there is nothing.
        func move(_ operation: MDB_cursor_op, _ key: inout MDB_val, _ value: inout MDB_val) throws -> Bool {
            let code = mdb_cursor_get(self, &key, &value, operation)
            if code == MDB_NOTFOUND { return false }
            try check(code, "mdb_cursor_get")
            return true
        }

        /// Goes to the first key that is not below one.
        func seek<Key: BitwiseCopyable>(_ key: Key, _ found: inout MDB_val, _ value: inout MDB_val) throws -> Bool {
            try withUnsafeBytes(of: key) {
                found = MDB_val($0)
                return try move(MDB_SET_RANGE, &found, &value)
            }
        }
    }
#endif
