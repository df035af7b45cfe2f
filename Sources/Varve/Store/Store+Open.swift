import MailModel
import VarveFormat

extension Store {
    /// Opens the store in a folder, or makes one.
    ///
    /// What a crash left is put right: the log behind the last checkpoint is read again, a torn tail is cut off. A missing
    /// or foreign index, or one in which damage is met, is built anew from the log. What else is damaged is an error, or
    /// makes the store one for reading only, as `options.access` says.
    /// - Throws: `.locked` if it is open elsewhere; `.notFound` if there is none and `options.create` is false; `.corrupt`
    ///   for damage, which is never cut away; `.unsupportedVersion`; `.io`, `.outOfSpace`, `.notPermitted`.
    /// - Complexity: O(log behind the last checkpoint + free pages); O(whole log) if the index is to be built.
    public static func open(at path: String, _ options: StoreOptions = StoreOptions()) throws(StoreError) -> Store {
        precondition(128 << 10...1 << 30 ~= options.segmentSize, "a segment size from 128 KiB to 1 GiB")
        let files = options.fileSystem
        if options.access == .readOnly { return try Recovery.openForReading(path, options, damage: nil) }
        let isThere = try files.exists("\(path)/\(FileNames.segments)")
        guard isThere || options.create else { throw StoreError(.notFound, "\(path): there is no store") }
        if !isThere {
            try files.createDirectory(path)
            try files.createDirectory("\(path)/\(FileNames.segments)")
        }
        let lock = try files.lock("\(path)/\(FileNames.lock)")
        do {
            return try Recovery(path, options).open(lock)
        } catch {
            lock.release()
            guard options.access == .readOnlyIfDamaged, error.kind == .corrupt else { throw error }
            return try Recovery.openForReading(path, options, damage: error)
        }
    }
}

/// Brings a store from what lies on disk to its newest state.
struct Recovery {
    let path: String
    let options: StoreOptions
    /// An index that a program of an older version wrote to is not trusted.
    private let newestIndex: UInt16
    private var files: any FileSystem { options.fileSystem }

    init(_ path: String, _ options: StoreOptions, newestIndex: UInt16 = Format.newestIndex) {
        self.path = path
        self.options = options
        self.newestIndex = newestIndex
    }

    func open(_ lock: any FileLock) throws(StoreError) -> Store {
        let superblockFile = try files.open("\(path)/\(FileNames.superblock)", create: true, writable: true)
        let found = try Recovery.readSuperblock(superblockFile, "\(path)/\(FileNames.superblock)")
        if let newest = found.newest { try Recovery.bringToDisk(newest, superblockFile) }
        // Nothing was written to the superblock before the first segment was on disk.
        let wasWritten = try superblockFile.size() > 0
        let durable = found.newest?.logPosition ?? (wasWritten ? .start : nil)
        var log = try LogFiles(path, options, durable: durable)
        let cipher: StoreCipher?
        if log.segments.isEmpty {
            guard durable == nil else {
                throw .corrupt("\(path)/\(FileNames.segments)", "all segments are missing")
            }
            cipher = try makeCipher()
            let uuid = cipher?.store ?? StoreUUID(high: options.random(), low: options.random())
            try log.createFirst(uuid, isEncrypted: cipher != nil)
        } else {
            cipher = try openCipher(log.segments[0].header)
            if cipher != nil { try StoreKeyFile(path, files).mend() }
        }
        if found.newest == nil {
            // Before there is a superblock, the names that lead to it and to the log are on disk, whatever became of an
            // opening before this one.
            try files.syncDirectory(path)
            try files.syncDirectory(FileNames.folder(above: path))
        }
        let uuid = log.segments[0].header.store
        // The superblock says where to go on; without one, the log says it all from its beginning.
        let block = found.newest ?? Superblock(store: uuid)
        guard block.store == uuid else {
            throw .corrupt("\(path)/\(FileNames.superblock)", "it belongs to store \(block.store), the segments to \(uuid)")
        }
        let store: Store
        let isNewIndex: Bool
        do throws(StoreError) {
            if options.rebuildsIndex, block.indexNumber != 0, try files.exists("\(path)/\(FileNames.index)") {
                throw StoreError(.corrupt, "the index is to be built anew")
            }
            (store, isNewIndex) = try recover(log, block, isSuspect: found.isSuspect, superblockFile, cipher, lock)
        } catch {
            let index = "\(path)/\(FileNames.index)"
            guard error.kind == .corrupt, block.indexNumber != 0, try files.exists(index) else { throw error }
            (store, isNewIndex) = try recoverWithoutIndex(log, block, superblockFile, cipher, lock)
        }
        try finish(store, isNewIndex: isNewIndex || found.newest == nil)
        return store
    }

