import Testing

@testable import IMAPLoad

@Suite struct LoadAnswerTests {
    private func answer(_ text: String, _ status: String = "OK done\r\n") -> Answer {
        Answer(untagged: Array(text.utf8), status: status)
    }

    @Test func occurrencesAreCounted() {
        let told = answer("* 1 FETCH (UID 7 FLAGS ())\r\n* 2 FETCH (UID 10 FLAGS (\\Seen))\r\n")
        #expect(told.count(of: " FETCH (") == 2)
        #expect(told.count(of: "\\Seen") == 1)
        #expect(told.count(of: "\\Flagged") == 0)
        #expect(told.count(of: "\\r\\n") == 0)
        #expect(told.numbers(behind: "UID ") == [7, 10])
        // A word that begins like the one that is looked for, and an end that does.
        #expect(answer("UUID 3 UI").numbers(behind: "UID ") == [3])
        #expect(answer("").count(of: "x") == 0)
    }

    @Test func numbersStandInTheTaggedLineToo() {
        let told = answer("* OK [UIDVALIDITY 5]\r\n", "OK [HIGHESTMODSEQ 12] done\r\n")
        #expect(told.number(behind: "UIDVALIDITY ") == 5)
        #expect(told.number(behind: "HIGHESTMODSEQ ") == 12)
        #expect(told.number(behind: "UIDNEXT ") == nil)
    }

    @Test func whatVanished() {
        #expect(answer("* VANISHED (EARLIER) 1:3,9,12:11\r\n* 3 FETCH (UID 4)\r\n").vanished == [1, 2, 3, 9, 11, 12])
        #expect(answer("* VANISHED 5\r\n").vanished.isEmpty)
    }

    @Test func aLiteral() {
        #expect(Array(answer("* 1 FETCH (BODY[] {5}\r\na1 OK)\r\n").literal) == Array("a1 OK".utf8))
        #expect(answer("* 1 FETCH (BODY[] {50}\r\nshort)\r\n").literal.isEmpty)
        #expect(answer("* 1 FETCH (BODY[] \"\")\r\n").literal.isEmpty)
    }
}
