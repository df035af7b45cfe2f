/// The trees of an index, in the order in which a superblock lists their roots. Codes are frozen.
public enum TreeID: UInt16, CaseIterable, Sendable {
    case mailboxes = 1
    case names = 2
    case mailboxChanges = 3
    case uid = 4
    case changed = 5
    case vanished = 6
    case subscriptions = 7
    case keywords = 8
    case segments = 9

    public var slot: Int { Int(rawValue) - 1 }

    /// Whether its pages hold cells, and not rows of one size.
    public var hasCells: Bool {
        switch self {
        case .mailboxes, .names, .subscriptions, .keywords, .segments: true
        case .mailboxChanges, .uid, .changed, .vanished: false
        }
    }
}

/// Where a tree begins. Height 0 is the empty tree; 1 is a single leaf.
public struct TreeRoot: Hashable, Sendable {
    public var page: UInt32
    public var height: UInt8
    public init(page: UInt32, height: UInt8) {
        self.page = page
        self.height = height
    }
    public static let empty = TreeRoot(page: 0, height: 0)
    /// A taller tree than this is damage: 2^32 rows need no more than 7 levels.
    public static let maximumHeight: UInt8 = 16
}

/// One slot of a superblock: what is known of the account without reading its log. `Formats/superblock.md`.
public struct Superblock: Hashable, Sendable {
    public static let slotSize = 4096
    public static let magic: UInt64 = 0x3142_5345_5652_4156  // "VARVESB1"
    private static let deadBytesOffset = 4080

    public var store: StoreUUID
    /// Of the program that wrote the slot; what is written says this one's.
    public var major: UInt16
    public var minor: UInt16
    /// Counts the superblocks written; the valid slot with the higher one holds. Odd ones stand in slot 1, even in slot 0.
    public var sequence: UInt64
    /// The index is that of the account after this commit.
    public var modSeq: UInt64
    /// The log's frames from here on are not in the index.
    public var logPosition: LogPosition
    /// Which index file the roots belong to; 0: none, the index is to be built from the log.
    public var indexNumber: UInt64
    public var pageCount: UInt32
    /// First page of the chain that lists the free pages; 0: none.
    public var freeList: UInt32
    public var nextMailbox: UInt32
    public var lastUIDValidity: UInt32
    public var nextIdentity: UInt64
    /// Rows of expunged messages that are still in the tree `uid`.
    public var deadRows: UInt64
    /// Bytes of the log that nobody needs any more, as far as it is known without looking at every message.
    public var deadBytes: UInt64
    /// By `TreeID.slot`.
    public var roots: [TreeRoot]

    public init(store: StoreUUID) {
        self.store = store
        major = Format.major
        minor = Format.minor
        sequence = 0
        modSeq = 0
        logPosition = .start
        indexNumber = 0
        pageCount = 0
        freeList = 0
        nextMailbox = 1
        lastUIDValidity = 0
        nextIdentity = 1
        deadRows = 0
        deadBytes = 0
        roots = Array(repeating: .empty, count: TreeID.allCases.count)
    }

    /// A whole slot, filled with zeros.
    public func encode() -> [UInt8] {
        var out = [UInt8]()
        out.reserveCapacity(Superblock.slotSize)
        out.append64(Superblock.magic)
        out.append16(Format.major)
        out.append16(Format.minor)
        out.append32(UInt32(Superblock.slotSize))
        out.append64(store.high)
        out.append64(store.low)
        out.append64(sequence)
        out.append64(modSeq)
        out.append64(logPosition.rawValue)
        out.append64(indexNumber)
        out.append32(pageCount)
        out.append32(freeList)
        out.append32(nextMailbox)
        out.append32(lastUIDValidity)
        out.append64(nextIdentity)
        out.append64(deadRows)
        out.append32(UInt32(Format.pageSize))
        out.append32(UInt32(roots.count))
        for root in roots {
            out.append32(root.page)
            out.append32(UInt32(root.height))
        }
        out.append(contentsOf: repeatElement(0, count: Superblock.deadBytesOffset - out.count))
        out.append64(deadBytes)
        out.append32(0)
        out.append32(out.withUnsafeBytes { crc32c(0, $0) })
        return out
    }

    /// Whether the checksum of a slot holds, whatever version it is of. - Precondition: `bytes` is a whole slot.
    public static func checksumHolds(_ bytes: UnsafeRawBufferPointer) -> Bool {
        crc32c(0, UnsafeRawBufferPointer(rebasing: bytes[..<(slotSize - 4)])) == bytes.baseAddress!.load32(slotSize - 4)
    }

    /// How many trees a superblock of a major version has at least.
    private static func treeCount(major: UInt16) -> Int { major == 1 ? 8 : TreeID.allCases.count }

    public init(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
        guard bytes.count >= Superblock.slotSize, let p = bytes.baseAddress, p.load64(0) == Superblock.magic else {
            throw FormatError(.foreign)
        }
        try Format.check(major: p.load16(8))
        guard Superblock.checksumHolds(bytes) else { throw FormatError(.checksum) }
        guard p.load32(96) == UInt32(Format.pageSize) else {
            throw .invalid("pages of \(p.load32(96)) bytes, this program's have \(Format.pageSize)")
        }
        // A later minor version may have added trees: its readers know them, this one leaves them alone.
        let count = Int(p.load32(100))
        guard count <= 256, count >= Superblock.treeCount(major: p.load16(8)) else {
            throw .invalid("a superblock with \(count) trees")
        }
        self.init(store: StoreUUID(high: p.load64(16), low: p.load64(24)))
        major = p.load16(8)
        minor = p.load16(10)
        sequence = p.load64(32)
        modSeq = p.load64(40)
        logPosition = LogPosition(rawValue: p.load64(48))
        indexNumber = p.load64(56)
        pageCount = p.load32(64)
        freeList = p.load32(68)
        nextMailbox = p.load32(72)
        lastUIDValidity = p.load32(76)
        nextIdentity = p.load64(80)
        deadRows = p.load64(88)
        // Reserved in version 1.
        deadBytes = major > 1 ? p.load64(Superblock.deadBytesOffset) : 0
        roots = []
        for i in 0..<count {
            let height = p.load32(104 + 8 * i + 4)
            guard height <= UInt32(TreeRoot.maximumHeight) else { throw .invalid("a tree of height \(height)") }
            roots.append(TreeRoot(page: p.load32(104 + 8 * i), height: UInt8(height)))
        }
        // Trees that an older version did not have are empty.
        while roots.count < TreeID.allCases.count { roots.append(.empty) }
        // Room for more in every counter: nobody who adds to one has to look again.
        guard modSeq <= UInt64(Int64.max), sequence < .max / 2, indexNumber < .max / 2, nextIdentity < .max / 2,
            deadRows < .max / 2, deadBytes < .max / 2, nextMailbox >= 1, nextIdentity >= 1
        else { throw .invalid("a superblock with a counter at its end") }
        guard logPosition.segment >= 1, logPosition.offset >= UInt32(SegmentHeader.size) else {
            throw .invalid("a log position \(logPosition)")
        }
    }
}
