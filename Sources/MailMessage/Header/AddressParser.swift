/// Reads the addresses of a field (RFC 5322 §3.4 and §4.4, as found in the wild) one by one.
///
/// Nothing that is no address makes it give up: a broken one yields what can be made out of it. Where a mailbox or a host
/// is missing it is empty, for a host of nil would mean a group (RFC 3501 §7.4.2). Goes through the value in O(its size).
struct AddressParser {
    /// A piece of an address; `isThere` tells an empty one from none.
    struct Text {
        fileprivate(set) var bytes: [UInt8] = []
        fileprivate(set) var isThere = false

        fileprivate mutating func clear() {
            bytes.removeAll(keepingCapacity: true)
            isThere = false
        }
    }

    private(set) var name = Text()
    private(set) var route = Text()
    private(set) var mailbox = Text()
    private(set) var host = Text()

    private var lexer: FieldLexer
    private var comment: [UInt8] = []
    private var isInGroup = false
    private var foundAny = false
    /// What the last call of `takeWords` found, how many words that is, and whether one of them was quoted.
    private var words: [UInt8] = []
    private var wordCount = 0
    private var wasQuoted = false

    init() { lexer = FieldLexer(UnsafeRawBufferPointer(start: nil, count: 0)) }

    /// Begins with another field's value. The memory for the pieces is used again.
    /// - Parameter value: unfolded.
    mutating func start(_ value: UnsafeRawBufferPointer) {
        lexer = FieldLexer(value)
        isInGroup = false
        foundAny = false
    }

    /// Goes to the next address or group marker; false if there is none.
    mutating func next() -> Bool {
        clear()
        guard let first = passSeparators() else { return atEnd() }
        foundAny = true
        if first == Octet.semicolon {
            // The end of a group, which has neither mailbox nor host.
            lexer.advance()
            isInGroup = false
            return true
        }
        let start = lexer.position
        switch classify() {
        case .group:
            takeWords(.phrase) { $0 == Octet.colon }
            swap(&words, &mailbox.bytes)
            mailbox.isThere = true
            lexer.advance()
            isInGroup = true
            return true
        case .angle:
            takeWords(.phrase) { $0 == Octet.less }
            swap(&words, &name.bytes)
            name.isThere = wordCount > 0
            lexer.advance()
            takeRouted { $0 == Octet.greater || $0 == Octet.less }
        case .bare where first == Octet.at:
            takeRouted(until: AddressParser.endsAddress)
        case .bare:
            takeBare()
        }
        mailbox.isThere = true
        host.isThere = true
        takeTrail()
        if !name.isThere, !comment.isEmpty {
            name.bytes.append(contentsOf: comment)
            name.isThere = true
        }
        if lexer.position == start { lexer.advance() }
        return true
    }

    private mutating func clear() {
        name.clear()
        route.clear()
        mailbox.clear()
        host.clear()
        comment.removeAll(keepingCapacity: true)
    }

    /// Goes to where an address begins, or to the `;` that ends a group, and returns the octet there.
    private mutating func passSeparators() -> UInt8? {
        while true {
            _ = lexer.passBlanks(comment: &comment)
            guard let octet = lexer.current else { return nil }
            switch octet {
            case Octet.semicolon where isInGroup: return octet
            case Octet.comma, Octet.semicolon, Octet.greater:
                if foundAny { comment.removeAll(keepingCapacity: true) }
                lexer.advance()
            default: return octet
            }
        }
    }

    /// A group that was not closed is closed; of a field that has nothing but a comment, the comment is kept.
    private mutating func atEnd() -> Bool {
        if isInGroup {
            isInGroup = false
            return true
        }
        guard !foundAny, !comment.isEmpty else { return false }
        foundAny = true
        name.bytes.append(contentsOf: comment)
        name.isThere = true
        mailbox.isThere = true
        host.isThere = true
        return true
    }

    private enum Form {
        /// `phrase:`
        case group
        /// `phrase <address>`
        case angle
        case bare
    }

    /// Looks ahead to what the entry at the position is.
    private mutating func classify() -> Form {
        var ahead = lexer
        defer { lexer.learn(from: ahead) }
        var sawAt = false
        while let octet = ahead.current {
            switch octet {
            case Octet.less: return .angle
            case Octet.comma, Octet.semicolon: return .bare
            case Octet.colon where !isInGroup && !sawAt: return .group
            case Octet.at: sawAt = true
            case Octet.quote:
                if let end = ahead.quotedStringEnd() { ahead.position = end - 1 }
            case Octet.openParen:
                if let end = ahead.commentEnd() { ahead.position = end - 1 }
            case Octet.equals:
                if let end = ahead.encodedWordEnd() { ahead.position = end - 1 }
            default: break
            }
            ahead.advance()
            _ = ahead.takePlain()
        }
        return .bare
    }

