#if Rivals
    import CLMDB
    import MailModel

    /// A mail store on LMDB: `LMDBEnvironment` tells its databases.
    public final class LMDBEngine: RivalEngine, @unchecked Sendable {
        public static let name = "LMDB"
        public static let version = "\(MDB_VERSION_MAJOR).\(MDB_VERSION_MINOR).\(MDB_VERSION_PATCH)"
        public static let setup = "durable commits, bodies as they are, appends of many committers in one transaction"

        let environment: LMDBEnvironment
        let databases: LMDBEnvironment.Databases
        let reader: LMDBReader
        let group = GroupCommit()

        private init(_ environment: LMDBEnvironment) throws {
            self.environment = environment
            databases = environment.databases
            reader = try LMDBReader(environment)
        }

        public static func open(_ folder: String) throws -> LMDBEngine { try LMDBEngine(LMDBEnvironment(folder)) }

        public func close() throws {
            reader.close()
            environment.close()
        }

        public func mailbox(_ name: String) throws -> MailboxKey {
            MailboxKey(id: try reader.read { try $0.mailbox(name).id }, name: name)
        }

        // MARK: Writing

        func write<R>(_ body: (inout LMDBWriter) throws -> R) throws -> R {
            try environment.write { transaction in
                var writer = try LMDBWriter(transaction, databases)
                let result = try body(&writer)
                try writer.finish()
                return result
            }
        }

        func relaxed(_ body: () throws -> Void) throws {
            try environment.setSynchronous(false)
            do {
                try body()
            } catch {
                // Whatever comes after it is durable again.
                try environment.setSynchronous(true)
                throw error
            }
            try environment.setSynchronous(true)
        }

        // MARK: Reading

        public func status(of mailbox: MailboxKey) throws -> MailboxNumbers {
            try reader.read { try $0.mailbox(mailbox.name).numbers }
        }

        public func changed(in mailbox: MailboxKey, since modSeq: UInt64, into changes: inout [Change]) throws {
            try reader.read { try $0.changed(in: mailbox, since: modSeq, into: &changes) }
        }

        public func vanished(in mailbox: MailboxKey, since modSeq: UInt64, into ranges: inout [UIDRange]) throws {
            try reader.read { try $0.vanished(in: mailbox, since: modSeq, into: &ranges) }
        }

        public func scan(_ mailbox: MailboxKey) throws -> ScanDigest { try reader.read { try $0.scan(mailbox) } }

        public func sequenceNumbers(of uids: [UInt32], in mailbox: MailboxKey, into numbers: inout [UInt32]) throws {
            try reader.read { reader in
                for uid in uids { numbers.append(try reader.sequenceNumber(of: uid, in: mailbox)) }
            }
        }

        public func uids(at numbers: [UInt32], in mailbox: MailboxKey, into uids: inout [UInt32]) throws {
            try reader.read { reader in
                for number in numbers { uids.append(try reader.uid(at: number, in: mailbox)) }
            }
        }

        public func read(
            _ uid: UInt32, _ part: Range<Int>, in mailbox: MailboxKey, into target: UnsafeMutableRawBufferPointer
        ) throws {
            try reader.read { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: try $0.body(uid, in: mailbox)[part])) }
        }

        public func list() throws -> ListDigest { try reader.read { try $0.list() } }
    }
#endif
