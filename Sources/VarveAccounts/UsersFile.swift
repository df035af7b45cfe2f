/// The content of the users file: one line a user, `NAME:HASH`, kept as it was read.
///
/// A line that cannot be understood is of no use to its user and of no harm to the others; it stays in the file until
/// that user gets a new password or is removed.
struct UsersFile: Sendable {
    struct Line: Sendable {
        /// From 1.
        let number: Int
        /// Without its line end.
        let text: [UInt8]
        /// What stands before the `:`, if it is the name of a user.
        let name: String?
        let hash: PasswordHash?
        let problem: String?
    }

    private(set) var lines: [Line] = []
    /// Where in `lines` a user is. Names are told apart by their bytes, not by canonical equivalence: so are folders.
    private var index: [[UInt8]: Int] = [:]

    init() {}

    init(_ content: [UInt8]) {
        var number = 0
        for text in content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            guard !text.isEmpty else { continue }
            append(Array(text), number: number)
        }
    }

    private mutating func append(_ text: [UInt8], number: Int) {
        let colon = text.firstIndex(of: UInt8(ascii: ":"))
        let name = String(validating: text[..<(colon ?? text.endIndex)], as: UTF8.self)
        guard let colon, let name, UserName.problem(name) == nil else {
            let problem = "does not begin with a user's name and ':'"
            lines.append(Line(number: number, text: text, name: nil, hash: nil, problem: problem))
            return
        }
        if let other = index[Array(name.utf8)] {
            let problem = "user \(name) is already in line \(lines[other].number)"
            lines.append(Line(number: number, text: text, name: nil, hash: nil, problem: problem))
            return
        }
        let hash = PasswordHash(text[(colon + 1)...])
        let problem = hash == nil ? "the password hash of \(name) is damaged" : nil
        index[Array(name.utf8)] = lines.count
        lines.append(Line(number: number, text: text, name: name, hash: hash, problem: problem))
    }

    /// In the order of the bytes of the names.
    var names: [String] {
        lines.compactMap(\.name).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    func line(_ name: String) -> Line? { index[Array(name.utf8)].map { lines[$0] } }

    /// The content with a user's line replaced, or added at its end; without it if `hash` is nil.
    func content(setting name: String, to hash: PasswordHash?) -> [UInt8] {
        let place = index[Array(name.utf8)]
        let line = hash.map { Array(name.utf8) + [UInt8(ascii: ":")] + $0.text }
        var result: [UInt8] = []
        for (i, old) in lines.enumerated() {
            guard let text = i == place ? line : old.text else { continue }
            result += text
            result.append(UInt8(ascii: "\n"))
        }
        if place == nil, let line { result += line + [UInt8(ascii: "\n")] }
        return result
    }
}
