#if Rivals
    import Foundation
    import MailModel

    /// A mail store on RocksDB: `RocksDatabase` tells its column families.
    ///
    /// Each call reads what is newest: the bench writes nothing while it reads.
    public final class RocksEngine: RivalEngine, @unchecked Sendable {
        public static let name = "RocksDB"
        /// Its interface for C does not tell; the name of the library's file does.
        public static let version: String = {
            let maps = try? FileHandle(forReadingAtPath: "/proc/self/maps")?.readToEnd()
            let lines = String(decoding: maps ?? Data(), as: UTF8.self).split(separator: "\n")
            return lines.lazy.compactMap { $0.split(separator: "/librocksdb.so.").dropFirst().first }.first.map(String.init)
                ?? "of an unknown version"
        }()
        public static let setup = "synchronous writes, LZ4 in blocks of 16 KiB, appends of many committers in one batch"

        private let database: RocksDatabase
        private let reader: RocksReader
        /// What a batch needs to know of the state before it must stay so until it is written.
        private let lock = NSRecursiveLock()
        let group = GroupCommit()

        private init(_ database: RocksDatabase) {
            self.database = database
            reader = RocksReader(database)
        }

        public static func open(_ folder: String) throws -> RocksEngine { RocksEngine(try RocksDatabase(folder + "/rocksdb")) }

        public func close() throws { database.close() }

        func write<R>(_ body: (inout RocksWriter) throws -> R) throws -> R {
            try lock.withLock {
                var writer = try RocksWriter(database)
                let result = try body(&writer)
                try writer.finish()
                return result
            }
        }

        func relaxed(_ body: () throws -> Void) throws { try lock.withLock { try database.withoutLog(body) } }

        public func mailbox(_ name: String) throws -> MailboxKey { MailboxKey(id: try reader.mailbox(name).id, name: name) }

        public func status(of mailbox: MailboxKey) throws -> MailboxNumbers { try reader.mailbox(mailbox.name).numbers }

        public func changed(in mailbox: MailboxKey, since modSeq: UInt64, into changes: inout [Change]) throws {
            try reader.changed(in: mailbox, since: modSeq, into: &changes)
        }

        public func vanished(in mailbox: MailboxKey, since modSeq: UInt64, into ranges: inout [UIDRange]) throws {
            try reader.vanished(in: mailbox, since: modSeq, into: &ranges)
        }

        public func scan(_ mailbox: MailboxKey) throws -> ScanDigest { try reader.scan(mailbox) }

        public func sequenceNumbers(of uids: [UInt32], in mailbox: MailboxKey, into numbers: inout [UInt32]) throws {
            try reader.withBlock(mailbox, LiveBlocks.counts) { counts in
                for uid in uids { numbers.append(try reader.sequenceNumber(of: uid, in: mailbox, counts: counts)) }
            }
        }

        public func uids(at numbers: [UInt32], in mailbox: MailboxKey, into uids: inout [UInt32]) throws {
            try reader.withBlock(mailbox, LiveBlocks.counts) { counts in
                for number in numbers { uids.append(try reader.uid(at: number, in: mailbox, counts: counts)) }
            }
        }

        public func read(
            _ uid: UInt32, _ part: Range<Int>, in mailbox: MailboxKey, into target: UnsafeMutableRawBufferPointer
        ) throws {
            try reader.read(uid, part, in: mailbox, into: target)
        }

        public func list() throws -> ListDigest { try reader.list() }
    }
#endif
