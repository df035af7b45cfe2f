import VarveFormat

/// What a check of a store's files has found.
public struct CheckReport: Sendable {
    /// Something that is not as the format says. `Formats/corrupt/README.md` shows each kind.
    public struct Violation: Sendable, Hashable, CustomStringConvertible {
        public enum Kind: String, Sendable, CaseIterable {
            /// A slot of the superblock.
            case superblock
            /// The file that holds an encrypted store's key.
            case key
            /// A segment's file as a whole, or its header.
            case segment
            /// A base, with which a replay would begin.
            case base
            /// A place in a segment at which a valid frame should begin.
            case frame
            /// A commit that does not decode, or does not follow on the one before.
            case commit
            /// The inside of a message frame.
            case message
            /// What ends a sealed segment.
            case footer
            /// A message in a mailbox whose bytes are not where the index says.
            case body
            /// The index file as a whole, or what is counted over all of it.
            case index
            /// A page of the index.
            case page
            /// A mailbox against its messages, or against the trees beside it.
            case mailbox
            /// The index against the log.
            case difference
        }

        public let kind: Kind
        /// From the store's folder on: `segments/000000000001.seg`.
        public let file: String
        /// Bytes from the file's begin; nil where the file as a whole is meant.
        public let offset: Int?
        public let text: String

        public var description: String { file + (offset.map { ", offset \($0)" } ?? "") + ": \(text)" }
    }

    /// What is to be done.
    public enum Remedy: String, Sendable {
        /// Nothing is wrong.
        case none
        /// No mail is in danger: the next opening for writing puts it right, or the next checkpoint, or nobody needs it.
        case open
        /// The log is whole: `Store.rebuildIndex`.
        case rebuildIndex
        /// The log is damaged: `Store.repair` into a new store.
        case repair
    }

    /// In the order in which they were met. No more than `StoreCheck.maximumViolations`; all are counted.
    public internal(set) var violations: [Violation] = []
    public internal(set) var violationCount = 0
    /// What is no damage, and worth knowing: what a crash left and the next opening puts right; what could not be compared.
    public internal(set) var remarks: [String] = []
    public internal(set) var store: StoreUUID?
    public internal(set) var segments = 0
    public internal(set) var commits = 0
    public internal(set) var messageFrames = 0
    public internal(set) var pages = 0
    /// Bytes of segments that were read.
    public internal(set) var logBytes = 0
    /// The last commit up to which the log was replayed without a gap.
    public internal(set) var modSeq: UInt64 = 0
    public internal(set) var remedy = Remedy.none

    public var isSound: Bool { violationCount == 0 }

    mutating func add(_ kind: Violation.Kind, _ file: String, _ offset: Int? = nil, _ text: String, _ remedy: Remedy) {
        violationCount += 1
        self.remedy = Remedy.worse(self.remedy, remedy)
        guard violations.count < StoreCheck.maximumViolations else { return }
        violations.append(Violation(kind: kind, file: file, offset: offset, text: text))
    }
}

extension CheckReport.Remedy {
    private var rank: Int {
        switch self {
        case .none: 0
        case .open: 1
        case .rebuildIndex: 2
        case .repair: 3
        }
    }

    static func worse(_ a: CheckReport.Remedy, _ b: CheckReport.Remedy) -> CheckReport.Remedy { a.rank >= b.rank ? a : b }
}
