import MailModel
import Varve

/// What a store holds, after its last commit: mailboxes, messages with the SHA-256 of their bodies, expunged UIDs,
/// subscriptions. All of it comes from the log, read by the engine over files that it cannot change. The master key of an
/// encrypted store is taken from the environment.
struct StateDump {
    private let path: String
    private let uuid: String
    private let masterKey: MasterKey?
    private let output: Output

    /// A program that writes to the store meanwhile may make files look damaged that are not: then all is read again.
    private static let attempts = 3
    /// So many messages are taken out of the index at once.
    private static let batch = 4096

    /// - Parameter masterKey: of an encrypted store.
    init(path: String, uuid: String, masterKey: MasterKey?, output: Output) {
        self.path = path
        self.uuid = uuid
        self.masterKey = masterKey
        self.output = output
    }

    func run() throws(DumpError) {
        do {
            let store = try open()
            defer { try? store.close() }
            if let damage = store.damage { output.damage(FileNames.segments, damage.message) }
            try account(store)
        } catch {
            guard error.kind == .corrupt else { throw DumpError(error.message) }
            output.damage(FileNames.segments, error.message)
        }
    }

    private func open() throws(StoreError) -> Store {
        var options = StoreOptions()
        options.create = false
        options.backgroundMaintenance = false
        // Of a damaged store what can be shown is shown.
        options.access = .readOnlyIfDamaged
        options.masterKey = masterKey
        var attempt = 1
        while true {
            options.fileSystem = OverlayFileSystem()
            do throws(StoreError) {
                let store = try Store.open(at: path, options)
                if store.damage == nil || attempt == StateDump.attempts { return store }
                try? store.close()
            } catch {
                guard error.kind == .corrupt, attempt < StateDump.attempts else { throw error }
            }
            attempt += 1
        }
    }

    private func account(_ store: Store) throws(StoreError) {
        let snapshot = store.snapshot()
        var item = Item("account")
        item.bare("uuid", word: uuid)
        item.add("modseq", snapshot.modSeq.rawValue)
        output.emit(item)
        var ids: [MailboxID] = []
        try snapshot.forEachMailbox { info in
            ids.append(info.id)
            return true
        }
        for id in ids.sorted(by: { $0.rawValue < $1.rawValue }) {
            if let view = try snapshot.view(of: id) { try mailbox(view, store) }
        }
        try snapshot.forEachSubscription { name in
            var item = Item("subscription")
            item.bare("name", .name(Array(name.utf8)))
            output.emit(item)
            return true
        }
    }

    private func mailbox(_ view: View, _ store: Store) throws(StoreError) {
        let info = view.mailbox
        var item = Item("mailbox")
        item.bare("id", info.id.rawValue)
        item.add("name", .name(Array(info.name.utf8)))
        item.add("uidvalidity", info.uidValidity.rawValue)
        item.add("uidnext", info.uidNext.rawValue)
        item.add("firstRecent", info.firstRecent.rawValue)
        item.add("messages", info.messages)
        item.add("unseen", info.unseen)
        item.add("deleted", info.deleted)
        item.add("bytes", info.bytes)
        item.add("highestModseq", info.highestModSeq.rawValue)
        item.add("created", info.created.rawValue)
        item.add("vanishedFloor", info.vanishedFloor.rawValue)
        item.add(info.specialUse, info.syncMode)
        output.emit(item)
        var next: UInt32 = 1
        while next < info.uidNext.rawValue {
            var messages: [Message] = []
            try view.forEachMessage(in: UIDRange(UID(next), .max)) { _, message in
                messages.append(message)
                return messages.count < StateDump.batch
            }
            guard let last = messages.last else { break }
            for one in messages { message(one, in: info, view.snapshot, store) }
            next = last.uid.rawValue + 1
        }
        for (modSeq, uids) in try view.expunges(since: 0) {
            var item = Item("vanished", depth: 1)
            item.add("mailbox", info.id.rawValue)
            item.add("modseq", modSeq.rawValue)
            let (first, last) = (uids.first.rawValue, uids.last.rawValue)
            item.add("uids", word: first == last ? "\(first)" : "\(first):\(last)")
            output.emit(item)
        }
    }

    /// A body that is damaged does not end the dump.
    private func message(_ message: Message, in mailbox: MailboxInfo, _ snapshot: Snapshot, _ store: Store) {
        var item = Item("message", depth: 1)
        item.add("mailbox", mailbox.id.rawValue)
        item.add("uid", message.uid.rawValue)
        item.add("modseq", message.modSeq.rawValue)
        item.add("flags", Flags(message.flags).value)
        let keywords = snapshot.keywords(of: message).map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
        item.add("keywords", .list(keywords.map { .name($0) }))
        item.add("internalDate", message.internalDate.seconds)
        item.add("zone", message.internalDate.zoneMinutes)
        item.add("saved", message.saveDate)
        item.add("size", message.size)
        item.add("identity", message.identity.rawValue)
        do throws(StoreError) {
            if let hash = try sha256(of: message, store) { item.add("sha256", word: hexadecimal(hash)) }
        } catch {
            output.damage("mailbox \(mailbox.id.rawValue), UID \(message.uid.rawValue)", error.message)
        }
        output.emit(item)
    }

    private func sha256(of message: Message, _ store: Store) throws(StoreError) -> [UInt8]? {
        let body = try store.body(of: message)
        guard let digest = Digest() else { return nil }
        var at = 0
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: MessageBody.pieceSize, alignment: 16)
        defer { piece.deallocate() }
        while at < body.size {
            let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<min(piece.count, body.size - at)])
            try body.read(at..<(at + part.count), into: part)
            guard digest.update(UnsafeRawBufferPointer(part)) else { return nil }
            at += part.count
        }
        return digest.finish()
    }
}
