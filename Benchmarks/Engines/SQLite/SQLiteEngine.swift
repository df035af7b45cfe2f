#if Rivals
    import CSQLite
    import Foundation
    import MailModel

    /// A mail store on SQLite: `SQLiteDatabase` tells its tables.
    public final class SQLiteEngine: RivalEngine, @unchecked Sendable {
        public static let name = "SQLite"
        public static let version = SQLITE_VERSION
        public static let setup = "WAL, synchronous = FULL, bodies as they are, appends of many committers in one transaction"

        private let database: SQLiteDatabase
        /// Appends come from the group's thread.
        private let lock = NSRecursiveLock()
        let group = GroupCommit()

        private init(_ database: SQLiteDatabase) { self.database = database }

        public static func open(_ folder: String) throws -> SQLiteEngine { SQLiteEngine(try SQLiteDatabase(folder + "/mail.sqlite")) }

        public func close() throws { lock.withLock { database.close() } }

        func write<R>(_ body: (inout SQLiteWriter) throws -> R) throws -> R {
            try lock.withLock {
                try database.transaction("BEGIN IMMEDIATE") {
                    var writer = try SQLiteWriter(database)
                    let result = try body(&writer)
                    try writer.finish()
                    return result
                }
            }
        }

        func relaxed(_ body: () throws -> Void) throws {
            try lock.withLock {
                try database.setSynchronous(false)
                do {
                    try body()
                } catch {
                    // Whatever comes after it is durable again.
                    try database.setSynchronous(true)
                    throw error
                }
                try database.setSynchronous(true)
            }
        }

        private func read<R>(_ body: (SQLiteReader) throws -> R) throws -> R {
            try lock.withLock { try database.transaction("BEGIN") { try body(SQLiteReader(database)) } }
        }

        public func mailbox(_ name: String) throws -> MailboxKey { MailboxKey(id: try row(name).id, name: name) }

        public func status(of mailbox: MailboxKey) throws -> MailboxNumbers { try row(mailbox.name).numbers }

        private func row(_ name: String) throws -> MailboxRow {
            guard let row = try read({ try $0.mailbox(name) }) else { throw EngineError("SQLite", "there is no mailbox \(name)") }
            return row
        }

        public func changed(in mailbox: MailboxKey, since modSeq: UInt64, into changes: inout [Change]) throws {
            try read { try $0.changed(in: mailbox, since: modSeq, into: &changes) }
        }

        public func vanished(in mailbox: MailboxKey, since modSeq: UInt64, into ranges: inout [UIDRange]) throws {
            try read { try $0.vanished(in: mailbox, since: modSeq, into: &ranges) }
        }

        public func scan(_ mailbox: MailboxKey) throws -> ScanDigest { try read { try $0.scan(mailbox) } }

        public func sequenceNumbers(of uids: [UInt32], in mailbox: MailboxKey, into numbers: inout [UInt32]) throws {
            try read { reader in
                try reader.withCounts(mailbox) { counts in
                    for uid in uids { numbers.append(try reader.sequenceNumber(of: uid, in: mailbox, counts: counts)) }
                }
            }
        }

        public func uids(at numbers: [UInt32], in mailbox: MailboxKey, into uids: inout [UInt32]) throws {
            try read { reader in
                try reader.withCounts(mailbox) { counts in
                    for number in numbers { uids.append(try reader.uid(at: number, in: mailbox, counts: counts)) }
                }
            }
        }

        public func read(
            _ uid: UInt32, _ part: Range<Int>, in mailbox: MailboxKey, into target: UnsafeMutableRawBufferPointer
        ) throws {
            try read { try $0.read(uid, part, in: mailbox, into: target) }
        }

        public func list() throws -> ListDigest { try read { try $0.list() } }
    }
#endif
