/// What a user may be called, and what the folder of the user's store is called.
enum UserName {
    /// Bytes in UTF-8 at most.
    static let maximumLength = 255
    /// Bytes that a file system allows a name (NAME_MAX).
    private static let maximumFolderLength = 255

    /// What is wrong with a name; nil if a user may have it.
    static func problem(_ name: String) -> String? {
        if name.isEmpty { return "a user name is empty" }
        if name.utf8.count > maximumLength { return "a user name has \(maximumLength) bytes at most" }
        for scalar in name.unicodeScalars {
            if scalar == ":" { return "a user name has no ':'" }
            if scalar.properties.generalCategory == .control { return "a user name has no control characters" }
        }
        if folder(name).utf8.count > maximumFolderLength {
            return "the user name is too long to be a folder's name, once its special characters are encoded"
        }
        return nil
    }

    /// The name as one of a file: no two names have the same, and none leads out of its folder. ASCII letters, digits,
    /// `-_@+=,` and all beyond ASCII stand as they are, and `.` where it is not the first; other bytes are `%` and two
    /// hexadecimal digits.
    static func folder(_ name: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        for byte in name.utf8 {
            if isSafe(byte) || (byte == UInt8(ascii: ".") && !result.isEmpty) {
                result.append(byte)
            } else {
                result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func isSafe(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...:
            true
        default:
            "-_@+=,".utf8.contains(byte)
        }
    }
}
