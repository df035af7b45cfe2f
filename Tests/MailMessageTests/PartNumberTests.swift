import MailMessage
import Testing

/// The numbering of RFC 3501 §6.4.5.
@Suite struct PartNumberTests {
    /// The shape of the example there: parts that are a text, an octet stream, a message that is multipart, and a multipart
    /// with a part and a message.
    static let example = """
        Content-Type: multipart/mixed; boundary=a

        --a
        Content-Description: 1

        --a
        Content-Type: application/octet-stream
        Content-Description: 2

        --a
        Content-Type: message/rfc822
        Content-Description: 3

        Content-Type: multipart/mixed; boundary=b
        Content-Description: body of 3

        --b
        Content-Description: 3.1

        --b
        Content-Type: application/octet-stream
        Content-Description: 3.2

        --b--
        --a
        Content-Type: multipart/mixed; boundary=c
        Content-Description: 4

        --c
        Content-Type: image/gif
        Content-Description: 4.1

        --c
        Content-Type: message/rfc822
        Content-Description: 4.2

        Content-Type: multipart/mixed; boundary=d
        Content-Description: body of 4.2

        --d
        Content-Description: 4.2.1

        --d
        Content-Type: multipart/alternative; boundary=e
        Content-Description: 4.2.2

        --e
        Content-Description: 4.2.2.1

        --e
        Content-Description: 4.2.2.2

        --e--
        --d--
        --c
        Content-Type: message/rfc822
        Content-Description: 4.3

        Content-Type: text/plain
        Content-Description: 4.3.1

        --c--
        --a
        Content-Type: message/rfc822
        Content-Description: 5

        Content-Type: message/rfc822
        Content-Description: 5.1

        Content-Description: 5.1.1

        --a--

        """

    @Test(arguments: [
        [1], [2], [3], [3, 1], [3, 2], [4], [4, 1], [4, 2], [4, 2, 1], [4, 2, 2], [4, 2, 2, 1], [4, 2, 2, 2], [4, 3],
        [4, 3, 1],
        [5], [5, 1], [5, 1, 1],
    ])
    func findsParts(_ number: [Int]) throws {
        try withSummary(of: PartNumberTests.example) { summary in
            let part = try #require(summary.part(number))
            #expect(part.description?.shown == number.map(String.init).joined(separator: "."))
        }
    }

    @Test(arguments: [
        [0], [6], [-1], [Int.max], [Int.min], [1, 1], [2, 1], [3, 0], [3, 3], [3, 1, 1], [4, 0], [4, 4], [4, 1, 1],
        [4, 3, 2], [4, 3, 1, 1],
        [5, 2], [5, 1, 2], [5, 1, 1, 1],
    ])
    func findsNoOthers(_ number: [Int]) throws {
        try withSummary(of: PartNumberTests.example) { #expect($0.part(number).map { text($0) } == nil) }
    }

    @Test func emptyIsTheMessage() throws {
        try withSummary(of: PartNumberTests.example) { summary in
            let part = try #require(summary.part([]))
            #expect(part.kind == .multipart)
            #expect(part.body.upperBound == summary.size)
        }
    }

    @Test func ofAMessageThatIsNotMultipart() throws {
        try withSummary(of: "Subject: x\n\nbody\n") { summary in
            #expect(summary.part([1])?.body == 12..<17)
            #expect(summary.part([2]).map { text($0) } == nil)
            #expect(summary.part([1, 1]).map { text($0) } == nil)
        }
    }

    @Test func ofAMessageThatIsAMessage() throws {
        try withSummary(of: "Content-Type: message/rfc822\n\nSubject: x\n\nbody\n") { summary in
            #expect(summary.part([1])?.kind == .message)
            #expect(summary.part([1])?.body == 30..<47)
            #expect(summary.part([1, 1])?.header == 30..<42)
            #expect(summary.part([1, 1])?.body == 42..<47)
            #expect(summary.part([1, 1, 1]).map { text($0) } == nil)
            #expect(summary.part([1, 2]).map { text($0) } == nil)
        }
    }
}
