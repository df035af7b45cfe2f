import MailModel
import TestSupport
import Testing
import VarveSimulation
import VarveFormat

@testable import Varve

/// What a repair saves, and that it says what it does not.
@Suite struct RepairTests {
    private let path = Workload.path
    private let target = "mended"

    private func options(_ disk: SimulatedDisk) -> StoreOptions {
        var options = Workload.options(disk)
        options.random = { 0x0fed_cba9_8765_4321 }
        return options
    }

    /// Repairs, and expects the damaged store to stay as it was and the new one to be sound.
    private func repair(_ disk: SimulatedDisk, _ what: String) throws -> (RepairReport, Account) {
        disk.kill()
        let names = try disk.list(path) + disk.list("\(path)/\(FileNames.segments)").map { "\(FileNames.segments)/\($0)" }
        let before = names.map { disk.contents("\(path)/\($0)") }
        guard case .repaired(let report) = try StoreRepair.run(path, into: target, options(disk), isForced: true) else {
            throw StoreError(.notFound, "\(what): no repair")
        }
        #expect(names.map { disk.contents("\(path)/\($0)") } == before, "\(what): the damaged store was written to")
        #expect(report.check.isSound, "\(what): \(report.check.violations)")
        let store = try Store.open(at: target, options(disk))
        let account = try Account(store)
        #expect(Check.run(store).isEmpty, "\(what)")
        #expect(report.messages == account.messages.count, "\(what)")
        try store.close()
        return (report, account)
    }

    /// What a client sees of an account, bodies included, without modseqs.
    private struct Account {
        struct Place: Hashable { var mailbox: String, uid: UInt32 }
        struct Content: Hashable { var bytes: [UInt8], flags: Set<String>, date: InternalDate }

        var messages: [Place: Content] = [:]
        var validities: [String: UIDValidity] = [:]
        var uidNexts: [String: UID] = [:]
        var subscriptions: [String] = []

        init(_ store: Store) throws {
            let snapshot = store.snapshot()
            var mailboxes: [MailboxInfo] = []
            try snapshot.forEachMailbox {
                mailboxes.append($0)
                return true
            }
            try snapshot.forEachSubscription {
                subscriptions.append($0)
                return true
            }
            for info in mailboxes {
                validities[info.name] = info.uidValidity
                uidNexts[info.name] = info.uidNext
                var found: [Message] = []
                try snapshot.view(of: info.id)?.forEachMessage(in: UIDRange(.min, .max)) {
                    found.append($1)
                    return true
                }
                for message in found {
                    messages[Place(mailbox: info.name, uid: message.uid.rawValue)] = Content(
                        bytes: try store.body(of: message).bytes(),
                        flags: Set(snapshot.flags(of: message).names.map { $0.lowercased() }), date: message.internalDate)
                }
            }
        }
    }

    private func original(_ disk: SimulatedDisk) throws -> (Account, locations: [Account.Place: LogPosition]) {
        disk.kill()
        var options = Workload.options(disk)
        options.access = .readOnly
        let store = try Store.open(at: path, options)
        let account = try Account(store)
        var locations: [Account.Place: LogPosition] = [:]
        var mailboxes: [MailboxInfo] = []
        try store.snapshot().forEachMailbox {
            mailboxes.append($0)
            return true
        }
        for info in mailboxes {
            try store.snapshot().view(of: info.id)?.forEachMessage(in: UIDRange(.min, .max)) {
                locations[Account.Place(mailbox: info.name, uid: $1.uid.rawValue)] = $1.location
                return true
            }
        }
        try store.close()
        return (account, locations)
    }

    /// Offsets of the frames of a segment.
    private func frames(_ disk: SimulatedDisk, _ number: UInt32, _ kind: FrameKind) throws -> [(offset: Int, length: Int)] {
        let file = try disk.open(Workload.segment(number), create: false, writable: false)
        let tag = StoreUUID(high: 0, low: 0x1234_5678_9abc_def0).tag
        var reader = LogReader(file: file, segment: number, tag: tag, from: SegmentHeader.size, limit: try file.size())
        var found: [(Int, Int)] = []
        while true {
            let offset = reader.offset
            guard case .frame(let frame) = try reader.next() else { return found }
            if frame.header.kind == kind.rawValue { found.append((offset, frame.header.frameLength)) }
        }
    }

