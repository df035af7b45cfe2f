import MailModel
import VarveFormat

/// One file of an account in a backup.
public struct BackupFile: Hashable, Sendable {
    public enum Role: String, Sendable {
        /// A segment with its footer: it does not change any more, and backups share it.
        case sealed
        /// The begin of a segment, up to the end of its frames or of the last commit that is in the backup.
        case open
        /// The account as it was when the segment of that number began.
        case base
        /// The wrapped key of an encrypted account.
        case key

        var suffix: String {
            switch self {
            case .sealed: "seg"
            case .open: "part"
            case .base: "base"
            case .key: "key"
            }
        }
    }

    public let role: Role
    /// Of the segment or base; 0 for the key.
    public let number: UInt32
    /// Bytes.
    public let size: Int
    /// SHA-256 of all of it.
    public let digest: [UInt8]

    /// Where the file stands in a store.
    var storeName: String {
        switch role {
        case .sealed, .open: FileNames.segment(number)
        case .base: FileNames.base(number)
        case .key: FileNames.key
        }
    }

    var isSegment: Bool { role == .sealed || role == .open }
}

/// A whole backup of one account, as its manifest describes it.
public struct Backup: Hashable, Sendable {
    /// Its name in the repository; they sort by time.
    public let id: String
    public var store: StoreUUID
    /// Whose account it is, for those who read lists; may be empty.
    public var label: String
    /// When it was begun, by the clock of who made it.
    public var made: BackupTime
    /// The last commit in it.
    public var modSeq: ModSeq
    public var time: BackupTime
    /// No point in time before this commit can be restored from this backup; 0 if its log begins with the first one.
    public var horizon: ModSeq
    public var horizonTime: BackupTime
    /// Where its log ends.
    var end: LogPosition
    public var files: [BackupFile]

    /// Backups of one account have this in common. An account that was restored beside the one that it was made from has
    /// the same UUID, but goes its own way.
    public struct Account: Hashable, Sendable {
        public let store: StoreUUID
        public let label: String
    }

    public var account: Account { Account(store: store, label: label) }

    /// Bytes of all its files.
    public var size: Int { files.reduce(0) { $0 + $1.size } }
}

// The manifest's text. `Formats/backup.md`.

extension Backup {
    static let firstLine = "varve backup "
    static let version = 1
    /// Bytes of a manifest at most: far more than the 2^16 files that this allows to name need.
    static let maximumManifestSize = 16 << 20
    static let maximumLabelLength = 255

    /// The label without what would end a line.
    static func label(_ text: String) -> String {
        let scalars = text.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }
        var label = String(String.UnicodeScalarView(scalars))
        while label.utf8.count > maximumLabelLength { label.removeLast() }
        return label
    }

    func encode() throws(StoreError) -> [UInt8] {
        var text = "\(Backup.firstLine)\(Backup.version)\n"
        text += "store \(store)\n"
        text += "label \(label)\n"
        text += "made \(made.milliseconds)\n"
        text += "horizon \(horizon) \(horizonTime.milliseconds)\n"
        text += "last \(modSeq) \(time.milliseconds)\n"
        text += "end \(end)\n"
        for file in files {
            text += "file \(file.role.rawValue) \(file.number) \(file.size) \(FileDigest.hexadecimal(file.digest))\n"
        }
        let bytes = Array(text.utf8)
        return bytes + Array("sum \(FileDigest.hexadecimal(try FileDigest.of(bytes)))\n".utf8)
    }

    /// - Throws: `.corrupt`; `.unsupportedVersion`.
    init(id: String, _ bytes: [UInt8], at place: String) throws(StoreError) {
        let text = String(decoding: bytes, as: UTF8.self)
        // By bytes: a label may begin with what joins the character before it.
        var lines = text.utf8.split(separator: 10, omittingEmptySubsequences: false).map { Substring($0) }
        guard let first = lines.first, first.hasPrefix(Backup.firstLine) else {
            throw .corrupt(place, "it is no manifest of a backup")
        }
        let version = Int(first.dropFirst(Backup.firstLine.count))
        guard let version, lines.count > 1 else { throw .corrupt(place, "it is cut off") }
        guard version == Backup.version else {
            throw StoreError(
                .unsupportedVersion, "\(place): a manifest of version \(version), this program's is \(Backup.version)")
        }
        guard bytes.last == 10, lines.count >= 3, lines.popLast()?.isEmpty == true, let sum = lines.popLast(),
            sum.hasPrefix("sum "),
            let digest = BackupNames.digest(sum.dropFirst(4))
        else { throw .corrupt(place, "it is cut off") }
        guard try FileDigest.of(Array(bytes.dropLast(sum.utf8.count + 1))) == digest else {
            throw .corrupt(place, "its SHA-256 does not hold")
        }
        var reader = ManifestReader(place)
        for line in lines.dropFirst() { try reader.take(line) }
        self = try reader.backup(id)
    }
}

