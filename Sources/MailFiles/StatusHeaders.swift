import MailModel

/// The header fields in which mbox files keep flags: `Status` (R read, O old), `X-Status` (A answered, F flagged,
/// D deleted, T draft) and `X-Keywords`. Of each the first in a message counts.
enum StatusHeaders {
    /// - Parameter message: with CRLF line ends.
    static func flags(of message: [UInt8]) -> Flags {
        var flags = Flags([] as SystemFlags)
        var seen: Set<String> = []
        message.withUnsafeBytes { bytes in
            forEachField(bytes) { name, value in
                guard seen.insert(name).inserted else { return }
                switch name {
                case "status": if value.contains(UInt8(ascii: "R")) { flags.system.insert(.seen) }
                case "x-status": flags.system.formUnion(systemFlags(value))
                default: flags.keywords = keywords(value)
                }
            }
        }
        return flags
    }

    /// Calls `body` with each of the three fields: the name in lower case, the value with what folds it.
    private static func forEachField(
        _ bytes: UnsafeRawBufferPointer, _ body: (String, Slice<UnsafeRawBufferPointer>) -> Void
    ) {
        let end = min(bytes.count, MailFileLimits.headerSize)
        var at = 0
        while at < end {
            let line = endOfLine(bytes, at, end)
            // The empty line ends the header.
            if line - at <= 2, bytes[at] == 10 || bytes[at] == 13 { return }
            let first = bytes[at] | 0x20
            if first == UInt8(ascii: "s") || first == UInt8(ascii: "x"), let (name, value) = field(bytes, at, line) {
                var valueEnd = line
                while valueEnd < end, bytes[valueEnd] == 32 || bytes[valueEnd] == 9 {
                    valueEnd = endOfLine(bytes, valueEnd, end)
                }
                body(name, bytes[value..<valueEnd])
                at = valueEnd
            } else {
                at = line
            }
        }
    }

    private static func endOfLine(_ bytes: UnsafeRawBufferPointer, _ from: Int, _ end: Int) -> Int {
        bytes[from..<end].firstIndex(of: 10).map { $0 + 1 } ?? end
    }

    private static func field(_ bytes: UnsafeRawBufferPointer, _ from: Int, _ end: Int) -> (String, Int)? {
        for name in ["status", "x-status", "x-keywords"] {
            let count = name.utf8.count
            guard end - from > count, bytes[from + count] == UInt8(ascii: ":"),
                zip(bytes[from..<(from + count)], name.utf8).allSatisfy({ $0 == $1 || $0 | 0x20 == $1 })
            else { continue }
            return (name, from + count + 1)
        }
        return nil
    }

    private static let letters: [(UInt8, SystemFlags)] = [
        (UInt8(ascii: "A"), .answered), (UInt8(ascii: "F"), .flagged), (UInt8(ascii: "T"), .draft),
        (UInt8(ascii: "D"), .deleted),
    ]

    private static func systemFlags(_ value: Slice<UnsafeRawBufferPointer>) -> SystemFlags {
        letters.reduce(into: []) { flags, letter in
            if value.contains(letter.0) { flags.insert(letter.1) }
        }
    }

    /// Words between spaces or commas; such as IMAP could not write as a keyword (RFC 3501 §9, flag-keyword) are left out.
    private static func keywords(_ value: Slice<UnsafeRawBufferPointer>) -> [String] {
        var result: [String] = []
        var known: Set<String> = []
        for word in value.split(whereSeparator: { $0 <= 32 || $0 == UInt8(ascii: ",") }) {
            guard result.count < MailFileLimits.keywords, word.count <= MailFileLimits.keywordSize,
                word.allSatisfy({ 33...126 ~= $0 && !"(){%*\"\\]".utf8.contains($0) })
            else { continue }
            let keyword = String(decoding: word, as: UTF8.self)
            if known.insert(keyword.lowercased()).inserted { result.append(keyword) }
        }
        return result
    }

    /// All three, also the empty ones: they hide such as the message has of its own.
    static func fields(_ flags: Flags, lineEnd: String) -> String {
        var text = ""
        for (letter, flag) in letters where flags.system.contains(flag) {
            text.unicodeScalars.append(Unicode.Scalar(letter))
        }
        let status = flags.system.contains(.seen) ? "RO" : "O"
        return "Status: \(status)\(lineEnd)X-Status: \(text)\(lineEnd)"
            + "X-Keywords: \(flags.keywords.joined(separator: " "))\(lineEnd)"
    }
}
