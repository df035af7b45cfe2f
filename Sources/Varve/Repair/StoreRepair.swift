import MailModel
import Synchronization
import VarveFormat

/// Saves what is whole in a damaged store. The damaged one is read and never written to.
///
/// The new store's log is the old one's, done again: commit n of the one is commit n of the other, so that modseqs, UIDs and
/// UIDVALIDITYs that clients know stay true. A commit that cannot be read is an empty one; what it did is taken from the
/// index, if that is whole and newer. Where it is not, the mailboxes that were there get a new UIDVALIDITY: who knows which
/// UIDs were given meanwhile. A message whose bytes are gone keeps its UID until the last commit, which expunges it, so that
/// clients are told. Messages that no commit names are put into a mailbox of their own.
///
/// An encrypted store's key is needed, and the new one is encrypted with it, under a data key of its own.
///
/// The new store has a UUID of its own: its frames have other places, and none may be taken for the other store's.
public enum StoreRepair {
    public enum Outcome: Sendable {
        /// The log is whole, so there is nothing to save: opening it, or building the index anew, is enough. Nothing was made.
        case notNeeded(CheckReport)
        case repaired(RepairReport)
    }

    /// Until the new store is whole, its folder has this behind its name: a repair that was cut short leaves nothing that
    /// could be taken for its result.
    static let suffix = ".repairing"

    /// - Parameters:
    ///   - path: the damaged store. Nothing in it is changed.
    ///   - target: a folder that is not there yet, or is empty.
    ///   - isForced: makes the new store although the old one's log is whole.
    ///   - progress: told how many bytes were read, of how many, for each of the two times that all is read.
    /// - Throws: `.alreadyExists` if there is something at `target`, or what a repair to there left that was cut short;
    ///   `.locked`; `.notFound`; `.keyMissing`, `.wrongKey`; `.corrupt` if nothing says which store it is;
    ///   `.unsupportedVersion`; `.io`, `.outOfSpace`.
    public static func run(
        _ path: String, into target: String, _ options: StoreOptions = StoreOptions(), isForced: Bool = false,
        progress: @escaping (Int, Int) -> Void = { _, _ in }
    ) throws -> Outcome {
        let check = try StoreCheck.run(at: path, options, progress: progress)
        guard check.remedy == .repair || isForced else { return .notNeeded(check) }
        if try options.fileSystem.exists(target), try !options.fileSystem.list(target).isEmpty {
            throw StoreError(.alreadyExists, "\(target): there is something already; name a folder that is not there yet")
        }
        var target = target
        while target.utf8.count > 1, target.hasSuffix("/") { target.removeLast() }
        let unfinished = target + suffix
        if try options.fileSystem.exists(unfinished) {
            throw StoreError(.alreadyExists, "\(unfinished): an earlier repair was cut short and left this; remove it first")
        }
        let files = ReadOnlyFileSystem(options.fileSystem)
        var reading = options
        reading.fileSystem = files
        let lock = try files.lockForReading("\(path)/\(FileNames.lock)")
        defer { lock?.release() }
        var block = try readSuperblock(path, files)
        let source = try SalvageSource(path, reading, block, progress: progress)
        if block?.store != source.store { block = nil }
        var known: [KnownIndex] = []
        if let base = source.base { known.append(try knownIndex(base, source)) }
        if let block, block.modSeq > known.last?.state.modSeq ?? 0,
            let index = knownIndex(path, reading, block, source.cipher)
        {
            known.append(index)
        }
        let report = try Salvage(source, known, unfinished, options).run()
        try options.fileSystem.rename(unfinished, to: target)
        try options.fileSystem.syncDirectory(FileNames.folder(above: target))
        return .repaired(report)
    }

    private static func readSuperblock(_ path: String, _ files: ReadOnlyFileSystem) throws(StoreError) -> Superblock? {
        let name = "\(path)/\(FileNames.superblock)"
        guard try files.exists(name) else { return nil }
        return try Recovery.readSuperblock(files.open(name, create: false, writable: false), name).newest
    }

    /// The account as a base says.
    private static func knownIndex(_ base: BaseFile, _ source: SalvageSource) throws(StoreError) -> KnownIndex {
        let replay = try Replay.inMemory(source.store, source.cipher)
        let state = try base.load(replay.state, replay.allocator, source.cipher)
        return KnownIndex(state: state, pages: replay.allocator.pages, position: base.next, isBase: true)
    }

    /// The checkpoint's index, if nothing at all is wrong with it.
    private static func knownIndex(
        _ path: String, _ options: StoreOptions, _ block: Superblock, _ cipher: StoreCipher?
    ) -> KnownIndex? {
        guard let (state, allocator) = Recovery.indexInMemory(path, options, block, cipher) else { return nil }
        let root = Root(state: state, pages: allocator.pages, segments: SegmentTable([]), logEnd: block.logPosition)
        guard Check.run(Snapshot(root)).isEmpty else { return nil }
        return KnownIndex(
            state: state, pages: allocator.pages, position: block.logPosition,
            knowsAttributes: block.minor >= Format.newestIndex)
    }
}

extension Store {
    /// Builds the index anew from the log, in place; the log is not touched beyond what every opening does.
    /// - Throws: as `open`; `.corrupt` if the log is damaged: the old index is then left as it was.
    /// - Complexity: O(whole log).
    public static func rebuildIndex(at path: String, _ options: StoreOptions = StoreOptions()) throws(StoreError) {
        var options = options
        options.create = false
        options.access = .readWrite
        options.rebuildsIndex = true
        try Store.open(at: path, options).close()
    }
}

/// The account as it is known to have been: at the last checkpoint, as its index says, or as a base says.
struct KnownIndex {
    let state: IndexState
    let pages: Pages
    /// It is from a base: what was before is no more.
    let isBase: Bool
    /// It says what mailboxes are for and how their history is kept.
    let knowsAttributes: Bool
    /// Whatever stands before this place in the log is in it, or was expunged.
    let position: LogPosition

    init(
        state: IndexState, pages: Pages, position: LogPosition, isBase: Bool = false, knowsAttributes: Bool = true
    ) {
        self.knowsAttributes = knowsAttributes
        self.state = state
        self.pages = pages
        self.position = position
        self.isBase = isBase
    }

    func mailboxes() throws(StoreError) -> [MailboxRow] {
        var rows: [MailboxRow] = []
        try Snapshot(Root(state: state, pages: pages, segments: SegmentTable([]), logEnd: position)).forEachMailbox { info in
            if let row = try? state.mailbox(info.id.rawValue, pages) { rows.append(row) }
            return true
        }
        return rows.sorted { $0.id < $1.id }
    }

    func messages(in mailbox: UInt32, from first: UInt32 = 1, through last: UInt32 = .max) throws(StoreError) -> [MessageRow] {
        guard first <= last else { return [] }
        var found: [MessageRow] = []
        try state.uid.forEachLeaf(
            MessageRow.key(mailbox: mailbox, uid: first), MessageRow.key(mailbox: mailbox, uid: last), pages
        ) { leaf, rows in
            for row in rows where MessageRow.flags(leaf, row) & MessageRow.deadBit == 0 {
                found.append(MessageRow(leaf, row))
            }
            return true
        }
        return found
    }

    func flags(of row: MessageRow) -> Flags {
        Flags(SystemFlags(rawValue: row.flags).intersection(.all), keywords: state.keywords.names(ofSet: row.keywordSet))
    }
}
