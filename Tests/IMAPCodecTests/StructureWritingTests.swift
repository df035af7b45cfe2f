import IMAPCodec
import MailMessage
import NIOCore
import Testing

/// A message's envelope and structures as IMAP text: RFC 3501 §7.4.2.
private struct Written {
    var envelope = ""
    var body = ""
    var bodyStructure = ""

    /// - Parameter message: with LF as line end, which becomes CRLF.
    init(_ message: String) throws {
        var bytes: [UInt8] = []
        for byte in message.utf8 {
            if byte == 0x0A { bytes.append(0x0D) }
            bytes.append(byte)
        }
        try self.init(bytes: bytes)
    }

    init(bytes: [UInt8]) throws {
        let encoded = bytes.withUnsafeBytes { MessageSummary(parsing: $0).encode() }
        try encoded.withUnsafeBytes { encoded in
            let summary = try #require(SummaryReader(encoded))
            envelope = written { $0.writeEnvelope(summary.envelope) }
            body = written { $0.writeBodyStructure(summary.root, extensible: false) }
            bodyStructure = written { $0.writeBodyStructure(summary.root, extensible: true) }
        }
    }
}

@Suite struct StructureWritingTests {
    /// The example of RFC 3501 §8.
    @Test func theEnvelopeOfTheRFC() throws {
        let message = try Written(
            """
            Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
            From: Terry Gray <gray@cac.washington.edu>
            Subject: IMAP4rev1 WG mtg summary and minutes
            To: imap@cac.washington.edu
            cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
            Message-Id: <B27397-0100000@cac.washington.edu>
            MIME-Version: 1.0
            Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

            Hello
            World

            """)
        let gray = #"(("Terry Gray" NIL "gray" "cac.washington.edu"))"#
        #expect(
            message.envelope == #"("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" "#
                + "\(gray) \(gray) \(gray) "
                + #"((NIL NIL "imap" "cac.washington.edu")) "#
                + #"((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL "#
                + #""<B27397-0100000@cac.washington.edu>")"#)
        #expect(message.body == #"("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 14 2)"#)
        #expect(message.bodyStructure == #"("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 14 2 NIL NIL NIL NIL)"#)
    }

    @Test func anEmptyMessage() throws {
        #expect(try Written("").envelope == "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)")
        #expect(try Written("").body == #"("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 0 0)"#)
    }

    @Test func groupsAndReplies() throws {
        let message = try Written(
            """
            From: a@b
            Sender: "Q \\"x\\"" <c@d>
            Reply-To: <@r1,@r2:e@f>
            To: A Group: x@y, Z <z@w>;, last@one
            Cc: undisclosed-recipients:;
            In-Reply-To: <1@2>
            Subject:

            """)
        #expect(
            message.envelope == #"(NIL "" ((NIL NIL "a" "b")) (("Q \"x\"" NIL "c" "d")) ((NIL "@r1,@r2" "e" "f")) "#
                + #"((NIL NIL "A Group" NIL)(NIL NIL "x" "y")("Z" NIL "z" "w")(NIL NIL NIL NIL)(NIL NIL "last" "one")) "#
                + #"((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL)) NIL "<1@2>" NIL)"#)
    }

    @Test func everyField() throws {
        let message = try Written(
            """
            Content-Type: image/png; name="a b.png"; x=1
            Content-ID: <id@x>
            Content-Description: a picture
            Content-Transfer-Encoding: base64
            Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
            Content-Disposition: attachment; filename="a \\"b\\".png"
            Content-Language: en, de
            Content-Location: http://x/y

            AAAA

            """)
        let basic = #"("image" "png" ("name" "a b.png" "x" "1") "<id@x>" "a picture" "base64" 6"#
        #expect(message.body == basic + ")")
        #expect(
            message.bodyStructure == basic + #" "Q2hlY2sgSW50ZWdyaXR5IQ==" ("attachment" ("filename" "a \"b\".png")) "#
                + #"("en" "de") "http://x/y")"#)
    }

    @Test func aDispositionWithoutParameters() throws {
        let message = try Written("Content-Type: application/x-y\nContent-Disposition: inline\nContent-Language: en\n\nx")
        #expect(message.bodyStructure == #"("application" "x-y" NIL NIL NIL "7BIT" 1 NIL ("inline" NIL) ("en") NIL)"#)
    }

