import MailModel
import Synchronization
import VarveFormat

/// An account's mail: one folder, which can be copied, moved and opened on its own.
///
/// Reading never waits: `snapshot` gives the newest durable state of all mailboxes. Writing goes through `commit`. All
/// methods may be called from any thread.
///
/// ```swift
/// let store = try Store.open(at: "alice.varve")
/// let inbox = try store.mailbox("INBOX")
/// let uid = try store.commit { tx in try tx.append(message, to: inbox.id, internalDate: received) }
/// for range in try inbox.view().changed(since: known) { … }     // one range scan
/// ```
///
/// How a change becomes durable: under the writer's lock its records are encoded and applied to copies of index pages;
/// whoever is first then writes and syncs all that waits (`Store+Commit.swift`); the newest state is published; those who
/// wait are answered. Nobody sees, or is told of, what is not durable.
public final class Store: @unchecked Sendable {
    public static let maximumMessageSize = Format.maximumMessageSize

    let path: String
    let options: StoreOptions
    let uuid: StoreUUID
    /// nil in a store that is not encrypted.
    let cipher: StoreCipher?
    let published: PublishedRoot
    let monitor = Monitor()
    /// Those who wait for commits to be on disk. Guarded by `monitor`.
    let waiting: ParkedThreads
    let subscribers = Subscribers()
    let pins = Pins()
    /// Why the store is open for reading only although it was to be written to, or what of it cannot be shown; nil if
    /// nothing is known to be wrong. The message names file and place.
    public let damage: StoreError?
    /// What a commit is told, if there can be none.
    let refusal: StoreError?
    /// Nothing can be committed, and nothing on disk is changed.
    public var isReadOnly: Bool { refusal != nil }
    let dropped = DroppedSegments()
    let dictionaries: SegmentDictionaries
    let preparing = PreparingDictionary()

    // Guarded by `monitor`.
    var writer: Writer
    var lock: (any FileLock)?

    private(set) var flusher: OnDemandThread!
    private(set) var maintenance: OnDemandThread!

    /// What the writer's lock guards.
    struct Writer {
        let superblockFile: any File
        let indexFile: any File
        var superblock: Superblock
        /// Pages of the chain that the superblock's `freeList` begins.
        var freeListPages: [UInt32]
        let allocator: PageAllocator
        let log: LogWriter
        /// The account after the last transaction that was built, durable or not.
        var state: IndexState
        var segments: SegmentTable
        /// The newest state that was or will be published: no later transaction may touch its pages.
        var lastBoundary: UInt64
        var durable: UInt64
        var aliveRoots: [(modSeq: UInt64, liveness: Root.Liveness)]
        /// Mailboxes that may have rows of expunged messages.
        var deadMailboxes: DeadMailboxes
        var sealable: [(file: any File, number: UInt32, end: Int)] = []
        /// The newest base; nil: the log goes back to its beginning.
        var base: BaseHeader?
        /// Files in the folder of segments that nobody needs any more.
        var leftovers: [String] = []
        /// Bytes of the segments before the current one.
        var sealedBytes = 0
        /// Dead bytes that the last compaction left.
        var deadBytesLeft = 0
        var isCompacting = false
        /// Those who wait for the one that is running to end.
        var compactionRequests = 0
        /// Where zeros are being written.
        var filling: (segment: UInt32, range: Range<Int>)?
        /// Those who wait for a state that they did not change, to be told when it is on disk.
        var observers: [(modSeq: UInt64, whenDurable: @Sendable (Result<ModSeq, StoreError>) -> Void)] = []
        /// Many rows of expunged messages are left: a commit has taken out as many as it may.
        var isPurgeDue = false
        /// Milliseconds since 1970: when expunges that are older than the horizon are looked for again.
        var nextForgetting: UInt64 = 0
        /// With which the next segment begins, as soon as possible.
        var nextDictionary: CompressionDictionary?
        /// When identities reach this, it is looked whether another dictionary would do better.
        var dictionaryDue: UInt64 = 0
        /// The superblock at which the index was last made smaller, in vain perhaps.
        var shrunkAt: UInt64 = 0
        /// The header of the segment behind the current one may be on disk.
        var isSegmentBegun = false
        var isFlushing = false
        var isCheckpointing = false
        var isShrinking = false
        var isClosed = false
        var failure: StoreError?
    }

