import MailMessage
import Testing

/// Trees of parts as text: kind, type, encoding, header's range, body's range, lines.
@Suite struct PartTreeTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var message: String
        var tree: String

        init(_ what: String, _ message: String, _ tree: String) {
            (testDescription, self.message, self.tree) = (what, message, tree)
        }
    }

    private static let ascii = "text text/plain; charset=\"us-ascii\" 7BIT"
    private static let mixed = "multipart multipart/mixed; boundary=\"b\" 7BIT"
    private static let head = "Content-Type: multipart/mixed; boundary=b\n\n"

    static let plain = [
        Example("nothing", "", "\(ascii) 0..<0 0..<0 0 lines"),
        Example("an empty line", "\n", "\(ascii) 0..<1 1..<1 0 lines"),
        Example("CR LF", "\r\n", "\(ascii) 0..<2 2..<2 0 lines"),
        Example("a header alone", "A: b\n", "\(ascii) 0..<5 5..<5 0 lines"),
        Example("a header without line end", "A: b", "\(ascii) 0..<4 4..<4 0 lines"),
        Example("a body alone", "\na\nb\n", "\(ascii) 0..<1 1..<5 2 lines"),
        Example("no last line end", "A: b\n\na\nb", "\(ascii) 0..<6 6..<9 2 lines"),
        Example("CR LF everywhere", "A: b\r\n\r\na\r\nb\r\n", "\(ascii) 0..<8 8..<14 2 lines"),
        Example("both kinds", "A: b\r\n\na\nb\r\n", "\(ascii) 0..<7 7..<12 2 lines"),
        Example("CR alone", "A: b\r\rC: d\r\r\n\na\r", "\(ascii) 0..<14 14..<16 1 lines"),
        Example(
            "an mbox line", "From a@b Mon Jan  1 12:00:00 1996\nContent-Type: a/b\n\nx", "basic a/b 7BIT 0..<53 53..<54"),
        Example("lines are of text only", "Content-Type: image/png\n\na\nb\n", "basic image/png 7BIT 0..<25 25..<29"),
        Example("no charset", "Content-Type: text/html\n\na", "text text/html 7BIT 0..<25 25..<26 1 lines"),
        Example("the first Content-Type", "Content-Type: a/b\nContent-Type: c/d\n\n", "basic a/b 7BIT 0..<37 37..<37"),
    ]

    static let multiparts = [
        Example(
            "two parts", head + "--b\n\na\n--b\nContent-Type: text/html\n\nb\n\n--b--\n",
            "\(mixed) 0..<43 43..<88\n  \(ascii) 47..<48 48..<49 1 lines\n  text text/html 7BIT 54..<79 79..<81 1 lines"),
        Example(
            "CR LF", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\na\r\n--b--\r\n",
            "\(mixed) 0..<45 45..<62\n  \(ascii) 50..<52 52..<53 1 lines"),
        Example(
            "preamble and epilogue", head + "--a\npreamble\n--b\n\na\n--b--\n--b\nepilogue",
            "\(mixed) 0..<43 43..<81\n  \(ascii) 60..<61 61..<62 1 lines"),
        Example(
            "no close delimiter", head + "--b\n\na\n--b\n\nb\n",
            "\(mixed) 0..<43 43..<57\n  \(ascii) 47..<48 48..<49 1 lines\n  \(ascii) 54..<55 55..<57 1 lines"),
        Example(
            "white space behind the boundary", "Content-Type: multipart/mixed; boundary=\"b \"\n\n--b \t\n\na\n--b-- \n",
            "multipart multipart/mixed; boundary=\"b \" 7BIT 0..<46 46..<62\n  \(ascii) 52..<53 53..<54 1 lines"),
        Example(
            "a quoted boundary",
            "Content-Type: multipart/mixed; boundary=\"=\\_(a)'+ ,/:?\"\n\n--=_(a)'+ ,/:?\n\na\n--=_(a)'+ ,/:?--",
            "multipart multipart/mixed; boundary=\"=_(a)'+ ,/:?\" 7BIT 0..<57 57..<91\n  \(ascii) 72..<73 73..<74 1 lines"),
        Example(
            "an empty part", head + "--b\n--b\n\n--b\n\n\n--b--",
            "\(mixed) 0..<43 43..<63\n  \(ascii) 47..<47 47..<47 0 lines\n  \(ascii) 51..<52 52..<52 0 lines\n"
                + "  \(ascii) 56..<57 57..<57 0 lines"),
        Example(
            "a part without a body", head + "--b\nContent-Type: a/b\n--b--\n",
            "\(mixed) 0..<43 43..<71\n  basic a/b 7BIT 47..<64 64..<64"),
        Example(
            "a boundary at the message's end", head + "--b", "\(mixed) 0..<43 43..<46\n  \(ascii) 46..<46 46..<46 0 lines"),
        Example("no boundary in the body", head + "a\nb\n", "\(mixed) 0..<43 43..<47\n  \(ascii) 47..<47 47..<47 0 lines"),
        Example("closed before it begins", head + "--b--\n", "\(mixed) 0..<43 43..<49\n  \(ascii) 49..<49 49..<49 0 lines"),
        Example(
            "no boundary parameter", "Content-Type: multipart/mixed\n\n--\n--b\n",
            "multipart multipart/mixed 7BIT 0..<31 31..<38\n  \(ascii) 38..<38 38..<38 0 lines"),
        Example(
            "an empty boundary", "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\na\n--",
            "multipart multipart/mixed; boundary=\"\" 7BIT 0..<44 44..<52\n  \(ascii) 52..<52 52..<52 0 lines"),
        Example(
            "a boundary in the middle of a line", head + "--b\n\na --b\n --b\n--b--",
            "\(mixed) 0..<43 43..<64\n  \(ascii) 47..<48 48..<58 2 lines"),
        Example(
            "a transfer encoding that is none", "Content-Transfer-Encoding: quoted-printable\n" + head + "--b\n\na\n--b--",
            "multipart multipart/mixed; boundary=\"b\" quoted-printable 0..<87 87..<99\n  \(ascii) 91..<92 92..<93 1 lines"),
    ]

    static let nested = [
        Example(
            "an outer boundary ends inner parts",
            head + "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\nx\n--b\n\ny\n--c\n--b--\n",
            "\(mixed) 0..<43 43..<120\n  multipart multipart/alternative; boundary=\"c\" 7BIT 47..<96 96..<102\n"
                + "    \(ascii) 100..<101 101..<102 1 lines\n  \(ascii) 107..<108 108..<113 2 lines"),
        Example(
            "the same boundary twice", head + "--b\n" + head + "--b\n\nx\n--b--\n--b\n\ny\n--b--\n",
            "\(mixed) 0..<43 43..<116\n  \(mixed) 47..<90 90..<102\n    \(ascii) 94..<95 95..<96 1 lines\n"
                + "  \(ascii) 107..<108 108..<109 1 lines"),
        Example(
            "one boundary continues another",
            head + "--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\nx\n--bb--\n--b\n\ny\n--bbb\n\nz\n--b--\n",
            "\(mixed) 0..<43 43..<128\n  multipart multipart/mixed; boundary=\"bb\" 7BIT 47..<91 91..<105\n"
                + "    \(ascii) 96..<97 97..<98 1 lines\n  \(ascii) 110..<111 111..<112 1 lines\n"
                + "  \(ascii) 119..<120 120..<121 1 lines"),
        Example(
            "a digest",
            "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: s\n\nx\n"
                + "--b\nContent-Type: text/plain\n\ny\n--b--\n",
            "multipart multipart/digest; boundary=\"b\" 7BIT 0..<44 44..<101\n"
                + "  message message/rfc822 7BIT 48..<49 49..<62 3 lines subject=\"s\"\n"
                + "    \(ascii) 49..<61 61..<62 1 lines\n"
                + "  text text/plain 7BIT 67..<93 93..<94 1 lines"),
        Example(
            "an empty digest", "Content-Type: multipart/digest; boundary=b\n\n",
            "multipart multipart/digest; boundary=\"b\" 7BIT 0..<44 44..<44\n  \(ascii) 44..<44 44..<44 0 lines"),
    ]

    static let messages = [
        Example(
            "a message in a message", "Content-Type: message/rfc822\n\nSubject: in\n\nx\ny\n",
            "message message/rfc822 7BIT 0..<30 30..<47 4 lines subject=\"in\"\n  \(ascii) 30..<43 43..<47 2 lines"),
        Example(
            "a multipart in it, ended from outside",
            head + "--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--b--\n",
            "\(mixed) 0..<43 43..<133\n  message message/rfc822 7BIT 47..<77 77..<126 5 lines subject=NIL\n"
                + "    multipart multipart/mixed; boundary=\"c\" 7BIT 77..<120 120..<126\n"
                + "      \(ascii) 124..<125 125..<126 1 lines"
        ),
        Example(
            "it ends in its header", head + "--b\nContent-Type: message/rfc822\n\nSubject: in\n--b--\n",
            "\(mixed) 0..<43 43..<95\n  message message/rfc822 7BIT 47..<77 77..<88 1 lines subject=\"in\"\n"
                + "    \(ascii) 77..<88 88..<88 0 lines"),
        Example(
            "it ends with its header", head + "--b\nContent-Type: message/rfc822\n\nSubject: in\n\n--b--\n",
            "\(mixed) 0..<43 43..<96\n  message message/rfc822 7BIT 47..<77 77..<90 2 lines subject=\"in\"\n"
                + "    \(ascii) 77..<90 90..<90 0 lines"),
        Example(
            "it is not there", head + "--b\nContent-Type: message/rfc822\n--b--\n",
            "\(mixed) 0..<43 43..<82\n  message message/rfc822 7BIT 47..<75 75..<75 0 lines subject=NIL\n"
                + "    \(ascii) 75..<75 75..<75 0 lines"),
        Example(
            "message/global", "Content-Type: MESSAGE/global\nContent-Transfer-Encoding: 8BIT\n\nSubject: \u{e9}\n\nx",
            "message MESSAGE/global 8BIT 0..<62 62..<76 3 lines subject=\"\\xc3\\xa9\"\n  \(ascii) 62..<75 75..<76 1 lines"),
        Example(
            "an encoded one is opaque",
            "Content-Type: message/rfc822; x=y\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDoKCg==",
            "basic application/octet-stream base64 0..<69 69..<85"),
        Example(
            "other messages are not looked into", "Content-Type: message/partial; id=x\n\nSubject: in\n\n",
            "basic message/partial; id=\"x\" 7BIT 0..<37 37..<50"),
    ]

    @Test(arguments: plain + multiparts + nested + messages) func finds(_ example: Example) throws {
        #expect(try withSummary(of: example.message) { text($0.root) } == example.tree)
        let size = example.message.utf8.count
        try withSummary(of: example.message) { summary in
            #expect(summary.size == size)
            #expect(summary.headerLength == summary.root.header.upperBound)
        }
    }
}
