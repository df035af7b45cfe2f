import Foundation
import MailModel
import TestSupport
import Testing

@testable import MailFiles

/// The program `varve`, run as its users run it.
@Suite struct ProgramTests {
    let folder = TemporaryFolder()

    private struct Outcome {
        let status: Int32
        let output: String
        let errors: String
    }

    /// Beside the test bundle, where the build puts all that it makes.
    static let program: String = {
        for argument in CommandLine.arguments where argument.contains(".xctest") {
            let path = argument[..<argument.range(of: ".xctest")!.lowerBound]
            let program = path[..<(path.lastIndex(of: "/") ?? path.startIndex)] + "/varve"
            if FileManager.default.isExecutableFile(atPath: String(program)) { return String(program) }
        }
        let own = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        return own.appendingPathComponent("varve").path
    }()

    private func start(_ arguments: [String], input: String = "") throws -> (Process, Pipe, Pipe) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: ProgramTests.program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        let (stdin, stdout, stderr) = (Pipe(), Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = stderr
        try process.run()
        stdin.fileHandleForWriting.write(Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        return (process, stdout, stderr)
    }

    @discardableResult
    private func run(_ arguments: String..., input: String = "") throws -> Outcome {
        let (process, stdout, stderr) = try start(arguments, input: input)
        let output = stdout.fileHandleForReading.readDataToEndOfFile()
        let errors = stderr.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: String(decoding: output, as: UTF8.self),
            errors: String(decoding: errors, as: UTF8.self))
    }

    private func addUser(_ name: String) throws {
        #expect(try run("user", "add", "--data", "data", name, "--password-stdin", input: "secret\n").status == 0)
    }

    /// An mbox file of awkward messages as `MboxWriter` writes it, whose From_ lines an export can repeat.
    private func writeMbox(_ name: String, count: Int, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let writer = try MboxWriter(path: "\(folder.path)/\(name)")
        for i in 0..<count {
            writer.begin(date: InternalDate(seconds: 1_000_000_000 + Int64(i)), flags: [])
            let message = Array("Subject: \(i)\r\n\r\n".utf8) + awkwardMessage(&generator, endsLine: true)
            try message.withUnsafeBytes { try writer.write($0) }
            try writer.end()
        }
        try writer.finish()
    }

    @Test func exportEqualsWhatWasImported() throws {
        try addUser("alice")
        try writeMbox("in.mbox", count: 1200, seed: 11)
        let imported = try run(
            "import", "--data", "data", "--user", "alice", "--mailbox", "A/B", "--mbox", "in.mbox", "--verify", "--json")
        #expect(imported.status == 0 && imported.errors.isEmpty, "\(imported.errors)")
        #expect(imported.output.contains("\"messages\": 1200"))
        #expect(try run("export", "--data", "data", "--user", "alice", "--mailbox", "A/B", "--mbox", "out.mbox").status == 0)
        #expect(folder.read("out.mbox") == folder.read("in.mbox"))
        // By way of a Maildir, and another account.
        #expect(try run("export", "--data", "data", "--user", "alice", "--all", "--maildir", "md").status == 0)
        try addUser("bob")
        let again = try run("import", "--data", "data", "--user", "bob", "--maildir", "md", "--verify")
        #expect(again.status == 0, "\(again.errors)")
        #expect(try run("export", "--data", "data", "--user", "bob", "--mailbox", "A/B", "--mbox", "bob.mbox").status == 0)
        #expect(folder.read("bob.mbox") == folder.read("in.mbox"))
        let all = try run("export", "--data", "data", "--user", "bob", "--all", "--mbox", "boxes")
        #expect(all.status == 0, "\(all.errors)")
        #expect(folder.list("boxes") == ["A%2FB.mbox", "A.mbox", "INBOX.mbox"])
        let stat = try run("stat", "--data", "data", "--user", "bob", "--json")
        #expect(stat.output.contains("{\"name\": \"A/B\", \"messages\": 1200"), "\(stat.output)")
        #expect(!stat.output.contains(".varve-import-"))
    }

