import BenchContest
import BenchReport
import Foundation
import MailboxEngines
import TestSupport

/// Puts the same load to each server, row by row and in turns, checks the answers outside of the clock, and reports.
public struct LoadBench {
    let plan: LoadPlan
    let progress: ProgressLine
    let small: MessageCorpus
    let corpus: MessageCorpus

    public init(_ plan: LoadPlan, _ progress: ProgressLine) {
        self.plan = plan
        self.progress = progress
        small = MessageCorpus(seed: plan.seed, messageSize: LoadPlan.smallMessage)
        corpus = MessageCorpus(seed: plan.seed, messageSize: LoadPlan.message)
    }

    public func run(_ machine: BenchReport.Machine) throws -> BenchReport {
        let contestants = try plan.servers.map { try LoadContestant($0, prefix: plan.prefix) }
        var report = BenchReport(
            title: "imap", machine: machine,
            settings: [
                "messages": "\(plan.messages)", "mailboxes": "\(plan.mailboxes)", "connections": "\(plan.connections)",
                "idlers": "\(plan.idlers)", "repetitions": "\(plan.repetitions)", "seed": "\(plan.seed)",
            ],
            candidates: contestants.map {
                BenchReport.Candidate(name: $0.name, version: "at \($0.server.host):\($0.server.port)", setup: LoadBench.setup($0.connection))
            })
        for contestant in contestants {
            progress.show("deleting what is there: \(contestant.name)")
            try contestant.clear()
        }
        let contest = Contest(contestants: contestants, repetitions: plan.repetitions, progress: progress)
        do {
            try fill(contestants)
            // First: later there is memory that other sessions have left.
            if plan.wants("memory") { try addMemoryRow(to: &report, contestants) }
            try addAppendRows(to: &report, contest)
            try addFetchRows(to: &report, contest)
            try addSynchronisationRows(to: &report, contest)
            try addChangeRows(to: &report, contest)
            try addListRow(to: &report, contest)
            try addManySessionRows(to: &report, contest)
        } catch {
            for contestant in contestants { try? contestant.clear() }
            throw error
        }
        for contestant in contestants {
            progress.show("deleting what was made: \(contestant.name)")
            try contestant.clear()
        }
        return report
    }

    /// What of a server's abilities the load makes use of.
    private static func setup(_ connection: LoadConnection) -> String {
        let used = ["LITERAL+", "MULTIAPPEND", "CONDSTORE", "QRESYNC", "LIST-STATUS", "UIDPLUS", "IDLE", "ESEARCH"]
        let told = used.filter(connection.supports)
        return told.isEmpty ? "IMAP4rev1 alone" : told.joined(separator: " ")
    }

    static let large = "large"

    private func fill(_ contestants: [LoadContestant]) throws {
        let groups = ["flags", "envelopes", "body", "changedsince", "qresync", "store-one", "store-all", "search", "mixed", "memory"]
        guard groups.contains(where: plan.wants) else { return }
        for contestant in contestants {
            progress.show("\(plan.messages) messages: \(contestant.name)")
            try contestant.fill(LoadBench.large, plan.messages, small.message)
        }
    }

    /// What the network alone takes.
    func exchange(_ size: AnswerSize = AnswerSize()) -> Limit {
        Limit(note: "a byte over loopback, and as many back as the answer has") { try Loopback.exchange(answer: size.bytes) }
    }

    // MARK: Appends

    private static let appends = 100

    private func addAppendRows(to report: inout BenchReport, _ contest: Contest<LoadContestant>) throws {
        guard plan.wants("append") else { return }
        for contestant in contest.contestants {
            for number in 0...plan.connections { try contestant.connection.command("CREATE \(contestant.quoted("append/\(number)"))") }
        }
        report.rows.append(
            try contest.row("append", "APPEND of 4 KiB", .seconds, limit: exchange(), goals: [.first]) { contestant, latencies in
                let before = try contestant.status("append/0", "MESSAGES")
                var own = Latencies()
                for number in 0..<LoadBench.appends {
                    _ = try own.measure { try contestant.connection.append([corpus.message(number)], to: contestant.mailbox("append/0")) }
                }
                let after = try contestant.status("append/0", "MESSAGES")
                try contestant.require(after - before == LoadBench.appends, "\(after - before) of \(LoadBench.appends) appended messages are there")
                latencies.add(own)
                return own.median
            })
        for (id, title, isShared) in [
            ("append-many", "APPEND of 4 KiB by \(plan.connections) clients to one mailbox", true),
            ("append-apart", "APPEND of 4 KiB by \(plan.connections) clients to \(plan.connections) mailboxes", false),
        ] {
            report.rows.append(
                try contest.row(id, title, .perSecond, goals: isShared ? [.timesAsGood(5, as: "Dovecot")] : [.first]) { contestant, _ in
                    let connections = plan.connections
                    let paths = (1...connections).map { isShared ? "append/1" : "append/\($0)" }
                    func messages() throws -> Int { try Set(paths).reduce(0) { try $0 + contestant.status($1, "MESSAGES") } }
                    let before = try messages()
                    let corpus = corpus
                    let taken = try contestant.together(connections) { number, connection in
                        for index in 0..<LoadBench.appends {
                            try connection.append([corpus.message(number * LoadBench.appends + index)], to: contestant.mailbox(paths[number]))
                        }
                    }
                    let count = connections * LoadBench.appends
                    let added = try messages() - before
                    try contestant.require(added == count, "\(added) of \(count) appended messages are there")
                    return Double(count) / taken
                })
        }
    }

    // MARK: LIST-STATUS

    private func addListRow(to report: inout BenchReport, _ contest: Contest<LoadContestant>) throws {
        guard plan.wants("list-status") else { return }
        let names = (0..<plan.mailboxes).map { $0 % 10 == 0 ? "chats/\($0 / 10)" : "chats/\($0 / 10)/session-\($0 % 10)" }
        for contestant in contest.contestants where contestant.connection.supports("LIST-STATUS") {
            progress.show("\(plan.mailboxes) mailboxes: \(contestant.name)")
            try contestant.connection.command("CREATE \(contestant.quoted("chats"))")
            for (index, name) in names.enumerated() {
                try contestant.connection.command("CREATE \(contestant.quoted(name))")
                try contestant.connection.append([small.message(index)], to: contestant.mailbox(name))
            }
        }
        let size = AnswerSize()
        report.rows.append(
            try contest.row(
                "list-status", "LIST RETURN (STATUS) of \(plan.mailboxes) mailboxes", .seconds, limit: exchange(size), goals: [.first]
            ) { contestant, latencies in
                guard contestant.connection.supports("LIST-STATUS") else { return nil }
                let items = contestant.connection.supports("CONDSTORE") ? "MESSAGES UNSEEN UIDNEXT HIGHESTMODSEQ" : "MESSAGES UNSEEN UIDNEXT"
                let command = "LIST \"\" \(contestant.quoted("chats/*")) RETURN (STATUS (\(items)))"
                let answer = try latencies.measure { try contestant.connection.command(command) }
                size.note(answer)
                let counts = answer.numbers(behind: "(MESSAGES ")
                try contestant.require(
                    counts.count == plan.mailboxes && counts.allSatisfy { $0 == 1 }, "\(counts.count) of \(plan.mailboxes) mailboxes are told")
                return latencies.median
            })
    }
}

/// How many bytes the first server answered in a row with.
final class AnswerSize {
    private(set) var bytes = 1

    func note(_ answer: Answer) { if bytes == 1 { bytes = answer.untagged.count } }
}
