import MailMessage
import Testing

@Suite struct AddressTests {
    /// What the To field with this value holds, each as `"name" <@route:mailbox@host>`; what is nil is `NIL`.
    private func addresses(_ value: String) throws -> String {
        try withSummary(of: "To: \(value)\n\n") { text($0.envelope.to) }
    }

    static let regular: [(String, String)] = [
        ("a@b.c", "<a@b.c>"),
        ("<a@b.c>", "<a@b.c>"),
        ("John Smith <a@b.c>", "\"John Smith\" <a@b.c>"),
        ("John Q. Smith <a@b.c>", "\"John Q. Smith\" <a@b.c>"),
        ("\"Smith, John\" <a@b.c>", "\"Smith, John\" <a@b.c>"),
        ("\"John \\\"Jack\\\" \\\\ Smith\" <a@b.c>", "\"John \"Jack\" \\ Smith\" <a@b.c>"),
        ("\"\" <a@b.c>", "\"\" <a@b.c>"),
        ("\"two  blanks\" plus   more <a@b.c>", "\"two  blanks plus more\" <a@b.c>"),
        ("a@b.c, d@e.f,g@h.i", "<a@b.c>, <d@e.f>, <g@h.i>"),
        ("a@b.c (John Smith)", "\"John Smith\" <a@b.c>"),
        ("<a@b.c> (John Smith)", "\"John Smith\" <a@b.c>"),
        ("a@b.c (John (the \\) old) Smith)", "\"John (the ) old) Smith\" <a@b.c>"),
        ("John (Jack) Smith <a@b.c>", "\"John Smith\" <a@b.c>"),
        ("(before) a@b.c (after)", "\"after\" <a@b.c>"),
        ("a (1) . (2) b @ (3) c . d", "\"3\" <a.b@c.d>"),
        ("\"john smith\"@b.c", "<john smith@b.c>"),
        ("\"a@b\"@c.d", "<a@b@c.d>"),
        ("a@[192.168.0.1]", "<a@[192.168.0.1]>"),
        ("a@[IPv6:2001:db8::1]", "<a@[IPv6:2001:db8::1]>"),
        ("<@x.y:a@b.c>", "<@x.y:a@b.c>"),
        ("John <@x.y, @z : a@b.c>", "\"John\" <@x.y,@z:a@b.c>"),
        ("=?utf-8?Q?J=C3=B6rg?= =?utf-8?Q?_M?= <a@b.c>", "\"=?utf-8?Q?J=C3=B6rg?= =?utf-8?Q?_M?=\" <a@b.c>"),
        ("=?utf-8?Q?Smith,_<J>?= <a@b.c>", "\"=?utf-8?Q?Smith,_<J>?=\" <a@b.c>"),
        ("J\u{f6}rg <a@b.c>", "\"J\\xc3\\xb6rg\" <a@b.c>"),
        ("", ""),
        ("   ", ""),
        (",, ,", ""),
    ]

    static let groups: [(String, String)] = [
        ("undisclosed-recipients:;", "<undisclosed-recipients@NIL>, <NIL@NIL>"),
        ("Friends: a@b.c, John <d@e.f>;", "<Friends@NIL>, <a@b.c>, \"John\" <d@e.f>, <NIL@NIL>"),
        ("\"My: Friends\" (all) : a@b.c; , d@e.f", "<My: Friends@NIL>, <a@b.c>, <NIL@NIL>, <d@e.f>"),
        ("x@y.z, A: a@b.c;, B:;", "<x@y.z>, <A@NIL>, <a@b.c>, <NIL@NIL>, <B@NIL>, <NIL@NIL>"),
        ("A: a@b.c, d@e.f", "<A@NIL>, <a@b.c>, <d@e.f>, <NIL@NIL>"),
        (":;", "<@NIL>, <NIL@NIL>"),
        ("A: B: a@b.c;", "<A@NIL>, <B: a@b.c>, <NIL@NIL>"),
    ]

    /// A host that is missing is empty: a host of nil would make a group.
    static let broken: [(String, String)] = [
        ("root", "<root@>"),
        ("root (System)", "\"System\" <root@>"),
        ("John Smith", "\"John Smith\" <@>"),
        ("\"John Smith\"", "\"John Smith\" <@>"),
        ("<root>", "<root@>"),
        ("<>", "<@>"),
        ("John <>", "\"John\" <@>"),
        ("John <a@b.c", "\"John\" <a@b.c>"),
        ("<a@b.c, d@e.f>", "<a@b.c>, <d@e.f>"),
        ("a@b.c>", "<a@b.c>"),
        ("<<a@b.c>>", "<@>, <a@b.c>"),
        ("a@", "<a@>"),
        ("@b.c", "<@b.c>"),
        ("<@b.c>", "<@b.c>"),
        ("@x.y:a@b.c", "<@x.y:a@b.c>"),
        ("a@b@c", "<a@b@c>"),
        ("a@b.c <a@b.c>", "\"a@b.c\" <a@b.c>"),
        ("a@b.c John Smith", "\"John Smith\" <a@b.c>"),
        ("<a@b.c> John Smith", "\"John Smith\" <a@b.c>"),
        ("A <a@b.c> B <d@e.f>", "\"A\" <a@b.c>, \"B\" <d@e.f>"),
        ("a@b.c; d@e.f", "<a@b.c>, <d@e.f>"),
        ("Smith, John <a@b.c>", "<Smith@>, \"John\" <a@b.c>"),
        ("john smith@b.c", "<john smith@b.c>"),
        ("\"John Smith <a@b.c>, d@e.f", "\"\"John Smith\" <a@b.c>, <d@e.f>"),
        ("a@b.c (John, d@e.f", "\"(John\" <a@b.c>, <d@e.f>"),
        ("\\, a@b.c", "<\\@>, <a@b.c>"),
        ("(nobody)", "\"nobody\" <@>"),
        (";", ""),
        ("develop!next@ebony@sblab.att.com", "<develop!next@ebony@sblab.att.com>"),
        ("\u{0}@b", "<\\x00@b>"),
    ]

    @Test(arguments: regular) func readsAddresses(_ value: String, _ expected: String) throws {
        #expect(try addresses(value) == expected)
    }

    @Test(arguments: groups) func readsGroups(_ value: String, _ expected: String) throws {
        #expect(try addresses(value) == expected)
    }

    @Test(arguments: broken) func makesSomethingOfBrokenOnes(_ value: String, _ expected: String) throws {
        #expect(try addresses(value) == expected)
    }

    @Test(arguments: regular + groups + broken) func foldsDoNotMatter(_ value: String, _ expected: String) throws {
        guard !expected.contains("  ") else { return }
        let folded = value.split(separator: " ", omittingEmptySubsequences: false).joined(separator: "\r\n ")
        #expect(try addresses(folded) == expected)
    }
}
