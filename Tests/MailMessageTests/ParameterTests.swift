import MailMessage
import Testing

@Suite struct ParameterTests {
    /// Type and parameters of a message with this Content-Type.
    private func contentType(_ value: String) throws -> String {
        try withSummary(of: "Content-Type: \(value)\n\n") { summary in
            let parameters = text(summary.root.parameters)
            return "\(summary.root.type.shown)/\(summary.root.subtype.shown)" + (parameters.isEmpty ? "" : "; " + parameters)
        }
    }

    @Test(arguments: [
        ("text/plain", "text/plain"),
        ("TEXT/Html; Charset=UTF-8", "TEXT/Html; Charset=\"UTF-8\""),
        ("text/plain;charset=\"us-ascii\";format=flowed", "text/plain; charset=\"us-ascii\"; format=\"flowed\""),
        ("text/plain; charset=us-ascii (Plain text)", "text/plain; charset=\"us-ascii\""),
        ("(c) text (c) / (c) plain (c); (c) charset (c) = (c) \"us-ascii\" (c)", "text/plain; charset=\"us-ascii\""),
        ("text/plain; x=\"a \\\"b\\\" \\\\ c;d\"", "text/plain; x=\"a \"b\" \\ c;d\""),
        ("text/plain;\r\n\tx=y;\n z=w", "text/plain; x=\"y\"; z=\"w\""),
        ("application/pdf; name=a b (1).pdf ; x=y", "application/pdf; name=\"a b\"; x=\"y\""),
        ("application/pdf; name=a b(1).pdf; x=y", "application/pdf; name=\"a b(1).pdf\"; x=\"y\""),
        ("image/png; name=/a:b=c?.png", "image/png; name=\"/a:b=c?.png\""),
        ("text/plain; name=\"unclosed; charset=x", "text/plain; name=\"unclosed\"; charset=\"x\""),
        ("text/plain; name=\"a\" junk; charset=x", "text/plain; name=\"a\"; charset=\"x\""),
        ("text/plain charset=x", "text/plain; charset=\"x\""),
        ("text/plain;; ; charset=x;", "text/plain; charset=\"x\""),
        ("text/plain; flag; charset=x", "text/plain; charset=\"x\""),
        ("text/plain; =y; charset=x", "text/plain; charset=\"x\""),
        ("text/plain; x=; y=\"\"", "text/plain; x=\"\"; y=\"\""),
        ("text/plain; x=1; x=2", "text/plain; x=\"1\"; x=\"2\""),
        ("text/plain; x=J\u{f6}rg", "text/plain; x=\"J\\xc3\\xb6rg\""),
        ("text/x-a+b.c", "text/x-a+b.c"),
    ])
    func readsContentType(_ value: String, _ expected: String) throws {
        #expect(try contentType(value) == expected)
    }

    /// RFC 2045 §5.2.
    @Test(arguments: [
        "", "text", "text/", "/plain", "text; charset=x", "text plain", "\"text\"/plain", "t\u{e9}xt/plain", ";",
    ])
    func malformedIsPlainText(_ value: String) throws {
        #expect(try contentType(value) == "text/plain; charset=\"us-ascii\"")
    }

    @Test func tooLongIsMalformed() throws {
        let token = String(repeating: "x", count: MailLimits.tokenBytes)
        #expect(try contentType("text/\(token)") == "text/\(token)")
        #expect(try contentType("text/\(token)x") == "text/plain; charset=\"us-ascii\"")
    }

