import MailModel
import VarveFormat

/// Which messages a scan gives, by their system flags.
public struct FlagFilter: Hashable, Sendable {
    /// All of these are set …
    public var has: SystemFlags
    /// … and none of these.
    public var hasNot: SystemFlags

    public init(has: SystemFlags = [], hasNot: SystemFlags = []) {
        self.has = has
        self.hasNot = hasNot
    }

    /// Every message.
    public static let all = FlagFilter()
    public static let unseen = FlagFilter(hasNot: .seen)
}

/// What the index knows of one message of a scan, read from where it lies: only what is asked for is looked at. It cannot be
/// kept; `message` is a copy that can.
public struct MessageFields: ~Copyable {
    private let leaf: UnsafeRawPointer
    private let row: Int

    init(_ leaf: UnsafeRawPointer, _ row: Int) {
        self.leaf = leaf
        self.row = row
    }

    public var uid: UID { UID(MessageRow.uid(leaf, row)) }
    public var flags: SystemFlags { SystemFlags(rawValue: MessageRow.flags(leaf, row)).intersection(.all) }
    /// Names its keywords (`Snapshot.keywords(ofSet:)`); 0 if it has none.
    public var keywordSet: UInt32 { MessageRow.keywordSet(leaf, row) }
    /// As in `Message`.
    public var isExpunged: Bool { MessageRow.flags(leaf, row) & MessageRow.deadBit != 0 }
    public var modSeq: ModSeq { ModSeq(MessageRow.modSeq(leaf, row)) }
    public var identity: MessageIdentity { MessageIdentity(MessageRow.identity(leaf, row)) }
    public var size: Int { Int(MessageRow.size(leaf, row)) }
    public var internalDate: InternalDate {
        InternalDate(seconds: MessageRow.internalDate(leaf, row), zoneMinutes: MessageRow.zoneMinutes(leaf, row))
    }
    /// When it came into this mailbox: seconds since 1970.
    public var saveDate: Int64 { Int64(MessageRow.saveDateEpoch) + Int64(MessageRow.saveDate(leaf, row)) }

    /// - Complexity: the whole row is read.
    public var message: Message { Message(leaf, row) }
}