    @Test func flagsAndDatesSurvive() throws {
        try addUser("alice")
        for name in ["md", "md/cur", "md/new", "md/.Old", "md/.Old/cur"] { folder.makeFolder(name) }
        folder.write("md/cur/1.a:2,FPRS", "Subject: a\n\n\n", time: 1_100_000_000)
        folder.write("md/cur/2.b:2,DT", "no line end", time: 1_200_000_000)
        folder.write("md/.Old/cur/3.c:2,", "", time: 0)
        let imported = try run(
            "import", "--data", "data", "--user", "alice", "--mailbox", "In", "--maildir", "md", "--verify")
        #expect(imported.status == 0, "\(imported.errors)")
        #expect(try run("export", "--data", "data", "--user", "alice", "--all", "--maildir", "out").status == 0)
        let folders = try Maildir.folders(in: folder.path + "/out")
        #expect(folders.map(\.name) == [nil, "In", "In/Old"])
        let messages = try readAll(MaildirReader(folders[1])) + readAll(MaildirReader(folders[2]))
        #expect(messages.map(text) == ["Subject: a\r\n\r\n\r\n", "no line end", ""])
        #expect(
            messages.map(\.flags.names)
                == [["\\Seen", "\\Answered", "\\Flagged", "$Forwarded"], ["\\Deleted", "\\Draft"], []])
        #expect(messages.map { $0.internalDate?.seconds } == [1_100_000_000, 1_200_000_000, 0])
    }

    @Test func aKilledImportLeavesNothingForGood() throws {
        try addUser("alice")
        try writeMbox("in.mbox", count: 20_000, seed: 5)
        let importArguments = ["import", "--data", "data", "--user", "alice", "--mbox", "in.mbox"]
        let (process, _, _) = try start(importArguments)
        // Somewhere while it runs, or before or after: the outcome must be whole or nothing each time.
        usleep(300_000)
        let wasRunning = process.isRunning
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        func count() throws -> Int? {
            let output = try run("stat", "--data", "data", "--user", "alice", "--json").output
            guard let object = try? JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any],
                let boxes = object["mailboxes"] as? [[String: Any]]
            else { return nil }
            return boxes.first { $0["name"] as? String == "INBOX" }?["messages"] as? Int
        }
        let first = try count() ?? 0
        #expect(wasRunning ? first == 0 || first == 20_000 : first == 20_000)
        #expect(try run("import", "--data", "data", "--user", "alice", "--mbox", "in.mbox").status == 0)
        #expect(try count() == first + 20_000)
        #expect(try !run("stat", "--data", "data", "--user", "alice").output.contains(".varve-import-"))
    }

    @Test func aBrokenSourceChangesNothing() throws {
        try addUser("alice")
        folder.write("bad.mbox", "Subject: no mbox\n\n")
        let outcome = try run("import", "--data", "data", "--user", "alice", "--mailbox", "New", "--mbox", "bad.mbox")
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("not an mbox file"))
        #expect(outcome.errors.split(separator: "\n").count == 1)
        let stat = try run("stat", "--data", "data", "--user", "alice")
        #expect(!stat.output.contains("New") && !stat.output.contains(".varve-import-"))
    }

    @Test func errorsNameTheFix() throws {
        try addUser("alice")
        let again = try run("user", "add", "--data", "data", "alice", "--password-stdin", input: "x")
        #expect(again.errors.contains("varve user passwd"))
        #expect(try run("user", "add", "--data", "data", "bob").errors.contains("--password-stdin"))
        #expect(try run("user", "passwd", "--data", "data", "bob", "--password-stdin", input: "x").status == 1)
        #expect(try run("stat", "--data", "data", "--user", "alice").errors.contains("no mail yet"))
        #expect(try run("stat", "--data", "none", "--user", "alice").status == 1)
        #expect(try run("import", "--data", "data", "--user", "bob", "--mbox", "x").status == 1)
        #expect(try run("import", "--data", "data", "--user", "alice").status == 64)
        folder.write("taken", "x")
        folder.write("in.mbox", "From a\nx\n")
        #expect(try run("import", "--data", "data", "--user", "alice", "--mbox", "in.mbox").status == 0)
        #expect(try run("export", "--data", "data", "--user", "alice", "--mbox", "taken").status == 1)
        #expect(folder.read("taken") == Array("x".utf8))
        #expect(try run("user", "list", "--data", "data").output == "alice\n")
        #expect(try run("user", "remove", "--data", "data", "alice").status == 0)
        #expect(try run("user", "list", "--data", "data", "--json").output == "[]\n")
        for command in [["user"], ["user", "add"], ["import"], ["export"], ["stat"], []] {
            let (process, stdout, _) = try start(command + ["--help"])
            let help = String(decoding: stdout.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(help.contains("EXAMPLE"), "\(command)")
        }
    }
}