    @Test(arguments: [
        ("t*=utf-8''J%C3%B6rg", "t=\"J\\xc3\\xb6rg\""),
        ("t*=UTF-8'de'J%c3%b6rg%", "t=\"J\\xc3\\xb6rg%\""),
        ("t*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "t=\"This is ***fun***\""),
        ("t*0=\"ftp://\"; t*1=\"a.example/b\"", "t=\"ftp://a.example/b\""),
        ("t*1=b; x=y; t*0=a; t*2=c", "t=\"abc\"; x=\"y\""),
        (
            "t*0*=us-ascii'en'This%20is%20even%20more%20; t*1*=%2A%2A%2Afun%2A%2A%2A%20; t*2=\"isn't it!\"",
            "t=\"This is even more ***fun*** isn't it!\""
        ),
        ("T*0*=utf-8''%C3; t*1*=%B6", "T=\"\\xc3\\xb6\""),
        ("t=plain; t*=utf-8''J%C3%B6rg; x=y", "t=\"J\\xc3\\xb6rg\"; x=\"y\""),
        ("t*=utf-8''J%C3%B6rg; t=plain", "t=\"J\\xc3\\xb6rg\""),
        ("t*0=a; t*2=c", "t=\"a\""),
        ("t*1=a; t*2=c", "t*1=\"a\"; t*2=\"c\""),
        ("t*00=a; t*x=b", "t*00=\"a\"; t*x=\"b\""),
        ("t*=no quotes", "t=\"no quotes\""),
        ("*=utf-8''x; *0=y", "*=\"utf-8''x\"; *0=\"y\""),
        // A charset that nobody knows: joined, but left as it was.
        ("t*=x-nobodys''%E9t%E9", "t*=\"x-nobodys''%E9t%E9\""),
        ("t*0*=x-nobodys''%E9t%E9; t*1=\"a b.c\"; t*2*=%20", "t*=\"x-nobodys''%E9t%E9a%20b.c%20\""),
    ])
    func joinsContinuations(_ parameters: String, _ expected: String) throws {
        #expect(try contentType("a/b; \(parameters)") == "a/b; \(expected)")
    }

    @Test func otherCharsetsBecomeUTF8WhereTheyAreKnown() throws {
        let utf8 = Array("J\u{f6}rg".utf8)
        let bytes: [UInt8] = [0x4a, 0xf6, 0x72, 0x67]
        let isKnown = bytes.withUnsafeBytes { bytes in
            Array("iso-8859-1".utf8).withUnsafeBytes { Charset.utf8(bytes, charset: $0) } == utf8
        }
        let expected = isKnown ? "t=\"J\\xc3\\xb6rg\"" : "t*=\"iso-8859-1''J%F6rg\""
        #expect(try contentType("a/b; t*=iso-8859-1''J%F6rg") == "a/b; " + expected)
    }

    @Test func countOfParametersIsLimited() throws {
        let parameters = (0..<10_000).map { "p\($0)=v" }.joined(separator: ";")
        try withSummary(of: "Content-Type: a/b; \(parameters)\n\n") { summary in
            #expect(summary.root.parameters.count(where: { _ in true }) == MailLimits.parameters)
        }
    }

    @Test(arguments: [
        (
            "Content-Disposition: attachment; filename=\"a b.txt\"; size=3",
            "disposition=attachment(filename=\"a b.txt\"; size=\"3\")"
        ),
        ("Content-Disposition: INLINE", "disposition=INLINE"),
        ("Content-Disposition: \"attachment\"; filename=a", "disposition=attachment(filename=\"a\")"),
        ("Content-Disposition: filename=a", "disposition=attachment(filename=\"a\")"),
        ("Content-Disposition: ; filename*=utf-8''%C3%A9", "disposition=attachment(filename=\"\\xc3\\xa9\")"),
        ("Content-Disposition:", ""),
        ("Content-Language: de, en-GB (British),fr", "languages=de,en-GB,fr"),
        ("Content-Language: ,", ""),
        ("Content-Location: http://a.example/\n b ", "location=http://a.example/ b"),
        ("Content-ID: <a@b> ", "id=<a@b>"),
        ("Content-ID:", "id="),
        ("Content-Description: a =?utf-8?Q?b?=\n c ", "description=a =?utf-8?Q?b?= c"),
        ("Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==", "md5=Q2hlY2sgSW50ZWdyaXR5IQ=="),
    ])
    func readsOtherContentFields(_ field: String, _ expected: String) throws {
        let line = try withSummary(of: "\(field)\n\n") { text($0.root) }
        let plain =
            "text text/plain; charset=\"us-ascii\" 7BIT 0..<\(field.utf8.count + 2) \(field.utf8.count + 2)..<"
            + "\(field.utf8.count + 2) 0 lines"
        #expect(line == (expected.isEmpty ? plain : plain + " " + expected))
    }

    @Test(arguments: [
        ("base64", "base64"), (" Quoted-Printable ", "Quoted-Printable"), ("(c) 8bit (c)", "8bit"), ("\"binary\"", "binary"),
        ("7bit; x=y", "7bit"), ("x-uuencode", "x-uuencode"), ("", "7BIT"), ("()", "7BIT"),
    ])
    func readsTransferEncoding(_ value: String, _ expected: String) throws {
        #expect(try withSummary(of: "Content-Transfer-Encoding: \(value)\n\n") { $0.root.encoding.shown } == expected)
    }
}
