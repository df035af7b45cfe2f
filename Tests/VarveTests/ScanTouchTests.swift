import MailModel
import TestSupport
import Testing
import VarveFormat
import VarveSimulation

@testable import Varve

/// What a search costs in index pages, and that what it gives is what a look at each message gives.
@Suite struct ScanTouchTests {
    private func options(_ touches: PageTouchCounter) -> StoreOptions {
        var options = StoreOptions()
        options.fileSystem = SimulatedDisk(modelsPower: false)
        options.backgroundMaintenance = false
        options.pageTouches = touches
        return options
    }

    private func count(_ touches: PageTouchCounter, _ body: () throws -> Void) throws -> Int {
        let before = touches.count
        try body()
        return touches.count - before
    }

    private func found(_ view: View, _ filter: FlagFilter, _ range: UIDRange = UIDRange(.min, .max)) throws -> [UInt32] {
        var rows = Int.max
        var uids: [UInt32] = []
        let rest = try view.scan(range, where: filter, rows: &rows) { _, fields in
            uids.append(fields.uid.rawValue)
            return true
        }
        #expect(rest == nil)
        return uids
    }

    /// Few unseen, few changed, and runs of UIDs, among many messages.
    @Test func pagesFollowWhatIsFound() throws {
        let touches = PageTouchCounter()
        let store = try Store.open(at: "store", options(touches))
        let inbox = try store.mailbox("INBOX").id
        let message = try PreparedMessage(Array("Subject: one of many\r\n\r\n".utf8))
        try store.commit { tx in
            for _ in 0..<1000 { try tx.append(message, to: inbox, flags: [.seen], internalDate: noon) }
        }
        var messages = 1000
        for target in [100_000, 1_000_000] {
            while messages < target {
                let more = min(messages, target - messages)
                try store.commit { try $0.copy(UIDSet(UIDRange(1, UID(UInt32(more)))), from: inbox, to: inbox) }
                messages += more
            }
            try measure(store, touches, messages)
        }
        try store.close()
    }

