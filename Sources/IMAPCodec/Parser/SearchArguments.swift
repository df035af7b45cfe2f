import MailModel

/// Arguments of SEARCH: RFC 3501 §6.4.4, search-key of §9; the order of RETURN, CHARSET and keys: RFC 4466 §2.6.1.
enum SearchArguments {
    static func search(_ cursor: inout Cursor, uid: Bool) throws(Refusal) -> Command {
        try cursor.space(before: "search keys")
        var returns: SearchReturns?
        if cursor.takes(word: "RETURN") {
            returns = try Self.returns(&cursor)
            try cursor.space(before: "search keys")
        }
        var charset: String?
        if cursor.takes(word: "CHARSET") {
            try cursor.space(before: "a charset")
            let name = try cursor.astring("a charset")
            // US-ASCII is part of UTF-8, and clients that say it send UTF-8 nonetheless.
            guard name.isEqual(ignoringCase: "UTF-8") || name.isEqual(ignoringCase: "US-ASCII") else {
                throw .unknownCharset(saves: returns?.options.contains(.save) ?? false)
            }
            charset = name
            try cursor.space(before: "search keys")
        }
        return .search(SearchCommand(charset: charset, key: try keys(&cursor), uid: uid, returns: returns))
    }

    /// One key or more, all of which must hold.
    private static func keys(_ cursor: inout Cursor) throws(Refusal) -> SearchKey {
        var keys: [SearchKey] = []
        repeat {
            // Spaces at the command's end.
            if !keys.isEmpty, cursor.isAtEnd { break }
            keys.append(try key(&cursor))
        } while cursor.takes(.space)
        return keys.count == 1 ? keys[0] : .and(keys)
    }

    private static func key(_ cursor: inout Cursor) throws(Refusal) -> SearchKey {
        switch cursor.next {
        case .leftParenthesis:
            cursor.advance()
            let key = try cursor.nested { cursor throws(Refusal) in try keys(&cursor) }
            try cursor.expect(.rightParenthesis, "\")\" or a space after a search key")
            return key
        case .some(.asterisk), .some(.dollar), .some(0x30...0x39):
            return .sequenceNumbers(try cursor.sequenceSet())
        default:
            let start = cursor
            let name = String(uppercasing: cursor.takeWhile(\.isAtomCharacter))
            if let key = plainKeys[name] { return key }
            if let key = try keyWithArgument(name, &cursor) { return key }
            throw start.expected("a search key")
        }
    }

    private static let plainKeys: [String: SearchKey] = [
        "ALL": .all,
        "ANSWERED": .has(.answered), "UNANSWERED": .hasNot(.answered),
        "DELETED": .has(.deleted), "UNDELETED": .hasNot(.deleted),
        "DRAFT": .has(.draft), "UNDRAFT": .hasNot(.draft),
        "FLAGGED": .has(.flagged), "UNFLAGGED": .hasNot(.flagged),
        "SEEN": .has(.seen), "UNSEEN": .hasNot(.seen),
        "RECENT": .recent, "OLD": .notRecent, "NEW": .and([.recent, .hasNot(.seen)]),
        "SAVEDATESUPPORTED": .saveDateSupported,
    ]

    /// Nil if there is no such key.
    private static func keyWithArgument(_ name: String, _ cursor: inout Cursor) throws(Refusal) -> SearchKey? {
        switch name {
        case "BCC", "CC", "FROM", "SUBJECT", "TO": .header(field: name, try text(&cursor))
        case "BODY": .body(try text(&cursor))
        case "TEXT": .text(try text(&cursor))
        case "HEADER": .header(field: try text(&cursor, "a field name"), try text(&cursor))
        case "KEYWORD": try flag(&cursor, isSet: true)
        case "UNKEYWORD": try flag(&cursor, isSet: false)
        case "BEFORE": .before(try date(&cursor))
        case "ON": .on(try date(&cursor))
        case "SINCE": .since(try date(&cursor))
        case "SENTBEFORE": .sentBefore(try date(&cursor))
        case "SENTON": .sentOn(try date(&cursor))
        case "SENTSINCE": .sentSince(try date(&cursor))
        case "LARGER": .larger(try size(&cursor))
        case "SMALLER": .smaller(try size(&cursor))
        case "UID": .uids(try MessageArguments.set(&cursor))
        case "MODSEQ": .modSeq(try modSeq(&cursor))
        case "OLDER": .older(try interval(&cursor))
        case "YOUNGER": .younger(try interval(&cursor))
        case "SAVEDBEFORE": .savedBefore(try date(&cursor))
        case "SAVEDON": .savedOn(try date(&cursor))
        case "SAVEDSINCE": .savedSince(try date(&cursor))
        case "EMAILID": .emailID(try objectID(&cursor))
        case "THREADID": .threadID(try objectID(&cursor))
        case "NOT": .not(try inner(&cursor))
        case "OR": .or(try inner(&cursor), try inner(&cursor))
        default: nil
        }
    }

    private static func inner(_ cursor: inout Cursor) throws(Refusal) -> SearchKey {
        try cursor.space(before: "a search key")
        return try cursor.nested { cursor throws(Refusal) in try key(&cursor) }
    }

    private static func text(_ cursor: inout Cursor, _ what: String = "a string to search for") throws(Refusal) -> String {
        try cursor.space(before: what)
        return try cursor.astring(what)
    }

    private static func date(_ cursor: inout Cursor) throws(Refusal) -> CalendarDay {
        try cursor.space(before: "a date")
        return try cursor.date()
    }

    private static func size(_ cursor: inout Cursor) throws(Refusal) -> UInt32 {
        try cursor.space(before: "a number of bytes")
        return try cursor.number("a number of bytes")
    }

    /// RFC 5032 §3: nz-number.
    private static func interval(_ cursor: inout Cursor) throws(Refusal) -> UInt32 {
        try cursor.space(before: "a number of seconds")
        return try cursor.nonZeroNumber("a number of seconds")
    }

    /// KEYWORD and UNKEYWORD. Flags that begin with `\` are let pass, for a profile's such flags are keywords here.
    private static func flag(_ cursor: inout Cursor, isSet: Bool) throws(Refusal) -> SearchKey {
        try cursor.space(before: "a keyword")
        return switch try cursor.flag() {
        case .system(let flag): isSet ? .has(flag) : .hasNot(flag)
        case .recent: isSet ? .recent : .notRecent
        case .keyword(let keyword): isSet ? .keyword(keyword) : .notKeyword(keyword)
        }
    }
}
