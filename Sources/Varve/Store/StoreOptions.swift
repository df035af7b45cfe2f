import Glibc
import MailModel

public struct StoreOptions: Sendable {
    /// What a store may be opened for.
    public enum Access: Sendable {
        /// Reading and writing. Damage met while it is opened is an error.
        case readWrite
        /// As `readWrite`; but if the store proves damaged, it is opened for reading, and `Store.damage` says why.
        case readOnlyIfDamaged
        /// Reading alone: nothing on disk is changed, and others may read it at the same time. The whole index is taken
        /// into memory. Of a damaged store what can be shown is shown.
        case readOnly
    }

    public var access = Access.readWrite
    /// Make a store where there is none.
    public var create = true
    /// A segment that has reached this many bytes is sealed: 128 KiB … 1 GiB. Less than 1 MiB is for tests.
    public var segmentSize = 64 << 20
    /// A checkpoint is made when so many bytes of log have come since the last one.
    public var checkpointInterval = 32 << 20
    /// Bytes of transactions that may wait to be written; whoever wants to add to more waits.
    public var maximumQueuedBytes = 64 << 20
    /// Milliseconds since 1970-01-01T00:00:00Z.
    public var clock: @Sendable () -> UInt64 = StoreOptions.systemClock
    /// Where the store's UUID comes from.
    public var random: @Sendable () -> UInt64 = {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
    /// Milliseconds for which it stays known which messages were expunged; nil: for ever. A client that was away for longer
    /// gets an answer that is as complete, and longer (`View.vanished`).
    public var expungeHorizon: UInt64?
    /// How the history of mailboxes that are created from now on is kept for those who synchronise;
    /// `Transaction.setSyncMode` changes it of those that are there.
    public var syncMode = SyncMode.full
    public var fileSystem: any FileSystem = DiskFileSystem()
    /// Whether checkpoints, zero-filling and sealing happen by themselves, on a thread of the store. Without that they
    /// happen when `Store.maintain` is called: for tests that must be the same each time.
    public var backgroundMaintenance = true
    /// Makes a new store an encrypted one, and opens such a store (`Formats/encryption.md`). For a store that is not
    /// encrypted it means nothing: a folder of accounts may have both.
    public var masterKey: MasterKey?
    /// Where keys and the sessions of nonces come from: not from `random`, which may be the same each time.
    var entropy: Entropy.Source = Entropy.system
    /// Whether what a relaxed commit, or one with a callback, leaves queued is written by a thread of the store. Without
    /// that it is written with the next durable commit, by `Store.flush`, or by a checkpoint: for simulations that must be
    /// the same each time.
    package var backgroundFlushing = true
    /// Whether a new store begins with an INBOX; one that is made from another's log has it from there.
    var makesInbox = true
    /// Whether the index is built anew although there is one.
    var rebuildsIndex = false
    /// When space that nobody needs any more is given back.
    public var compaction = CompactionMode.automatic
    /// Called between two steps of a compaction in the background, instead of a pause of 50 ms; a step takes about 1 MiB.
    public var compactionPause: (@Sendable () -> Void)?
    /// Counts the index pages that this store looks at.
    public var pageTouches: PageTouchCounter?

    /// When dictionaries are made; nil: never.
    package var dictionaries: DictionaryPolicy? {
        get { ownDictionaries ?? DictionaryPolicy.standard(segmentSize: segmentSize) }
        set { ownDictionaries = newValue }
    }
    private var ownDictionaries: DictionaryPolicy?

    public init() {}

    public static let systemClock: @Sendable () -> UInt64 = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }
}

/// What has happened when a commit returns.
public enum Durability: Sendable {
    /// It is on disk, and visible.
    case durable
    /// It will be on disk and visible soon, in order with all others; a crash before that loses it whole. For bulk
    /// imports, which end with a durable commit or `Store.flush`.
    case relaxed
}
