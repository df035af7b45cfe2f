/// Every name of a file in a store stands here.
public enum FileNames {
    public static let superblock = "superblock"
    public static let index = "index"
    public static let lock = "lock"
    public static let segments = "segments"

    /// `segments/000000000001.seg`
    public static func segment(_ number: UInt32) -> String {
        let digits = String(number)
        return "\(segments)/" + String(repeating: "0", count: 12 - digits.count) + digits + ".seg"
    }

    /// The number of the segment whose file (without folder) has this name.
    public static func segmentNumber(_ name: String) -> UInt32? {
        guard name.utf8.count == 16, name.hasSuffix(".seg"), let number = UInt32(name.dropLast(4)), number > 0 else {
            return nil
        }
        return number
    }
}
