import MailModel
import NIOCore

/// RFC 3501 §7.2.2, RFC 5258 §6: one mailbox of a listing.
public struct ListResponse: Hashable, Sendable {
    /// LSUB, not LIST.
    public var isSubscription = false
    /// As the server spells them, `\` included.
    public var attributes: [String] = []
    /// Nil where names have no levels.
    public var separator: UInt8?
    /// As it stands on the wire: modified UTF-7 (RFC 3501 §5.1.3) unless the server speaks UTF-8.
    public var name = ""
    /// Extended data such as CHILDINFO: the name in upper case, the value as it came.
    public var extended: [(name: String, value: ByteBuffer)] = []

    public init() {}

    public static func == (a: ListResponse, b: ListResponse) -> Bool {
        a.isSubscription == b.isSubscription && a.attributes == b.attributes && a.separator == b.separator
            && a.name == b.name && a.extended.elementsEqual(b.extended) { $0 == $1 }
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// RFC 3501 §7.2.4: a mailbox' figures. Those that the server did not give are nil.
public struct MailboxStatusResponse: Hashable, Sendable {
    /// As it stands on the wire.
    public var name = ""
    public var messages: UInt32?
    public var recent: UInt32?
    public var uidNext: UInt32?
    public var uidValidity: UInt32?
    public var unseen: UInt32?
    /// RFC 7162 §3.1.7; 0 for a mailbox without mod-sequences.
    public var highestModSeq: ModSeq?
    /// RFC 8438 §3, in bytes.
    public var size: UInt64?
    /// RFC 9051 §6.3.11
    public var deleted: UInt32?
    /// RFC 8474 §4.3
    public var mailboxID: String?

    public init() {}
}

/// RFC 4731 §3.1: the result of an extended search. What was not asked for, or has no value, is nil.
public struct ExtendedSearchResponse: Hashable, Sendable {
    /// The command that it answers.
    public var tag: String?
    /// The numbers are UIDs.
    public var isUID = false
    public var minimum: UInt32?
    public var maximum: UInt32?
    public var count: UInt32?
    public var all: UIDSet?
    public var modSeq: ModSeq?
    /// RFC 9394 §3.1: what was found in that range of the result; empty if nothing.
    public var partial: UIDSet?

    public init() {}
}
