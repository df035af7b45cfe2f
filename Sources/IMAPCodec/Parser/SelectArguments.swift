/// Arguments of SELECT and EXAMINE: RFC 3501 §6.3.1, and the parameters of RFC 7162 (select-param of its §7).
enum SelectArguments {
    static func select(_ cursor: inout Cursor, isReadOnly: Bool) throws(Refusal) -> Command {
        var select = SelectCommand(mailbox: try MailboxArguments.mailbox(&cursor), isReadOnly: isReadOnly)
        guard cursor.takes(.space), !cursor.isAtEnd else { return .select(select) }
        try cursor.expect(.leftParenthesis, "parameters in parentheses")
        repeat {
            let start = cursor
            switch try cursor.word("CONDSTORE or QRESYNC") {
            case "CONDSTORE": select.condstore = true
            case "QRESYNC":
                guard select.qresync == nil else { throw start.expected("QRESYNC once") }
                select.qresync = try resynchronisation(&cursor)
            default: throw start.expected("CONDSTORE or QRESYNC")
            }
        } while cursor.takes(.space)
        try cursor.expect(.rightParenthesis, "\")\" or a space after a parameter")
        return .select(select)
    }

    /// `(uidvalidity modseq [known-uids] [(numbers uids)])`
    private static func resynchronisation(
        _ cursor: inout Cursor
    ) throws(Refusal) -> SelectCommand.Resynchronisation {
        try cursor.space(before: "what the client knows")
        try cursor.expect(.leftParenthesis, "what the client knows, in parentheses")
        let uidValidity = try cursor.nonZeroNumber("a UIDVALIDITY")
        try cursor.space(before: "a mod-sequence")
        var known = SelectCommand.Resynchronisation(
            uidValidity: uidValidity, modSeq: try cursor.nonZeroModSeq("a mod-sequence"))
        var hasMore = cursor.takes(.space)
        if hasMore, cursor.next != .leftParenthesis {
            known.knownUIDs = try knownSet(&cursor, "UIDs")
            hasMore = cursor.takes(.space)
        }
        if hasMore {
            try cursor.expect(.leftParenthesis, "message numbers and their UIDs, in parentheses")
            let numbers = try knownSet(&cursor, "message numbers")
            try cursor.space(before: "the UIDs of these messages")
            let uids = try knownSet(&cursor, "UIDs")
            // RFC 7162 §3.2.5.2: both in ascending order; so the k-th of one goes with the k-th of the other.
            guard numbers.isAscending, uids.isAscending else { throw .bad("sequence match data out of order") }
            guard numbers.countOfAscending == uids.countOfAscending else {
                throw .bad("sequence match data with more of one than of the other")
            }
            try cursor.expect(.rightParenthesis, "\")\" after the UIDs")
            known.sequenceMatch = (numbers, uids)
        }
        try cursor.expect(.rightParenthesis, "\")\" at the end of what the client knows")
        return known
    }

    /// A set in which `*` is not allowed.
    private static func knownSet(_ cursor: inout Cursor, _ what: String) throws(Refusal) -> SequenceSet {
        let start = cursor
        let set = try cursor.sequenceSet()
        if set.namesLast || set.isSavedResult { throw start.expected("a set of \(what) without * and $") }
        return set
    }
}

extension SequenceSet {
    /// Whether each number is above the one before it. Ranges are read from their smaller bound.
    fileprivate var isAscending: Bool {
        var last: UInt32 = 0
        for range in ranges {
            guard case .number(let from) = range.from, case .number(let to) = range.to, from > last, to >= from else {
                return false
            }
            last = to
        }
        return true
    }

    /// How many numbers it names; for a set that `isAscending`.
    fileprivate var countOfAscending: UInt64 {
        ranges.reduce(0) { count, range in
            guard case .number(let from) = range.from, case .number(let to) = range.to else { return count }
            return count + UInt64(to - from) + 1
        }
    }
}