/// Takes the lines of a manifest whose sum holds.
private struct ManifestReader {
    private let place: String
    private var store: StoreUUID?
    private var label = ""
    private var made: UInt64?
    private var horizon: (modSeq: UInt64, time: UInt64)?
    private var last: (modSeq: UInt64, time: UInt64)?
    private var end: LogPosition?
    private var files: [BackupFile] = []

    init(_ place: String) { self.place = place }

    mutating func take(_ line: Substring) throws(StoreError) {
        let space = line.utf8.firstIndex(of: 32) ?? line.endIndex
        let value = space == line.endIndex ? "" : line[line.utf8.index(after: space)...]
        let words = value.split(separator: " ", omittingEmptySubsequences: false)
        switch line[..<space] {
        case "store":
            if value.utf8.count == 32, let high = UInt64(value.prefix(16), radix: 16),
                let low = UInt64(value.dropFirst(16), radix: 16)
            { store = StoreUUID(high: high, low: low) }
        case "label": label = Backup.label(String(value))
        case "made": made = UInt64(value)
        case "horizon": horizon = pair(words)
        case "last": last = pair(words)
        case "end":
            let parts = value.split(separator: ":", omittingEmptySubsequences: false)
            if parts.count == 2, let segment = UInt32(parts[0]), let offset = UInt32(parts[1]) {
                end = LogPosition(segment: segment, offset: offset)
            }
        case "file":
            guard words.count == 4, let role = BackupFile.Role(rawValue: String(words[0])), let number = UInt32(words[1]),
                let size = Int(words[2]), size >= 0, size < 1 << 48, let digest = BackupNames.digest(words[3])
            else { throw .corrupt(place, "a malformed line: \(line)") }
            files.append(BackupFile(role: role, number: number, size: size, digest: digest))
        // What a later version adds for readers that know it.
        default: break
        }
    }

    private func pair(_ words: [Substring]) -> (UInt64, UInt64)? {
        guard words.count == 2, let modSeq = UInt64(words[0]), modSeq <= ModSeq.max.rawValue, let time = UInt64(words[1])
        else { return nil }
        return (modSeq, time)
    }

    func backup(_ id: String) throws(StoreError) -> Backup {
        guard let store, let made, let horizon, let last, let end, horizon.modSeq <= last.modSeq, last.modSeq > 0 else {
            throw .corrupt(place, "a line is missing or malformed")
        }
        let backup = Backup(
            id: id, store: store, label: label, made: BackupTime(milliseconds: made), modSeq: ModSeq(last.modSeq),
            time: BackupTime(milliseconds: last.time), horizon: ModSeq(horizon.modSeq),
            horizonTime: BackupTime(milliseconds: horizon.time), end: end, files: files)
        try backup.checkFiles(place)
        return backup
    }
}

extension Backup {
    var segments: [BackupFile] { files.filter(\.isSegment) }
    var base: BackupFile? { files.first { $0.role == .base } }
    /// The segment with which a replay begins.
    var firstReplayed: UInt32 { base?.number ?? 1 }

    /// The log has no gap from its base on, and ends where it is said to.
    fileprivate func checkFiles(_ place: String) throws(StoreError) {
        let numbers = segments.map(\.number)
        let first = firstReplayed
        guard zip(numbers, numbers.dropFirst()).allSatisfy({ $0 < $1 }), let last = segments.last,
            last.number == end.segment, last.role == .open, last.size == Int(end.offset), numbers.first ?? 0 >= 1, first <= last.number,
            numbers.filter({ $0 >= first }).count == Int(last.number - first) + 1,
            files.count(where: { $0.role == .base }) <= 1, files.count(where: { $0.role == .key }) <= 1
        else { throw .corrupt(place, "its segments do not make up a log that ends at \(end)") }
    }
}