    /// For a new store: nil if it is not to be encrypted. What is to be sealed can be opened again, come what may: the key is
    /// on disk before the log is.
    private func makeCipher() throws(StoreError) -> StoreCipher? {
        let file = StoreKeyFile(path, files)
        if try file.exists() {
            // An opening was cut short before there was a log; or the log was lost, and its key is never to be written over.
            let slot = try file.read()
            try files.syncDirectory(path)
            return try StoreCipher(file.unwrap(slot, with: options.masterKey), store: slot.store, entropy: options.entropy)
        }
        guard let master = options.masterKey else { return nil }
        let uuid = StoreUUID(high: options.random(), low: options.random())
        return try StoreCipher(file.create(uuid, with: master, options.entropy), store: uuid, entropy: options.entropy)
    }

    /// The cipher of a store that is there; nil if it is not encrypted.
    /// - Throws: `.keyMissing`, `.wrongKey`; `.corrupt`.
    func openCipher(_ header: SegmentHeader) throws(StoreError) -> StoreCipher? {
        guard header.isEncrypted else { return nil }
        let file = StoreKeyFile(path, files)
        guard try file.exists() else {
            throw .corrupt(file.path, "the file is missing, without which nothing of this encrypted store can be read")
        }
        let slot = try file.read()
        guard slot.store == header.store else {
            throw .corrupt(file.path, "it belongs to store \(slot.store), the segments to \(header.store)")
        }
        return try StoreCipher(file.unwrap(slot, with: options.masterKey), store: slot.store, entropy: options.entropy)
    }

    /// It may be the index that is damaged: then it is to be had from the log again. If it is the log, the index is put
    /// back: it may know what the log has lost.
    private func recoverWithoutIndex(
        _ log: LogFiles, _ block: Superblock, _ superblockFile: any File, _ cipher: StoreCipher?, _ lock: any FileLock
    ) throws(StoreError) -> (Store, isNewIndex: Bool) {
        let index = "\(path)/\(FileNames.index)"
        let aside = "\(path)/\(FileNames.damagedIndex)"
        // What stands there already is from an opening that was cut short: this one is then just the begin of a new one.
        if try files.exists(aside) { try files.remove(index) } else { try files.rename(index, to: aside) }
        do {
            return try recover(log, block, isSuspect: false, superblockFile, cipher, lock)
        } catch {
            try? files.rename(aside, to: index)
            throw error
        }
    }

