import MailModel
import Testing
import Varve

@testable import IMAPServer

/// RFC 5530 §3: response codes that want a store, or an address, that no transcript has.
@Suite struct ResponseCodeTests {
    @Test func anotherProgramHasTheStore() async throws {
        let server = try TestServer()
        let store = try Store.open(at: server.directory.storePath("alice"))
        try await server.start()
        let client = try TestClient(port: server.port)
        _ = try client.line()
        #expect(try client.command("a", "LOGIN alice alice").last?.hasPrefix("a NO [INUSE] ") == true)
        // RFC 5530 §3: it may succeed if the client tries again later.
        try store.close()
        #expect(try client.command("b", "LOGIN alice alice").last?.hasPrefix("b OK ") == true)
        try await server.stop()
    }

    /// Whatever kind of failure the engine meets, here when the account is opened, the client hears the code for it.
    @Test(arguments: [
        (StoreError.Kind.notFound, "NONEXISTENT"), (.alreadyExists, "ALREADYEXISTS"), (.invalidName, "CANNOT"),
        (.notPermitted, "CANNOT"), (.limit, "LIMIT"), (.readOnly, "NOPERM"), (.locked, "INUSE"), (.corrupt, "CORRUPTION"),
        (.unsupportedVersion, "CONTACTADMIN"), (.keyMissing, "CONTACTADMIN"), (.wrongKey, "CONTACTADMIN"),
        (.poisoned, "UNAVAILABLE"), (.closed, "UNAVAILABLE"), (.outOfSpace, "UNAVAILABLE"), (.io, "UNAVAILABLE"),
    ] as [(StoreError.Kind, String)])
    func codes(_ kind: StoreError.Kind, _ code: String) async throws {
        let server = try TestServer { $0.store.fileSystem = FailingFileSystem(kind) }
        try await server.start()
        let client = try TestClient(port: server.port)
        _ = try client.line()
        #expect(try client.command("a", "LOGIN alice alice").last?.hasPrefix("a NO [\(code)] ") == true)
        try await server.server.shutDown()
    }
}

/// A file system on which nothing can be done, for one reason.
private struct FailingFileSystem: FileSystem {
    let kind: StoreError.Kind

    init(_ kind: StoreError.Kind) { self.kind = kind }

    private var failure: StoreError { StoreError(kind, "the test wants it so") }

    func open(_ path: String, create: Bool, writable: Bool) throws(StoreError) -> any File { throw failure }
    func exists(_ path: String) throws(StoreError) -> Bool { throw failure }
    func createDirectory(_ path: String) throws(StoreError) { throw failure }
    func list(_ path: String) throws(StoreError) -> [String] { throw failure }
    func remove(_ path: String) throws(StoreError) { throw failure }
    func rename(_ from: String, to: String) throws(StoreError) { throw failure }
    func syncDirectory(_ path: String) throws(StoreError) { throw failure }
    func lock(_ path: String) throws(StoreError) -> any FileLock { throw failure }
}
