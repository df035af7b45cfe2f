import TestSupport

/// LIST as RFC 5258 reads, at any cost: what the names of an account are, and what an answer to a LIST must be.
struct ListModel {
    struct Query {
        var patterns: [String]
        var isExtended = true
        var isSubscribed = false
        var isRecursive = false
        var returnsSubscribed = false
        var returnsChildren = false
        var returnsMessages = false

        var text: String {
            if !isExtended { return "LIST \"\" \"\(patterns[0])\"" }
            let selection = (isSubscribed ? ["SUBSCRIBED"] : []) + (isRecursive ? ["RECURSIVEMATCH"] : [])
            let returns = (returnsSubscribed ? ["SUBSCRIBED"] : []) + (returnsChildren ? ["CHILDREN"] : [])
                + (returnsMessages ? ["STATUS (MESSAGES)"] : [])
            let quoted = patterns.map { "\"\($0)\"" }.joined(separator: " ")
            return "LIST (\(selection.joined(separator: " "))) \"\" (\(quoted)) RETURN (\(returns.joined(separator: " ")))"
        }
    }

    /// Messages of each mailbox.
    var mailboxes: [String: Int] = ["INBOX": 0]
    var subscriptions: Set<String> = []

    /// Every name that a LIST could tell.
    private var names: Set<String> {
        var names: Set<String> = []
        for name in Array(mailboxes.keys) + subscriptions {
            names.insert(name)
            for (index, character) in name.enumerated() where character == "/" { names.insert(String(name.prefix(index))) }
        }
        return names
    }

    /// The lines, a STATUS behind its LIST, without order.
    func answer(_ query: Query) -> Set<String> {
        let patterns = query.patterns.map { Array($0)[...] }
        var lines: Set<String> = []
        let names = names
        var below: [String: [String]] = [:]
        for name in names {
            for (index, character) in name.enumerated() where character == "/" {
                below[String(name.prefix(index)), default: []].append(name)
            }
        }
        func isMatch(_ name: String) -> Bool { patterns.contains { ListModel.matches($0, Array(name)[...]) } }
        for name in names where isMatch(name) {
            let inferiors = below[name] ?? []
            let hasChildren = inferiors.contains { mailboxes[$0] != nil }
            let exists = mailboxes[name] != nil
            let isSelected = query.isSubscribed ? subscriptions.contains(name) : exists || hasChildren
            let selectedInferiors = query.isRecursive ? inferiors.filter(subscriptions.contains) : []
            guard isSelected || selectedInferiors.contains(where: { !isMatch($0) }) else { continue }
            var attributes: [String] = []
            if !exists { attributes.append(query.isExtended ? "\\NonExistent" : "\\Noselect") }
            if query.returnsSubscribed || query.isSubscribed, subscriptions.contains(name) {
                attributes.append("\\Subscribed")
            }
            let tellsChildren = query.returnsChildren || !query.isExtended
            if hasChildren, tellsChildren || !exists && !query.isSubscribed {
                attributes.append("\\HasChildren")
            } else if tellsChildren {
                attributes.append("\\HasNoChildren")
            }
            let childInfo = selectedInferiors.isEmpty ? "" : " (\"CHILDINFO\" (\"SUBSCRIBED\"))"
            var line = "* LIST (\(attributes.joined(separator: " "))) \"/\" \(ListModel.quoted(name))\(childInfo)"
            if query.returnsMessages, isSelected, let messages = mailboxes[name] {
                line += "\n* STATUS \(ListModel.quoted(name)) (MESSAGES \(messages))"
            }
            lines.insert(line)
        }
        return lines
    }

    static func quoted(_ name: String) -> String { name.contains(" ") ? "\"\(name)\"" : name }

    /// RFC 3501 §6.3.8, as it reads.
    static func matches(_ pattern: ArraySlice<Character>, _ name: ArraySlice<Character>) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        guard first == "*" || first == "%" else {
            return name.first == first && matches(pattern.dropFirst(), name.dropFirst())
        }
        if matches(pattern.dropFirst(), name) { return true }
        guard let next = name.first, first == "*" || next != "/" else { return false }
        return matches(pattern, name.dropFirst())
    }

    // MARK: At random

    /// A name of few letters, among them such as sort before the delimiter.
    static func randomName(_ random: inout SeededGenerator) -> String {
        let levels = (0..<Int.random(in: 1...4, using: &random)).map { _ in
            String((0..<Int.random(in: 1...3, using: &random)).map { _ in "aab-b 0".randomElement(using: &random)! })
        }
        return levels.joined(separator: "/")
    }

    static func randomQuery(_ names: [String], _ random: inout SeededGenerator) -> Query {
        let patterns = (0..<Int.random(in: 1...3, using: &random)).map { _ -> String in
            switch Int.random(in: 0..<8, using: &random) {
            case 0: return "*"
            case 1: return "%"
            case 2: return "%/%"
            case 3: return names.randomElement(using: &random)!
            case 4: return names.randomElement(using: &random)! + "*"
            case 5: return String(names.randomElement(using: &random)!.dropLast()) + "%"
            case 6: return names.randomElement(using: &random)! + "/%"
            default: return String((0..<4).map { _ in "ab/*%-".randomElement(using: &random)! })
            }
        }
        guard Int.random(in: 0..<5, using: &random) > 0 else { return Query(patterns: [patterns[0]], isExtended: false) }
        var query = Query(patterns: patterns)
        query.isSubscribed = Bool.random(using: &random)
        query.isRecursive = query.isSubscribed && Bool.random(using: &random)
        query.returnsSubscribed = Bool.random(using: &random)
        query.returnsChildren = Bool.random(using: &random)
        query.returnsMessages = Bool.random(using: &random)
        return query
    }
}