    private func recover(
        _ log: LogFiles, _ block: Superblock, isSuspect: Bool, _ superblockFile: any File, _ cipher: StoreCipher?,
        _ lock: any FileLock
    ) throws(StoreError) -> (Store, isNewIndex: Bool) {
        var log = log
        var block = block
        let uuid = block.store
        let (indexFile, pages, isNew) = try openIndex(&block, log, cipher)
        let (free, chain) = try PageAllocator.readFreeList(
            first: block.freeList, pageCount: block.pageCount, pages: pages)
        let allocator = PageAllocator(
            file: indexFile, pages: pages, pageCount: block.pageCount, free: free, checkpoint: block.modSeq, tag: uuid.tag)
        var state = IndexState(block)
        if isSuspect, let violation = Check.firstViolation(ofTreesIn: state, pages) {
            throw .corrupt(FileNames.index, violation.description)
        }
        try state.load(pages)
        var start = block.logPosition
        if isNew, let base = try log.newestWholeBase() {
            state = try base.load(state, allocator, cipher)
            start = base.next
        }
        var replay = Replay(state: state, allocator: allocator, checkpoint: block.modSeq, cipher: cipher)
        let current = try log.replay(from: start, &replay)
        try log.settle(replay.state, allocator.pages)
        let table = SegmentTable(log.segments.map(\.file))
        let root = Root(
            state: replay.state, pages: allocator.pages, segments: table,
            logEnd: LogPosition(segment: current.number, offset: UInt32(current.end)))
        var writer = Store.Writer(
            superblockFile: superblockFile, indexFile: indexFile, superblock: block, freeListPages: chain,
            allocator: allocator, log: LogWriter(current: current, tag: uuid.tag), state: replay.state, segments: table,
            lastBoundary: replay.state.modSeq, durable: replay.state.modSeq,
            aliveRoots: [(replay.state.modSeq, root.liveness)],
            deadMailboxes: DeadMailboxes(try mailboxesWithDeadRows(root)),
            sealable: log.unsealed)
        writer.base = log.bases.first?.header
        writer.leftovers = log.leftovers
        writer.sealedBytes = try replay.state.sealedBytes(before: current, allocator.pages)
        // Met here, damage on the way to INBOX costs no more than a new index.
        _ = try Snapshot(root).mailbox(named: MailboxName.inbox)
        let store = Store(
            path: path, options: options, uuid: uuid, cipher: cipher, writer: writer, published: PublishedRoot(root),
            lock: lock)
        return (store, isNew)
    }

    /// A new store gets its INBOX and its first superblock; one that was recovered a checkpoint, so that the next opening
    /// need not do the same again.
    private func finish(_ store: Store, isNewIndex: Bool) throws(StoreError) {
        do {
            let isNew = try store.snapshot().mailbox(named: MailboxName.inbox) == nil
            if isNew, options.makesInbox { try store.commit { tx in _ = try tx.createMailbox(MailboxName.inbox) } }
            // The superblock is about to speak of a new index: the name must lead to that one, and not to what an opening that
            // was cut short left under the same number.
            if isNewIndex { try files.syncDirectory(path) }
            try store.makeCheckpoint()
            // Without one the log cannot be replayed, and the index is all there is. Where there is no room for it now, the
            // next opening tries again.
            if store.lacksBase {
                do throws(StoreError) { try store.renewBase() } catch { if error.kind != .outOfSpace { throw error } }
            }
            store.removeLeftovers()
            let aside = "\(path)/\(FileNames.damagedIndex)"
            if try files.exists(aside) {
                try files.remove(aside)
                try files.syncDirectory(path)
            }
        } catch {
            try? store.close()
            throw error as? StoreError ?? StoreError(.io, "\(error)")
        }
    }

    private func mailboxesWithDeadRows(_ root: Root) throws(StoreError) -> Set<UInt32> {
        var result: Set<UInt32> = []
        guard root.state.deadRows > 0 else { return result }
        try Snapshot(root).forEachMailbox { info in
            result.insert(info.id.rawValue)
            return true
        }
        return result
    }

    /// What the two slots of a superblock say.
    struct FoundSuperblock {
        /// The valid slot with the higher sequence; nil if there is none, be it that the store is new, or that both are
        /// damaged: then the index is built from the log.
        var newest: Superblock?
        /// The other slot does not hold, or is not the one before. If it was the newer one, pages that this one reaches may
        /// have been used again.
        var isSuspect = false
    }

    /// A slot that is only in memory yet would be built upon, and pages used again that the one on disk reaches. After a sync
    /// that failed the system may take it for written, and no later sync writes it: so it is written once more, as it was read.
    private static func bringToDisk(_ slot: Superblock, _ file: any File) throws(StoreError) {
        let block = ByteBlock(capacity: Superblock.slotSize)
        let place = Int(slot.sequence % 2) * Superblock.slotSize
        guard try file.read(at: place, into: block.bytes) == Superblock.slotSize else {
            throw StoreError(.io, "the superblock ends at \(place), where a slot has been read")
        }
        try file.write(at: place, [UnsafeRawBufferPointer(block.bytes)])
        try file.sync()
        withExtendedLifetime(block) {}
    }

