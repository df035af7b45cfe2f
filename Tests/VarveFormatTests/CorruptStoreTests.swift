import Foundation
import TestSupport
import Testing
import Varve

/// The cases of `Formats/corrupt/`: what a check says of each damage, how the store opens, and what a repair brings back.
@Suite struct CorruptStoreTests {
    static let folder = repository() + "/Formats/corrupt"
    static let cases = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".txt") }
        .sorted()

    @Test(arguments: cases) func verdict(name: String) throws {
        let path = "\(CorruptStoreTests.folder)/\(name)"
        let text = String(decoding: try contents(of: path), as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let head = Array(lines.prefix { !$0.isEmpty })
        var sample = ""
        var changes: [String] = []
        for line in head {
            if line.hasPrefix("store: ") { sample = String(line.dropFirst(7)) }
            if line.hasPrefix("change: ") { changes.append(String(line.dropFirst(8))) }
        }
        try #require(!sample.isEmpty && !changes.isEmpty, "\(name) says neither of which store it is nor what is changed")
        var store = try CorruptStore(sample)
        for change in changes { try store.change(change) }
        let found = head.joined(separator: "\n") + "\n\n" + (try describe(store))
        if isRecording {
            try write(found, to: path)
            if found != text { Issue.record("\(name) was recorded; look at it and run the tests again") }
            return
        }
        #expect(found == text, "\(name): found\n\(found)\n(VARVE_RECORD_GOLDEN=1 records it anew)")
    }

    @Test func thereAreCasesOfEachKind() {
        #expect(CorruptStoreTests.cases.count >= 35)
    }

    // MARK: What comes of it

    private func describe(_ store: CorruptStore) throws -> String {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/store"
        try store.write(to: path)
        let before = try snapshot(path)
        var out = check(path)
        out += repair(path, into: "\(folder.path)/new")
        #expect(try snapshot(path) == before, "checking or repairing changed the damaged store")
        out += open(path)
        return out.replacing("\(path)/", with: "").replacing(path, with: "STORE")
    }

    /// A long run of lines of one kind is cut short.
    private func shortened(_ lines: [String]) -> String {
        var out = ""
        var run = 0
        var kind = ""
        func endRun() { if run > 4 { out += "  \(kind): and \(run - 4) more\n" } }
        for line in lines {
            let own = String(line.prefix { $0 != ":" })
            if own != kind {
                endRun()
                (kind, run) = (own, 0)
            }
            run += 1
            if run <= 4 { out += "  \(line)\n" }
        }
        endRun()
        return out
    }

    private func snapshot(_ path: String) throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in FileManager.default.enumerator(atPath: path)!.compactMap({ $0 as? String }) where name != "segments" {
            files[name] = try contents(of: "\(path)/\(name)")
        }
        return files
    }

    private func check(_ path: String) -> String {
        var out = "check:\n"
        do {
            let report = try StoreCheck.run(at: path, SampleStore.options())
            out += shortened(report.violations.map { "\($0.kind.rawValue): \($0)" } + report.remarks.map { "note: \($0)" })
            out += "  remedy: \(report.remedy.rawValue)\n"
        } catch {
            out += "  fails: \(error)\n"
        }
        return out
    }

    private func open(_ path: String) -> String {
        var options = SampleStore.options()
        options.create = false
        options.access = .readOnlyIfDamaged
        do {
            let store = try Store.open(at: path, options)
            defer { try? store.close() }
            let amount: String
            do { amount = try self.amount(store) } catch { return "opens: normally, and readers are told\n  \(error)\n" }
            guard let damage = store.damage else {
                try store.close()
                let after = try StoreCheck.run(at: path, SampleStore.options())
                return "opens: normally, \(amount); then \(after.violationCount) violations are left\n"
            }
            return "opens: for reading only, \(amount)\n  \(damage.message)\n"
        } catch {
            return "opens: not at all\n  \(error)\n"
        }
    }

    /// How much is shown, and how many messages of it can be read.
    private func amount(_ store: Store) throws -> String {
        var readable = 0
        var shown = 0
        var ids: [MailboxID] = []
        try store.snapshot().forEachMailbox {
            ids.append($0.id)
            return true
        }
        for id in ids {
            var found: [Message] = []
            try store.snapshot().view(of: id)?.forEachMessage(in: UIDRange(.min, .max)) {
                found.append($1)
                return true
            }
            shown += found.count
            readable += found.count { (try? store.body(of: $0).bytes()) != nil }
        }
        return "\(shown) messages, \(readable) of them readable, in \(ids.count) mailboxes at commit \(store.snapshot().modSeq)"
    }

    private func repair(_ path: String, into target: String) -> String {
        var out = "repair:\n"
        do {
            switch try StoreRepair.run(path, into: target, SampleStore.options(firstRandom: 99)) {
            case .notNeeded: out += "  not needed\n"
            case .repaired(let report):
                out += shortened(
                    report.lostBytes.map { "lost bytes: \($0)" }
                        + report.lostCommits.map { "lost commits: \($0.lowerBound) to \($0.upperBound)" }
                        + report.lostMessages.map { "lost message: \($0)" }
                        + report.renewedMailboxes.map { "new UIDVALIDITY: \($0.prefix(20))" }
                        + report.remarks.map { "note: \($0)" })
                if report.indexModSeq > 0 { out += "  index used up to commit \(report.indexModSeq)\n" }
                if let name = report.recoveredMailbox { out += "  \(report.recovered) messages in \(name)\n" }
                out += "  saved: \(report.messages) messages in \(report.mailboxes) mailboxes, \(report.commits) commits\n"
                #expect(report.check.isSound, "\(report.check.violations)")
            }
        } catch {
            out += "  fails: \(error)\n"
        }
        return out
    }
}
