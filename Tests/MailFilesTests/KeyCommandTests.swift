import Foundation
import TestSupport
import Testing

/// `varve key`, and accounts that are encrypted, as their owners meet them.
@Suite struct KeyCommandTests {
    let folder = TemporaryFolder()

    private func run(_ arguments: String..., environment: [String: String] = [:]) throws -> VarveProgram.Outcome {
        try VarveProgram.run(arguments, in: folder.path, environment: environment)
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try #require(folder.read(name), "there is no file \(name)"), as: UTF8.self)
    }

    @Test func anEncryptedAccountIsReadWithItsKeyAlone() throws {
        #expect(try run("key", "new", "master").status == 0)
        #expect(try run("key", "new", "other").status == 0)
        let again = try run("key", "new", "master")
        #expect(again.status == 1 && again.errors.contains("never written over"))
        let mode = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/master")[.posixPermissions] as? Int
        #expect(mode == 0o600)

        let user = try VarveProgram.run(
            ["user", "add", "--data", "data", "alice", "--password-stdin"], in: folder.path, input: "secret\n")
        #expect(user.status == 0, "\(user.errors)")
        folder.write("in.mbox", "From a@b Thu Jan  1 00:00:00 2026\nSubject: pomegranate\n\nquince\n\n")
        let account = ["--data", "data", "--user", "alice"]
        func command(_ words: String..., key: String?, environment: [String: String] = [:]) throws -> VarveProgram.Outcome {
            try VarveProgram.run(
                words + account + (key.map { ["--key-file", $0] } ?? []), in: folder.path, environment: environment)
        }
        let imported = try command("import", "--mailbox", "Fruit", "--mbox", "in.mbox", key: "master")
        #expect(imported.status == 0, "\(imported.errors)")
        let store = "data/accounts/alice"
        for name in ["superblock", "index", "key", "segments/000000000001.seg"] {
            let text = try text("\(store)/\(name)")
            #expect(!text.contains("pomegranate") && !text.contains("quince") && !text.contains("Fruit"), "\(name)")
        }

        let without = try command("stat", key: nil)
        #expect(without.status == 1 && without.errors.contains("encrypted") && without.errors.contains("--key-file"))
        let wrong = try command("stat", key: "other")
        #expect(wrong.status == 1 && wrong.errors.contains("takes the master key"))
        #expect(try command("stat", key: "master").output.contains("Fruit"))
        let digits = try text("master").trimmingCharacters(in: .newlines)
        #expect(try command("stat", key: nil, environment: ["VARVE_MASTER_KEY": digits]).output.contains("Fruit"))
        let short = try command("stat", key: nil, environment: ["VARVE_MASTER_KEY": "12"])
        #expect(short.errors.contains("64 hexadecimal digits"))

        #expect(try command("key", "rewrap", "--new-key-file", "other", key: nil).errors.contains("--key-file"))
        let rewrapped = try command("key", "rewrap", "--new-key-file", "other", key: "master")
        #expect(rewrapped.status == 0, "\(rewrapped.errors)")
        #expect(try command("stat", key: "master").status == 1)
        let exported = try command("export", "--mailbox", "Fruit", "--mbox", "out.mbox", key: "other")
        #expect(exported.status == 0, "\(exported.errors)")
        #expect(try text("out.mbox").contains("pomegranate"))
        chmod("\(folder.path)/other", 0o644)
        #expect(try command("stat", key: "other").errors.contains("chmod 600"))
    }

    @Test func commandsExplainThemselves() throws {
        for command in [["key"], ["key", "new"], ["key", "rewrap"]] {
            #expect(try VarveProgram.run(command + ["--help"], in: folder.path).output.contains("EXAMPLE"), "\(command)")
        }
    }
}

/// The program `varve`, run once.
enum VarveProgram {
    struct Outcome {
        let status: Int32
        let output: String
        let errors: String
    }

    /// - Parameter environment: all that the program finds there.
    static func run(
        _ arguments: [String], in folder: String, input: String = "", environment: [String: String] = [:]
    ) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: ProgramTests.program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.environment = environment
        let (stdin, stdout, stderr) = (Pipe(), Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = stderr
        try process.run()
        stdin.fileHandleForWriting.write(Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        let output = stdout.fileHandleForReading.readDataToEndOfFile()
        let errors = stderr.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: String(decoding: output, as: UTF8.self),
            errors: String(decoding: errors, as: UTF8.self))
    }
}
