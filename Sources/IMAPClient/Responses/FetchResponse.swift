import MailModel
import NIOCore

/// What a server says of one message (RFC 3501 §7.4.2). What it did not say is nil or empty.
public struct FetchResponse: Hashable, Sendable {
    /// Nil in a UIDFETCH response (RFC 9586 §3.3).
    public var sequenceNumber: UInt32?
    public var uid: UInt32?
    /// As the server spells them, `\Recent` among them.
    public var flags: [String]?
    /// RFC 7162 §3.1.4
    public var modSeq: ModSeq?
    /// RFC822.SIZE, in bytes.
    public var size: UInt64?
    public var internalDate: InternalDate?
    /// RFC 8474 §5.1
    public var emailID: String?
    public var threadID: String?
    /// What was asked for of the message's bytes, in the server's order.
    public var sections: [Section] = []
    /// Items of other kinds, in the server's order.
    public var others: [Item] = []

    public init() {}

    /// `BODY[…]`, `BINARY[…]`, `RFC822`, `RFC822.HEADER` or `RFC822.TEXT`.
    public struct Section: Hashable, Sendable {
        /// As the server spells it, without the origin: `BODY[HEADER.FIELDS (SUBJECT)]`.
        public var name: String
        /// The first byte's place in the section, if only a part was asked for.
        public var origin: UInt32?
        /// Nil for NIL. A part of the response's own bytes, which it keeps alive.
        public var bytes: ByteBuffer?

        public init(name: String, origin: UInt32? = nil, bytes: ByteBuffer?) {
            self.name = name
            self.origin = origin
            self.bytes = bytes
        }
    }

    /// An item that is not read here, ENVELOPE for one.
    public struct Item: Hashable, Sendable {
        /// In upper case.
        public var name: String
        /// As it came.
        public var value: ByteBuffer

        public init(name: String, value: ByteBuffer) {
            self.name = name
            self.value = value
        }
    }
}
