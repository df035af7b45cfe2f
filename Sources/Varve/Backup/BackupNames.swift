import VarveFormat

/// Every name of a file in a repository of backups stands here. `Formats/backup.md`.
enum BackupNames {
    static let manifests = "backups"
    static let objects = "objects"
    static let lock = "lock"
    /// What is being written has one of these names until it is whole. Two of them, so that no copy is ever written into a
    /// file that is a link to a store's own.
    static let copying = "\(objects)/copy.new"
    static let linking = "\(objects)/link.new"
    static let manifestSuffix = ".manifest"
    static let newSuffix = ".new"

    static func manifest(_ id: String) -> String { "\(manifests)/\(id)\(manifestSuffix)" }
    static func newManifest(_ id: String) -> String { "\(manifests)/\(id)\(newSuffix)" }

    /// What all objects of a store's segment begin with.
    static func prefix(_ store: StoreUUID, _ number: UInt32) -> String { "\(store)-\(twelve(UInt64(number)))-" }

    /// `…-000000000001-SHA256.seg`, without folder.
    static func object(_ store: StoreUUID, _ file: BackupFile) -> String {
        prefix(store, file.number) + FileDigest.hexadecimal(file.digest) + "." + file.role.suffix
    }

    /// Whether a file in the folder of objects is one: what somebody else put there is left alone.
    static func isObject(_ name: String) -> Bool {
        let parts = name.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].utf8.count == 32, parts[1].utf8.count == 12 else { return false }
        let rest = parts[2].split(separator: ".", omittingEmptySubsequences: false)
        return rest.count == 2 && digest(rest[0]) != nil
    }

    /// The digest in an object's name.
    static func digest(_ name: Substring) -> [UInt8]? {
        guard name.utf8.count == 64 else { return nil }
        var digest: [UInt8] = []
        digest.reserveCapacity(32)
        var high: UInt8?
        for byte in name.utf8 {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            default: return nil
            }
            if let first = high {
                digest.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return digest
    }

    static func twelve(_ number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 12 - digits.utf8.count)) + digits
    }

    /// `20261124T221530.123Z-00112233`: in the order of time, one for each backup of a store.
    /// - Parameter time: milliseconds since 1970.
    static func id(_ store: StoreUUID, time: UInt64) -> String {
        let time = BackupTime(milliseconds: time)
        return time.compactText + "-" + store.description.prefix(8)
    }
}