    @Test func multiparts() throws {
        let message = try Written(
            """
            Content-Type: multipart/mixed; boundary=o
            Content-Disposition: inline
            Content-Language: fr

            --o
            Content-Type: multipart/alternative; boundary=i

            --i
            Content-Type: text/plain

            one
            two
            --i
            Content-Type: text/html

            <p>
            --i--
            --o
            Content-Type: application/pdf

            x
            --o--

            """)
        let plain = #"("text" "plain" NIL NIL NIL "7BIT" 8 2"#
        let html = #"("text" "html" NIL NIL NIL "7BIT" 3 1"#
        let pdf = #"("application" "pdf" NIL NIL NIL "7BIT" 1"#
        #expect(message.body == #"((\#(plain))\#(html)) "alternative")\#(pdf)) "mixed")"#)
        let none = " NIL NIL NIL NIL)"
        #expect(
            message.bodyStructure == #"((\#(plain)\#(none)\#(html)\#(none) "alternative" ("boundary" "i") NIL NIL NIL)"#
                + #"\#(pdf)\#(none) "mixed" ("boundary" "o") ("inline" NIL) ("fr") NIL)"#)
    }

    @Test func anEnclosedMessage() throws {
        let message = try Written(
            """
            Content-Type: message/rfc822

            Subject: inner
            From: a@b
            Content-Type: text/plain; charset=utf-8

            one
            two

            """)
        let address = #"((NIL NIL "a" "b"))"#
        let start =
            #"("message" "rfc822" NIL NIL NIL "7BIT" 80 "#
            + #"(NIL "inner" \#(address) \#(address) \#(address) NIL NIL NIL NIL NIL) "#
        let inner = #"("text" "plain" ("charset" "utf-8") NIL NIL "7BIT" 10 2"#
        #expect(message.body == start + inner + ") 6)")
        #expect(message.bodyStructure == start + inner + " NIL NIL NIL NIL) 6 NIL NIL NIL NIL)")
    }

    /// Bytes that no quoted string may hold stand in a literal; NUL, which no string at all may hold, is left out.
    @Test func bytesInTheWild() throws {
        #expect(try Written("Subject: gr\u{FC}n\n\n").envelope.hasPrefix("(NIL {5}\r\ngrün NIL"))
        let latin = Array("Subject: gr".utf8) + [0xFC] + Array("n\r\n\r\n".utf8)
        let encoded = latin.withUnsafeBytes { MessageSummary(parsing: $0).encode() }
        try encoded.withUnsafeBytes { bytes in
            var buffer = ByteBuffer()
            buffer.writeEnvelope(try #require(SummaryReader(bytes)).envelope)
            #expect(Array(buffer.readableBytesView.prefix(14)) == Array("(NIL {4}\r\ngr".utf8) + [0xFC, 0x6E])
        }
        let nul = try Written("Subject: a\0b\nContent-Description: \0\u{FC}\0\n\n")
        #expect(!nul.envelope.utf8.contains(0))
        #expect(nul.envelope.hasPrefix("(NIL \"ab\" NIL"))
        #expect(nul.body == "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL {2}\r\nü \"7BIT\" 0 0)")
        let long = String(repeating: "s", count: 1_001)
        #expect(try Written("Subject: \(long)\n\n").envelope.hasPrefix("(NIL {1001}\r\n\(long) NIL"))
    }

    /// A tree as deep as the parser lets it become is written, with its parentheses in balance.
    @Test func depthIsNoBurden() throws {
        var message = ""
        for level in 0..<2_000 { message += "Content-Type: multipart/mixed; boundary=b\(level)\n\n--b\(level)\n" }
        let nested = try Written(message)
        let enclosed = try Written(String(repeating: "Content-Type: message/rfc822\n\n", count: 2_000))
        for text in [nested.body, nested.bodyStructure, enclosed.body, enclosed.bodyStructure] {
            var depth = 0
            var deepest = 0
            for byte in text.utf8 {
                if byte == 0x28 { depth += 1 }
                if byte == 0x29 { depth -= 1 }
                deepest = max(deepest, depth)
            }
            #expect(depth == 0 && deepest > 10)
        }
    }
}
