import VarveFormat

/// What a repair has saved, and exactly what it has not.
public struct RepairReport: Sendable {
    /// Bytes of the damaged store in which nothing was found.
    public struct LostBytes: Sendable, Hashable, CustomStringConvertible {
        /// From the damaged store's folder on.
        public let file: String
        public let offset: Int
        /// nil: it is not known how many.
        public let count: Int?
        public let text: String

        public var description: String {
            "\(file), offset \(offset): \(count.map { "\($0) bytes" } ?? "an unknown number of bytes"), \(text)"
        }
    }

    /// A message that a mailbox held, or had held, and whose bytes are gone.
    public struct LostMessage: Sendable, Hashable, CustomStringConvertible {
        /// The mailbox' name when the message came.
        public let mailbox: String
        public let uid: UInt32
        public let size: UInt32

        public var description: String { "UID \(uid) of \(mailbox), \(size) bytes" }
    }

    /// A report lists so many of one kind at most; all are counted.
    public static let listed = 10_000

    public internal(set) var lostBytes: [LostBytes] = []
    /// Modseqs of commits that could not be read, ascending. Those that only the index knew are among them.
    public internal(set) var lostCommits: [ClosedRange<UInt64>] = []
    public internal(set) var lostMessages: [LostMessage] = []
    public internal(set) var lostMessageCount = 0
    /// The state up to this commit was taken from the index where commits were lost; 0: there was no whole index.
    public internal(set) var indexModSeq: UInt64 = 0
    /// Commits that were read and done again.
    public internal(set) var commits = 0
    /// Messages in the new store's mailboxes.
    public internal(set) var messages = 0
    public internal(set) var mailboxes = 0
    /// Where messages were put of which nobody says any more in which mailbox they were; nil if there were none.
    public internal(set) var recoveredMailbox: String?
    public internal(set) var recovered = 0
    /// Mailboxes whose UIDs may have been given to messages that are lost: they have a new UIDVALIDITY, so that no client
    /// takes one message for another (RFC 3501 §2.3.1.1).
    public internal(set) var renewedMailboxes: [String] = []
    /// What was done otherwise than the log says, and why.
    public internal(set) var remarks: [String] = []
    /// The new store, checked.
    public internal(set) var check = CheckReport()

    public var lostCommitCount: UInt64 { lostCommits.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) + 1 } }

    mutating func remark(_ text: String) { if remarks.count < RepairReport.listed { remarks.append(text) } }

    mutating func lose(_ message: LostMessage) {
        lostMessageCount += 1
        if lostMessages.count < RepairReport.listed { lostMessages.append(message) }
    }

    mutating func lose(_ bytes: LostBytes) { if lostBytes.count < RepairReport.listed { lostBytes.append(bytes) } }

    mutating func loseCommits(_ range: ClosedRange<UInt64>) {
        if let last = lostCommits.last, last.upperBound &+ 1 == range.lowerBound {
            lostCommits[lostCommits.count - 1] = last.lowerBound...range.upperBound
        } else {
            lostCommits.append(range)
        }
    }
}
