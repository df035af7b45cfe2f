#if Rivals
    import MailModel

    /// Rows of the mailboxes that a transaction has to do with, and which UIDs came: they are written at its end.
    struct OpenMailboxes {
        struct Entry {
            let name: String
            var row: MailboxRow
            var added = UIDSet()
        }

        private(set) var entries: [UInt32: Entry] = [:]

        /// Loads a mailbox' row, once.
        mutating func open(_ mailbox: MailboxKey, _ load: (String) throws -> MailboxRow) throws {
            guard entries[mailbox.id] == nil else { return }
            entries[mailbox.id] = Entry(name: mailbox.name, row: try load(mailbox.name))
        }

        subscript(_ mailbox: MailboxKey) -> MailboxRow {
            get { entries[mailbox.id]!.row }
            set { entries[mailbox.id]!.row = newValue }
        }

        /// Counts a message that comes. - Returns: its UID and its row.
        mutating func append(
            _ message: RivalMessage, to mailbox: MailboxKey, modSeq: UInt64, body: UInt64
        ) -> (uid: UInt32, row: MessageRow) {
            let row = MessageRow(modSeq: modSeq, body: body, size: UInt32(message.body.count), flags: message.flags.rawValue)
            let uid = entries[mailbox.id]!.row.uidNext
            entries[mailbox.id]!.row.uidNext += 1
            entries[mailbox.id]!.row.highestModSeq = modSeq
            entries[mailbox.id]!.row.add(row)
            entries[mailbox.id]!.added.insert(UID(uid))
            return (uid, row)
        }
    }
#endif