    static func readSuperblock(_ file: any File, _ path: String) throws(StoreError) -> FoundSuperblock {
        let block = ByteBlock(capacity: 2 * Superblock.slotSize)
        let count = try file.read(at: 0, into: block.bytes)
        var sequences: [UInt64] = []
        var found = FoundSuperblock()
        for slot in 0..<2 where count >= (slot + 1) * Superblock.slotSize {
            let bytes = UnsafeRawBufferPointer(
                rebasing: block.bytes[(slot * Superblock.slotSize)..<((slot + 1) * Superblock.slotSize)])
            do {
                let candidate = try Superblock(bytes)
                // A slot that stands in the other one's place would be overwritten while it holds.
                guard candidate.sequence > 0, candidate.sequence % 2 == UInt64(slot) else { continue }
                sequences.append(candidate.sequence)
                if candidate.sequence > (found.newest?.sequence ?? 0) { found.newest = candidate }
            } catch {
                // Where the sum holds, the version was written like that. Where it does not, a bit of it may have changed,
                // and the log says of which version the store is.
                guard case .unsupportedVersion = error.reason, Superblock.checksumHolds(bytes) else { continue }
                throw .corrupt(path, error)
            }
        }
        if let newest = found.newest?.sequence { found.isSuspect = newest > 1 && !sequences.contains(newest - 1) }
        return found
    }

    /// The index file that the superblock speaks of; if it is not there, or does not lead to a place from which the log can
    /// be read, an empty one, and the superblock is set back to the beginning of the log.
    private func openIndex(
        _ block: inout Superblock, _ log: LogFiles, _ cipher: StoreCipher?
    ) throws(StoreError) -> (any File, Pages, isNew: Bool) {
        let name = "\(path)/\(FileNames.index)"
        let tag = block.store.tag
        let isNewEnough = block.major == Format.major && block.minor >= newestIndex
        let leads = log.isWhole(from: block.logPosition.segment) || log.bases.isEmpty
        if block.indexNumber != 0, isNewEnough, leads, try files.exists(name) {
            let disk = try files.open(name, create: false, writable: true)
            let sealed = try cipher.map { cipher throws(StoreError) in
                try SealedIndex(disk, cipher, number: block.indexNumber)
            }
            try sealed?.readHeader()
            let file: any File = sealed ?? disk
            let count = try file.size() / Format.pageSize
            if count >= Int(max(block.pageCount, 1)), count <= Int(UInt32.max) {
                let pages = Pages(
                    mapping: try file.map(count * Format.pageSize, writable: true),
                    verifier: PageVerifier(pageCount: UInt32(count), tag: tag, newest: block.modSeq, source: sealed),
                    touches: options.pageTouches)
                if IndexHeader.matches(UnsafeRawPointer(pages.base), block, isSealed: sealed != nil) {
                    return (file, pages, false)
                }
            }
        }
        if try files.exists(name) { try files.remove(name) }
        let disk = try files.open(name, create: true, writable: true)
        let sealed = try cipher.map { cipher throws(StoreError) in
            try SealedIndex(disk, cipher, number: block.indexNumber + 1)
        }
        let file: any File = sealed ?? disk
        let length = Int(Store.firstPages) * Format.pageSize
        try file.allocate(length)
        let mapping = try file.map(length, writable: true)
        var fresh = Superblock(store: block.store)
        fresh.sequence = block.sequence
        // An index that is half built when a crash comes is not what any superblock speaks of.
        fresh.indexNumber = block.indexNumber + 1
        fresh.pageCount = 1
        block = fresh
        IndexHeader.write(mapping.base, block, isSealed: sealed != nil)
        try sealed?.writeHeader(mapping.base)
        return (
            file,
            Pages(mapping: mapping, verifier: PageVerifier(pageCount: 0, tag: tag, newest: 0), touches: options.pageTouches),
            true
        )
    }
}
