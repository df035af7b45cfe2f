#if Rivals
    import MailModel

    /// What a writing transaction does. Rows of mailboxes, and which UIDs came, are written at its end.
    struct SQLiteWriter: RivalWriter {
        private let database: SQLiteDatabase
        private var modSeq: Int64
        private var nextBody: Int64
        private var nextMailbox: Int64
        private var mailboxes = OpenMailboxes()

        /// Bytes of a body's pieces.
        static let pieceSize = 64 << 10

        /// Where a piece of a body stands; the first is its summary.
        static func piece(_ body: Int64, _ number: Int) -> Int64 { body << 15 | Int64(number) }

        init(_ database: SQLiteDatabase) throws {
            self.database = database
            let meta = try database.statement("SELECT modseq, next_body, next_mailbox FROM meta WHERE one = 1").first {
                ($0.integer(0), $0.integer(1), $0.integer(2))
            }
            (modSeq, nextBody, nextMailbox) = meta ?? (0, 1, 1)
        }

        mutating func finish() throws {
            for (id, entry) in mailboxes.entries {
                let (name, row, added) = (entry.name, entry.row, entry.added)
                let statement = try database.statement(
                    """
                    UPDATE mailboxes SET modseq = ?1, bytes = ?2, uidnext = ?3, messages = ?4, unseen = ?5, deleted = ?6
                    WHERE name = ?7
                    """, Int64(row.highestModSeq), Int64(row.bytes), Int64(row.uidNext), Int64(row.messages), Int64(row.unseen),
                    Int64(row.deleted))
                statement.bind(7, name)
                try statement.run()
                try markLive(added, Int64(id), isLive: true)
            }
            try database.statement(
                "UPDATE meta SET modseq = ?1, next_body = ?2, next_mailbox = ?3 WHERE one = 1", modSeq, nextBody, nextMailbox
            ).run()
        }

        private func markLive(_ uids: UIDSet, _ mailbox: Int64, isLive: Bool) throws {
            try LiveBlocks.mark(uids, isLive: isLive) { block in
                try database.statement("SELECT bits FROM live WHERE mailbox = ?1 AND block = ?2", mailbox, Int64(block))
                    .first { Array($0.bytes(0)) } ?? []
            } put: { block, value in
                try value.withUnsafeBytes {
                    let statement = try database.statement("INSERT OR REPLACE INTO live VALUES (?1, ?2, ?3)", mailbox, Int64(block))
                    statement.bind(3, $0)
                    try statement.run()
                }
            }
        }

        mutating func nextModSeq() { modSeq += 1 }

        mutating func create(_ name: String) throws {
            let row = MailboxRow(id: UInt32(nextMailbox))
            let statement = try database.statement(
                "INSERT INTO mailboxes VALUES (?3, ?1, ?2, 0, 1, 1, 0, 0, 0)", nextMailbox, Int64(row.highestModSeq))
            statement.bind(3, name)
            try statement.run()
            nextMailbox += 1
        }

        private mutating func open(_ mailbox: MailboxKey) throws {
            try mailboxes.open(mailbox) { [database] name in
                guard let row = try SQLiteReader(database).mailbox(name) else {
                    throw EngineError("SQLite", "there is no mailbox \(name)")
                }
                return row
            }
        }

        mutating func append(_ message: RivalMessage, to mailbox: MailboxKey) throws -> UID {
            try open(mailbox)
            let (uid, row) = mailboxes.append(message, to: mailbox, modSeq: UInt64(modSeq), body: UInt64(nextBody))
            try database.statement(
                "INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", Int64(mailbox.id), Int64(uid), modSeq, Int64(row.flags),
                Int64(row.size), nextBody, row.seconds, Int64(row.zoneMinutes)
            ).run()
            try message.summary.withUnsafeBytes { try store($0, 0) }
            try message.body.withUnsafeBytes { bytes in
                for (number, from) in stride(from: 0, to: bytes.count, by: SQLiteWriter.pieceSize).enumerated() {
                    let piece = bytes[from..<min(from + SQLiteWriter.pieceSize, bytes.count)]
                    try store(UnsafeRawBufferPointer(rebasing: piece), number + 1)
                }
            }
            nextBody += 1
            return UID(uid)
        }

        private func store(_ bytes: UnsafeRawBufferPointer, _ number: Int) throws {
            let statement = try database.statement("INSERT INTO pieces VALUES (?1, ?2)", SQLiteWriter.piece(nextBody, number))
            statement.bind(2, bytes)
            try statement.run()
        }

        mutating func change(_ flags: SystemFlags, isSet: Bool, of uids: UIDSet, in mailbox: MailboxKey) throws {
            try open(mailbox)
            var box = mailboxes[mailbox]
            // Flag by flag, so that the number of changed rows says how the mailbox' counts change.
            for bit in 0..<16 where flags.rawValue & (1 << bit) != 0 {
                let flag = UInt16(1 << bit)
                var count = 0
                for range in uids.ranges {
                    let statement = try isSet
                        ? database.statement(
                            """
                            UPDATE messages SET flags = flags | ?1, modseq = ?2
                            WHERE mailbox = ?3 AND uid BETWEEN ?4 AND ?5 AND flags & ?1 = 0
                            """, Int64(flag), modSeq, Int64(mailbox.id), Int64(range.first.rawValue), Int64(range.last.rawValue))
                        : database.statement(
                            """
                            UPDATE messages SET flags = flags & ~?1, modseq = ?2
                            WHERE mailbox = ?3 AND uid BETWEEN ?4 AND ?5 AND flags & ?1 <> 0
                            """, Int64(flag), modSeq, Int64(mailbox.id), Int64(range.first.rawValue), Int64(range.last.rawValue))
                    try statement.run()
                    count += database.changes
                }
                guard count > 0 else { continue }
                box.highestModSeq = UInt64(modSeq)
                box.replace(isSet ? 0 : flag, by: isSet ? flag : 0, times: count)
            }
            mailboxes[mailbox] = box
        }

        mutating func expunge(_ uids: UIDSet, in mailbox: MailboxKey) throws {
            try open(mailbox)
            var box = mailboxes[mailbox]
            var gone: [UInt32] = []
            for range in uids.ranges {
                let deleted = try database.statement(
                    "DELETE FROM messages WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 RETURNING uid, flags, size, body",
                    Int64(mailbox.id), Int64(range.first.rawValue), Int64(range.last.rawValue))
                while try deleted.next() {
                    gone.append(UInt32(deleted.integer(0)))
                    box.remove(MessageRow(modSeq: 0, body: 0, size: UInt32(deleted.integer(2)), flags: UInt16(deleted.integer(1))))
                    try database.statement("INSERT INTO dead VALUES (?1)", deleted.integer(3)).run()
                }
            }
            guard !gone.isEmpty else { return }
            box.highestModSeq = UInt64(modSeq)
            mailboxes[mailbox] = box
            let set = UIDSet(gone.lazy.map { UID($0) })
            for range in set.ranges {
                try database.statement(
                    "INSERT INTO vanished VALUES (?1, ?2, ?3, ?4)", Int64(mailbox.id), modSeq, Int64(range.first.rawValue),
                    Int64(range.last.rawValue)
                ).run()
            }
            try markLive(set, Int64(mailbox.id), isLive: false)
        }
    }
#endif