    /// Route and address (RFC 5322 §4.4), as they stand in angle brackets, and the `>` if it is there.
    /// - Parameter ends: what ends the route if no colon does.
    private mutating func takeRouted(until ends: (UInt8) -> Bool) {
        _ = lexer.passBlanks(comment: &comment)
        if lexer.current == Octet.at {
            takeWords(.route) { $0 == Octet.colon || ends($0) }
            swap(&words, &route.bytes)
            if lexer.current == Octet.colon {
                lexer.advance()
                route.isThere = true
            } else {
                // No route but a host without mailbox.
                host.bytes.append(contentsOf: route.bytes.dropFirst())
                route.clear()
            }
        }
        if host.bytes.isEmpty {
            takeWords(.mailbox) { $0 == Octet.at || AddressParser.endsAddress($0) }
            swap(&words, &mailbox.bytes)
            if lexer.current == Octet.at {
                lexer.advance()
                takeWords(.host, until: AddressParser.endsAddress)
                swap(&words, &host.bytes)
            }
        }
        if lexer.current == Octet.greater { lexer.advance() }
    }

    /// `mailbox@host`, or a name alone: one word is a mailbox, several are somebody's name.
    private mutating func takeBare() {
        takeWords(.mailbox) { $0 == Octet.at || AddressParser.endsAddress($0) }
        swap(&words, &mailbox.bytes)
        if lexer.current == Octet.at {
            lexer.advance()
            takeWords(.host, until: AddressParser.endsAddress)
            swap(&words, &host.bytes)
        } else if wordCount > 1 || wasQuoted {
            swap(&name, &mailbox)
            name.isThere = true
        }
    }

    /// What stands between an address and the next comma is its name, if it has no other. A `<` there means that the comma
    /// was forgotten.
    private mutating func takeTrail() {
        while lexer.current == Octet.greater { lexer.advance() }
        let start = lexer.position
        takeWords(.phrase, until: AddressParser.endsAddress)
        if lexer.current == Octet.less {
            lexer.position = start
        } else if !words.isEmpty, !name.isThere {
            swap(&words, &name.bytes)
            name.isThere = true
        }
    }

    private static func endsAddress(_ octet: UInt8) -> Bool {
        octet == Octet.comma || octet == Octet.semicolon || octet == Octet.greater || octet == Octet.less
    }

    private enum Joining {
        /// One space between words.
        case phrase
        /// The same, but none beside a dot, where it means nothing (RFC 5322 §4.4).
        case mailbox
        /// As `mailbox`, and ends where a space would stand.
        case host
        /// Nothing between words.
        case route
    }

    /// Reads the words up to an octet that ends them; quoted ones without their quotes, comments left out.
    private mutating func takeWords(_ joining: Joining, until ends: (UInt8) -> Bool) {
        words.removeAll(keepingCapacity: true)
        wordCount = 0
        wasQuoted = false
        var isApart = true
        while let octet = lexer.current {
            if lexer.passBlanks(comment: &comment) {
                isApart = true
                continue
            }
            if ends(octet) { return }
            if isApart, wordCount > 0 {
                let isDotted = words.last == Octet.dot || octet == Octet.dot
                switch joining {
                case .phrase: words.append(Octet.space)
                case .mailbox where !isDotted: words.append(Octet.space)
                case .host where !isDotted: return
                default: break
                }
                if joining == .phrase || !isDotted { wordCount += 1 }
            } else if wordCount == 0 {
                wordCount = 1
            }
            isApart = false
            takePiece(octet)
            // What follows without a gap and means nothing by itself is of the same word.
            words.append(contentsOf: lexer.takePlain())
        }
    }

    /// Appends a quoted string, an encoded word, or one octet.
    private mutating func takePiece(_ octet: UInt8) {
        let start = lexer.position
        switch octet {
        case Octet.quote:
            if let end = lexer.quotedStringEnd() {
                lexer.takeQuotedString(end: end, into: &words)
                wasQuoted = true
                return
            }
        case Octet.equals:
            if let end = lexer.encodedWordEnd() { lexer.position = end - 1 }
        default: break
        }
        lexer.advance()
        words.append(contentsOf: lexer.bytes.slice(start..<lexer.position))
    }
}
