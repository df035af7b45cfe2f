#if Rivals
    import MailModel

    /// Questions to the database, within one transaction.
    struct SQLiteReader {
        private let database: SQLiteDatabase

        init(_ database: SQLiteDatabase) { self.database = database }

        private static func mailbox(_ row: SQLiteStatement) -> MailboxRow {
            MailboxRow(
                highestModSeq: UInt64(row.integer(1)), bytes: UInt64(row.integer(2)), id: UInt32(row.integer(0)),
                uidValidity: UInt32(row.integer(3)), uidNext: UInt32(row.integer(4)), messages: UInt32(row.integer(5)),
                unseen: UInt32(row.integer(6)), deleted: UInt32(row.integer(7)))
        }

        func mailbox(_ name: String) throws -> MailboxRow? {
            let statement = try database.statement(
                "SELECT id, modseq, bytes, uidvalidity, uidnext, messages, unseen, deleted FROM mailboxes WHERE name = ?1")
            statement.bind(1, name)
            return try statement.first(SQLiteReader.mailbox)
        }

        func list() throws -> ListDigest {
            var digest = ListDigest()
            let statement = try database.statement(
                "SELECT id, modseq, bytes, uidvalidity, uidnext, messages, unseen, deleted, name FROM mailboxes ORDER BY name")
            while try statement.next() { digest.add(name: statement.bytes(8), SQLiteReader.mailbox(statement).numbers) }
            return digest
        }

        func changed(in mailbox: MailboxKey, since modSeq: UInt64, into changes: inout [Change]) throws {
            let statement = try database.statement(
                "SELECT uid, flags, modseq FROM messages INDEXED BY changed WHERE mailbox = ?1 AND modseq > ?2", Int64(mailbox.id),
                Int64(modSeq))
            while try statement.next() {
                changes.append(
                    Change(
                        uid: UInt32(statement.integer(0)), flags: UInt16(statement.integer(1)), modSeq: UInt64(statement.integer(2))))
            }
        }

        func vanished(in mailbox: MailboxKey, since modSeq: UInt64, into ranges: inout [UIDRange]) throws {
            let statement = try database.statement(
                "SELECT first, last FROM vanished WHERE mailbox = ?1 AND modseq > ?2", Int64(mailbox.id), Int64(modSeq))
            while try statement.next() {
                ranges.append(UIDRange(UID(UInt32(statement.integer(0))), UID(UInt32(statement.integer(1)))))
            }
        }

        func scan(_ mailbox: MailboxKey) throws -> ScanDigest {
            var digest = ScanDigest()
            let statement = try database.statement("SELECT uid, flags FROM messages WHERE mailbox = ?1", Int64(mailbox.id))
            while try statement.next() { digest.add(uid: UInt32(statement.integer(0)), flags: UInt16(statement.integer(1))) }
            return digest
        }

        /// Calls `body` with the counts of a mailbox' blocks: they stay as long as the call lasts.
        func withCounts<R>(_ mailbox: MailboxKey, _ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
            let counts = try database.statement(
                "SELECT bits FROM live WHERE mailbox = ?1 AND block = 4294967295", Int64(mailbox.id)
            ).first { try body($0.bytes(0)) }
            guard let counts else { throw EngineError("SQLite", "mailbox \(mailbox.name) has no counts") }
            return counts
        }

        private func block<R>(_ mailbox: MailboxKey, _ number: UInt32, _ body: (UnsafeRawBufferPointer) -> R) throws -> R {
            let bits = try database.statement(
                "SELECT bits FROM live WHERE mailbox = ?1 AND block = ?2", Int64(mailbox.id), Int64(number)
            ).first { body($0.bytes(0)) }
            guard let bits else { throw EngineError("SQLite", "mailbox \(mailbox.name) has no block \(number)") }
            return bits
        }

        func sequenceNumber(of uid: UInt32, in mailbox: MailboxKey, counts: UnsafeRawBufferPointer) throws -> UInt32 {
            try block(mailbox, LiveBlocks.block(of: uid)) { bits in
                LiveBlocks.isLive(uid, bits: bits) ? LiveBlocks.rank(uid, counts: counts, bits: bits) + 1 : 0
            }
        }

        func uid(at number: UInt32, in mailbox: MailboxKey, counts: UnsafeRawBufferPointer) throws -> UInt32 {
            guard number > 0, let place = LiveBlocks.find(number - 1, counts: counts) else { return 0 }
            return try block(mailbox, place.block) { LiveBlocks.select(place.rank, block: place.block, bits: $0) ?? 0 }
        }

        func read(_ uid: UInt32, _ part: Range<Int>, in mailbox: MailboxKey, into target: UnsafeMutableRawBufferPointer) throws {
            let body = try database.statement(
                "SELECT body FROM messages WHERE mailbox = ?1 AND uid = ?2", Int64(mailbox.id), Int64(uid)
            ).first { $0.integer(0) }
            guard let body else { throw EngineError("SQLite", "there is no message \(uid)") }
            let size = SQLiteWriter.pieceSize
            let pieces = try database.statement(
                "SELECT bytes FROM pieces WHERE id BETWEEN ?1 AND ?2", SQLiteWriter.piece(body, part.lowerBound / size + 1),
                SQLiteWriter.piece(body, (part.upperBound - 1) / size + 1))
            var start = part.lowerBound / size * size
            var done = 0
            while try pieces.next() {
                let bytes = pieces.bytes(0)
                let wanted = bytes[max(part.lowerBound - start, 0)..<min(part.upperBound - start, bytes.count)]
                UnsafeMutableRawBufferPointer(rebasing: target[done...]).copyMemory(from: UnsafeRawBufferPointer(rebasing: wanted))
                done += wanted.count
                start += size
            }
            guard done == part.count else { throw EngineError("SQLite", "message \(uid) ends after \(done) bytes of \(part)") }
        }
    }
#endif
