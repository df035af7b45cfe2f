import TestSupport
import Testing

@testable import VarveAccounts

/// As cheap as the bounds allow: the tests are about files.
private let cheap = ScryptCost(logN: 10, blockSize: 1, parallelism: 1)

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

private func kind(_ body: () throws -> Void) -> AccountError.Kind? {
    do {
        try body()
        return nil
    } catch {
        return (error as? AccountError)?.kind
    }
}

@Suite struct AccountDirectoryTests {
    let folder = TemporaryFolder()

    private func open() throws -> AccountDirectory {
        try AccountDirectory(folder.path + "/data", create: true, cost: cheap)
    }

    @Test func lifeOfAUser() throws {
        let accounts = try open()
        #expect(try accounts.users().isEmpty)
        try accounts.add("bob", password: bytes("one"))
        try accounts.add("alice", password: bytes("two"))
        #expect(try accounts.users() == ["alice", "bob"])
        #expect(try accounts.verify("bob", password: bytes("one")))
        #expect(try !accounts.verify("bob", password: bytes("two")))
        #expect(try !accounts.verify("carol", password: bytes("one")))
        #expect(try !accounts.verify("bob", password: []))
        #expect(try !accounts.verify("bob", password: [UInt8](repeating: 65, count: 5000)))
        try accounts.setPassword("bob", bytes("three"))
        #expect(try !accounts.verify("bob", password: bytes("one")))
        #expect(try accounts.verify("bob", password: bytes("three")))
        try accounts.remove("bob")
        #expect(try accounts.users() == ["alice"])
        #expect(try !accounts.verify("bob", password: bytes("three")))
        #expect(kind { try accounts.add("alice", password: bytes("x")) } == .alreadyExists)
        #expect(kind { try accounts.setPassword("bob", bytes("x")) } == .notFound)
        #expect(kind { try accounts.remove("bob") } == .notFound)
        #expect(kind { try accounts.add("dora", password: []) } == .notPermitted)
    }

    @Test func onlyTheOwnerMayRead() throws {
        let accounts = try open()
        try accounts.add("alice", password: bytes("x"))
        #expect(folder.mode("data") == 0o700)
        #expect(folder.mode("data/accounts") == 0o700)
        #expect(folder.mode("data/users") == 0o600)
        #expect(folder.mode("data/users.lock") == 0o600)
        #expect(folder.read("data/users")?.contains("alice:$scrypt$ln=10,r=1,p=1$") == true)
        #expect(folder.read("data/users.new") == nil)
    }

    @Test func isNotMadeUnlessAsked() throws {
        #expect(kind { _ = try AccountDirectory(folder.path + "/data", create: false) } == .notFound)
        #expect(kind { _ = try AccountDirectory(folder.path + "/no/data", create: true) } == .notFound)
        #expect(kind { _ = try AccountDirectory(folder.path, create: false) } == .notFound)
        _ = try open()
        _ = try AccountDirectory(folder.path + "/data/", create: false)
        folder.write("file", "")
        #expect(kind { _ = try AccountDirectory(folder.path + "/file", create: false) } == .notFound)
    }

    @Test func seesWhatAnotherHasChanged() throws {
        let first = try open()
        let second = try open()
        try first.add("alice", password: bytes("x"))
        #expect(try second.users() == ["alice"])
        try second.setPassword("alice", bytes("y"))
        #expect(try first.verify("alice", password: bytes("y")))
        try first.remove("alice")
        #expect(try second.users().isEmpty)
    }

    @Test func twoAtOnceLoseNothing() async throws {
        let path = folder.path + "/data"
        _ = try open()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    let accounts = try AccountDirectory(path, create: false, cost: cheap)
                    for i in 0..<10 { try accounts.add("user-\(worker)-\(i)", password: bytes("x")) }
                }
            }
            try await group.waitForAll()
        }
        let accounts = try open()
        #expect(try accounts.users().count == 40)
        #expect(try accounts.problems().isEmpty)
    }

    @Test func costIsReadBackFromTheLine() throws {
        try open().add("old", password: bytes("x"))
        let dearer = ScryptCost(logN: 11, blockSize: 2, parallelism: 2)
        let accounts = try AccountDirectory(folder.path + "/data", create: false, cost: dearer)
        try accounts.add("new", password: bytes("y"))
        #expect(try accounts.verify("old", password: bytes("x")))
        #expect(try accounts.verify("new", password: bytes("y")))
        #expect(folder.read("data/users")?.contains("new:$scrypt$ln=11,r=2,p=2$") == true)
    }

    @Test func damagedLinesHarmNobodyElse() throws {
        let accounts = try open()
        try accounts.add("alice", password: bytes("x"))
        let good = try #require(folder.read("data/users"))
        folder.write("data/users", "no colon\nbob:rubbish\n\n" + good + "alice:twice\n:empty\n")
        #expect(try accounts.users() == ["alice", "bob"])
        #expect(try accounts.verify("alice", password: bytes("x")))
        let problems = try accounts.problems().map(\.message)
        #expect(problems.count == 4)
        #expect(problems[0].contains("line 1") && problems[1].contains("line 2") && problems[1].contains("bob"))
        #expect(problems[2].contains("line 5") && problems[3].contains("line 6"))
        #expect(kind { _ = try accounts.verify("bob", password: bytes("x")) } == .corrupt)
        // Others' changes keep what is damaged; a new password mends it.
        try accounts.add("carol", password: bytes("z"))
        #expect(folder.read("data/users")?.hasPrefix("no colon\nbob:rubbish\n") == true)
        try accounts.setPassword("bob", bytes("b"))
        #expect(try accounts.verify("bob", password: bytes("b")))
        #expect(try accounts.problems().count == 3)
        #expect(try accounts.users() == ["alice", "bob", "carol"])
    }

    @Test(arguments: [
        "", "a:b", "a\nb", "tab\t", "nul\0", "delete\u{7F}", "c1\u{85}", String(repeating: "x", count: 256),
        String(repeating: "/", count: 100),
    ])
    func invalidNames(name: String) throws {
        let accounts = try open()
        #expect(kind { try accounts.add(name, password: bytes("x")) } == .invalidName)
    }

    @Test(arguments: [
        ("alice", "alice"), ("alice@example.org", "alice@example.org"), ("..", "%2E."), (".hidden", "%2Ehidden"),
        ("a/b", "a%2Fb"), ("50%", "50%25"), ("two words", "two%20words"), ("Zoë", "Zoë"), ("../../etc", "%2E.%2F..%2Fetc"),
    ])
    func storeFolders(name: String, expected: String) throws {
        let accounts = try open()
        try accounts.add(name, password: bytes("x"))
        #expect(try accounts.verify(name, password: bytes("x")))
        #expect(accounts.storePath(name) == "\(folder.path)/data/accounts/\(expected)")
    }

    /// Names that Unicode calls equal are two users with a folder each, never one user with two folders.
    @Test func namesAreBytes() throws {
        let accounts = try open()
        try accounts.add("Zo\u{EB}", password: bytes("one"))
        #expect(try !accounts.verify("Zoe\u{308}", password: bytes("one")))
        try accounts.add("Zoe\u{308}", password: bytes("two"))
        #expect(try accounts.users().count == 2)
        #expect(try accounts.verify("Zo\u{EB}", password: bytes("one")))
    }
}
