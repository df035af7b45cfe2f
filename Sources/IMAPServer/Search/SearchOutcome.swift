import IMAPCodec
import MailModel

/// How much of a search's result must be known for what the client wants to hear, or to be saved.
struct SearchNeeds {
    /// Every match.
    var all = false
    /// How many there are.
    var count = false
    /// So many from the beginning …
    var first = 0
    /// … and from the end.
    var last = 0

    init(_ search: SearchCommand) {
        guard let returns = search.returns else {
            all = true
            return
        }
        let options = returns.options
        count = options.contains(.count)
        if options.contains(.min) { first = 1 }
        if options.contains(.max) { last = 1 }
        if let partial = returns.partial {
            if partial.isFromEnd { last = max(last, Int(partial.last)) } else { first = max(first, Int(partial.last)) }
        }
        // What is saved beside COUNT is all (RFC 5182 §2.4), and so is what the highest mod-sequence is asked of (RFC 4731
        // §3.2).
        let isOfAll = options.contains(.save) || search.key.hasModSeq
        all = options.contains(.all) || options == .save && returns.partial == nil || count && isOfAll
    }
}

/// What a search found, as far as it was asked for.
struct SearchOutcome {
    /// The first matches, ascending; all of them, if more than some were asked for.
    let head: SearchMatches
    /// The last ones, ascending.
    let tail: SearchMatches
    /// nil: those in `head`.
    let count: Int?
    /// RFC 9394 §3.1.
    let partial: SearchMatches
    /// What `$` becomes (RFC 5182 §2.4, RFC 9394 §3.2), and whose mod-sequences are told (RFC 4731 §3.2).
    let returned: SearchMatches

    /// All matches are known.
    init(_ all: SearchMatches, _ needs: SearchNeeds, _ returns: SearchReturns?) {
        let partial = returns?.partial.map { all.part($0.ranks(of: all.count)) }
        self.init(head: all, tail: all, count: nil, partial: partial, returned: all)
    }

    init(head: SearchMatches, tail: SearchMatches, count: Int?, _ returns: SearchReturns?) {
        var partial: SearchMatches?
        if let range = returns?.partial {
            // The end of the few that are known is the end of all.
            let known = range.isFromEnd ? tail : head
            partial = known.part(range.ranks(of: known.count))
        }
        var returned = SearchMatches(keepsUIDs: head.keepsUIDs, keepsNumbers: false)
        if let partial { returned.uids = partial.uids }
        if returns?.options.contains(.min) == true, let first = head.uids.first { returned.uids.insert(first) }
        if returns?.options.contains(.max) == true, let last = tail.uids.last { returned.uids.insert(last) }
        self.init(head: head, tail: tail, count: count, partial: partial, returned: returned)
    }

    private init(head: SearchMatches, tail: SearchMatches, count: Int?, partial: SearchMatches?, returned: SearchMatches) {
        self.head = head
        self.tail = tail
        self.count = count
        self.partial = partial ?? SearchMatches(keepsUIDs: head.keepsUIDs, keepsNumbers: head.keepsNumbers)
        self.returned = returned
    }
}
