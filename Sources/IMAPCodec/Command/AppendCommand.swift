import MailModel
import NIOCore

/// RFC 3501 §6.3.11; several messages at once by RFC 3502 (MULTIAPPEND).
public struct AppendCommand: Sendable {
    public var mailbox: MailboxPath
    /// At least one.
    public var messages: [AppendedMessage]

    public init(mailbox: MailboxPath, messages: [AppendedMessage]) {
        self.mailbox = mailbox
        self.messages = messages
    }
}

public struct AppendedMessage: Sendable {
    public var flags: Flags
    public var internalDate: InternalDate?
    /// The message, as it came: where it can be, a slice of what the parser holds, not a copy.
    public var bytes: ByteBuffer

    public init(flags: Flags, internalDate: InternalDate?, bytes: ByteBuffer) {
        self.flags = flags
        self.internalDate = internalDate
        self.bytes = bytes
    }
}
