import MailModel
import TestSupport
import Varve

/// Something that befalls a store. To add one: a case, its weight, what it does.
enum Step: CaseIterable {
    case commit, relaxedCommits, pendingCommits, likeCommits, abortedCommit
    case flush, checkpoint, maintain
    case compact, forgetExpunges, shrinkIndex
    case look, hold, letGo
    case reopen, kill, powerFailure, loseIndex
    case errors, fullDisk

    /// How often it comes, beside the others.
    var weight: Int {
        switch self {
        case .commit: 40
        case .relaxedCommits: 5
        case .pendingCommits: 5
        case .likeCommits: 4
        case .abortedCommit: 2
        case .flush: 2
        case .checkpoint: 4
        case .maintain: 8
        case .compact: 2
        case .forgetExpunges: 1
        case .shrinkIndex: 1
        case .look: 2
        case .hold: 4
        case .letGo: 3
        case .reopen: 2
        case .kill: 2
        case .powerFailure: 2
        case .loseIndex: 1
        case .errors: 5
        case .fullDisk: 1
        }
    }

    static func random(_ random: inout SeededGenerator) -> Step {
        pick(allCases, \.weight, &random)
    }

    static func pick<T>(_ cases: [T], _ weight: (T) -> Int, _ random: inout SeededGenerator) -> T {
        var left = Int.random(in: 0..<cases.reduce(0) { $0 + weight($1) }, using: &random)
        for one in cases {
            left -= weight(one)
            if left < 0 { return one }
        }
        preconditionFailure("weights that do not add up")
    }
}

extension RandomWorkload {
    /// Does one random thing.
    func step() throws {
        passTime()
        let step = Step.random(&random)
        try perform(step)
        guard stepsOfTrouble > 0 else { return }
        stepsOfTrouble -= 1
        guard stepsOfTrouble == 0 else { return }
        endTrouble()
        // What maintenance met in silence shows now.
        do { try store.flush() } catch { try settle(error) }
        do { try store.commit { _ in } } catch let error as StoreError { try settle(error) }
        _ = meetError()
    }

    func perform(_ step: Step) throws {
        switch step {
        case .commit: try transact(.durable)
        case .relaxedCommits: for _ in 0..<number(1...4) { try transact(.relaxed) }
        case .pendingCommits: for _ in 0..<number(1...4) { try transact(.pending) }
        case .likeCommits:
            // Frames of one size: what a torn batch leaves stands where the next one's frames will begin.
            for _ in 0..<number(1...4) { try transact(.pending, like: true) }
        case .abortedCommit: try transact(Way.allCases.randomElement(using: &random)!, aborts: true)
        case .flush: try durably { () throws(StoreError) in try store.flush() }
        case .checkpoint: try durably { () throws(StoreError) in try store.checkpoint() }
        case .maintain: try tidy { () throws(StoreError) in store.maintain() }
        case .compact:
            var options = CompactionOptions()
            options.deadShare = number(0...30)
            options.minimumDeadBytes = 1
            try tidy { () throws(StoreError) in _ = try store.compact(options) }
        case .forgetExpunges:
            let modSeq = ModSeq(UInt64(number(0...Int(account.modSeq))))
            try tidy { () throws(StoreError) in try store.forgetExpunges(through: modSeq) }
        case .shrinkIndex: try tidy { () throws(StoreError) in try store.shrinkIndex() }
        case .look:
            if let difference = try Comparison.difference(store.snapshot(), seen) {
                throw Violation("while open: \(difference)")
            }
            try readBodies(3)
        case .hold: try hold()
        case .letGo: try letGo()
        case .reopen:
            try close()
            try open()
        case .kill:
            kill()
            try open()
        case .powerFailure:
            failPower()
            try open()
        case .loseIndex:
            try close()
            endTrouble()
            try removeIndex()
            try open()
        case .errors:
            stepsOfTrouble = number(1...5)
            let odds = number(4...40)
            makeTrouble { $0.errorOdds = odds }
        case .fullDisk:
            stepsOfTrouble = number(1...5)
            let capacity = disk.paths.reduce(0) { $0 + disk.size($1)! } + number(0...60_000)
            makeTrouble { $0.capacity = capacity }
        }
    }

    /// Something after which all that was committed is durable.
    private func durably(_ body: () throws(StoreError) -> Void) throws {
        do { try body() } catch { return try settle(error) }
        try expectDurable()
    }

    private func hold() throws {
        if chance(2), readers.count < 4 {
            readers.append((store.snapshot(), seen))
        } else if pins.count < 4, let id = seen.ids.randomElement(using: &random),
            let pin = try store.pin(MailboxID(id))
        {
            pins.append(pin)
        }
    }

    private func letGo() throws {
        if !pins.isEmpty, chance(2) { pins.remove(at: number(0...pins.count - 1)) }
        guard !readers.isEmpty else { return }
        let reader = readers.remove(at: number(0...readers.count - 1))
        if let difference = try Comparison.difference(reader.snapshot, reader.account) {
            throw Violation("a reader's state has changed: \(difference)")
        }
    }
}
