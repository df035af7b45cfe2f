#if Rivals
    import MailModel

    /// Questions to the database.
    struct RocksReader {
        private let database: RocksDatabase

        init(_ database: RocksDatabase) { self.database = database }

        func mailbox(_ name: String) throws -> MailboxRow {
            var key = name
            let row = try key.withUTF8 { try database.get(.mailboxes, UnsafeRawBufferPointer($0)) { MailboxRow(stored: $0) } }
            guard let row = row ?? nil else { throw EngineError("RocksDB", "there is no mailbox \(name)") }
            return row
        }

        func list() throws -> ListDigest {
            var digest = ListDigest()
            try database.forEach(.mailboxes, from: UInt8(0), before: nil) { key, value in
                guard let row = MailboxRow(stored: value) else { throw EngineError("RocksDB", "a mailbox of another size") }
                digest.add(name: key, row.numbers)
                return true
            }
            return digest
        }

        func changed(in mailbox: MailboxKey, since modSeq: UInt64, into changes: inout [Change]) throws {
            try forEach(.changed, in: mailbox, since: modSeq) { modSeq, uid, value in
                changes.append(Change(uid: uid, flags: value.loadUnaligned(as: UInt16.self), modSeq: modSeq))
            }
        }

        func vanished(in mailbox: MailboxKey, since modSeq: UInt64, into ranges: inout [UIDRange]) throws {
            try forEach(.vanished, in: mailbox, since: modSeq) { _, first, value in
                ranges.append(UIDRange(UID(first), UID(value.loadUnaligned(as: UInt32.self))))
            }
        }

        private func forEach(
            _ family: RocksDatabase.Family, in mailbox: MailboxKey, since modSeq: UInt64,
            _ body: (UInt64, UInt32, UnsafeRawBufferPointer) -> Void
        ) throws {
            try database.forEach(
                family, from: RocksDatabase.key(mailbox.id, modSeq: modSeq + 1, 0),
                before: RocksDatabase.key(mailbox.id + 1, modSeq: 0, 0)
            ) { key, value in
                let (modSeq, uid) = RocksDatabase.parts(key)
                body(modSeq, uid, value)
                return true
            }
        }

        func scan(_ mailbox: MailboxKey) throws -> ScanDigest {
            var digest = ScanDigest()
            try database.forEach(
                .messages, from: RocksDatabase.key(mailbox.id, 0), before: RocksDatabase.key(mailbox.id + 1, 0)
            ) { key, value in
                guard let row = MessageRow(stored: value) else { throw EngineError("RocksDB", "a message of another size") }
                digest.add(
                    uid: UInt32(truncatingIfNeeded: UInt64(bigEndian: key.loadUnaligned(as: UInt64.self))), flags: row.flags)
                return true
            }
            return digest
        }

        /// Calls `body` with a block of a mailbox: it stays as long as the call lasts.
        func withBlock<R>(_ mailbox: MailboxKey, _ number: UInt32, _ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
            guard let result = try database.get(.live, RocksDatabase.key(mailbox.id, number), body) else {
                throw EngineError("RocksDB", "mailbox \(mailbox.name) has no block \(number)")
            }
            return result
        }

        func sequenceNumber(of uid: UInt32, in mailbox: MailboxKey, counts: UnsafeRawBufferPointer) throws -> UInt32 {
            try withBlock(mailbox, LiveBlocks.block(of: uid)) { bits in
                LiveBlocks.isLive(uid, bits: bits) ? LiveBlocks.rank(uid, counts: counts, bits: bits) + 1 : 0
            }
        }

        func uid(at number: UInt32, in mailbox: MailboxKey, counts: UnsafeRawBufferPointer) throws -> UInt32 {
            guard number > 0, let place = LiveBlocks.find(number - 1, counts: counts) else { return 0 }
            return try withBlock(mailbox, place.block) { LiveBlocks.select(place.rank, block: place.block, bits: $0) ?? 0 }
        }

        func read(_ uid: UInt32, _ part: Range<Int>, in mailbox: MailboxKey, into target: UnsafeMutableRawBufferPointer) throws {
            let row = try database.get(.messages, RocksDatabase.key(mailbox.id, uid)) { MessageRow(stored: $0) }
            guard let row = row ?? nil else { throw EngineError("RocksDB", "there is no message \(uid)") }
            let size = RocksDatabase.pieceSize
            var done = 0
            for index in part.lowerBound / size...(part.upperBound - 1) / size {
                try database.get(.pieces, RocksDatabase.piece(row.body, index + 1)) { bytes in
                    let start = index * size
                    let wanted = bytes[max(part.lowerBound - start, 0)..<min(part.upperBound - start, bytes.count)]
                    UnsafeMutableRawBufferPointer(rebasing: target[done...]).copyMemory(from: UnsafeRawBufferPointer(rebasing: wanted))
                    done += wanted.count
                }
            }
            guard done == part.count else { throw EngineError("RocksDB", "message \(uid) ends after \(done) bytes of \(part)") }
        }
    }
#endif
