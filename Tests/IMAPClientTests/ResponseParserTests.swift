import IMAPClient
import MailModel
import NIOCore
import TestSupport
import Testing

/// What servers say, RFCs' examples first, read as what it means.
@Suite struct ResponseParserTests {
    /// All responses of `text`, whose LFs are CRLFs on the wire.
    private func read(_ text: String, limits: ResponseLimits = ResponseLimits()) throws -> [Response] {
        var parser = ResponseParser(limits: limits)
        parser.append(ByteBuffer(string: text.replacing("\n", with: "\r\n")))
        var result: [Response] = []
        while let response = try parser.next() { result.append(response) }
        #expect(parser.pendingBytes == 0)
        return result
    }

    private func one(_ text: String) throws -> Response {
        let responses = try read(text + "\n")
        try #require(responses.count == 1, "\(responses)")
        return responses[0]
    }

    private func code(_ text: String) throws -> ResponseCode? {
        guard case .status(let status) = try one("* OK [\(text)] done") else { return nil }
        #expect(status.text == "done")
        return status.code
    }

    private func fetch(_ items: String) throws -> FetchResponse {
        let response = try one("* 7 FETCH (\(items))")
        guard case .fetch(let fetch) = response else { throw ResponseError("\(response)") }
        #expect(fetch.sequenceNumber == 7)
        return fetch
    }

