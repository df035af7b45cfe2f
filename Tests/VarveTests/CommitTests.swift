import Glibc
import MailModel
import Synchronization
import TestSupport
import Testing
import VarveSimulation

@testable import Varve

@Suite struct CommitTests {
    private let path = Workload.path

    private func open(_ disk: SimulatedDisk) throws -> Store { try Store.open(at: path, Workload.options(disk)) }

    private func append(_ store: Store, _ name: String, _ answers: Answers) throws {
        let inbox = try store.mailbox("INBOX").id
        _ = try store.commit(
            { try $0.append(Array(name.utf8), to: inbox, internalDate: noon) }, whenDurable: answers.callback(name))
    }

    /// Holds up what is written to segments, but not to the index.
    private func gateSegments(_ disk: SimulatedDisk) -> Gate {
        let gate = Gate()
        disk.setGate { call, name in if call == .sync, name.hasSuffix(".seg") { gate.pass() } }
        return gate
    }

    @Test func commitsOfManyThreadsShareSyncs() throws {
        let disk = SimulatedDisk()
        let store = try open(disk)
        let inbox = try store.mailbox("INBOX").id
        let before = disk.count(.sync)
        // A sync takes as long as a disk may need for it: meanwhile the others queue up.
        disk.setGate { call, _ in if call == .sync { usleep(3000) } }
        let threads = 16
        let commits = 10
        let failures = Mutex(0)
        let workers = (0..<threads).map { thread in
            inThread {
                for i in 0..<commits {
                    do {
                        try store.commit { try $0.append(Array("\(thread) \(i)".utf8), to: inbox, internalDate: noon) }
                    } catch { failures.withLock { $0 += 1 } }
                }
            }
        }
        for worker in workers { worker.join() }
        let syncs = disk.count(.sync) - before
        disk.setGate(nil)
        #expect(failures.withLock { $0 } == 0)
        #expect(syncs < threads * commits / 3, "\(syncs) syncs for \(threads * commits) commits")
        let survivor = try open(disk.afterPowerFailure(seed: 1))
        #expect(try survivor.mailbox("INBOX").view().count == threads * commits)
        try survivor.checkAndClose()
    }

    @Test func everyCallbackIsCalledOnce() throws {
        let disk = SimulatedDisk()
        let store = try open(disk)
        let answers = Answers()
        let gate = gateSegments(disk)
        gate.close()
        for i in 0..<20 {
            try append(store, "m\(i)", answers)
            if i == 0 { gate.waitForArrival() }
        }
        #expect(answers.sorted.isEmpty, "told before it was durable")
        gate.open()
        #expect(answers.wait(for: 20) == (0..<20).map { "m\($0) done" }.sorted())
        try store.checkAndClose()
        #expect(answers.sorted.count == 20)
    }

    @Test func afterAFailedSyncAllWhoWaitAreToldAndReopeningRecovers() throws {
        let disk = SimulatedDisk()
        let store = try open(disk)
        let answers = Answers()
        try append(store, "before", answers)
        #expect(answers.wait(for: 1) == ["before done"])
        let gate = gateSegments(disk)
        gate.close()
        try append(store, "first", answers)
        gate.waitForArrival()
        for i in 0..<5 { try append(store, "later\(i)", answers) }
        // The next call to be counted is the sync that waits.
        disk.fail(at: disk.calls.count + 1, with: .error(.io))
        gate.open()
        let expected = ["before done", "first failed"] + (0..<5).map { "later\($0) failed" }
        #expect(answers.wait(for: 7) == expected.sorted())
        #expect { try append(store, "more", answers) } throws: { ($0 as? StoreError)?.kind == .poisoned }
        #expect(throws: StoreError.self) { try store.close() }
        #expect(answers.sorted == expected.sorted())
        let reopened = try open(disk)
        let count = try reopened.mailbox("INBOX").view().count
        #expect(count >= 1 && count <= 7)
        try reopened.checkAndClose()
    }

    @Test func aFailureElsewhereAnswersWhatIsQueued() throws {
        let disk = SimulatedDisk()
        let store = try open(disk)
        let answers = Answers()
        let gate = gateSegments(disk)
        gate.close()
        try append(store, "inFlight", answers)
        gate.waitForArrival()
        try append(store, "queued", answers)
        // As when a checkpoint could not be written.
        store.monitor.lock()
        store.poison(StoreError(.io, "a checkpoint failed"))
        store.monitor.unlock()
        #expect(answers.sorted == ["queued failed"])
        gate.open()
        #expect(answers.wait(for: 2) == ["inFlight done", "queued failed"])
        #expect(throws: StoreError.self) { try store.close() }
    }

    @Test func whatChangedNothingIsAnsweredWhenWhatItSawIsDurable() throws {
        let disk = SimulatedDisk()
        let store = try open(disk)
        let inbox = try store.mailbox("INBOX").id
        let answers = Answers()
        let gate = gateSegments(disk)
        gate.close()
        try append(store, "message", answers)
        gate.waitForArrival()
        // It is flagged as it should be already, but that is not on disk yet.
        let changed = try store.commit(
            { try $0.changeFlags(.remove([.seen]), of: [1], in: inbox) }, whenDurable: answers.callback("unchanged"))
        #expect(changed.isEmpty)
        #expect(answers.sorted.isEmpty)
        gate.open()
        #expect(answers.wait(for: 2) == ["message done", "unchanged done"])
        try store.commit({ _ in }, whenDurable: answers.callback("nothing"))
        #expect(answers.sorted.contains("nothing done"), "with nothing to wait for, at once")
        try store.checkAndClose()
    }

