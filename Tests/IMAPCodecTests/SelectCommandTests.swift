import IMAPCodec
import Testing

/// RFC 7162 §7, select-param.
@Suite struct SelectCommandTests {
    static let transcripts: [Transcript] = [
        .command("SELECT INBOX (CONDSTORE)", #"SELECT "INBOX" condstore"#),
        .command("examine INBOX (condstore)", #"EXAMINE "INBOX" condstore"#),
        .command("SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))",
            #"SELECT "INBOX" qresync(67890007 20050715194045000 41,43:211,214:541)"#),
        .command("SELECT INBOX (QRESYNC (1 9223372036854775807))",
            #"SELECT "INBOX" qresync(1 9223372036854775807)"#),
        .command(
            "SELECT INBOX (QRESYNC (67890007 90060115194045000 1:29997 (5000,7500,9000,9990:9999 15000,22500,27000,"
                + "29970,29973,29976,29979,29982,29985,29988,29991,29994,29997)))",
            #"SELECT "INBOX" qresync(67890007 90060115194045000 1:29997 (5000,7500,9000,9990:9999 15000,22500,27000,"#
                + "29970,29973,29976,29979,29982,29985,29988,29991,29994,29997))"),
        .command("SELECT INBOX (QRESYNC (1 2 (1:4294967295 1:4294967295)) CONDSTORE)",
            #"SELECT "INBOX" condstore qresync(1 2 (1:4294967295 1:4294967295))"#),
    ]

    @Test(arguments: transcripts)
    func says(_ transcript: Transcript) { transcript.verify() }

    static let refused: [Transcript] = [
        .command("SELECT a ()", "BAD SELECT: expected CONDSTORE or QRESYNC, found \")\""),
        .command("SELECT a (FROB)", "BAD SELECT: expected CONDSTORE or QRESYNC, found \"FROB)\""),
        .command("SELECT a (CONDSTORE", "BAD SELECT: expected \")\" or a space after a parameter, found the end of the command"),
        .command("SELECT a (QRESYNC)", "BAD SELECT: expected a space and what the client knows, found \")\""),
        .command("SELECT a (QRESYNC (1 2) QRESYNC (1 2))", "BAD SELECT: expected QRESYNC once, found \"QRESYNC\""),
        .command("SELECT a (QRESYNC (0 1))", "BAD SELECT: expected a UIDVALIDITY, from 1, found \"0\""),
        .command("SELECT a (QRESYNC (1 0))", "BAD SELECT: expected a mod-sequence, from 1, found \"0))\""),
        .command("SELECT a (QRESYNC (1 99999999999999999999))", "BAD SELECT: a mod-sequence beyond 9223372036854775807"),
        .command("SELECT a (QRESYNC (1 2 1:*))", "BAD SELECT: expected a set of UIDs without * and $, found \"1:*))\""),
        .command("SELECT a (QRESYNC (1 2 (3 4,5)))", "BAD SELECT: sequence match data with more of one than of the other"),
        .command("SELECT a (QRESYNC (1 2 (3,3 4,5)))", "BAD SELECT: sequence match data out of order"),
        .command("SELECT a (QRESYNC (1 2 (5:3 4:6)))", "BAD SELECT: sequence match data out of order"),
        .command("SELECT a (QRESYNC (1 2 3 (4)))", "BAD SELECT: expected a space and the UIDs of these messages, found \")))\""),
    ]

    @Test(arguments: refused)
    func refuses(_ transcript: Transcript) { transcript.verify() }
}
