#if Rivals
    import CLMDB
    import MailModel

    /// A reading transaction that is taken up again for each call, and its cursors with it: that costs next to nothing.
    final class LMDBReader {
        private let transaction: OpaquePointer
        private let databases: LMDBEnvironment.Databases
        private let messages: OpaquePointer
        private let changed: OpaquePointer
        private let vanished: OpaquePointer
        private let mailboxes: OpaquePointer

        init(_ environment: LMDBEnvironment) throws {
            databases = environment.databases
            var transaction: OpaquePointer?
            try check(mdb_txn_begin(environment.handle, nil, UInt32(MDB_RDONLY), &transaction), "mdb_txn_begin")
            self.transaction = transaction!
            messages = try transaction!.cursor(databases.messages)
            changed = try transaction!.cursor(databases.changed)
            vanished = try transaction!.cursor(databases.vanished)
            mailboxes = try transaction!.cursor(databases.mailboxes)
            mdb_txn_reset(transaction)
        }

        func close() {
            for cursor in [messages, changed, vanished, mailboxes] { mdb_cursor_close(cursor) }
            mdb_txn_abort(transaction)
        }

        /// One state, as long as the call lasts.
        func read<R>(_ body: (LMDBReader) throws -> R) throws -> R {
            try check(mdb_txn_renew(transaction), "mdb_txn_renew")
            defer { mdb_txn_reset(transaction) }
            return try body(self)
        }

        func mailbox(_ name: String) throws -> MailboxRow {
            var name = name
            return try name.withUTF8 { name in
                guard let value = try transaction.get(databases.mailboxes, bytes: UnsafeRawBufferPointer(name)),
                    let row = MailboxRow(stored: value)
                else { throw EngineError("LMDB", "there is no mailbox \(String(decoding: name, as: UTF8.self))") }
                return row
            }
        }

        func changed(in mailbox: MailboxKey, since modSeq: UInt64, into changes: inout [Change]) throws {
            try check(mdb_cursor_renew(transaction, messages), "mdb_cursor_renew")
            try forEachNumber(changed, in: mailbox, since: modSeq) { _, uids in
                for index in 0..<uids.count / 4 {
                    let uid = uids.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
                    var value = MDB_val()
                    let isThere = try withUnsafeBytes(of: LMDBEnvironment.key(mailbox.id, uid)) {
                        var key = MDB_val($0)
                        return try messages.move(MDB_SET, &key, &value)
                    }
                    guard isThere, let row = MessageRow(stored: value.bytes) else {
                        throw EngineError("LMDB", "UID \(uid) changed and is not there")
                    }
                    changes.append(Change(uid: uid, flags: row.flags, modSeq: row.modSeq))
                }
            }
        }

        func vanished(in mailbox: MailboxKey, since modSeq: UInt64, into ranges: inout [UIDRange]) throws {
            try forEachNumber(vanished, in: mailbox, since: modSeq) { _, uids in
                for index in 0..<uids.count / 4 {
                    let uid = uids.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
                    if let last = ranges.last, last.last.rawValue &+ 1 == uid {
                        ranges[ranges.count - 1] = UIDRange(last.first, UID(uid))
                    } else {
                        ranges.append(UIDRange(UID(uid), UID(uid)))
                    }
                }
            }
        }

        /// The UIDs under each modseq after one, a page of them at a time.
        private func forEachNumber(
            _ cursor: OpaquePointer, in mailbox: MailboxKey, since modSeq: UInt64,
            _ body: (_ modSeq: UInt64, UnsafeRawBufferPointer) throws -> Void
        ) throws {
            try check(mdb_cursor_renew(transaction, cursor), "mdb_cursor_renew")
            var key = MDB_val()
            var value = MDB_val()
            var isThere = try cursor.seek(LMDBEnvironment.key(mailbox.id, modSeq: modSeq + 1), &key, &value)
            while isThere {
                let found = key.mv_data.loadUnaligned(as: (UInt64, UInt64).self)
                guard UInt64(bigEndian: found.0) == UInt64(mailbox.id) else { return }
                isThere = try cursor.move(MDB_GET_MULTIPLE, &key, &value)
                while isThere {
                    try body(UInt64(bigEndian: found.1), value.bytes)
                    isThere = try cursor.move(MDB_NEXT_MULTIPLE, &key, &value)
                }
                isThere = try cursor.move(MDB_NEXT_NODUP, &key, &value)
            }
        }

        func scan(_ mailbox: MailboxKey) throws -> ScanDigest {
            try check(mdb_cursor_renew(transaction, messages), "mdb_cursor_renew")
            var digest = ScanDigest()
            var key = MDB_val()
            var value = MDB_val()
            var isThere = try messages.seek(LMDBEnvironment.key(mailbox.id, 0), &key, &value)
            while isThere {
                let number = key.mv_data.loadUnaligned(as: UInt64.self)
                guard UInt32(truncatingIfNeeded: number >> 32) == mailbox.id else { break }
                let flags = value.mv_data.loadUnaligned(
                    fromByteOffset: MemoryLayout<MessageRow>.offset(of: \.flags)!, as: UInt16.self)
                digest.add(uid: UInt32(truncatingIfNeeded: number), flags: flags)
                isThere = try messages.move(MDB_NEXT, &key, &value)
            }
            return digest
        }

        private func blocks(_ mailbox: MailboxKey, _ block: UInt32) throws -> UnsafeRawBufferPointer {
            guard let value = try transaction.get(databases.live, LMDBEnvironment.key(mailbox.id, block)) else {
                throw EngineError("LMDB", "mailbox \(mailbox.name) has no block \(block)")
            }
            return value
        }

        func sequenceNumber(of uid: UInt32, in mailbox: MailboxKey) throws -> UInt32 {
            let bits = try blocks(mailbox, LiveBlocks.block(of: uid))
            guard LiveBlocks.isLive(uid, bits: bits) else { return 0 }
            return LiveBlocks.rank(uid, counts: try blocks(mailbox, LiveBlocks.counts), bits: bits) + 1
        }

        func uid(at number: UInt32, in mailbox: MailboxKey) throws -> UInt32 {
            guard number > 0, let place = LiveBlocks.find(number - 1, counts: try blocks(mailbox, LiveBlocks.counts)) else { return 0 }
            return LiveBlocks.select(place.rank, block: place.block, bits: try blocks(mailbox, place.block)) ?? 0
        }

        func body(_ uid: UInt32, in mailbox: MailboxKey) throws -> UnsafeRawBufferPointer {
            guard let value = try transaction.get(databases.messages, LMDBEnvironment.key(mailbox.id, uid)),
                let row = MessageRow(stored: value), let stored = try transaction.get(databases.bodies, row.body)
            else { throw EngineError("LMDB", "there is no message \(uid)") }
            return RivalMessage.body(in: stored)
        }

        func list() throws -> ListDigest {
            try check(mdb_cursor_renew(transaction, mailboxes), "mdb_cursor_renew")
            var digest = ListDigest()
            var key = MDB_val()
            var value = MDB_val()
            var isThere = try mailboxes.move(MDB_FIRST, &key, &value)
            while isThere {
                guard let row = MailboxRow(stored: value.bytes) else { throw EngineError("LMDB", "a mailbox of another size") }
                digest.add(name: key.bytes, row.numbers)
                isThere = try mailboxes.move(MDB_NEXT, &key, &value)
            }
            return digest
        }
    }
#endif