    @Test func aSoundStoreIsMadeAgainAsItWas() throws {
        let (disk, expected) = try Workload.finished()
        disk.kill()
        guard case .notNeeded(let check) = try StoreRepair.run(path, into: target, options(disk)) else {
            Issue.record("a sound store was repaired")
            return
        }
        #expect(check.isSound)
        #expect(try !disk.exists(target))
        let (report, _) = try repair(disk, "sound")
        #expect(report.lostBytes.isEmpty && report.lostCommits.isEmpty && report.lostMessageCount == 0)
        #expect(report.recovered == 0 && report.renewedMailboxes.isEmpty && report.remarks.isEmpty)
        let store = try Store.open(at: target, options(disk))
        // Modseqs, UIDs, what changed and what vanished: all of it.
        let difference = try Summary(store).difference(expected)
        #expect(difference == "", "\(difference)")
        #expect(store.uuid != StoreUUID(high: 0x1234_5678_9abc_def0, low: 0x1234_5678_9abc_def0))
        try store.close()
        #expect { try StoreRepair.run(path, into: target, options(disk), isForced: true) } throws: {
            ($0 as? StoreError)?.kind == .alreadyExists
        }
    }

    /// Of a store whose log begins with a base, and whose bodies have been copied, all is saved that was there.
    @Test func aCompactedStore() throws {
        let (pristine, _) = try Workload.finished()
        pristine.kill()
        let store = try Store.open(at: path, Workload.options(pristine))
        var compaction = CompactionOptions()
        compaction.minimumDeadBytes = 1
        compaction.deadShare = 0
        let inbox = try store.mailbox("INBOX").id
        try store.commit { tx in
            try tx.expunge(UIDSet(UIDRange(1, 900)), in: inbox, onlyDeleted: false)
        }
        _ = try store.compact(compaction)
        try store.commit { tx in try tx.append(Array("later".utf8), to: inbox, internalDate: noon) }
        try store.close()
        let names = try pristine.list("\(path)/\(FileNames.segments)")
        #expect(names.contains { $0.hasSuffix(".base") }, "\(names)")
        let (before, _) = try original(pristine)
        for lost in [nil, Workload.index, Workload.superblock] {
            let disk = pristine.afterPowerFailure(seed: 1)
            if let lost { try disk.remove(lost) }
            disk.kill()
            let check = try StoreCheck.run(at: path, Workload.options(disk))
            #expect(check.remedy == (lost == nil ? .none : .open), "\(check.violations)")
            let (report, after) = try repair(disk, "compacted, without \(lost ?? "loss")")
            #expect(after.messages == before.messages, "without \(lost ?? "loss")")
            #expect(after.validities == before.validities && after.uidNexts == before.uidNexts)
            #expect(report.lostCommits.isEmpty && report.lostBytes.isEmpty && report.lostMessageCount == 0, "\(report.lostBytes)")
            #expect(report.recovered == 0 && report.renewedMailboxes.isEmpty && report.remarks.isEmpty, "\(report.remarks)")
        }
    }

    /// At whatever call the power fails: there is a whole store under the name, or none.
    @Test func aRepairThatIsCutShortLeavesNothingUnderItsName() throws {
        let (pristine, _) = try Workload.finished()
        let whole = pristine.afterPowerFailure(seed: 1)
        let before = whole.calls.count
        let (_, expected) = try repair(whole, "without a fault")
        let calls = whole.calls.count - before
        #expect(calls > 40)
        var found = 0
        for call in stride(from: 1, through: calls, by: 7) {
            let disk = pristine.afterPowerFailure(seed: 1)
            disk.fail(at: disk.calls.count + call, with: .powerFailure)
            _ = try? repair(disk, "call \(call)")
            let left = disk.afterPowerFailure(seed: UInt64(call))
            guard try left.exists(target) else { continue }
            found += 1
            let store = try Store.open(at: target, options(left))
            #expect(try Account(store).messages == expected.messages, "call \(call)")
            try store.checkAndClose()
        }
        #expect(found < calls / 7 / 2, "a repair shows its store when it is through")
    }

    @Test func whereTheIndexAloneIsDamagedItIsBuiltAnew() throws {
        let (disk, expected) = try Workload.finished()
        disk.damage(Workload.index, at: 4096 * 3 + 500)
        disk.damage(Workload.index, at: 4096 * 5 + 500)
        disk.damage(Workload.index, at: 4096 * 7 + 500)
        disk.kill()
        guard case .notNeeded(let check) = try StoreRepair.run(path, into: target, options(disk)) else {
            Issue.record("a store was made although the log is whole")
            return
        }
        #expect(check.remedy == .rebuildIndex)
        try Store.rebuildIndex(at: path, Workload.options(disk))
        #expect(try StoreCheck.run(at: path, Workload.options(disk)).isSound)
        let store = try Store.open(at: path, Workload.options(disk))
        #expect(try Summary(store).difference(expected) == "")
        try store.close()
        try Store.rebuildIndex(at: path, Workload.options(disk))
        #expect(try StoreCheck.run(at: path, Workload.options(disk)).isSound)
    }

    @Test func aLostMessageIsExpungedAndNothingElse() throws {
        let (pristine, _) = try Workload.finished()
        let (before, locations) = try original(pristine)
        let frames = try frames(pristine, 1, .message).prefix(8)
        for withoutIndex in [false, true] {
            for (offset, length) in frames {
                let disk = pristine.afterPowerFailure(seed: 1)
                disk.damage(Workload.segment(1), at: offset + 40)
                if withoutIndex { try disk.remove(Workload.index) }
                let what = "message at \(offset), index \(!withoutIndex)"
                let (report, after) = try repair(disk, what)
                var expected = before.messages
                for (place, location) in locations where location == LogPosition(segment: 1, offset: UInt32(offset)) {
                    expected[place] = nil
                }
                #expect(after.messages == expected, "\(what)")
                #expect(after.validities == before.validities && after.uidNexts == before.uidNexts, "\(what)")
                #expect(report.lostCommits.isEmpty && report.recovered == 0, "\(what)")
                #expect(report.lostMessageCount == 1 && report.lostBytes.map(\.offset) == [offset], "\(what): \(report.lostBytes)")
                #expect(report.lostBytes.map(\.count) == [length])
            }
        }
    }

    @Test func aLostCommitIsTakenFromTheIndex() throws {
        let (pristine, _) = try Workload.finished()
        let (before, _) = try original(pristine)
        let commits = try frames(pristine, 1, .commit)
        var moved = 0
        for (offset, _) in commits {
            let disk = pristine.afterPowerFailure(seed: 1)
            disk.damage(Workload.segment(1), at: offset + 40)
            let what = "commit at \(offset)"
            let (report, after) = try repair(disk, what)
            #expect(report.lostCommitCount == 1, "\(what)")
            let isMoved = report.remarks.contains { $0.contains("is now UID") }
            if isMoved {
                // Copies of a message that was expunged itself: nothing says under which UID it had come.
                moved += 1
                #expect(Set(after.messages.values) == Set(before.messages.values), "\(what)")
                #expect(after.messages.count == before.messages.count, "\(what)")
            } else {
                #expect(after.messages == before.messages, "\(what)")
                #expect(after.uidNexts == before.uidNexts, "\(what)")
            }
            #expect(after.validities == before.validities, "\(what)")
            #expect(after.subscriptions == before.subscriptions, "\(what)")
            #expect(report.renewedMailboxes.isEmpty && report.recovered == 0 && report.lostMessageCount == 0, "\(what)")
        }
        #expect(moved < commits.count / 2)
    }

    @Test func aLostCommitWithoutAnIndexKeepsTheMail() throws {
        let (pristine, _) = try Workload.finished()
        let (before, _) = try original(pristine)
        var recovered = 0
        for (offset, _) in try frames(pristine, 1, .commit) {
            let disk = pristine.afterPowerFailure(seed: 1)
            disk.damage(Workload.segment(1), at: offset + 40)
            try disk.remove(Workload.index)
            let what = "commit at \(offset)"
            let (report, after) = try repair(disk, what)
            #expect(report.lostCommitCount == 1, "\(what)")
            recovered += report.recovered
            let bodies = Set(after.messages.values.map(\.bytes))
            #expect(bodies.isSuperset(of: before.messages.values.map(\.bytes)), "\(what)")
            // No mailbox that was there when the commit was lost keeps a UIDVALIDITY under which it may have given other UIDs.
            for (name, validity) in after.validities where before.validities[name] == validity {
                #expect(!report.renewedMailboxes.contains(name), "\(what)")
            }
            #expect(report.renewedMailboxes.contains("INBOX"), "\(what)")
        }
        #expect(recovered > 10)
    }

    @Test func whatManyFaultsLeaveIsSaved() throws {
        let (pristine, _) = try Workload.finished()
        let (before, locations) = try original(pristine)
        var random = SeededGenerator(seed: 31)
        for round in 0..<40 {
            let disk = pristine.afterPowerFailure(seed: 1)
            let numbers = try disk.list("\(path)/\(FileNames.segments)").compactMap(FileNames.segmentNumber)
            var damaged: [UInt32: [Int]] = [:]
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let number = try #require(numbers.randomElement(using: &random))
                let offset = Int.random(in: 0..<(random.once(in: 2) ? 8192 : disk.size(Workload.segment(number))!), using: &random)
                disk.damage(Workload.segment(number), at: offset)
                damaged[number, default: []].append(offset)
            }
            if random.once(in: 3) { try disk.remove(Workload.index) }
            if random.once(in: 3) { disk.damage(Workload.superblock, at: Int.random(in: 0..<8192, using: &random)) }
            if random.once(in: 6) { try disk.remove(Workload.segment(2)) }
            let what = "round \(round): \(damaged)"
            let (_, after) = try repair(disk, what)
            let bodies = Set(after.messages.values.map(\.bytes))
            for (place, location) in locations {
                let bytes = try #require(before.messages[place]).bytes
                // The frame is not longer than the message, its head and its summary.
                let frame = Int(location.offset)..<(Int(location.offset) + bytes.count + 4096)
                let isTouched = damaged[location.segment]?.contains { frame.contains($0) } ?? false
                let isThere = try disk.exists(Workload.segment(location.segment))
                if !isTouched, isThere { #expect(bodies.contains(bytes), "\(what): \(place)") }
            }
        }
    }
}
