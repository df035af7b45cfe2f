import BenchContest
import BenchReport
import MailModel
import MailboxEngines
import TestSupport

// Scans, sequence numbers and bodies.

extension EngineBench {
    /// Messages of the mailbox whose bodies are fetched, and of the one with large bodies.
    private static let bodies = 100_000
    private static let largeBodies = 32

    func addReadingRows(to report: inout BenchReport, _ contest: Contest<EngineContestant>) throws {
        if plan.wants("scan") { report.rows.append(try scanRow(contest)) }
        if plan.wants("sequence") { report.rows += try sequenceRows(contest) }
        if plan.wants("body") { report.rows += try bodyRows(contest) }
    }

    private func scanRow(_ contest: Contest<EngineContestant>) throws -> BenchReport.Row {
        var expected: ScanDigest?
        return try contest.row(
            "scan", "UID and flags of \(plan.messages)", .seconds,
            limit: Limit(note: "a copy of 8 bytes for each") { MachineLimits.copy(bytes: 8 * plan.messages) }, goals: [.first]
        ) { contestant, latencies in
            let mailbox = try contestant.mailbox(OwnProcess.mailbox)
            let digest = try latencies.measure { try contestant.engine.scan(mailbox) }
            try EngineBench.require(digest == expected ?? digest, contestant, "\(digest)")
            expected = digest
            return latencies.median
        }
    }

    /// So many are asked for in one reading transaction.
    private static let askedTogether = 1000
    /// Such transactions in a round: the first finds the caches full of what others did.
    private static let passes = 20

    private static func median(_ count: Int, _ work: () throws -> Void) rethrows -> Double {
        var latencies = Latencies()
        for _ in 0..<count { try latencies.measure(work) }
        return latencies.median
    }

    private func sequenceRows(_ contest: Contest<EngineContestant>) throws -> [BenchReport.Row] {
        var random = SeededGenerator(seed: plan.seed)
        // Some have vanished: what is asked for is there. Numbers are told of UIDs first, and these of the numbers.
        let numbers = (0..<EngineBench.askedTogether).map { _ in UInt32.random(in: 1...UInt32(plan.messages / 2), using: &random) }
        var uids: [UInt32] = []
        let each = Double(EngineBench.askedTogether)
        let note = "one of \(EngineBench.askedTogether) in one reading transaction, nothing kept from before it"
        let byNumber = try contest.row(
            "sequence-to-uid", "sequence number → UID in \(plan.messages)", .seconds, goals: [.atMost(3e-7, text: "≤ 0.3 µs")], note: note
        ) { contestant, _ in
            let mailbox = try contestant.mailbox(OwnProcess.mailbox)
            var told: [UInt32] = []
            told.reserveCapacity(numbers.count)
            let taken = try EngineBench.median(EngineBench.passes) {
                told.removeAll(keepingCapacity: true)
                try contestant.engine.uids(at: numbers, in: mailbox, into: &told)
            }
            try EngineBench.require(uids.isEmpty || told == uids, contestant, "UIDs \(told)")
            uids = told
            return taken / each
        }
        let byUID = try contest.row(
            "sequence-of-uid", "UID → sequence number in \(plan.messages)", .seconds, goals: [.atMost(3e-7, text: "≤ 0.3 µs")], note: note
        ) { contestant, _ in
            let mailbox = try contestant.mailbox(OwnProcess.mailbox)
            var told: [UInt32] = []
            told.reserveCapacity(uids.count)
            let taken = try EngineBench.median(EngineBench.passes) {
                told.removeAll(keepingCapacity: true)
                try contestant.engine.sequenceNumbers(of: uids, in: mailbox, into: &told)
            }
            try EngineBench.require(told == numbers, contestant, "sequence numbers \(told)")
            return taken / each
        }
        return [byNumber, byUID]
    }

    private func bodyRows(_ contest: Contest<EngineContestant>) throws -> [BenchReport.Row] {
        let small = MessageCorpus(seed: plan.seed, messageSize: EnginePlan.message)
        let large = MessageCorpus(seed: plan.seed, messageSize: EnginePlan.largeMessage)
        let count = min(EngineBench.bodies, plan.messages)
        for contestant in contest.contestants {
            progress.show("bodies: \(contestant.name)")
            try EngineBench.fill(contestant, ["bodies"], small, count: count)
            try EngineBench.fill(contestant, ["large bodies"], large, count: EngineBench.largeBodies)
        }
        let whole = try contest.row(
            "body", "fetch of a 4 KiB body of \(count)", .seconds,
            limit: Limit(note: "a copy of as many bytes") { MachineLimits.copy(bytes: EnginePlan.message) }, goals: [.first]
        ) { contestant, latencies in
            try fetch(contestant, "bodies", small, of: count, { _, _ in 0..<EnginePlan.message }, &latencies)
        }
        let part = try contest.row(
            "body-part", "fetch of 4 KiB out of 1 MiB", .seconds,
            limit: Limit(note: "a copy of as many bytes") { MachineLimits.copy(bytes: EnginePlan.message) }
        ) { contestant, latencies in
            try fetch(
                contestant, "large bodies", large, of: EngineBench.largeBodies,
                { size, random in
                    let first = Int.random(in: 0...size - EnginePlan.message, using: &random)
                    return first..<first + EnginePlan.message
                }, &latencies)
        }
        return [whole, part]
    }

    private func fetch(
        _ contestant: EngineContestant, _ name: String, _ corpus: MessageCorpus, of count: Int,
        _ part: (_ size: Int, inout SeededGenerator) -> Range<Int>, _ latencies: inout Latencies
    ) throws -> Double {
        let mailbox = try contestant.mailbox(name)
        var random = SeededGenerator(seed: plan.seed)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: EnginePlan.message, alignment: 16)
        defer { buffer.deallocate() }
        var own = Latencies()
        for index in 0..<2000 {
            let uid = UInt32.random(in: 1...UInt32(count), using: &random)
            let range = part(corpus.messageSize, &random)
            try own.measure { try contestant.engine.read(uid, range, in: mailbox, into: buffer) }
            // Outside the clock, and seldom, so that caches hold what a server's would.
            guard index % 50 == 0 else { continue }
            try EngineBench.require(
                corpus.message(Int(uid) - 1)[range].elementsEqual(buffer), contestant, "bytes \(range) of message \(uid)")
        }
        latencies.add(own)
        return own.median
    }
}
