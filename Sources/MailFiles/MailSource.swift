import MailModel

/// A message out of a file of another format.
public struct MailFileMessage: Sendable {
    /// With CRLF line ends: a bare LF has become CRLF, and nothing else is changed (a lone CR stays).
    public var bytes: [UInt8]
    public var flags: Flags
    /// nil where the file does not say when the message came.
    public var internalDate: InternalDate?
    public var place: MailFilePlace

    public init(bytes: [UInt8], flags: Flags, internalDate: InternalDate?, place: MailFilePlace) {
        self.bytes = bytes
        self.flags = flags
        self.internalDate = internalDate
        self.place = place
    }
}

/// Where in files a message begins.
public struct MailFilePlace: Hashable, Sendable, CustomStringConvertible {
    public var path: String
    /// Bytes from the file's begin; nil where the file is one message.
    public var offset: Int?

    public init(path: String, offset: Int? = nil) {
        self.path = path
        self.offset = offset
    }

    public var description: String { offset.map { "\(path), offset \($0)" } ?? path }
}

/// What a source of messages gives next.
public enum MailFileItem: Sendable {
    case message(MailFileMessage)
    /// There is a message, but it cannot be given; the next one can.
    case skipped(MailFilePlace, reason: String)
}

/// Gives messages one after the other, in the order of the file, and holds no more than one in memory.
public protocol MailSource: AnyObject {
    /// Bytes of files that have been read, and of all that there are: for telling how far it is.
    var bytesRead: Int { get }
    var bytesTotal: Int { get }
    /// - Returns: nil behind the last message.
    func next() throws(MailFileError) -> MailFileItem?
}

public enum MailFileLimits {
    /// Bytes of a message at most, with CRLF line ends: 1 GiB. A larger one is skipped.
    public static let messageSize = 1 << 30
    /// Bytes of a header at most, as far as flags and senders are looked for in it.
    static let headerSize = 1 << 20
    /// Bytes of an mbox file's From_ line at most; a longer line is none.
    static let fromLineSize = 1000
    /// As many keywords, of as many bytes, as a message can have in a store.
    static let keywords = 128
    static let keywordSize = 255
    /// Files in one Maildir folder at most, and folders.
    static let filesInFolder = 1 << 28
    static let folders = 1 << 20
}

public struct MailFileError: Error, Sendable, CustomStringConvertible {
    public enum Kind: Sendable, Hashable {
        case notFound, alreadyExists, notPermitted, outOfSpace, io
        /// The file is not of the format that it should be.
        case format
    }
    public let kind: Kind
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    public var description: String { message }
}
