import Foundation
import MailModel
import Testing
import Varve

/// A user whose store is damaged reads what there is and is told so; others notice nothing.
@Suite struct DamagedAccountTests {
    private func makeDamagedStore(at path: String) throws {
        let store = try Store.open(at: path)
        let inbox = try store.mailbox("INBOX").id
        try store.commit { tx in
            try tx.append(Array("Subject: kept\r\n\r\nBody\r\n".utf8), to: inbox, internalDate: InternalDate(seconds: 0))
        }
        try store.close()
        // In the header of the first segment, without which nothing more may be written.
        let segment = URL(fileURLWithPath: "\(path)/\(FileNames.segment(1))")
        var bytes = try Data(contentsOf: segment)
        bytes[50] ^= 1
        try bytes.write(to: segment)
    }

    @Test func itsMailCanBeRead() async throws {
        let server = try TestServer()
        let path = server.directory.storePath("alice")
        try makeDamagedStore(at: path)
        let before = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        try await server.start()
        let alice = try TestClient(port: server.port)
        _ = try alice.line()
        let login = try alice.command("a", "LOGIN alice alice")
        #expect(login.first?.hasPrefix("* NO [ALERT] The mail store is damaged") == true, "\(login)")
        #expect(login.last?.hasPrefix("a OK") == true)
        let select = try alice.command("b", "SELECT INBOX")
        #expect(select.contains("* 1 EXISTS") && select.last == "b OK [READ-ONLY] Select completed", "\(select)")
        let fetch = try alice.command("c", "FETCH 1 BODY[HEADER.FIELDS (SUBJECT)]")
        #expect(fetch.contains { $0.contains("Subject: kept") }, "\(fetch)")
        #expect(try alice.command("d", "STORE 1 +FLAGS (\\Seen)").last?.hasPrefix("d NO") == true)
        #expect(try alice.command("e", "CREATE New").last?.hasPrefix("e NO [NOPERM]") == true)

        let bob = try TestClient(port: server.port)
        _ = try bob.line()
        #expect(try bob.command("a", "LOGIN bob bob").count == 1)
        #expect(try bob.command("b", "SELECT INBOX").last == "b OK [READ-WRITE] Select completed")
        try await server.server.shutDown()
        #expect(try FileManager.default.contentsOfDirectory(atPath: path).sorted() == before)
        #expect(throws: StoreError.self) { try Store.open(at: path) }
    }
}
