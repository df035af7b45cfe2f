/// Arguments of FETCH: RFC 3501 §6.4.5, fetch-att and section of §9.
enum FetchArguments {
    static func fetch(_ cursor: inout Cursor, uid: Bool) throws(Refusal) -> Command {
        let set = try MessageArguments.set(&cursor)
        try cursor.space(before: "what to fetch")
        var items: [FetchItem] = []
        if cursor.takes(.leftParenthesis) {
            var name: String
            repeat {
                name = itemName(cursor)
                items.append(try item(&cursor))
            } while cursor.takes(.space)
            try cursor.expect(.rightParenthesis, "\")\" or a space after the item \(name)")
        } else if cursor.takes(word: "ALL") {
            items = [.flags, .internalDate, .size, .envelope]
        } else if cursor.takes(word: "FAST") {
            items = [.flags, .internalDate, .size]
        } else if cursor.takes(word: "FULL") {
            items = [.flags, .internalDate, .size, .envelope, .body]
        } else {
            items = [try item(&cursor)]
        }
        var fetch = FetchCommand(set: set, items: items, uid: uid)
        if cursor.takes(.space), !cursor.isAtEnd { try modifiers(&cursor, &fetch) }
        return .fetch(fetch)
    }

    /// fetch-modifiers (RFC 4466 §2.4): CHANGEDSINCE, VANISHED (RFC 7162), PARTIAL (RFC 9394).
    private static func modifiers(_ cursor: inout Cursor, _ fetch: inout FetchCommand) throws(Refusal) {
        try cursor.expect(.leftParenthesis, "modifiers in parentheses")
        repeat {
            let start = cursor
            switch try cursor.word("a modifier such as CHANGEDSINCE") {
            case "CHANGEDSINCE" where fetch.changedSince == nil:
                try cursor.space(before: "a mod-sequence")
                // The grammar begins at 1; clients say 0 for "all there is".
                fetch.changedSince = try cursor.modSeq("a mod-sequence")
            case "VANISHED" where fetch.uid: fetch.vanished = true
            case "VANISHED": throw .bad("VANISHED belongs to UID FETCH (RFC 7162 section 3.2.6)")
            case "PARTIAL" where fetch.uid && fetch.partial == nil:
                try cursor.space(before: "a range of results")
                fetch.partial = try partialRange(&cursor)
            case "PARTIAL" where !fetch.uid: throw .bad("PARTIAL belongs to UID FETCH (RFC 9394 section 3.3)")
            default: throw start.expected("a modifier such as CHANGEDSINCE, once")
            }
        } while cursor.takes(.space)
        try cursor.expect(.rightParenthesis, "\")\" or a space after a modifier")
        // RFC 7162 §3.2.6
        if fetch.vanished, fetch.changedSince == nil { throw .bad("VANISHED without CHANGEDSINCE") }
    }

    /// The name of the item here, without section.
    private static func itemName(_ cursor: Cursor) -> String {
        var cursor = cursor
        return String(uppercasing: cursor.takeWhile { $0.isAtomCharacter && $0 != .leftBracket })
    }

    /// fetch-att
    private static func item(_ cursor: inout Cursor) throws(Refusal) -> FetchItem {
        let start = cursor
        switch String(uppercasing: cursor.takeWhile { $0.isAtomCharacter && $0 != .leftBracket }) {
        case "FLAGS": return .flags
        case "INTERNALDATE": return .internalDate
        case "RFC822.SIZE": return .size
        case "ENVELOPE": return .envelope
        case "BODYSTRUCTURE": return .bodyStructure
        case "UID": return .uid
        case "MODSEQ": return .modSeq  // RFC 7162 §3.1.4.2
        case "EMAILID": return .emailID  // RFC 8474 §5.3
        case "THREADID": return .threadID
        case "SAVEDATE": return .saveDate  // RFC 8514 §4.2
        case "BODY":
            return cursor.next == .leftBracket ? .section(try sectionFetch(&cursor, peek: false)) : .body
        case "BODY.PEEK":
            return .section(try sectionFetch(&cursor, peek: true))
        case "RFC822":
            return .section(SectionFetch(section: BodySection(), peek: false, form: .rfc822))
        case "RFC822.HEADER":
            return .section(SectionFetch(section: BodySection(text: .header), peek: true, form: .rfc822Header))
        case "RFC822.TEXT":
            return .section(SectionFetch(section: BodySection(text: .text), peek: false, form: .rfc822Text))
        case "ALL", "FAST", "FULL":
            throw start.expected("an item, for a macro stands alone")
        default:
            throw start.expected("an item such as FLAGS or BODY[]")
        }
    }

    private static func sectionFetch(_ cursor: inout Cursor, peek: Bool) throws(Refusal) -> SectionFetch {
        try cursor.expect(.leftBracket, "\"[\" and a section")
        let section = try section(&cursor)
        try cursor.expect(.rightBracket, "\"]\" after a section")
        return SectionFetch(section: section, peek: peek, partial: try partial(&cursor))
    }

    /// What stands between the brackets.
    private static func section(_ cursor: inout Cursor) throws(Refusal) -> BodySection {
        var part: [Int] = []
        while let digit = cursor.next, digit.isDigit {
            guard part.count < cursor.maximumNesting else {
                throw .bad("a part number of more than \(cursor.maximumNesting) levels")
            }
            part.append(Int(try cursor.nonZeroNumber("a part number")))
            if !cursor.takes(.dot) { return BodySection(part: part) }
        }
        if part.isEmpty, cursor.next == .rightBracket { return BodySection() }
        return BodySection(part: part, text: try sectionText(&cursor, isOfPart: !part.isEmpty))
    }

    private static func sectionText(_ cursor: inout Cursor, isOfPart: Bool) throws(Refusal) -> BodySection.Text {
        let start = cursor
        switch String(uppercasing: cursor.takeWhile(\.isAtomCharacter)) {
        case "HEADER": return .header
        case "TEXT": return .text
        case "HEADER.FIELDS": return .headerFields(try fieldNames(&cursor))
        case "HEADER.FIELDS.NOT": return .headerFieldsNot(try fieldNames(&cursor))
        case "MIME" where isOfPart: return .mime
        case "MIME": throw start.expected("a part number before MIME")
        default:
            let choices = "a part number or one of HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT"
            throw start.expected(isOfPart ? "\(choices), MIME" : "\"]\", \(choices)")
        }
    }

    /// SP header-list
    private static func fieldNames(_ cursor: inout Cursor) throws(Refusal) -> [String] {
        try cursor.space(before: "a list of field names")
        try cursor.expect(.leftParenthesis, "a list of field names in parentheses")
        var names: [String] = []
        repeat { names.append(try cursor.astring("a field name")) } while cursor.takes(.space)
        try cursor.expect(.rightParenthesis, "\")\" or a space after a field name")
        return names
    }

    /// `<origin.count>`
    private static func partial(_ cursor: inout Cursor) throws(Refusal) -> SectionFetch.Partial? {
        guard cursor.takes(.less) else { return nil }
        let origin = try cursor.number("the first byte's number")
        try cursor.expect(.dot, "a dot and a count of bytes")
        let count = try cursor.nonZeroNumber("a count of bytes")
        try cursor.expect(.greater, "\">\" after a count of bytes")
        return SectionFetch.Partial(origin: origin, count: count)
    }
}
