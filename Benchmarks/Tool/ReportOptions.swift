import ArgumentParser
import BenchReport
import Foundation

/// How a command tells what it measured.
struct ReportOptions: ParsableArguments {
    @Option(help: "Rounds of each row.")
    var repetitions = 5

    @Flag(help: "Write one JSON object.")
    var json = false

    @Option(help: ArgumentHelp("Write a page with tables and plots there, too.", valueName: "file"))
    var html: String?

    func validate() throws {
        guard 1...1000 ~= repetitions else { throw ValidationError("Repetitions are from 1 to 1,000.") }
    }

    func tell(_ report: BenchReport) throws {
        print(json ? try report.json() : report.text())
        if let html { try report.html().write(toFile: html, atomically: true, encoding: .utf8) }
    }

    /// Runs `measure` with a progress line, and tells what it found.
    /// - Parameter status: that the process ends with if it failed.
    func tell(_ measure: (ProgressLine) throws -> BenchReport, status: (any Error) -> ExitCode) throws {
        let progress = ProgressLine()
        do {
            let report = try measure(progress)
            progress.clear()
            try tell(report)
        } catch {
            progress.clear()
            FileHandle.standardError.write(Data("varve-bench: \(error)\n".utf8))
            throw status(error)
        }
    }
}
