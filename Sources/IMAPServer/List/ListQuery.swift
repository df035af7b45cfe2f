import IMAPCodec
import Varve

/// What a LIST or LSUB asks for.
struct ListQuery {
    enum Form {
        /// RFC 3501 §6.3.8
        case list
        /// RFC 5258
        case extendedList
        /// RFC 3501 §6.3.9
        case lsub
    }

    let form: Form
    let patterns: ListPatterns
    /// `recursiveMatch` aside, what a name must be to be listed.
    let criteria: ListCommand.Selection
    /// Names above those that meet the criteria are listed, too (RFC 5258 §3.1, RECURSIVEMATCH).
    let isRecursive: Bool
    let returns: ListCommand.Returns
    let status: StatusWriter?
    /// What the lines of most names begin with: see `plainHead`.
    private(set) var heads: [[UInt8]] = []

    init(_ list: ListCommand, appendLimit: Int) {
        form = list.isExtended ? .extendedList : .list
        patterns = ListPatterns(list.reference, list.patterns, ignoringEmpty: list.isExtended)
        isRecursive = list.selection.contains(.recursiveMatch)
        // All mailboxes are on this server: REMOTE (RFC 5258 §3.1) adds none.
        criteria = list.selection.intersection([.subscribed, .specialUse])
        var returns = list.returns
        if !list.isExtended {
            // RFC 3348 §3; RFC 6154 §2: may be in any LIST.
            returns = [.children, .specialUse]
        }
        // RFC 5258 §3.1, RFC 6154 §2: implied.
        if criteria.contains(.subscribed) { returns.insert(.subscribed) }
        if criteria.contains(.specialUse) { returns.insert(.specialUse) }
        self.returns = returns
        status = list.status.isEmpty ? nil : StatusWriter(list.status, appendLimit: appendLimit)
        heads = makeHeads()
    }

    /// RFC 3501 §6.3.9: the names subscribed to, and the names where the pattern ends above one.
    init(lsub reference: String, _ pattern: String) {
        form = .lsub
        patterns = ListPatterns(reference, [pattern], ignoringEmpty: false)
        criteria = .subscribed
        isRecursive = true
        returns = []
        status = nil
    }

    /// The walk that finds the names.
    var listing: Listing {
        let source: Listing.Source =
            switch form {
            case .lsub: .subscriptions
            case .list, .extendedList: returns.contains(.subscribed) ? .mailboxesAndSubscriptions : .mailboxes
            }
        // Whether a name is to be told may depend on all below it.
        let ranges = patterns.places.map { Listing.Range(prefix: $0.prefix, isExact: $0.isExact && !isRecursive) }
        return Listing(source, in: ranges)
    }
}

/// The patterns of a LIST: a name must match one.
struct ListPatterns {
    private let patterns: [ListPattern]
    /// What the matching of one byte of a name may cost, in steps.
    let stepsPerByte: Int
    /// Names with more do not match; nil: there is no such bound.
    private let maximumDelimiters: Int?

    /// - Parameter ignoringEmpty: RFC 5258 §3: in an extended LIST the empty string matches nothing.
    init(_ reference: String, _ patterns: [String], ignoringEmpty: Bool) {
        self.patterns = patterns.filter { !$0.isEmpty || !ignoringEmpty }
            .map { ListPattern(reference: reference, pattern: $0) }
        stepsPerByte = self.patterns.reduce(1) { $0 + $1.length }
        let bounds = self.patterns.map(\.maximumDelimiters)
        maximumDelimiters = bounds.contains(nil) ? nil : bounds.compactMap { $0 }.max() ?? 0
    }

    var places: [ListPattern.Place] { patterns.flatMap(\.places) }

    func matches(_ name: UnsafeRawBufferPointer) -> Bool { patterns.contains { $0.matches(utf8: name) } }

    /// Whether no name below this one matches. False: some may.
    func matchNothing(below name: UnsafeRawBufferPointer) -> Bool {
        guard let maximumDelimiters else { return false }
        return name.count { $0 == UInt8(ascii: "/") } >= maximumDelimiters
    }
}