    init(
        path: String, options: StoreOptions, uuid: StoreUUID, cipher: StoreCipher?, writer: Writer,
        published: PublishedRoot, lock: (any FileLock)?, damage: StoreError? = nil, refusal: StoreError? = nil
    ) {
        self.path = path
        self.options = options
        self.uuid = uuid
        self.cipher = cipher
        self.writer = writer
        self.published = published
        self.lock = lock
        waiting = ParkedThreads(lock: monitor)
        dictionaries = SegmentDictionaries(tag: uuid.tag) { published.load().segments.files }
        self.damage = damage
        self.refusal = refusal
        flusher = OnDemandThread { [weak self] in self?.flushQueued() }
        maintenance = OnDemandThread { [weak self] in self?.maintain() }
        if let policy = options.dictionaries { self.writer.dictionaryDue = UInt64(policy.samples + policy.tests) }
    }

    /// Whether what the store keeps is encrypted (`Formats/encryption.md`).
    public var isEncrypted: Bool { cipher != nil }

    // MARK: Reading

    /// The newest durable state of the whole account. To be held briefly: index pages that it can reach are not used
    /// again while it is.
    /// - Complexity: O(1), no lock.
    public func snapshot() -> Snapshot { Snapshot(published.load()) }

    /// - Throws: `.notFound`.
    public func mailbox(_ name: String) throws(StoreError) -> Mailbox {
        guard let info = try snapshot().mailbox(named: name) else {
            throw StoreError(.notFound, "there is no mailbox \(name)")
        }
        return Mailbox(store: self, id: info.id)
    }

    /// Calls `handler` after every publication of a new state, from whichever thread published it; it must be quick and
    /// must not call back into the store.
    public func subscribe(_ handler: @escaping @Sendable (ModSeq) -> Void) -> Subscription {
        subscribers.add(handler, to: nil)
    }

    /// As `subscribe(_:)`, but `handler` is called only after publications of states in which the mailbox's highest modseq
    /// is another one than before, or in which it is gone. Who subscribes first and looks at a snapshot then misses nothing.
    /// - Complexity: what a publication costs follows from the mailboxes that changed and their subscribers; those of other
    ///   mailboxes cost nothing.
    public func subscribe(to mailbox: MailboxID, _ handler: @escaping @Sendable (ModSeq) -> Void) -> Subscription {
        subscribers.add(handler, to: mailbox.rawValue)
    }

    // MARK: Closing

    /// Waits for what is queued, makes a checkpoint and lets the lock go. Closing a closed store does nothing. Snapshots and
    /// views are not to be used afterwards: another process may then write to the pages that they read.
    /// - Throws: what the last writes threw; the lock is gone all the same.
    public func close() throws(StoreError) {
        monitor.lock()
        let wasClosed = writer.isClosed
        writer.isClosed = true
        monitor.signalAll()
        monitor.unlock()
        guard !wasClosed else { return }
        flusher.stop()
        maintenance.stop()
        waitForCompaction()
        defer { releaseLock() }
        if isReadOnly { return }
        // A segment without a seal is as good; what leaves a file in an unknown state fails the checkpoint too.
        try? sealSegments()
        try makeCheckpoint()
        cutZeros()
    }

    /// Zeros ahead of the log's end are of use to commits only, and the next opening would read them.
    private func cutZeros() {
        monitor.lock()
        defer { monitor.unlock() }
        let current = writer.log.current
        // Whoever fills still, or failed, leaves them.
        guard writer.failure == nil, writer.filling == nil, writer.durable == writer.state.modSeq else { return }
        try? current.file.truncate(current.end)
    }

    /// It ends at its next step.
    private func waitForCompaction() {
        monitor.lock()
        while writer.isCompacting { monitor.wait() }
        monitor.unlock()
        removeDroppedSegments()
    }

    private func releaseLock() {
        monitor.lock()
        lock?.release()
        lock = nil
        monitor.unlock()
    }
}

/// A mailbox of a store, by its id, which a rename does not change.
public struct Mailbox: Sendable {
    public let store: Store
    public let id: MailboxID

    /// The mailbox as it is now, wholly told.
    /// - Throws: `.notFound` if it is gone.
    public func view() throws(StoreError) -> View {
        guard let view = try store.snapshot().view(of: id) else {
            throw StoreError(.notFound, "there is no mailbox \(id)")
        }
        return view
    }
}
