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

    /// Who reads a message that is damaged hears that it has \Seen now, though of the message nothing (RFC 7162 §3.2.4).
    @Test func aDamagedMessageIsSeen() async throws {
        let server = try TestServer { $0.store.backgroundMaintenance = false }
        try await server.start()
        let alice = try TestClient(port: server.port)
        _ = try alice.line()
        try alice.command("a", "LOGIN alice alice")
        try alice.command("b", "APPEND INBOX {3+}\r\nA\r\n")
        try alice.command("c", "SELECT INBOX (CONDSTORE)")
        // Every byte of the log behind the segments' headers becomes zero, in place.
        let folder = "\(server.directory.storePath("alice"))/\(FileNames.segments)"
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: "\(folder)/\(name)"))
            let size = try file.seekToEnd()
            try file.seek(toOffset: 64)
            file.write(Data(count: Int(size) - 64))
            try file.close()
        }
        let fetch = try alice.command("d", "FETCH 1 (BODY[])")
        #expect(fetch.count == 2 && fetch[0].hasPrefix("* 1 FETCH (UID 1 MODSEQ ("), "\(fetch)")
        #expect(fetch.first?.contains("FLAGS (\\Seen") == true && fetch.last?.hasPrefix("d NO [CORRUPTION]") == true, "\(fetch)")
        try await server.server.shutDown()
    }
}