    @Test func statusResponses() throws {
        #expect(try one("* OK IMAP4rev1 ready") == .status(StatusResponse(tag: nil, condition: .ok, text: "IMAP4rev1 ready")))
        #expect(
            try one("a1 NO [ALERT] full") == .status(StatusResponse(tag: "a1", condition: .no, code: .alert, text: "full")))
        #expect(try one("* BYE") == .status(StatusResponse(tag: nil, condition: .bye, text: "")))
        #expect(try one("* preauth hello") == .status(StatusResponse(tag: nil, condition: .preauthenticated, text: "hello")))
        // A text may end in what announces a literal elsewhere.
        #expect(try read("* OK hello {3}\na1 OK {9+}\n+ {5}\n").count == 3)
        #expect(try one("+ idling") == .continuation("idling"))
        #expect(try one("+") == .continuation(""))
    }

    @Test func codes() throws {
        #expect(try code("UIDVALIDITY 67890007") == .uidValidity(67_890_007))
        #expect(try code("UIDNEXT 550") == .uidNext(550))
        #expect(try code("UNSEEN 12") == .unseen(12))
        #expect(try code("HIGHESTMODSEQ 90060128194045007") == .highestModSeq(90_060_128_194_045_007))
        #expect(try code("NOMODSEQ") == .noModSeq)
        #expect(try code("CLOSED") == .closed)
        #expect(try code("READ-ONLY") == .readOnly)
        #expect(try code("MODIFIED 7,9:11") == .modified([7, 9, 10, 11]))
        #expect(try code("APPENDUID 38505 3955") == .appendUID(validity: 38505, [UIDRange(3955, 3955)]))
        #expect(
            try code("COPYUID 38505 304,319:320 3956:3958")
                == .copyUID(
                    validity: 38505, source: [UIDRange(304, 304), UIDRange(319, 320)], destination: [UIDRange(3956, 3958)]))
        #expect(try code("PERMANENTFLAGS (\\Deleted $MDNSent \\*)") == .permanentFlags(["\\Deleted", "$MDNSent", "\\*"]))
        #expect(try code("capability IMAP4rev1 Idle") == .capability(["IMAP4REV1", "IDLE"]))
        #expect(try code("EXPUNGEISSUED") == .other("EXPUNGEISSUED", arguments: nil))
        #expect(try code("BADCHARSET (UTF-8)") == .other("BADCHARSET", arguments: "(UTF-8)"))
    }

    @Test func mailboxData() throws {
        #expect(try one("* 172 EXISTS") == .exists(172))
        #expect(try one("* 0 RECENT") == .recent(0))
        #expect(try one("* 3 expunge") == .expunge(3))
        #expect(try one("* FLAGS (\\Seen $Work)") == .flags(["\\Seen", "$Work"]))
        #expect(try one("* CAPABILITY IMAP4rev1 CONDSTORE ") == .capability(["IMAP4REV1", "CONDSTORE"]))
        #expect(try one("* ENABLED") == .enabled([]))
        #expect(try one("* SEARCH") == .search([], modSeq: nil))
        // RFC 7162 §3.1.5
        #expect(
            try one("* SEARCH 2 5 6 7 11 12 18 19 20 23 (MODSEQ 917162500)")
                == .search([2, 5, 6, 7, 11, 12, 18, 19, 20, 23], modSeq: 917_162_500))
        #expect(try one("* VANISHED (EARLIER) 41,43:45") == .vanished([41, 43, 44, 45], isEarlier: true))
        #expect(try one("* VANISHED 8") == .vanished([8], isEarlier: false))
        #expect(try one("* XNEW thing (1 2)") == .other(name: "XNEW", ByteBuffer(string: " thing (1 2)")))
    }

    @Test func extendedSearches() throws {
        var wanted = ExtendedSearchResponse()
        wanted.tag = "A283"
        wanted.isUID = true
        wanted.minimum = 2
        wanted.count = 3
        wanted.all = [2, 10, 11]
        wanted.modSeq = 1_236_252
        #expect(try one("* ESEARCH (TAG \"A283\") UID MIN 2 COUNT 3 ALL 2,10:11 MODSEQ 1236252") == .extendedSearch(wanted))
        // RFC 9394 §3.1
        var partial = ExtendedSearchResponse()
        partial.tag = "A01"
        partial.isUID = true
        partial.partial = [200, 201]
        #expect(try one("* ESEARCH (TAG \"A01\") UID PARTIAL (-1:-100 200:201)") == .extendedSearch(partial))
        #expect(try one("* ESEARCH") == .extendedSearch(ExtendedSearchResponse()))
    }

    @Test func listings() throws {
        var list = ListResponse()
        list.attributes = ["\\Noselect", "\\HasChildren"]
        list.separator = UInt8(ascii: "/")
        list.name = "~/Mail/foo\"bar"
        #expect(try one("* LIST (\\Noselect \\HasChildren) \"/\" \"~/Mail/foo\\\"bar\"") == .list(list))
        #expect(try one("* LIST (\\Noselect \\HasChildren) \"/\" {14}\n~/Mail/foo\"bar") == .list(list))
        list.extended = [("CHILDINFO", ByteBuffer(string: "(\"SUBSCRIBED\")"))]
        #expect(
            try one("* LIST (\\Noselect \\HasChildren) \"/\" \"~/Mail/foo\\\"bar\" (\"CHILDINFO\" (\"SUBSCRIBED\"))") == .list(list))
        guard case .list(let flat) = try one("* LSUB () NIL INBOX") else { throw ResponseError("no list") }
        #expect(flat.isSubscription && flat.separator == nil && flat.name == "INBOX")
        var status = MailboxStatusResponse()
        status.name = "a b"
        status.messages = 2
        status.highestModSeq = 0
        status.size = 1 << 40
        status.mailboxID = "F1"
        #expect(
            try one("* STATUS \"a b\" (MESSAGES 2 HIGHESTMODSEQ 0 X (1 2) SIZE 1099511627776 MAILBOXID (F1))")
                == .mailboxStatus(status))
    }

    @Test func fetches() throws {
        let plain = try fetch("UID 4 FLAGS (\\Seen) MODSEQ (12) RFC822.SIZE 44 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\"")
        #expect(plain.uid == 4 && plain.flags == ["\\Seen"] && plain.modSeq == 12 && plain.size == 44)
        #expect(plain.internalDate == InternalDate(seconds: 837_596_665, zoneMinutes: -420))
        let ids = try fetch("EMAILID (M1) THREADID NIL X-GM-LABELS (\"a)\" {2}\n)( b) FLAGS ()")
        #expect(ids.emailID == "M1" && ids.threadID == nil && ids.flags == [])
        #expect(ids.others == [.init(name: "X-GM-LABELS", value: ByteBuffer(string: "(\"a)\" {2}\r\n)( b)"))])
        let body = try fetch("BODY[HEADER.FIELDS (\"SUB]JECT\")]<5> {6}\na)\r\n(\" BODY[TEXT] NIL BINARY[1] ~{1}\n\0 BINARY.SIZE[1] 1")
        #expect(
            body.sections == [
                .init(name: "BODY[HEADER.FIELDS (\"SUB]JECT\")]", origin: 5, bytes: ByteBuffer(string: "a)\r\n(\"")),
                .init(name: "BODY[TEXT]", bytes: nil),
                .init(name: "BINARY[1]", bytes: ByteBuffer(bytes: [0])),
            ])
        #expect(body.others.map(\.name) == ["BINARY.SIZE[1]"])
        let envelope = try fetch("ENVELOPE (NIL \"a\" ((NIL NIL \"b\" \"c\")) {0}\n) BODYSTRUCTURE ((\"TEXT\" 1)(\"X\" 2) \"MIXED\") UID 3")
        #expect(envelope.uid == 3 && envelope.others.map(\.name) == ["ENVELOPE", "BODYSTRUCTURE"])
        // RFC 9586 §3.3
        guard case .fetch(let byUID) = try one("* 25900 UIDFETCH (FLAGS (\\Seen))") else { throw ResponseError("no fetch") }
        #expect(byUID.sequenceNumber == nil && byUID.uid == 25900 && byUID.flags == ["\\Seen"])
    }

    /// What breaks the syntax is told, and what follows is read.
    @Test(arguments: [
        "", "a1", "a1 WELL", "*", "* 0 EXPUNGE", "* 4294967296 EXISTS", "* 1 FETCH", "* 1 FETCH (UID 4", "* 1 FETCH (UID 0)",
        "* 1 FETCH (FLAGS (\\Seen) MODSEQ 3)", "* 1 FETCH (MODSEQ (9223372036854775808))", "* VANISHED", "* VANISHED 1:*",
        "* VANISHED 0", "* OK [UIDNEXT", "* OK [UIDNEXT x]", "* STATUS INBOX (MESSAGES", "* LIST () \"//\" a", "* SEARCH 1 x",
        "* 1 FETCH (BODY[ \"x\")", "* 1 FETCH (INTERNALDATE \"31-Feb-2000 00:00:00 +0000\")", "* 2 UIDFETCH (UID 3)",
        "* ESEARCH MIN", "* 1 FETCH (X " + String(repeating: "(", count: 100) + ")",
    ])
    func brokenResponses(_ text: String) throws {
        let responses = try read(text + "\n* 1 EXISTS\n")
        try #require(responses.count == 2, "\(responses)")
        guard case .unreadable = responses[0] else { throw ResponseError("\(responses[0]) is what \(text) is taken for") }
        #expect(responses[1] == .exists(1))
    }

    @Test func limits() throws {
        var limits = ResponseLimits()
        limits.maximumLineBytes = 40
        limits.maximumResponseBytes = 100
        let fits = "* 1 FETCH (BODY[] {30}\n" + String(repeating: "x", count: 30) + ")\n"
        #expect(try read(fits + fits + fits, limits: limits).count == 3)
        for text in [
            "* OK " + String(repeating: "x", count: 50), "* 1 FETCH (BODY[] {99}\n", "* 1 FETCH (BODY[] {99999999999999999999}\n",
        ] {
            var parser = ResponseParser(limits: limits)
            parser.append(ByteBuffer(string: text))
            #expect(throws: ResponseError.self, "\(text)") { while try parser.next() != nil {} }
            #expect(throws: ResponseError.self) { try parser.next() }
        }
    }
}
