import ArgumentParser
import Foundation
import FuzzTargets

@main
struct FuzzCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fuzz",
        abstract: "Feeds changed inputs to what reads foreign bytes, until something breaks.",
        discussion: """
            Targets: frames, pages (a store's files), messages (MIME), commands (IMAP). Inputs come from
            Tests/Fuzzing/Corpus and the hex blocks of Formats/; what meets something new is changed further. The same seed
            makes the same run. What breaks is written to the folder of --output, as small as it still breaks.

            EXIT STATUS  0 nothing broke, 1 something did.

            EXAMPLE
              swift run fuzz messages --seed 1 --rounds 100000
              swift run fuzz messages --input messages-1-4711.input
            """)

    @Argument(help: "What to feed.")
    var target: FuzzTarget
    @Option(help: "Where the run's random numbers come from.")
    var seed: UInt64 = 1
    @Option(help: "How many inputs.")
    var rounds = 100_000
    @Option(help: ArgumentHelp("Read this one input only.", valueName: "file"))
    var input: String?
    @Option(help: ArgumentHelp("Where to write what breaks.", valueName: "dir"))
    var output = "."
    /// The process that does the work notes each input here, since a trap leaves it no time for that.
    @Option(help: .hidden)
    var note: String?

    func run() throws {
        if let input { return try read(input) }
        if let note { return try work(note) }
        try supervise()
    }

    private func read(_ path: String) throws {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        do { _ = try target.examine(bytes) } catch {
            print("\(target.rawValue): \(error)")
            throw ExitCode(1)
        }
    }

    // MARK: The process that works

    private func work(_ path: String) throws {
        let note = try InputNote(path)
        do {
            var fuzzer = try Fuzzer(target, seed: seed, corpus: Corpus.load(target))
            let step = 10_000
            for start in stride(from: 0, to: rounds, by: step) {
                try fuzzer.run(rounds: start..<min(start + step, rounds)) { note.write(round: $0, $1) }
                let done = min(start + step, rounds)
                print("\(done) of \(rounds) inputs, \(fuzzer.met) things met, \(fuzzer.inputs.count) inputs kept")
            }
        } catch let failed as Fuzzer.Failed {
            note.write(round: failed.round, failed.input)
            print("\(target.rawValue), seed \(seed), round \(failed.round): \(failed.what)")
            throw ExitCode(1)
        }
    }

    // MARK: The process that looks on

    private func supervise() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("varve-fuzz-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let note = folder.appendingPathComponent("note").path
        _ = try InputNote(note)
        guard try !succeeds(["--seed", "\(seed)", "--rounds", "\(rounds)", "--note", note], isQuiet: false) else {
            print("\(target.rawValue), seed \(seed): nothing broke")
            return
        }
        let (round, broken) = try InputNote(note).read()
        let scratch = folder.appendingPathComponent("input")
        let smallest = try smallest(of: broken, scratch)
        let file = URL(fileURLWithPath: output).appendingPathComponent("\(target.rawValue)-\(seed)-\(round).input")
        try Data(smallest).write(to: file)
        print("broken by an input of \(smallest.count) bytes; to see it: swift run fuzz \(target.rawValue) --input \(file.path)")
        throw ExitCode(1)
    }

    /// Leaves out whatever can go, a block at a time.
    private func smallest(of input: [UInt8], _ scratch: URL) throws -> [UInt8] {
        var input = input
        var tries = 200
        var block = max(1, input.count / 2)
        while block >= 1, tries > 0 {
            var at = 0
            while at < input.count, tries > 0 {
                var shorter = input
                shorter.removeSubrange(at..<min(at + block, input.count))
                try Data(shorter).write(to: scratch)
                tries -= 1
                if try succeeds(["--input", scratch.path], isQuiet: true) { at += block } else { input = shorter }
            }
            block /= 2
        }
        return input
    }

    private func succeeds(_ arguments: [String], isQuiet: Bool) throws -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = [target.rawValue] + arguments
        if isQuiet {
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
        }
        try process.run()
        process.waitUntilExit()
        return process.terminationReason == .exit && process.terminationStatus == 0
    }
}

extension FuzzTarget: ExpressibleByArgument {}
