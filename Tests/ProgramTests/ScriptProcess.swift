import Foundation
import Testing

/// Runs one of the scripts beside this file, which drive the built programs as their users would.
///
/// A script ends with status 0 only if all its checks hold; otherwise what it printed says which did not, and with which
/// seed it is to be run again.
struct ScriptProcess {
    let name: String
    var arguments: [String] = []

    /// - Parameter limit: what takes longer hangs, and is killed with all that it has started.
    func run(limit: Duration = .seconds(600)) async throws {
        let programs = try #require(
            BuiltPrograms.folder, "varved is not beside the test bundle; build it, or name its folder in VARVE_BIN")
        // A file, not a pipe: nobody who is left behind with an open pipe can keep the test waiting.
        let outputPath = NSTemporaryDirectory() + "varve-\(name)-\(UUID().uuidString).txt"
        try Data().write(to: URL(fileURLWithPath: outputPath))
        defer { try? FileManager.default.removeItem(atPath: outputPath) }
        let output = try FileHandle(forWritingTo: URL(fileURLWithPath: outputPath))

        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let script = ScriptProcess.folder.appendingPathComponent(name).path
        process.arguments = ["python3", "-B", script, "--bin", programs] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let isHung = await !ended(process, within: limit)
        if isHung { await kill(process) }
        process.waitUntilExit()

        let text = String(decoding: (try? Data(contentsOf: URL(fileURLWithPath: outputPath))) ?? Data(), as: UTF8.self)
        if isHung {
            Issue.record("\(name) was killed after \(limit):\n\(text)")
        } else if process.terminationStatus != 0 || process.terminationReason != .exit {
            Issue.record("\(name) ended with status \(process.terminationStatus):\n\(text)")
        } else {
            print(text, terminator: "")
        }
    }

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Scripts")

    private func ended(_ process: Process, within limit: Duration) async -> Bool {
        let deadline = ContinuousClock.now + limit
        while process.isRunning {
            guard ContinuousClock.now < deadline else { return false }
            try? await Task.sleep(for: .milliseconds(50))
        }
        return true
    }

    /// First gently: a script that gets SIGTERM stops its servers and says where it was. The group is the script's own
    /// (it makes itself the leader of one).
    private func kill(_ process: Process) async {
        let id = process.processIdentifier
        process.terminate()
        if await !ended(process, within: .seconds(10)) { Foundation.kill(id, SIGKILL) }
        if getpgid(id) == id || Foundation.kill(-id, 0) == 0 { Foundation.kill(-id, SIGKILL) }
    }
}

/// Where the executable products of this package are.
enum BuiltPrograms {
    /// They lie in the folder of the test bundle; VARVE_BIN names another. nil: they are not built.
    static let folder: String? = {
        if let named = ProcessInfo.processInfo.environment["VARVE_BIN"] { return named }
        let started: [String?] = [
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"), CommandLine.arguments.first,
            Bundle.main.bundlePath,
        ]
        for case let path? in started {
            if let folder = search(upwardsFrom: URL(fileURLWithPath: path), for: "varved") { return folder }
        }
        return search(upwardsFrom: URL(fileURLWithPath: #filePath), for: ".build/debug/varved")
    }()

    private static func search(upwardsFrom start: URL, for name: String) -> String? {
        var folder = start.standardizedFileURL
        while folder.path != "/" {
            let program = folder.appendingPathComponent(name)
            var isFolder: ObjCBool = false
            // Sources have a folder of that name.
            if FileManager.default.fileExists(atPath: program.path, isDirectory: &isFolder), !isFolder.boolValue,
                FileManager.default.isExecutableFile(atPath: program.path)
            {
                return program.deletingLastPathComponent().path
            }
            folder.deleteLastPathComponent()
        }
        return nil
    }
}

/// A program of others that a test needs, or a module of Python's.
struct NeededProgram {
    let name: String
    /// What to install, for a message.
    let package: String
    var isPythonModule = false

    static let python = NeededProgram(name: "python3", package: "python3")
    static let openssl = NeededProgram(name: "openssl", package: "openssl")
    static let curl = NeededProgram(name: "curl", package: "curl")
    static let mbsync = NeededProgram(name: "mbsync", package: "isync")
    static let neomutt = NeededProgram(name: "neomutt", package: "neomutt")
    static let offlineimap = NeededProgram(name: "offlineimap", package: "offlineimap3")
    static let imapclient = NeededProgram(name: "imapclient", package: "(by pip) imapclient", isPythonModule: true)

    var isInstalled: Bool {
        isPythonModule ? canBeImported : isInPath
    }

    /// Asks the python3 that the scripts are run with.
    private var canBeImported: Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", "import \(name)"]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    private var isInPath: Bool {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return path.split(separator: ":").contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips the test where one of the programs is missing, and says which Debian packages to install.
    static func needs(_ programs: NeededProgram...) -> Self {
        let missing = ([.python] + programs).filter { !$0.isInstalled }.map(\.package)
        return .enabled(if: missing.isEmpty, "needs the Debian packages: \(missing.joined(separator: " "))")
    }
}
