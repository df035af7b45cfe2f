/// A pattern of LIST (RFC 3501 §6.3.8): `*` is anything, `%` anything but the hierarchy delimiter.
public struct ListPattern: Sendable {
    /// UTF-8; no two wildcards stand side by side.
    private let pattern: [UInt8]
    /// Bytes before the first wildcard.
    private let prefixLength: Int
    /// Bytes that are no wildcards: a name with fewer does not match, however long the pattern is.
    private let literalCount: Int

    /// Reference and pattern as one; the reference is not interpreted but put before it. INBOX matches without regard to
    /// case.
    public init(reference: String, pattern: String) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(reference.utf8.count + pattern.utf8.count)
        for part in [reference.utf8, pattern.utf8] {
            for byte in part {
                // In a run of wildcards one `*` outweighs all, and `%` says no more than one `%`.
                if isWildcard(byte), let last = bytes.last, isWildcard(last) {
                    if byte == .asterisk { bytes[bytes.count - 1] = .asterisk }
                } else {
                    bytes.append(byte)
                }
            }
        }
        if isInbox(bytes.prefix(5)), bytes.count == 5 || bytes[5] == .slash {
            bytes.replaceSubrange(0..<5, with: "INBOX".utf8)
        }
        self.pattern = bytes
        prefixLength = bytes.firstIndex(where: isWildcard) ?? bytes.count
        literalCount = bytes.count { !isWildcard($0) }
    }

    /// Where names are that can match: those that begin with `prefix`, or `prefix` alone.
    public typealias Place = (prefix: [UInt8], isExact: Bool)

    /// All names that match are in one of these.
    public var places: [Place] {
        let prefix = Array(pattern[..<prefixLength])
        let isExact = prefixLength == pattern.count
        let inbox = Array("INBOX".utf8)
        // INBOX can match although it is spelt otherwise, but for a pattern that is INBOX: that is in capitals here.
        let mayBeInbox =
            !isExact && prefix.count <= inbox.count && zip(prefix, inbox).allSatisfy { $0.asciiUppercased == $1 }
        return mayBeInbox && !inbox.starts(with: prefix)
            ? [(prefix, isExact), (inbox, true)] : [(prefix, isExact)]
    }

    /// Names with more hierarchy delimiters do not match; nil: there is no such bound.
    public var maximumDelimiters: Int? {
        pattern.contains(.asterisk) ? nil : pattern.count { $0 == .slash }
    }

    /// Bytes of the pattern, runs of wildcards shortened.
    public var length: Int { pattern.count }

    /// - Complexity: O(name × pattern), never worse, and O(name²) even if the pattern is longer.
    public func matches(_ name: String) -> Bool {
        var name = name
        return name.withUTF8 { matches(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// As `matches`, for a name's bytes in UTF-8.
    public func matches(utf8 name: UnsafeRawBufferPointer) -> Bool {
        if isInbox(name), matches(name, foldingCase: true) { return true }
        return matches(name, foldingCase: false)
    }

    private func matches(_ name: UnsafeRawBufferPointer, foldingCase: Bool) -> Bool {
        guard name.count >= literalCount else { return false }
        for index in 0..<prefixLength {
            let byte = foldingCase ? pattern[index].asciiUppercased : pattern[index]
            if name[index] != byte { return false }
        }
        let rest = UnsafeRawBufferPointer(rebasing: name[prefixLength...])
        switch pattern.count - prefixLength {
        case 0: return rest.isEmpty
        case 1: return pattern[prefixLength] == .asterisk || !rest.contains(.slash)
        default: return advance(over: rest, foldingCase: foldingCase)
        }
    }

    /// Runs over the name once, with the set of all places in the pattern at which one can be: no backtracking.
    private func advance(over name: UnsafeRawBufferPointer, foldingCase: Bool) -> Bool {
        let pattern = self.pattern[prefixLength...]
        let first = pattern.startIndex
        return withUnsafeTemporaryAllocation(of: Bool.self, capacity: pattern.count + 1) { places in
            places.initialize(repeating: false)
            places[0] = true
            // A wildcard may stand for nothing.
            func goPastWildcards() -> Bool {
                var isAnywhere = false
                for place in 0..<pattern.count where places[place] {
                    isAnywhere = true
                    if isWildcard(pattern[first + place]) { places[place + 1] = true }
                }
                return isAnywhere || places[pattern.count]
            }
            _ = goPastWildcards()
            for byte in name {
                for place in stride(from: pattern.count, through: 0, by: -1) {
                    var isHere = false
                    if places[place], place < pattern.count {
                        let wildcard = pattern[first + place]
                        isHere = wildcard == .asterisk || wildcard == .percent && byte != .slash
                    }
                    if !isHere, place > 0, places[place - 1] {
                        let literal = pattern[first + place - 1]
                        isHere = !isWildcard(literal) && (foldingCase ? literal.asciiUppercased : literal) == byte
                    }
                    places[place] = isHere
                }
                if !goPastWildcards() { return false }
            }
            return places[pattern.count]
        }
    }
}

private func isWildcard(_ byte: UInt8) -> Bool { byte == .asterisk || byte == .percent }

private func isInbox(_ name: some Collection<UInt8>) -> Bool {
    name.count == 5 && zip(name, "INBOX".utf8).allSatisfy { $0.asciiUppercased == $1 }
}
