/// What extensions add to SEARCH: RETURN (RFC 4731, RFC 5182, RFC 9394), MODSEQ (RFC 7162), object identifiers (RFC 8474).
extension SearchArguments {
    /// search-return-opts (RFC 4466 §2.6.1, RFC 4731 §4, RFC 5182 §3, RFC 9394 §4), behind `RETURN`.
    static func returns(_ cursor: inout Cursor) throws(Refusal) -> SearchReturns {
        try cursor.space(before: "result options")
        try cursor.expect(.leftParenthesis, "result options in parentheses")
        // RFC 4731 §3.1: no option is ALL.
        if cursor.takes(.rightParenthesis) { return SearchReturns(.all) }
        var returns = SearchReturns([])
        repeat {
            let start = cursor
            switch try cursor.word("a result option") {
            case "MIN": returns.options.insert(.min)
            case "MAX": returns.options.insert(.max)
            case "COUNT": returns.options.insert(.count)
            case "SAVE": returns.options.insert(.save)
            case "ALL":
                try refuseSecond(returns)
                returns.options.insert(.all)
            case "PARTIAL":
                try refuseSecond(returns)
                try cursor.space(before: "a range of results")
                returns.partial = try FetchArguments.partialRange(&cursor)
            default: throw start.expected("one of MIN, MAX, ALL, COUNT, SAVE, PARTIAL")
            }
        } while cursor.takes(.space)
        try cursor.expect(.rightParenthesis, "\")\" or a space after a result option")
        return returns
    }

    /// RFC 9394 §3.1: one PARTIAL, one ALL, or neither.
    private static func refuseSecond(_ returns: SearchReturns) throws(Refusal) {
        if returns.options.contains(.all) || returns.partial != nil {
            throw .bad("more than one of ALL and PARTIAL among the result options")
        }
    }

    /// search-modsequence (RFC 7162 §3.1.5, §7), behind `MODSEQ`. A message has one mod-sequence: the entry's name and type
    /// are read, and mean nothing.
    static func modSeq(_ cursor: inout Cursor) throws(Refusal) -> UInt64 {
        try cursor.space(before: "a mod-sequence")
        if cursor.next == .quote {
            let start = cursor
            let name = try cursor.string("the name of an entry")
            guard isEntryName(name) else { throw start.expected("the name of an entry such as \"/flags/\\\\Seen\"") }
            try cursor.space(before: "the type of an entry")
            let type = cursor
            guard cursor.takes(word: "PRIV") || cursor.takes(word: "SHARED") || cursor.takes(word: "ALL") else {
                throw type.expected("priv, shared or all")
            }
            try cursor.space(before: "a mod-sequence")
        }
        return try cursor.modSeq("a mod-sequence")
    }

    /// entry-flag-name, its quotes and escapes taken away: `/flags/` and an atom, or one with a backslash before it.
    private static func isEntryName(_ name: String) -> Bool {
        let prefix = "/flags/"
        guard String(name.prefix(prefix.count)).isEqual(ignoringCase: "/FLAGS/") else { return false }
        var flag = name.utf8.dropFirst(prefix.utf8.count)
        if flag.first == .backslash { flag = flag.dropFirst() }
        return !flag.isEmpty && flag.allSatisfy(\.isAtomCharacter)
    }

    /// objectid (RFC 8474 §7): 1 to 255 letters, digits, `_` and `-`.
    static func objectID(_ cursor: inout Cursor) throws(Refusal) -> String {
        let what = "an object identifier"
        try cursor.space(before: what)
        let start = cursor
        let id = try cursor.atom(what)
        let isValid = id.allSatisfy { byte in
            byte.isDigit || 0x41...0x5A ~= byte.asciiUppercased || byte == 0x5F || byte == .minus
        }
        guard isValid, id.count <= 255 else { throw start.expected("\(what): up to 255 letters, digits, \"_\" and \"-\"") }
        return String(decoding: id, as: UTF8.self)
    }
}

extension FetchArguments {
    /// partial-range (RFC 9394 §4): `1:500`, or `-1:-100` from the end. Either order of its numbers is right.
    static func partialRange(_ cursor: inout Cursor) throws(Refusal) -> PartialRange {
        let what = "a range of results such as 1:500 or -1:-100"
        let isFromEnd = cursor.takes(.minus)
        let from = try cursor.nonZeroNumber(what)
        try cursor.expect(.colon, "a colon and the end of a range of results")
        if isFromEnd { try cursor.expect(.minus, "\"-\" as before the range's first number") }
        let to = try cursor.nonZeroNumber(what)
        return PartialRange(first: min(from, to), last: max(from, to), isFromEnd: isFromEnd)
    }
}
