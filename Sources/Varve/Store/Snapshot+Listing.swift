import MailModel
import VarveFormat

extension Snapshot {
    /// Takes a listing further, until it is at its end or `body` wants a pause.
    ///
    /// A name comes before those below it, also one above others that is neither a mailbox' nor subscribed to; between them
    /// stand names such as `a-b`, which sort before `a/b`.
    /// - Complexity: O(log mailboxes) pages to find the place, then O(1) for each name. A range that is exact costs
    ///   O(log mailboxes).
    public func proceed(
        _ listing: inout Listing, _ body: (borrowing ListedName) throws(StoreError) -> Listing.Step
    ) throws(StoreError) {
        while let range = listing.range {
            if range.isExact {
                let step = try visit(range.prefix, listing.source, body)
                listing.goToNextRange()
                if step.contains(.pause) { return }
            } else {
                if try walk(&listing, range.prefix, body).contains(.pause) { return }
                listing.goToNextRange()
            }
        }
    }

    /// Whether there is a mailbox below a name.
    /// - Complexity: O(1), no page; O(log mailboxes) where names such as `a-b` stand between `a` and what is below it.
    public func hasInferiors(_ listed: borrowing ListedName) throws(StoreError) -> Bool {
        guard let next = listed.next, next.count > listed.name.count, next.starts(with: listed.name) else { return false }
        switch next[listed.name.count] {
        case UInt8(ascii: "/"): return true
        case ..<UInt8(ascii: "/"): return try root.state.hasInferiors(listed.name, root.pages)
        default: return false
        }
    }

    /// One name by itself.
    private func visit(
        _ name: [UInt8], _ source: Listing.Source, _ body: (borrowing ListedName) throws(StoreError) -> Listing.Step
    ) throws(StoreError) -> Listing.Step {
        try name.withBytes { name throws(StoreError) in
            var merge = NameMerge(source, root)
            try merge.seek(name)
            if let found = merge.name, CellPage.compare(found, name) == 0 { return try body(try merge.take(found)) }
            let listed = ListedName(name: name, mailbox: nil, isSubscribed: false, next: merge.nextMailbox)
            return try hasInferiors(listed) ? try body(listed) : []
        }
    }

    /// - Returns: what `body` said last, `pause` only if there is more to come in the range.
    private func walk(
        _ listing: inout Listing, _ prefix: [UInt8], _ body: (borrowing ListedName) throws(StoreError) -> Listing.Step
    ) throws(StoreError) -> Listing.Step {
        let from = listing.position ?? prefix
        let before = listing.previous
        let source = listing.source
        let stop = try prefix.withBytes { prefix throws(StoreError) in
            try before.withBytes { before throws(StoreError) in
                var merge = NameMerge(source, root)
                try from.withBytes { from throws(StoreError) in try merge.seek(from) }
                return try walk(&merge, prefix, from: before, body)
            }
        }
        guard let stop else { return [] }
        listing.position = stop.position
        listing.previous = stop.previous
        return .pause
    }

    /// - Returns: where to go on; nil: the range has no more names.
    private func walk(
        _ merge: inout NameMerge, _ prefix: UnsafeRawBufferPointer, from before: UnsafeRawBufferPointer,
        _ body: (borrowing ListedName) throws(StoreError) -> Listing.Step
    ) throws(StoreError) -> (position: [UInt8], previous: [UInt8])? {
        var previous = before
        while let name = merge.name, name.starts(with: prefix) {
            var visited = name
            var step = Listing.Step()
            // Those that are above the name before, too, have been there. The highest of the others, which may stand
            // before the name before, is looked for; those below it would stand between the two.
            let common = commonLength(previous, name)
            var length = max(common, prefix.count, 1)
            while length < name.count, !step.contains(.skipInferiors) {
                defer { length += 1 }
                guard name[length] == UInt8(ascii: "/") else { continue }
                if length == common {
                    if previous.count == length { continue }
                    if try merge.contains(UnsafeRawBufferPointer(rebasing: name[..<length])) { continue }
                }
                visited = UnsafeRawBufferPointer(rebasing: name[..<length])
                step.formUnion(
                    try body(ListedName(name: visited, mailbox: nil, isSubscribed: false, next: merge.nextMailbox)))
            }
            if !step.contains(.skipInferiors) {
                visited = name
                step.formUnion(try body(try merge.take(name)))
            }
            if step.contains(.skipInferiors) { try merge.skipInferiors(of: visited) }
            previous = visited
            if step.contains(.pause) {
                guard let next = merge.name, next.starts(with: prefix) else { return nil }
                return (Array(next), Array(previous))
            }
        }
        return nil
    }
}

