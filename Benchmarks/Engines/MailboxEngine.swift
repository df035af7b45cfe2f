import MailModel

/// A store that holds mailboxes, as the bench works it: Varve, and what one would take in its place.
///
/// All do the same for the same call: what a change alters besides its message (the mailbox' counters, the order of changes, the
/// tombstones, the sequence numbers) is altered in the same transaction, and every reading call sees one state. Writing calls
/// return when the change is on disk. Appends may come from many threads; anything else from one at a time.
public protocol MailboxEngine: AnyObject, Sendable {
    static var name: String { get }
    static var version: String { get }
    /// How it is set up, in a line.
    static var setup: String { get }

    /// Opens the store of a folder that exists; makes one where it is empty.
    static func open(_ folder: String) throws -> Self
    func close() throws

    /// Makes mailboxes, in one transaction.
    func create(_ names: [String]) throws
    func mailbox(_ name: String) throws -> MailboxKey

    // MARK: Writing

    /// One message, one transaction, its summary made within the call.
    func append(_ message: [UInt8], to mailbox: MailboxKey) throws -> UID
    /// Many messages, in whatever transactions suit the engine; on disk when the call returns, summaries made within it.
    /// - Parameter portions: how many messages each mailbox gets; they are taken from the corpus one after the other.
    func load(_ corpus: MessageCorpus, into portions: [(mailbox: MailboxKey, count: Int)]) throws
    /// One transaction.
    func change(_ flags: SystemFlags, isSet: Bool, of uids: UIDSet, in mailbox: MailboxKey) throws
    /// One transaction.
    func expunge(_ uids: UIDSet, in mailbox: MailboxKey) throws

    // MARK: Reading

    func status(of mailbox: MailboxKey) throws -> MailboxNumbers
    /// Appends each live message that changed after a modseq, in the order of the changes or of the UIDs.
    func changed(in mailbox: MailboxKey, since modSeq: UInt64, into changes: inout [Change]) throws
    /// Appends the UIDs that were expunged after a modseq.
    func vanished(in mailbox: MailboxKey, since modSeq: UInt64, into ranges: inout [UIDRange]) throws
    /// UID and flags of each live message.
    func scan(_ mailbox: MailboxKey) throws -> ScanDigest
    /// Appends the sequence numbers of messages that are there, all in one reading transaction, with nothing kept from before it.
    func sequenceNumbers(of uids: [UInt32], in mailbox: MailboxKey, into numbers: inout [UInt32]) throws
    /// Appends the UIDs at sequence numbers, likewise.
    func uids(at numbers: [UInt32], in mailbox: MailboxKey, into uids: inout [UInt32]) throws
    /// Copies a message, or a part of it, into a buffer that has room for it.
    func read(_ uid: UInt32, _ part: Range<Int>, in mailbox: MailboxKey, into target: UnsafeMutableRawBufferPointer) throws
    /// The name and the numbers of each mailbox, in the order of the names.
    func list() throws -> ListDigest
}

/// An engine whose committers need no thread each: they leave a message and are told when it is on disk.
public protocol QueueingEngine: MailboxEngine {
    /// As `append`, but returns when the message is queued. May be called from many threads.
    /// - Parameter whenDurable: called once, from any thread.
    func append(
        _ message: [UInt8], to mailbox: MailboxKey, whenDurable: @escaping @Sendable (Result<Void, any Error>) -> Void)
}

/// A mailbox, as an engine finds it again.
public struct MailboxKey: Sendable {
    public let id: UInt32
    public let name: String

    public init(id: UInt32, name: String) {
        self.id = id
        self.name = name
    }
}

public struct MailboxNumbers: Hashable, Sendable {
    public var messages: UInt32
    public var unseen: UInt32
    public var uidNext: UInt32
    public var highestModSeq: UInt64

    public init(messages: UInt32, unseen: UInt32, uidNext: UInt32, highestModSeq: UInt64) {
        self.messages = messages
        self.unseen = unseen
        self.uidNext = uidNext
        self.highestModSeq = highestModSeq
    }
}

/// What a client is told of a message that changed.
public struct Change: Hashable, Sendable {
    public var uid: UInt32
    public var flags: UInt16
    public var modSeq: UInt64

    @inlinable public init(uid: UInt32, flags: UInt16, modSeq: UInt64) {
        self.uid = uid
        self.flags = flags
        self.modSeq = modSeq
    }
}

/// That every message was looked at, and what it had: small enough that making it costs nothing beside the looking.
public struct ScanDigest: Hashable, Sendable {
    public var count = 0
    public var sum: UInt64 = 0

    public init() {}

    @inlinable public mutating func add(uid: UInt32, flags: UInt16) {
        count += 1
        sum &+= UInt64(uid) << 16 | UInt64(flags)
    }
}

/// That every mailbox was listed, and with what: sums over all of them.
public struct ListDigest: Hashable, Sendable {
    public private(set) var count = 0
    public private(set) var nameBytes = 0
    public private(set) var messages: UInt64 = 0
    public private(set) var unseen: UInt64 = 0
    public private(set) var uidNexts: UInt64 = 0
    public private(set) var highestModSeqs: UInt64 = 0

    public init() {}

    public mutating func add(name: UnsafeRawBufferPointer, _ numbers: MailboxNumbers) {
        count += 1
        nameBytes += name.count
        messages &+= UInt64(numbers.messages)
        unseen &+= UInt64(numbers.unseen)
        uidNexts &+= UInt64(numbers.uidNext)
        highestModSeqs &+= numbers.highestModSeq
    }
}

/// An engine refused, or has not what it must have.
public struct EngineError: Error, CustomStringConvertible {
    public let engine: String
    public let message: String

    public init(_ engine: String, _ message: String) {
        self.engine = engine
        self.message = message
    }

    public var description: String { "\(engine): \(message)" }
}
