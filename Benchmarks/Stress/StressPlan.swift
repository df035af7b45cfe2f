/// What a stress run does, and on which server.
public struct StressPlan: Sendable {
    public var host = "127.0.0.1"
    public var port = 143
    public var user = ""
    public var password = ""
    /// Where all choices grow from.
    public var seed: UInt64 = 1
    /// In a round each session acts once.
    public var rounds = 100
    /// A third of them each synchronises by QRESYNC, by CONDSTORE alone, and by what NOOP and IDLE tell, as far as the
    /// server has these.
    public var sessions = 6
    /// One action at a time: the same run each time. Else the sessions act at once.
    public var isLockstep = false
    /// After so many rounds all stand still, and what each client believes is compared with the whole mailbox.
    public var roundsBetweenChecks = 10
    /// Mailboxes that stay; others come and go.
    public var mailboxes = 3
    /// What names of mailboxes begin with. What is there under such names is deleted.
    public var prefix = "stress"
    /// How long a push during IDLE is waited for.
    public var pushSeconds = 30
    public var quirks: Quirks = []
    /// A lie that is put into the server's mouth, to see that it is found out.
    public var canary: Canary?

    public init() {}

    /// What a broken server could do.
    public enum Canary: String, CaseIterable, Sendable {
        /// Some flags that changed are not told.
        case losesFetch
        case losesExpunge
        case losesVanished
        /// Some of what vanished while the client was away is not told.
        case losesVanishedEarlier
        /// HIGHESTMODSEQ counts changes that are not told yet.
        case hastyHighestModSeq
    }

    /// What a server is known to do otherwise. Each switch takes one check away.
    public struct Quirks: OptionSet, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }

        /// COPY and MOVE take the flags that the session knows, not those of the moment, so that what another session did
        /// a moment ago is not in the copy.
        public static let staleCopies = Quirks(rawValue: 1 << 0)
        /// A NOOP need not tell all that other sessions did before it.
        public static let lateNews = Quirks(rawValue: 1 << 1)
        /// \Recent is shown to more than one session (RFC 3501 §2.3.2 allows no more than one where it can be told).
        public static let sharedRecent = Quirks(rawValue: 1 << 2)
        /// FETCH responses that another session's change caused lack the UID after ENABLE QRESYNC (RFC 7162 §3.2.4).
        public static let fetchWithoutUID = Quirks(rawValue: 1 << 3)
        /// STORE and COPY answer NO without [EXPUNGEISSUED] where messages are gone.
        public static let plainNo = Quirks(rawValue: 1 << 4)

        /// FETCH of a body that sets \Seen tells the new flags with the MODSEQ from before.
        public static let seenWithOldModSeq = Quirks(rawValue: 1 << 5)
        /// The body of a message that another session has expunged is NIL, though this session was not told that it is gone.
        public static let nilForGone = Quirks(rawValue: 1 << 6)
        /// EXPUNGE and CLOSE leave messages of which the session does not know that they are \Deleted.
        public static let expungesKnown = Quirks(rawValue: 1 << 7)

        public static let names: [(quirk: Quirks, name: String)] = [
            (.staleCopies, "stale-copies"), (.lateNews, "late-news"), (.sharedRecent, "shared-recent"),
            (.fetchWithoutUID, "fetch-without-uid"), (.plainNo, "plain-no"),
            (.seenWithOldModSeq, "seen-with-old-modseq"), (.nilForGone, "nil-for-gone"),
            (.expungesKnown, "expunges-known"), (.dovecot, "dovecot"),
        ]

        /// What Dovecot 2.3 does.
        public static let dovecot: Quirks = [.seenWithOldModSeq, .nilForGone, .expungesKnown]
    }
}

/// What a run did, if nothing was wrong.
public struct StressReport: Sendable, Equatable {
    public var rounds = 0
    public var commands = 0
    /// Times a client's belief was compared with the mailbox.
    public var comparisons = 0
    public var reconnections = 0
    /// By the way a client synchronises: how many there were.
    public var sessions: [String: Int] = [:]

    public init() {}
}

/// A promise that the server broke.
public struct Violation: Error, Sendable, CustomStringConvertible {
    public var seed: UInt64
    public var round: Int
    /// Number and kind of the session that saw it.
    public var session: String
    public var what: String
    /// The last lines of that session.
    public var transcript: [String]

    public var description: String {
        """
        seed \(seed), round \(round), session \(session): \(what)
        \(transcript.map { "  " + $0 }.joined(separator: "\n"))
        """
    }
}

/// What is wrong, where nobody knows yet when and to whom it happened.
struct Broken: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func require(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw Broken(what()) }
}
