import MailMessage
import Testing

@Suite struct HeaderFieldsTests {
    /// Fields as `name|value|whole`, with `\n` and `\r` written so.
    private func fields(_ header: String) -> [String] {
        Array(header.utf8).withUnsafeBytes { bytes in
            HeaderFields(bytes).map { field in
                [field.name, field.value, field.whole].map { range in
                    String(decoding: bytes[range], as: UTF8.self).unicodeScalars
                        .map { $0 == "\r" ? "\\r" : $0 == "\n" ? "\\n" : String($0) }.joined()
                }.joined(separator: "|")
            }
        }
    }

    struct Example: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var header: String
        var fields: [String]

        init(_ what: String, _ header: String, _ fields: [String]) {
            (testDescription, self.header, self.fields) = (what, header, fields)
        }
    }

    static let examples = [
        Example("LF", "A: b\nC: d\n\nE: f\n", ["A| b|A: b\\n", "C| d|C: d\\n"]),
        Example("CR LF", "A: b\u{0D}\nC: d\u{0D}\n\u{0D}\nE: f", ["A| b|A: b\\r\\n", "C| d|C: d\\r\\n"]),
        Example("both", "A: b\u{0D}\nC: d\n\u{0D}\nE: f", ["A| b|A: b\\r\\n", "C| d|C: d\\n"]),
        Example("nothing", "", []),
        Example("an empty line", "\n", []),
        Example("no empty line", "A: b\n", ["A| b|A: b\\n"]),
        Example("no line end", "A: b", ["A| b|A: b"]),
        Example("no value", "A:\nB:", ["A||A:\\n", "B||B:"]),
        Example("a fold", "A: b\n c\n\td\nE: f\n", ["A| b\\n c\\n\td|A: b\\n c\\n\td\\n", "E| f|E: f\\n"]),
        Example("a fold of white space alone", "A: b\n  \nE: f\n", ["A| b\\n  |A: b\\n  \\n", "E| f|E: f\\n"]),
        Example("a fold with CR LF", "A: b\u{0D}\n c\u{0D}\n\u{0D}\n", ["A| b\\r\\n c|A: b\\r\\n c\\r\\n"]),
        Example("white space before the colon", "A \t: b\n", ["A| b|A \t: b\\n"]),
        Example("no white space behind it", "A:b\n", ["A|b|A:b\\n"]),
        Example("an mbox line", "From a@b Mon Jan  1 12:00:00 1996\nA: b\n", ["A| b|A: b\\n"]),
        Example("a quoted mbox line", ">From a@b Mon Jan  1 12:00:00 1996\n folded\nA: b\n", ["A| b|A: b\\n"]),
        Example("a line without colon", "A: b\nnonsense\n more\nC: d\n", ["A| b|A: b\\n", "C| d|C: d\\n"]),
        Example("no name", ": b\nC: d\n", ["C| d|C: d\\n"]),
        Example("a continuation of nothing", " b: c\nC: d\n", ["C| d|C: d\\n"]),
        Example("the same twice", "A: b\na: c\n", ["A| b|A: b\\n", "a| c|a: c\\n"]),
        Example("8-bit and NUL", "A\u{e9}: \u{0}\u{e9}\n", ["A\u{e9}| \u{0}\u{e9}|A\u{e9}: \u{0}\u{e9}\\n"]),
        Example("CR alone is no line end", "A: b\u{0D}C: d\n", ["A| b\\rC: d|A: b\\rC: d\\n"]),
        Example("CR at the end", "A: b\u{0D}", ["A| b\\r|A: b\\r"]),
    ]

    @Test(arguments: examples) func findsFields(_ example: Example) {
        #expect(fields(example.header) == example.fields)
    }

    @Test func comparesNamesWithoutCase() {
        Array("Content-Type: x\n".utf8).withUnsafeBytes { bytes in
            let header = HeaderFields(bytes)
            for field in header {
                #expect(header.isNamed(field, "content-TYPE".utf8))
                #expect(!header.isNamed(field, "content-typ".utf8))
                #expect(!header.isNamed(field, "content-typf".utf8))
            }
        }
    }
}
