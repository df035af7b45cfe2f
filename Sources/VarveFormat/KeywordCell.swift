/// A cell of the tree `keywords`: a keyword's name, or the members of a set of keywords. `Formats/index.md`.
public enum KeywordCell: Hashable, Sendable {
    /// The spelling that came first, UTF-8.
    case keyword(id: UInt32, name: [UInt8])
    /// Ids of the members, ascending.
    case set(number: UInt32, members: [UInt32])

    public static let keywordKind: UInt8 = 1
    public static let setKind: UInt8 = 2

    public static func key(_ kind: UInt8, _ id: UInt32) -> [UInt8] { [kind] + MailboxRow.key(id) }

    public var key: [UInt8] {
        switch self {
        case .keyword(let id, _): KeywordCell.key(KeywordCell.keywordKind, id)
        case .set(let number, _): KeywordCell.key(KeywordCell.setKind, number)
        }
    }

    public var value: [UInt8] {
        switch self {
        case .keyword(_, let name): return name
        case .set(_, let members):
            var value: [UInt8] = []
            for id in members { value.append32(id) }
            return value
        }
    }

    public init(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) throws(FormatError) {
        guard key.count == 5 else { throw .invalid("a key of \(key.count) bytes") }
        let id = UInt32(key[1]) << 24 | UInt32(key[2]) << 16 | UInt32(key[3]) << 8 | UInt32(key[4])
        switch key[0] {
        case KeywordCell.keywordKind: self = .keyword(id: id, name: Array(value))
        case KeywordCell.setKind:
            guard value.count % 4 == 0, !value.isEmpty else { throw .invalid("set \(id) of \(value.count) bytes") }
            self = .set(
                number: id, members: stride(from: 0, to: value.count, by: 4).map { value.baseAddress!.load32($0) })
        default: throw .invalid("a key of kind \(key[0])")
        }
    }
}
