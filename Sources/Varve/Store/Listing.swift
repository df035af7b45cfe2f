import MailModel

/// A walk over the names of an account, in the order of their bytes, and how far it has come. It holds no state of the
/// account: `Snapshot.proceed` takes it further, each time in whichever snapshot is the newest.
public struct Listing: Sendable {
    /// What is walked over.
    public enum Source: Sendable {
        case mailboxes
        case subscriptions
        /// Both as one: a name that is a mailbox' and subscribed to comes once.
        case mailboxesAndSubscriptions
    }

    /// Names to be visited.
    public struct Range: Sendable, Hashable {
        /// UTF-8.
        public var prefix: [UInt8]
        /// The name `prefix` alone, not those that begin so.
        public var isExact: Bool

        public init(prefix: [UInt8], isExact: Bool = false) {
            self.prefix = prefix
            self.isExact = isExact
        }
    }

    /// What is to come behind a name.
    public struct Step: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Names below this one are of no interest. Some may be visited all the same.
        public static let skipInferiors = Step(rawValue: 1)
        /// `proceed` is to return.
        public static let pause = Step(rawValue: 2)
    }

    let source: Source
    /// None lies in another; ascending, read from the end.
    private var ranges: [Range]
    /// Within the current range: the first name that is not visited yet, and the last that was.
    var position: [UInt8]?
    var previous: [UInt8] = []

    /// - Parameter ranges: as many as there are, in any order; they may overlap.
    public init(_ source: Source, in ranges: [Range]) {
        self.source = source
        var disjoint: [Range] = []
        // Of two that begin alike, the one that has the other comes first.
        for range in ranges.sorted(by: { a, b in
            a.prefix == b.prefix ? !a.isExact && b.isExact : a.prefix.lexicographicallyPrecedes(b.prefix)
        }) {
            let isIncluded = disjoint.last.map { $0 == range || !$0.isExact && range.prefix.starts(with: $0.prefix) }
            if isIncluded != true { disjoint.append(range) }
        }
        self.ranges = disjoint.reversed()
    }

    public var isAtEnd: Bool { ranges.isEmpty }

    var range: Range? { ranges.last }

    mutating func goToNextRange() {
        ranges.removeLast()
        position = nil
        previous = []
    }
}

/// A name that a listing has come to: a mailbox', one that is subscribed to, or one above such names that is neither.
public struct ListedName: ~Copyable {
    /// UTF-8. The bytes are the index' own: they stay until the function returns that was given them.
    public let name: UnsafeRawBufferPointer
    public let mailbox: MailboxID?
    /// False where the listing does not look at subscriptions.
    public let isSubscribed: Bool
    /// The first mailbox' name behind this one; nil: there is none.
    let next: UnsafeRawBufferPointer?
}
