import HashTreeCollections
import MailModel
import VarveFormat

/// The keywords of an account, and the sets of them that messages bear. A message's row names its set by a number, so that
/// its size does not depend on how many keywords there are. A value with persistent structure: copies are cheap.
struct Keywords: Sendable {
    /// Distinct combinations of keywords that an account may have used.
    static let maximumSets: UInt32 = 1 << 20

    /// By id, in the spelling that came first.
    private(set) var names: TreeDictionary<UInt32, String> = [:]
    private var ids: TreeDictionary<String, UInt32> = [:]
    /// Names of each set's keywords, in ascending order of their ids.
    private var sets: TreeDictionary<UInt32, [String]> = [:]
    private var setIDs: TreeDictionary<[UInt32], UInt32> = [:]

    func names(ofSet set: UInt32) -> [String] { set == 0 ? [] : sets[set] ?? [] }
    func id(_ keyword: String) -> UInt32? { ids[Keywords.fold(keyword)] }
    var setCount: Int { sets.count }

    /// Keywords are compared without regard to ASCII case, as IMAP servers and clients do.
    static func fold(_ keyword: String) -> String {
        String(decoding: keyword.utf8.map { $0 >= 65 && $0 <= 90 ? $0 | 32 : $0 }, as: UTF8.self)
    }

    /// The number of the set of these keywords, if it is known.
    func set(of keywords: [String]) -> UInt32? {
        if keywords.isEmpty { return 0 }
        var members: [UInt32] = []
        for keyword in keywords {
            guard let id = id(keyword) else { return nil }
            members.append(id)
        }
        return setIDs[Keywords.canonical(members)]
    }

    private static func canonical(_ members: [UInt32]) -> [UInt32] {
        var result: [UInt32] = []
        for id in members.sorted() where result.last != id { result.append(id) }
        return result
    }

    /// Takes in a new set.
    /// - Returns: its number, and the cells that the tree `keywords` needs for it.
    mutating func add(_ keywords: [String]) throws(StoreError) -> (set: UInt32, cells: [KeywordCell]) {
        var members: [UInt32] = []
        var cells: [KeywordCell] = []
        for keyword in keywords {
            let folded = Keywords.fold(keyword)
            if let id = ids[folded] {
                members.append(id)
            } else {
                let id = UInt32(names.count) + 1
                names[id] = keyword
                ids[folded] = id
                cells.append(.keyword(id: id, name: Array(keyword.utf8)))
                members.append(id)
            }
        }
        let canonical = Keywords.canonical(members)
        let set = UInt32(sets.count) + 1
        guard set <= Keywords.maximumSets else {
            throw StoreError(.limit, "the account has used \(Keywords.maximumSets) combinations of keywords; no new ones can be made")
        }
        sets[set] = canonical.map { names[$0]! }
        setIDs[canonical] = set
        cells.append(.set(number: set, members: canonical))
        return (set, cells)
    }

    // MARK: In the tree

    static func load(_ tree: CellTree, _ pages: borrowing Pages) throws(StoreError) -> Keywords {
        var keywords = Keywords()
        var damage: String?
        try [UInt8]().withBytes { start throws(StoreError) in
            _ = try tree.forEach(from: start, pages) { key, value in
                damage = keywords.restore(key, value)
                return damage == nil
            }
        }
        if let damage { throw .corrupt("\(FileNames.index), tree keywords", damage) }
        return keywords
    }

    /// Takes in one cell of the tree; what is wrong with it, if something is.
    private mutating func restore(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> String? {
        let cell: KeywordCell
        do throws(FormatError) { cell = try KeywordCell(key: key, value: value) } catch { return error.description }
        switch cell {
        case .keyword(let id, let bytes):
            guard let name = String(validating: bytes, as: UTF8.self) else { return "keyword \(id) is not UTF-8" }
            names[id] = name
            ids[Keywords.fold(name)] = id
        case .set(let number, let members):
            var setNames: [String] = []
            for member in members {
                guard let name = names[member] else { return "set \(number) has an unknown keyword \(member)" }
                setNames.append(name)
            }
            sets[number] = setNames
            setIDs[members] = number
        }
        return nil
    }
}
