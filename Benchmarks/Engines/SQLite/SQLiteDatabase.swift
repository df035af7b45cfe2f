#if Rivals
    import CSQLite
    import Foundation

    /// A database with the tables of a mail store, and calls on it that throw. Not to be used by two threads at a time.
    ///
    /// Bodies lie in pieces of 64 KiB: SQLite finds a place in a large value by following a chain of pages from its begin.
    final class SQLiteDatabase {
        private static let schema = """
            CREATE TABLE IF NOT EXISTS meta (one INTEGER PRIMARY KEY, modseq INTEGER, next_body INTEGER, next_mailbox INTEGER);
            INSERT OR IGNORE INTO meta VALUES (1, 0, 1, 1);
            CREATE TABLE IF NOT EXISTS mailboxes (
                name TEXT PRIMARY KEY, id INTEGER, modseq INTEGER, bytes INTEGER, uidvalidity INTEGER, uidnext INTEGER,
                messages INTEGER, unseen INTEGER, deleted INTEGER) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS messages (
                mailbox INTEGER, uid INTEGER, modseq INTEGER, flags INTEGER, size INTEGER, body INTEGER, seconds INTEGER, zone INTEGER,
                PRIMARY KEY (mailbox, uid)) WITHOUT ROWID;
            CREATE INDEX IF NOT EXISTS changed ON messages (mailbox, modseq, uid, flags);
            CREATE TABLE IF NOT EXISTS vanished (
                mailbox INTEGER, modseq INTEGER, first INTEGER, last INTEGER, PRIMARY KEY (mailbox, modseq, first)) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS pieces (id INTEGER PRIMARY KEY, bytes BLOB);
            CREATE TABLE IF NOT EXISTS live (
                mailbox INTEGER, block INTEGER, bits BLOB, PRIMARY KEY (mailbox, block)) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS dead (body INTEGER PRIMARY KEY);
            """

        private let handle: OpaquePointer
        private var statements: [String: SQLiteStatement] = [:]

        init(_ path: String) throws {
            var handle: OpaquePointer?
            let code = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nil)
            guard code == SQLITE_OK, let handle else { throw EngineError("SQLite", String(cString: sqlite3_errstr(code))) }
            self.handle = handle
            // One process has it. Pages come from a mapping; a checkpoint comes after 40 MiB, so that few commits meet one.
            try execute("PRAGMA locking_mode = EXCLUSIVE")
            try execute("PRAGMA journal_mode = WAL")
            try execute("PRAGMA wal_autocheckpoint = 10000")
            try execute("PRAGMA mmap_size = 17179869184")
            try execute("PRAGMA cache_size = -131072")
            try execute("PRAGMA temp_store = MEMORY")
            try execute("PRAGMA synchronous = FULL")
            try execute(SQLiteDatabase.schema)
        }

        func close() {
            statements.removeAll()
            sqlite3_close(handle)
        }

        func setSynchronous(_ isSynchronous: Bool) throws {
            try execute("PRAGMA synchronous = \(isSynchronous ? "FULL" : "OFF")")
            // What was written meanwhile: into the database, and that to the disk.
            if isSynchronous { try execute("PRAGMA wal_checkpoint(TRUNCATE)") }
        }

        func execute(_ sql: String) throws {
            guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw failure(sql) }
        }

        func failure(_ what: String) -> EngineError {
            EngineError("SQLite", "\(what): \(String(cString: sqlite3_errmsg(handle)))")
        }

        /// A statement with values in its places; prepared once.
        func statement(_ sql: StaticString, _ values: Int64...) throws -> SQLiteStatement {
            let text = "\(sql)"
            let statement: SQLiteStatement
            if let known = statements[text] {
                statement = known
            } else {
                var prepared: OpaquePointer?
                guard sqlite3_prepare_v3(handle, text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil) == SQLITE_OK else {
                    throw failure(text)
                }
                statement = SQLiteStatement(prepared!, self)
                statements[text] = statement
            }
            for (index, value) in values.enumerated() { statement.bind(index + 1, value) }
            return statement
        }

        /// Rows that the last statement changed.
        var changes: Int { Int(sqlite3_changes(handle)) }

        /// One transaction.
        func transaction<R>(_ begin: StaticString, _ body: () throws -> R) throws -> R {
            try statement(begin).run()
            let result: R
            do {
                result = try body()
            } catch {
                try statement("ROLLBACK").run()
                throw error
            }
            try statement("COMMIT").run()
            return result
        }
    }

    final class SQLiteStatement {
        private let handle: OpaquePointer
        private unowned let database: SQLiteDatabase

        fileprivate init(_ handle: OpaquePointer, _ database: SQLiteDatabase) {
            self.handle = handle
            self.database = database
        }

        deinit { sqlite3_finalize(handle) }

        func bind(_ place: Int, _ value: Int64) { sqlite3_bind_int64(handle, Int32(place), value) }

        /// The bytes must stay until the statement has run.
        func bind(_ place: Int, _ bytes: UnsafeRawBufferPointer) {
            sqlite3_bind_blob64(handle, Int32(place), bytes.baseAddress, UInt64(bytes.count), nil)
        }

        func bind(_ place: Int, _ text: String) {
            var text = text
            text.withUTF8 { bytes in
                // Copied.
                _ = sqlite3_bind_text64(
                    handle, Int32(place), UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self), UInt64(bytes.count),
                    unsafeBitCast(-1, to: sqlite3_destructor_type.self), UInt8(SQLITE_UTF8))
            }
        }

        /// Goes to the next row. - Returns: false behind the last one, where the statement is ready to be run again.
        func next() throws -> Bool {
            switch sqlite3_step(handle) {
            case SQLITE_ROW: return true
            case SQLITE_DONE:
                sqlite3_reset(handle)
                return false
            default:
                defer { sqlite3_reset(handle) }
                throw database.failure(String(cString: sqlite3_sql(handle)))
            }
        }

        func run() throws { while try next() {} }

        /// Ends it before its last row.
        func reset() { sqlite3_reset(handle) }

        /// Calls `body` with the first row if there is one.
        func first<R>(_ body: (SQLiteStatement) throws -> R) throws -> R? {
            guard try next() else { return nil }
            defer { reset() }
            return try body(self)
        }

        func integer(_ column: Int) -> Int64 { sqlite3_column_int64(handle, Int32(column)) }

        /// Valid until the statement goes on.
        func bytes(_ column: Int) -> UnsafeRawBufferPointer {
            let start = sqlite3_column_blob(handle, Int32(column))
            return UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(handle, Int32(column))))
        }
    }
#endif