/// The names of mailboxes and those subscribed to, as one ascending sequence.
private struct NameMerge {
    private let root: Root
    private let source: Listing.Source
    private var mailboxes: CellScan
    private var subscriptions: CellScan

    /// At the end: `seek` brings it to names.
    init(_ source: Listing.Source, _ root: Root) {
        self.root = root
        self.source = source
        mailboxes = CellScan(root.state.names, root.pages)
        subscriptions = CellScan(root.state.subscriptions, root.pages)
    }

    /// The name that is next; nil at the end.
    var name: UnsafeRawBufferPointer? {
        guard let subscription = subscriptions.key else { return mailboxes.key }
        guard let mailbox = mailboxes.key else { return subscription }
        return CellPage.compare(mailbox, subscription) <= 0 ? mailbox : subscription
    }

    var nextMailbox: UnsafeRawBufferPointer? { mailboxes.key }

    mutating func seek(_ low: UnsafeRawBufferPointer) throws(StoreError) {
        if source != .subscriptions { try mailboxes.seek(low) }
        if source != .mailboxes { try subscriptions.seek(low) }
    }

    /// What is known of the name that is next, which is gone past.
    mutating func take(_ name: UnsafeRawBufferPointer) throws(StoreError) -> ListedName {
        var mailbox: MailboxID?
        // Mostly it is that very key.
        if let key = mailboxes.key, key.baseAddress == name.baseAddress || CellPage.compare(key, name) == 0 {
            let value = mailboxes.value
            guard value.count == 4 else {
                throw .corrupt("\(FileNames.index), tree names", "a value of \(value.count) bytes")
            }
            mailbox = MailboxID(value.baseAddress!.load32(0))
            try mailboxes.advance()
        }
        var isSubscribed = false
        if let key = subscriptions.key, CellPage.compare(key, name) == 0 {
            isSubscribed = true
            try subscriptions.advance()
        }
        return ListedName(name: name, mailbox: mailbox, isSubscribed: isSubscribed, next: mailboxes.key)
    }

    /// Whether the sequence has a name, wherever it stands.
    func contains(_ name: UnsafeRawBufferPointer) throws(StoreError) -> Bool {
        if source != .subscriptions, try root.state.names.find(name, root.pages) != nil { return true }
        if source == .mailboxes { return false }
        return try root.state.subscriptions.find(name, root.pages) != nil
    }

    /// Goes past what is below `name` if that is next.
    mutating func skipInferiors(of name: UnsafeRawBufferPointer) throws(StoreError) {
        func isBelow(_ key: UnsafeRawBufferPointer?) -> Bool {
            guard let key, key.count > name.count else { return false }
            return key[name.count] == UInt8(ascii: "/") && key.starts(with: name)
        }
        guard isBelow(mailboxes.key) || isBelow(subscriptions.key) else { return }
        // The first byte behind the delimiter's.
        try (Array(name) + [UInt8(ascii: "/") + 1]).withBytes { behind throws(StoreError) in
            if isBelow(mailboxes.key) { try mailboxes.seek(behind) }
            if isBelow(subscriptions.key) { try subscriptions.seek(behind) }
        }
    }
}

/// Of how many bytes two strings begin alike.
private func commonLength(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let count = min(a.count, b.count)
    var length = 0
    while length + 8 <= count {
        let difference = a.loadUnaligned(fromByteOffset: length, as: UInt64.self)
            ^ b.loadUnaligned(fromByteOffset: length, as: UInt64.self)
        if difference != 0 { return length + difference.littleEndian.trailingZeroBitCount / 8 }
        length += 8
    }
    while length < count, a[length] == b[length] { length += 1 }
    return length
}
