/// Every name of a file in a store stands here.
public enum FileNames {
    public static let superblock = "superblock"
    public static let index = "index"
    /// An index that proved damaged, while another one is built.
    public static let damagedIndex = "index.damaged"
    public static let lock = "lock"
    /// The data key of an encrypted store, wrapped.
    public static let key = "key"
    /// The next `key`, until it takes its place.
    public static let newKey = "key.new"
    public static let segments = "segments"

    /// `segments/000000000001.seg`
    public static func segment(_ number: UInt32) -> String { "\(segments)/\(file(segment: number))" }

    /// A segment's file, without folder.
    static func file(segment number: UInt32) -> String { digits(number) + ".seg" }

    /// A base's file, without folder.
    static func file(base number: UInt32) -> String { digits(number) + ".base" }

    private static func digits(_ number: UInt32) -> String {
        let digits = String(number)
        return String(repeating: "0", count: 12 - digits.count) + digits
    }

    /// `segments/000000000007.base`: the account as it was when segment 7 began.
    public static func base(_ number: UInt32) -> String { "\(segments)/\(file(base: number))" }

    /// A base that is being written.
    public static func newBase(_ number: UInt32) -> String { base(number) + ".new" }

    /// The number of the base whose file (without folder) has this name.
    public static func baseNumber(_ name: String) -> UInt32? {
        guard name.hasSuffix(".base") else { return nil }
        return segmentNumber(String(name.dropLast(5)) + ".seg")
    }

    /// The folder that a store's own one lies in.
    package static func folder(above path: String) -> String {
        var path = Substring(path)
        while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The number of the segment whose file (without folder) has this name.
    public static func segmentNumber(_ name: String) -> UInt32? {
        guard name.utf8.count == 16, name.hasSuffix(".seg"), name.utf8.prefix(12).allSatisfy({ 48...57 ~= $0 }),
            let number = UInt32(name.dropLast(4)), number > 0
        else {
            return nil
        }
        return number
    }
}
