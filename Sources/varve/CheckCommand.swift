import ArgumentParser
import Varve

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Looks for damage in a store's files. Changes nothing.",
        discussion: """
            Verifies every checksum, reads every message, and compares the index with the log. Each violation is listed \
            with its file and place. A server must not have the account open meanwhile.

            EXIT STATUS
              0  nothing is wrong
              1  there are violations; the last line says what to do
              2  the store could not be looked at

            EXAMPLE
              varve check --data mail --user alice
              varve check --json /backup/alice-store
            """)

    @OptionGroup var location: StoreLocation
    @Flag(help: "Write JSON.")
    var json = false

    func run() throws {
        let report: CheckReport
        do {
            let path = try location.storePath()
            var progress = ProgressBar("checking", total: 0)
            defer { progress.finish() }
            report = try StoreCheck.run(at: path, location.options()) { done, total in
                progress.total = total
                progress.update(bytes: done)
            }
        } catch {
            printToStandardError("Error: \(CommandFailure.explain(error))\n")
            throw ExitCode(2)
        }
        if json { print(report.json.text) } else { printText(report) }
        if !report.isSound { throw ExitCode(1) }
    }

    private func printText(_ report: CheckReport) {
        for violation in report.violations { print("\(violation.kind.rawValue): \(violation)") }
        if report.violationCount > report.violations.count {
            print("and \(report.violationCount - report.violations.count) more")
        }
        for remark in report.remarks { print("note: \(remark)") }
        print(
            "\(report.segments) segments of \(byteText(report.logBytes)), \(report.commits) commits, "
                + "\(report.messageFrames) messages, \(report.pages) pages of the index")
        print(advice(report))
    }

    private func advice(_ report: CheckReport) -> String {
        let found = "\(report.violationCount) \(report.violationCount == 1 ? "violation" : "violations"): "
        return switch report.remedy {
        case .none: "nothing is wrong"
        case .open: found + "no mail is in danger; what the store needs of it is put right as it goes on"
        case .rebuildIndex: found + "the log is whole; build the index anew: varve repair --index \(location.arguments)"
        case .repair: found + "save what is whole into a new store: varve repair \(location.arguments) --into NEW"
        }
    }
}

extension CheckReport {
    var json: JSON {
        .object([
            ("sound", .boolean(isSound)), ("remedy", .string(remedy.rawValue)), ("violationCount", .number(violationCount)),
            ("violations", .array(violations.map(\.json))), ("notes", .array(remarks.map { .string($0) })),
            ("store", store.map { .string("\($0)") } ?? .null), ("segments", .number(segments)),
            ("segmentBytes", .number(logBytes)), ("commits", .number(commits)), ("messages", .number(messageFrames)),
            ("pages", .number(pages)), ("modseq", .number(Int(clamping: modSeq))),
        ])
    }
}

extension CheckReport.Violation {
    var json: JSON {
        .object([
            ("kind", .string(kind.rawValue)), ("file", .string(file)), ("offset", offset.map { .number($0) } ?? .null),
            ("text", .string(text)),
        ])
    }
}
