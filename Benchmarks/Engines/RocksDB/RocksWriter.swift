#if Rivals
    import MailModel

    /// What a writing transaction does: a batch, with what it must know of the state before it.
    struct RocksWriter: RivalWriter {
        private let database: RocksDatabase
        private let batch: RocksBatch
        private var meta: RocksDatabase.Meta
        private var mailboxes = OpenMailboxes()

        init(_ database: RocksDatabase) throws {
            self.database = database
            batch = RocksBatch(database)
            meta = try database.get(.default, UInt8(0)) { RocksDatabase.Meta(stored: $0) ?? .init() } ?? .init()
        }

        mutating func finish() throws {
            for (id, entry) in mailboxes.entries {
                let (name, row, added) = (entry.name, entry.row, entry.added)
                store(name, row)
                try markLive(added, id, isLive: true)
            }
            batch.put(.default, UInt8(0), meta)
            try database.write(batch)
        }

        private func store(_ name: String, _ row: MailboxRow) {
            var name = name
            name.withUTF8 { name in withUnsafeBytes(of: row) { batch.put(.mailboxes, UnsafeRawBufferPointer(name), $0) } }
        }

        private func markLive(_ uids: UIDSet, _ mailbox: UInt32, isLive: Bool) throws {
            try LiveBlocks.mark(uids, isLive: isLive) { block in
                try database.get(.live, RocksDatabase.key(mailbox, block)) { Array($0) } ?? []
            } put: { block, value in
                value.withUnsafeBytes { batch.put(.live, RocksDatabase.key(mailbox, block), $0) }
            }
        }

        mutating func nextModSeq() { meta.modSeq += 1 }

        mutating func create(_ name: String) throws {
            store(name, MailboxRow(id: UInt32(meta.nextMailbox)))
            meta.nextMailbox += 1
        }

        private mutating func open(_ mailbox: MailboxKey) throws {
            try mailboxes.open(mailbox) { [database] in try RocksReader(database).mailbox($0) }
        }

        mutating func append(_ message: RivalMessage, to mailbox: MailboxKey) throws -> UID {
            try open(mailbox)
            let (uid, row) = mailboxes.append(message, to: mailbox, modSeq: meta.modSeq, body: meta.nextBody)
            meta.nextBody += 1
            batch.put(.messages, RocksDatabase.key(mailbox.id, uid), row)
            batch.put(.changed, RocksDatabase.key(mailbox.id, modSeq: meta.modSeq, uid), row.flags)
            message.summary.withUnsafeBytes { batch.put(.pieces, RocksDatabase.piece(row.body, 0), $0) }
            message.body.withUnsafeBytes { bytes in
                for (number, from) in stride(from: 0, to: bytes.count, by: RocksDatabase.pieceSize).enumerated() {
                    let piece = bytes[from..<min(from + RocksDatabase.pieceSize, bytes.count)]
                    batch.put(.pieces, RocksDatabase.piece(row.body, number + 1), UnsafeRawBufferPointer(rebasing: piece))
                }
            }
            return UID(uid)
        }

        mutating func change(_ flags: SystemFlags, isSet: Bool, of uids: UIDSet, in mailbox: MailboxKey) throws {
            try open(mailbox)
            var box = mailboxes[mailbox]
            try forEachMessage(uids, in: mailbox) { uid, row in
                let new = isSet ? row.flags | flags.rawValue : row.flags & ~flags.rawValue
                guard new != row.flags else { return }
                box.replace(row.flags, by: new)
                box.highestModSeq = meta.modSeq
                batch.delete(.changed, RocksDatabase.key(mailbox.id, modSeq: row.modSeq, uid))
                batch.put(.changed, RocksDatabase.key(mailbox.id, modSeq: meta.modSeq, uid), new)
                var row = row
                row.flags = new
                row.modSeq = meta.modSeq
                batch.put(.messages, RocksDatabase.key(mailbox.id, uid), row)
            }
            mailboxes[mailbox] = box
        }

        mutating func expunge(_ uids: UIDSet, in mailbox: MailboxKey) throws {
            try open(mailbox)
            var box = mailboxes[mailbox]
            var gone: [UInt32] = []
            try forEachMessage(uids, in: mailbox) { uid, row in
                box.remove(row)
                gone.append(uid)
                batch.delete(.messages, RocksDatabase.key(mailbox.id, uid))
                batch.delete(.changed, RocksDatabase.key(mailbox.id, modSeq: row.modSeq, uid))
                batch.put(.dead, row.body.bigEndian, UnsafeRawBufferPointer(start: nil, count: 0))
            }
            guard !gone.isEmpty else { return }
            box.highestModSeq = meta.modSeq
            mailboxes[mailbox] = box
            let set = UIDSet(gone.lazy.map { UID($0) })
            for range in set.ranges {
                batch.put(
                    .vanished, RocksDatabase.key(mailbox.id, modSeq: meta.modSeq, range.first.rawValue), range.last.rawValue)
            }
            try markLive(set, mailbox.id, isLive: false)
        }

        private func forEachMessage(_ uids: UIDSet, in mailbox: MailboxKey, _ body: (UInt32, MessageRow) throws -> Void) throws {
            guard let ranges = uids.ranges.first.map({ ($0.first, uids.ranges.last!.last) }) else { return }
            // One iterator passes over all: the gaps of a set are small.
            var index = 0
            try database.forEach(
                .messages, from: RocksDatabase.key(mailbox.id, ranges.0.rawValue), before: RocksDatabase.key(mailbox.id + 1, 0)
            ) { key, value in
                let uid = UInt32(truncatingIfNeeded: UInt64(bigEndian: key.loadUnaligned(as: UInt64.self)))
                while index < uids.ranges.count, uids.ranges[index].last.rawValue < uid { index += 1 }
                guard index < uids.ranges.count else { return false }
                guard uids.ranges[index].first.rawValue <= uid else { return true }
                guard let row = MessageRow(stored: value) else { throw EngineError("RocksDB", "a message of another size") }
                try body(uid, row)
                return true
            }
        }
    }
#endif
