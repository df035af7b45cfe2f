import IMAPCodec
import TestSupport
import Testing

@Suite struct ListPatternTests {
    @Test(arguments: [
        ("", "*", "a/b/c", true), ("", "%", "a", true), ("", "%", "a/b", false), ("", "", "", true),
        ("", "", "a", false),
        ("a/", "%", "a/b", true), ("a/", "%", "a/b/c", false), ("a/", "*", "a/b/c", true), ("a/", "%", "a", false),
        ("", "%/%", "a/b", true), ("", "%/%", "a/b/c", false), ("", "*/c", "a/b/c", true), ("", "a*c%e", "abcde", true),
        ("", "a*c%e", "a/c/c1e", true), ("", "a*c%e", "a/c/e", false), ("", "%a%b", "xaxaxb", true),
        ("", "**%%*", "", true),
        ("", "%%%", "a/b", false), ("", "*a*a*a*", "aa", false), ("", "日%", "日本", true),
        ("", "inbox", "INBOX", true), ("", "InBox", "INBOX", true), ("", "inb*", "INBOX", true),
        ("", "*box", "INBOX", true),
        ("", "i%x", "INBOX", true), ("in", "box", "INBOX", true), ("", "inbox/%", "INBOX/a", true),
        ("", "INBOX/%", "INBOX/a", true),
        ("", "inbox*", "inboxes", true), ("", "inbox", "inboxes", false), ("", "a", "A", false), ("", "*A", "a", false),
    ])
    func examples(reference: String, pattern: String, name: String, isMatch: Bool) {
        let pattern = ListPattern(reference: reference, pattern: pattern)
        #expect(pattern.matches(name) == isMatch)
        if isMatch { #expect(ListPatternTests.isFound(name, by: pattern)) }
    }

    @Test(arguments: [
        ("", "*", ["*"]), ("", "a/b%", ["a/b*"]), ("x/", "y", ["x/y"]), ("", "INB*", ["INB*"]), ("", "", [""]),
        ("", "inb*", ["inb*", "INBOX"]), ("", "inbox", ["INBOX"]), ("", "inbox/*", ["INBOX/*"]), ("", "I%", ["I*"]),
        ("", "i%", ["i*", "INBOX"]), ("", "inbox*", ["inbox*", "INBOX"]), ("", "inbo", ["inbo"]),
    ])
    func places(reference: String, pattern: String, places: [String]) {
        let said = ListPattern(reference: reference, pattern: pattern).places.map {
            String(decoding: $0.prefix, as: UTF8.self) + ($0.isExact ? "" : "*")
        }
        #expect(said == places)
    }

    @Test(arguments: [("*", nil), ("a*b/%", nil), ("%", 0), ("a", 0), ("", 0), ("%/b/%", 2), ("a/", 1)] as [(String, Int?)])
    func maximumDelimiters(pattern: String, maximum: Int?) {
        #expect(ListPattern(reference: "", pattern: pattern).maximumDelimiters == maximum)
    }

    /// Whether a name that matches is where the pattern says that such names are.
    static func isFound(_ name: String, by pattern: ListPattern) -> Bool {
        if let maximum = pattern.maximumDelimiters, name.utf8.count(where: { $0 == UInt8(ascii: "/") }) > maximum {
            return false
        }
        return pattern.places.contains { place in
            place.isExact ? Array(name.utf8) == place.prefix : name.utf8.starts(with: place.prefix)
        }
    }

    /// RFC 3501 §6.3.8 as it reads, at any cost.
    static func naive(_ pattern: ArraySlice<Character>, _ name: ArraySlice<Character>) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        switch first {
        case "*", "%":
            if naive(pattern.dropFirst(), name) { return true }
            guard let next = name.first, first == "*" || next != "/" else { return false }
            return naive(pattern, name.dropFirst())
        default: return name.first == first && naive(pattern.dropFirst(), name.dropFirst())
        }
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func agreesWithTheNaiveReading(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var matches = 0
        for _ in 0..<10_000 {
            let length = Int.random(in: 0...7, using: &random)
            let pattern = (0..<length).map { _ in "ab/*%*%".randomElement(using: &random)! }
            let name = (0..<Int.random(in: 0...8, using: &random)).map { _ in "aab/".randomElement(using: &random)! }
            let expected = ListPatternTests.naive(pattern[...], name[...])
            if expected { matches += 1 }
            let cut = Int.random(in: 0...pattern.count, using: &random)
            let tested = ListPattern(reference: String(pattern[..<cut]), pattern: String(pattern[cut...]))
            #expect(tested.matches(String(name)) == expected, "seed \(seed), \(String(pattern)) \(String(name))")
            #expect(
                !expected || ListPatternTests.isFound(String(name), by: tested), "seed \(seed), \(String(pattern))")
        }
        #expect(matches > 500)
    }

    /// Would not end within a lifetime if it backtracked.
    @Test func aHostilePatternIsNoBurden() {
        let pattern = ListPattern(reference: "", pattern: String(repeating: "*a%a", count: 200) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 1_000)))
        #expect(pattern.matches(String(repeating: "a", count: 1_000) + "b"))
    }

    /// A pattern of more bytes than the name has is refused by counting, whatever wildcards it has.
    @Test func longPattern() {
        let name = String(repeating: "a", count: 1_000)
        let fitting = ListPattern(reference: "", pattern: String(repeating: "a%", count: 1_000))
        let longer = ListPattern(reference: "", pattern: String(repeating: "a%", count: 1_001))
        #expect(fitting.matches(name))
        #expect(!longer.matches(name))
    }
}
