import MailModel

/// What the names of files in a Maildir say (https://cr.yp.to/proto/maildir.html).
enum MaildirFileName {
    /// When the message came, in seconds since 1970, as the first part of the name says it; 0 if it says nothing.
    static func time(_ name: some Collection<UInt8>) -> Int64 {
        let digits = name.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        guard 1...18 ~= digits.count else { return 0 }
        return digits.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
    }

    /// The flags behind `:2,`, or `;2,` and `!2,` where a file system has no colon.
    static func flags(_ name: some BidirectionalCollection<UInt8>) -> Flags {
        var letters: [UInt8] = []
        var rest = name[...]
        while let last = rest.popLast(), letters.count <= MailFileLimits.keywordSize {
            if last == UInt8(ascii: ","), rest.last == UInt8(ascii: "2"),
                let separator = rest.dropLast().last, ":;!".utf8.contains(separator)
            {
                return flags(letters)
            }
            letters.append(last)
        }
        return Flags([] as SystemFlags)
    }

    private static func flags(_ letters: [UInt8]) -> Flags {
        var flags = Flags([] as SystemFlags)
        for (letter, flag) in systemLetters where letters.contains(letter) { flags.system.insert(flag) }
        if letters.contains(UInt8(ascii: "P")) { flags.keywords = [forwarded] }
        return flags
    }

    /// "Passed": the message was sent on.
    static let forwarded = "$Forwarded"

    private static let systemLetters: [(UInt8, SystemFlags)] = [
        (UInt8(ascii: "D"), .draft), (UInt8(ascii: "F"), .flagged), (UInt8(ascii: "R"), .answered),
        (UInt8(ascii: "S"), .seen), (UInt8(ascii: "T"), .deleted),
    ]

    /// The suffix of a file with these flags, its letters in the order of ASCII. Other keywords than $Forwarded have none.
    static func suffix(_ flags: Flags) -> String {
        var letters = systemLetters.filter { flags.system.contains($0.1) }.map(\.0)
        let isForwarded = flags.keywords.contains { $0.lowercased() == forwarded.lowercased() }
        if isForwarded { letters.append(UInt8(ascii: "P")) }
        return ":2," + String(decoding: letters.sorted(), as: UTF8.self)
    }
}

/// Names of the folders in a Maildir++: `.Archive.2020` is the mailbox Archive/2020, in modified UTF-7.
enum MaildirFolderName {
    /// nil if a folder of that name holds no mailbox.
    static func mailbox(_ folder: String) -> String? {
        guard folder.utf8.first == UInt8(ascii: "."), folder != ".", folder != ".." else { return nil }
        let levels = folder.split(separator: ".").map { level in
            // What decodes into something that no level may have stays as it is written.
            guard let decoded = ModifiedUTF7.decode(level),
                !decoded.utf8.contains(where: { $0 < 32 || $0 == 127 || $0 == UInt8(ascii: "/") })
            else { return String(level) }
            return decoded
        }
        return levels.isEmpty ? nil : levels.joined(separator: "/")
    }

    static func folder(_ mailbox: String) -> String {
        "." + mailbox.split(separator: "/").map { ModifiedUTF7.encode($0, escaping: [UInt8(ascii: ".")]) }
            .joined(separator: ".")
    }
}
