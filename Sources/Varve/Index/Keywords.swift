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

    /// What the tree `keywords` needs to know of a new set.
    struct Addition {
        var newKeywords: [(id: UInt32, name: String)]
        var set: UInt32
        var members: [UInt32]
    }

    mutating func add(_ keywords: [String]) throws(StoreError) -> Addition {
        var members: [UInt32] = []
        var new: [(id: UInt32, name: String)] = []
        for keyword in keywords {
            let folded = Keywords.fold(keyword)
            if let id = ids[folded] {
                members.append(id)
            } else {
                let id = UInt32(names.count) + 1
                names[id] = keyword
                ids[folded] = id
                new.append((id, keyword))
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
        return Addition(newKeywords: new, set: set, members: canonical)
    }

    // MARK: In the tree

    // Keys: 1 and a keyword's id, value: its name; 2 and a set's number, value: its members' ids.

    static func key(_ kind: UInt8, _ id: UInt32) -> [UInt8] { [kind] + MailboxRow.key(id) }

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
        guard key.count == 5 else { return "a key of \(key.count) bytes" }
        let id = UInt32(key[1]) << 24 | UInt32(key[2]) << 16 | UInt32(key[3]) << 8 | UInt32(key[4])
        switch key[0] {
        case 1:
            guard let name = String(validating: value, as: UTF8.self) else { return "keyword \(id) is not UTF-8" }
            names[id] = name
            ids[Keywords.fold(name)] = id
        case 2:
            guard value.count % 4 == 0, !value.isEmpty else { return "set \(id) of \(value.count) bytes" }
            let members = stride(from: 0, to: value.count, by: 4).map { value.baseAddress!.load32($0) }
            var setNames: [String] = []
            for member in members {
                guard let name = names[member] else { return "set \(id) has an unknown keyword \(member)" }
                setNames.append(name)
            }
            sets[id] = setNames
            setIDs[members] = id
        default: return "a key of kind \(key[0])"
        }
        return nil
    }
}