    @Test func aStoreThatIsLetGoStillWritesWhatItTook() throws {
        let disk = SimulatedDisk()
        let answers = Answers()
        let gate = gateSegments(disk)
        do {
            let store = try open(disk)
            gate.close()
            try append(store, "first", answers)
            gate.waitForArrival()
            try append(store, "second", answers)
        }
        gate.open()
        #expect(answers.wait(for: 2) == ["first done", "second done"])
    }

    @Test func aStoreCanBeClosedFromACallback() throws {
        let disk = SimulatedDisk()
        let store = try open(disk)
        let inbox = try store.mailbox("INBOX").id
        let answers = Answers()
        let closed = answers.callback("closed")
        _ = try store.commit({ try $0.append([1], to: inbox, internalDate: noon) }) { result in
            do {
                try store.close()
                closed(result)
            } catch { closed(.failure(StoreError(.io, "\(error)"))) }
        }
        #expect(answers.wait(for: 1) == ["closed done"])
        #expect { try append(store, "more", answers) } throws: { ($0 as? StoreError)?.kind == .closed }
        let reopened = try open(disk)
        #expect(try reopened.mailbox("INBOX").view().count == 1)
        try reopened.checkAndClose()
    }

    /// While a checkpoint waits for the log, transactions are built; a recovery from that checkpoint must not take their
    /// pages for free ones.
    @Test(arguments: 0..<6) func aCheckpointAmidCommitsKeepsItsPages(seed: UInt64) throws {
        let disk = SimulatedDisk(seed: seed)
        let store = try open(disk)
        let inbox = try store.mailbox("INBOX").id
        try store.commit { tx in for i in 0..<300 { try tx.append(Array("m\(i)".utf8), to: inbox, internalDate: noon) } }
        try store.checkpoint()
        let answers = Answers()
        let gate = gateSegments(disk)
        gate.close()
        try append(store, "first", answers)
        gate.waitForArrival()
        let first = store.writer.state.modSeq
        // Built, but not written, when the first one becomes durable: it frees pages that the first one's state needs.
        _ = try store.commit(
            { try $0.changeFlags(.add([.flagged]), of: UIDSet(UIDRange(1, 290)), in: inbox) },
            whenDurable: answers.callback("second"))
        // The second one is held up until the power has failed.
        let second = Gate()
        second.close()
        let passed = Mutex(0)
        disk.setGate { call, name in
            if call == .sync, name.hasSuffix(".seg"),
                passed.withLock({
                    $0 += 1; return $0
                }) > 0
            {
                second.pass()
            }
        }
        gate.open()
        try store.makeCheckpoint(covering: first)
        let survivor = disk.afterPowerFailure(seed: seed + 100)
        second.open()
        #expect(answers.wait(for: 2) == ["first done", "second failed"])
        let reopened = try open(survivor)
        #expect(reopened.writer.superblock.indexNumber == 1, "the index was taken for damaged, and built anew")
        let violations = Check.run(reopened)
        #expect(violations.isEmpty, "\(violations)")
        for i in 0..<20 {
            let change: FlagChange = i % 2 == 0 ? .add([.seen]) : .remove([.seen])
            try reopened.commit { try $0.changeFlags(change, of: UIDSet(UIDRange(1, .max)), in: inbox) }
        }
        #expect(try reopened.mailbox("INBOX").view().count == 301)
        try reopened.checkAndClose()
    }

    /// Everything at once, on a real disk: commits of several threads, new segments, zeros, seals, checkpoints, readers.
    @Test func manyThreadsOnARealDisk() throws {
        let folder = TemporaryFolder()
        var options = StoreOptions()
        options.segmentSize = 1 << 20
        options.checkpointInterval = 1 << 19
        let store = try Store.open(at: folder.path, options)
        let inbox = try store.mailbox("INBOX").id
        var random = SeededGenerator(seed: 5)
        let message = try PreparedMessage((0..<60_000).map { _ in UInt8.random(in: 0...255, using: &random) })
        let small = try PreparedMessage(Array("small".utf8))
        let failures = Mutex<[String]>([])
        let workers = (0..<6).map { thread in
            inThread {
                do {
                    for i in 0..<25 {
                        try store.commit { tx in
                            try tx.append(i % 2 == 0 ? message : small, to: inbox, internalDate: noon)
                            try tx.changeFlags(.add([.flagged]), of: UIDSet(UID(UInt32(i * thread + 1))), in: inbox)
                        }
                        if i % 5 == 0 {
                            let pin = try store.pin(inbox)
                            try store.commit(.relaxed) {
                                _ = try $0.expunge([UID(UInt32(i + thread + 1))], in: inbox, onlyDeleted: false)
                            }
                            let view = try pin.flatMap { try store.snapshot().view($0.mark) }
                            let count = try view?.count ?? 0
                            let last = try view?.uid(at: count).flatMap { try view?.message($0) }
                            if let last { _ = try store.body(of: last).bytes() }
                        }
                    }
                } catch { failures.withLock { $0.append("\(error)") } }
            }
        }
        for worker in workers { worker.join() }
        let problems = failures.withLock { $0 }
        #expect(problems.isEmpty, "\(problems)")
        let view = try store.mailbox("INBOX").view()
        var messages: [Message] = []
        try view.forEachMessage(in: UIDRange(.min, .max)) {
            messages.append($1)
            return true
        }
        for message in messages { #expect(try store.body(of: message).bytes().count == message.size) }
        try store.checkAndClose()
    }
}
