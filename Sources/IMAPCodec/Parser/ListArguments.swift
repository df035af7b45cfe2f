/// Arguments of LIST and LSUB: RFC 3501 §6.3.8 and §6.3.9, RFC 5258 §6.
enum ListArguments {
    @Sendable static func list(_ cursor: inout Cursor) throws(Refusal) -> Command {
        try cursor.space(before: "a reference name")
        var list = ListCommand(reference: "", patterns: [])
        if cursor.next == .leftParenthesis {
            list.isExtended = true
            list.selection = try selection(&cursor)
            try cursor.space(before: "a reference name")
        }
        list.reference = try reference(&cursor)
        try cursor.space(before: "a pattern of mailbox names")
        if cursor.next == .leftParenthesis {
            list.isExtended = true
            list.patterns = try patterns(&cursor)
        } else {
            list.patterns = [try cursor.listPattern()]
        }
        if cursor.next == .space, cursor.byte(after: 1).map({ $0 != .space }) ?? false {
            cursor.advance()
            guard cursor.takes(word: "RETURN") else { throw cursor.expected("RETURN") }
            list.isExtended = true
            try cursor.space(before: "a list of return options")
            try returns(&cursor, &list)
        }
        return .list(list)
    }

    @Sendable static func lsub(_ cursor: inout Cursor) throws(Refusal) -> Command {
        try cursor.space(before: "a reference name")
        let reference = try reference(&cursor)
        try cursor.space(before: "a pattern of mailbox names")
        return .lsub(reference: reference, pattern: try cursor.listPattern())
    }

    /// A mailbox name of which neither delimiter nor case may be touched: it is the beginning of others.
    private static func reference(_ cursor: inout Cursor) throws(Refusal) -> String {
        try cursor.withAString("a reference name, which may be \"\"") {
            bytes throws(Refusal) in try Cursor.mailboxName(bytes)
        }
    }

    private static func patterns(_ cursor: inout Cursor) throws(Refusal) -> [String] {
        cursor.advance()
        var patterns: [String] = []
        repeat { patterns.append(try cursor.listPattern()) } while cursor.takes(.space)
        try cursor.expect(.rightParenthesis, "\")\" or a space after a pattern")
        return patterns
    }

    /// list-select-opts. RFC 5258 §3: what is given twice counts once, what is not known is refused with BAD.
    private static func selection(_ cursor: inout Cursor) throws(Refusal) -> ListCommand.Selection {
        let beginning = cursor
        cursor.advance()
        var selection: ListCommand.Selection = []
        if cursor.takes(.rightParenthesis) { return selection }
        repeat {
            let start = cursor
            switch try cursor.word("a selection option") {
            case "SUBSCRIBED": selection.insert(.subscribed)
            case "REMOTE": selection.insert(.remote)
            case "RECURSIVEMATCH": selection.insert(.recursiveMatch)
            case "SPECIAL-USE": selection.insert(.specialUse)
            default: throw start.expected("one of SUBSCRIBED, REMOTE, RECURSIVEMATCH, SPECIAL-USE")
            }
        } while cursor.takes(.space)
        try cursor.expect(.rightParenthesis, "\")\" or a space after a selection option")
        // RFC 5258 §3.1: there is nothing that names below could match.
        if selection.contains(.recursiveMatch), selection.isDisjoint(with: [.subscribed, .specialUse]) {
            throw beginning.expected("SUBSCRIBED or SPECIAL-USE beside RECURSIVEMATCH")
        }
        return selection
    }

    /// list-return-opts behind RETURN.
    private static func returns(_ cursor: inout Cursor, _ list: inout ListCommand) throws(Refusal) {
        try cursor.expect(.leftParenthesis, "a list of return options in parentheses")
        if cursor.takes(.rightParenthesis) { return }
        repeat {
            let start = cursor
            switch try cursor.word("a return option") {
            case "SUBSCRIBED": list.returns.insert(.subscribed)
            case "CHILDREN": list.returns.insert(.children)
            case "SPECIAL-USE": list.returns.insert(.specialUse)
            case "STATUS":
                try cursor.space(before: "a list of status items")
                for item in try cursor.statusItems() where !list.status.contains(item) { list.status.append(item) }
            default: throw start.expected("one of SUBSCRIBED, CHILDREN, SPECIAL-USE, STATUS")
            }
        } while cursor.takes(.space)
        try cursor.expect(.rightParenthesis, "\")\" or a space after a return option")
    }
}

extension Cursor {
    /// status-att in parentheses (RFC 3501 §9), at least one. What is given twice counts once: a client may not have the
    /// answer made as long as it likes.
    mutating func statusItems() throws(Refusal) -> [StatusItem] {
        try expect(.leftParenthesis, "a list of status items in parentheses")
        var items: [StatusItem] = []
        repeat {
            let start = self
            guard let item = StatusItem(rawValue: try word("a status item")) else {
                throw start.expected("one of \(StatusItem.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            if !items.contains(item) { items.append(item) }
        } while takes(.space)
        try expect(.rightParenthesis, "\")\" or a space after a status item")
        return items
    }
}