    private func measure(_ store: Store, _ touches: PageTouchCounter, _ messages: Int) throws {
        let inbox = try store.mailbox("INBOX").id
        // Half of a leaf's rows at least are used; a leaf that was filled by appending has nearly all.
        let few = [7, messages / 3, messages / 2, messages - 5].map { UID(UInt32($0)) }
        let before = store.snapshot().modSeq
        try store.commit { try $0.changeFlags(.remove([.seen]), of: UIDSet(few), in: inbox) }
        let view = try #require(try store.snapshot().view(of: inbox))
        let state = store.snapshot().root.state
        let height = Int(state.uid.root.height)

        let unseen = try count(touches) { try #expect(found(view, .unseen) == few.map(\.rawValue)) }
        #expect(unseen <= 4 * height, "UNSEEN: \(unseen) pages, height \(height)")
        let counted = try count(touches) {
            let everything = UIDRange(.min, .max)
            try #expect(view.count(in: everything, where: .unseen) == 4)
            try #expect(view.count(in: everything, where: FlagFilter(has: .seen)) == messages - 4)
            try #expect(view.count(in: UIDRange(8, .max), where: .unseen) == 3)
            try #expect(view.count(in: everything, where: FlagFilter(has: .deleted)) == 0)
        }
        #expect(counted <= 4 * height, "COUNT: \(counted) pages")
        let changed = try count(touches) { try #expect(view.changedSet(since: before) == UIDSet(few)) }
        #expect(changed <= 2 * Int(state.changed.root.height), "MODSEQ: \(changed) pages")
        let middle = UInt32(messages / 2)
        let range = UIDRange(UID(middle), UID(middle + 999))
        let run = try count(touches) {
            try #expect(view.numbers(in: range) == Int(middle)..<Int(middle) + 1000)
            try #expect(found(view, .all, range).count == 1000)
        }
        // Two ranks; leaves of 36 rows at least, and what leads there.
        #expect(run <= 3 * height + 1000 / 36 + 2, "UID n:m: \(run) pages")
        let leaves = messages / 36 + 1
        let all = try count(touches) { try #expect(found(view, FlagFilter(has: .flagged)).isEmpty) }
        #expect(all <= leaves + leaves / 100 + height, "FLAGGED: \(all) pages of \(leaves)")
        try store.commit { try $0.changeFlags(.add([.seen]), of: UIDSet(few), in: inbox) }
    }

    /// Steps of any size, any filter, expunges told and untold, against a look at each message.
    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func scansGiveWhatLooksGive(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let store = try Store.open(at: "store", options(PageTouchCounter()))
        let other = try store.commit { try $0.createMailbox("Before") }.id
        let inbox = try store.mailbox("INBOX").id
        let message = try PreparedMessage(Array("Subject: x\r\n\r\n".utf8))
        try store.commit { tx in
            for _ in 0..<100 { try tx.append(message, to: other, flags: [], internalDate: noon) }
            for _ in 0..<600 {
                let flags = SystemFlags(rawValue: random.once(in: 3) ? 0 : UInt16.random(in: 0..<32, using: &random))
                try tx.append(message, to: inbox, flags: Flags(flags), internalDate: noon)
            }
        }
        // A stretch without anything unseen.
        try store.commit { _ = try $0.changeFlags(.add([.seen]), of: UIDSet(UIDRange(100, 500)), in: inbox) }
        var pin = try #require(try store.pin(inbox))
        for round in 0..<30 {
            let first = UInt32.random(in: 1...600, using: &random)
            let range = UIDSet(UIDRange(UID(first), UID(first + UInt32.random(in: 0..<12, using: &random))))
            if random.once(in: 2) { try expunge(range, inbox, store) }
            if random.once(in: 8) { pin = try #require(try store.pin(inbox)) }
            let view = try #require(try store.snapshot().view(pin.mark))
            for _ in 0..<6 { try compare(view, &random, "seed \(seed), round \(round)") }
        }
        _ = pin
        try store.close()
    }

    private func expunge(_ uids: UIDSet, _ mailbox: MailboxID, _ store: Store) throws {
        try store.commit { tx in
            _ = try tx.changeFlags(.add([.deleted]), of: uids, in: mailbox)
            _ = try tx.expunge(uids, in: mailbox)
        }
    }

    private func compare(_ view: View, _ random: inout SeededGenerator, _ what: String) throws {
        let bits = [SystemFlags.seen, .answered, .deleted, []]
        let filter = FlagFilter(
            has: random.once(in: 2) ? [] : bits.randomElement(using: &random)!, hasNot: bits.randomElement(using: &random)!)
        let first = UInt32.random(in: 1...610, using: &random)
        let range = UIDRange(UID(first), random.once(in: 3) ? .max : UID(UInt32.random(in: first...620, using: &random)))
        var expected: [String] = []
        try view.forEachMessage(in: range) { number, message in
            if message.flags.isSuperset(of: filter.has), message.flags.isDisjoint(with: filter.hasNot) {
                expected.append("\(number) \(message.uid) \(message.isExpunged)")
            }
            return true
        }
        var got: [String] = []
        var resume: UID? = range.first
        let step = Int.random(in: 1...200, using: &random)
        let stops = random.once(in: 2) ? Int.random(in: 1...20, using: &random) : Int.max
        while let start = resume {
            var rows = step
            resume = try view.scan(UIDRange(start, range.last), where: filter, rows: &rows) { number, fields in
                got.append("\(number) \(fields.uid) \(fields.isExpunged)")
                return got.count % stops != 0
            }
        }
        #expect(got == expected, "\(what): \(filter) \(range)")
        if let count = try view.count(in: range, where: filter) {
            #expect(count == expected.count, "\(what): \(filter) \(range)")
        }
        if filter == .all, let line = expected.first {
            let numbers = try view.numbers(in: range)
            #expect(numbers.count == expected.count, "\(what): \(range)")
            #expect(line.hasPrefix("\(numbers.lowerBound) "), "\(what): \(range)")
        }
    }
}
