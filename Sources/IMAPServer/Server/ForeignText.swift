import Logging

extension Logger.MetadataValue {
    /// Bytes of a client's text that are logged at most.
    private static let maximumForeignLength = 128

    /// What a client said, so that it can forge neither a log line nor a field of one: all but plain ASCII is escaped, and
    /// it stands in quotes where it is not a single word.
    static func foreign(_ text: String) -> Logger.MetadataValue {
        var result = ""
        var isWord = !text.isEmpty
        for scalar in text.unicodeScalars {
            guard result.utf8.count < maximumForeignLength else {
                result += "…"
                break
            }
            switch scalar {
            case "=", " ", "\"", "\\": isWord = false
            default: if !scalar.isASCII || scalar.value < 0x20 || scalar.value == 0x7F { isWord = false }
            }
            result += scalar.escaped(asASCII: true)
        }
        return .string(isWord ? result : "\"\(result)\"")
    }
}
