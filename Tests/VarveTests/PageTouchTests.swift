import MailModel
import Testing
import VarveSimulation

@testable import Varve

/// What one command costs, in index pages, however large the mailbox is.
@Suite struct PageTouchTests {
    /// Pages on the way down each of the trees that an operation goes through.
    private struct Heights: CustomStringConvertible {
        let mailboxes: Int
        let names: Int
        let uid: Int
        let changed: Int
        let vanished: Int
        let mailboxChanges: Int

        init(_ store: Store) {
            let state = store.snapshot().root.state
            mailboxes = Int(state.mailboxes.root.height)
            names = Int(state.names.root.height)
            uid = Int(state.uid.root.height)
            changed = Int(state.changed.root.height)
            vanished = Int(state.vanished.root.height)
            mailboxChanges = Int(state.mailboxChanges.root.height)
        }

        var description: String { "uid \(uid), changed \(changed), vanished \(vanished)" }
    }

    private func count(_ touches: PageTouchCounter, _ body: () throws -> Void) rethrows -> Int {
        let before = touches.count
        try body()
        return touches.count - before
    }

    /// SELECT, `UID FETCH n (FLAGS)`, STORE of one flag, NOOP with and without news.
    private func measure(_ store: Store, _ touches: PageTouchCounter, messages: Int) throws {
        let inbox = try store.mailbox("INBOX").id
        let heights = Heights(store)
        let what = "\(messages) messages, heights: \(heights)"
        // The first command after a bulk change may tidy up: not what is measured here.
        try store.commit { try $0.changeFlags(.add([.answered]), of: [1], in: inbox) }
        var pin: ViewPin?
        let select = try count(touches) {
            let id = try #require(try store.snapshot().mailbox(named: "INBOX")).id
            pin = try store.pin(id)
            let view = try #require(try store.snapshot().view(pin!.mark))
            #expect(try view.count == messages)
            #expect(try view.firstUnseen == messages / 2 + 1)
        }
        // By name: names, mailboxes. The pin: mailboxes, rank of the mailbox. The view: the same. First unseen: select, find,
        // rank.
        #expect(select <= heights.names + 3 * heights.mailboxes + 5 * heights.uid, "SELECT, \(what)")
        let uid = UID(UInt32(messages / 3))
        let fetch = try count(touches) {
            let view = try #require(try store.snapshot().view(pin!.mark))
            #expect(try view.sequenceNumber(of: uid) == messages / 3)
            #expect(try view.message(uid)?.uid == uid)
        }
        // The view: mailboxes, rank. Number: find, rank. Message: find.
        #expect(fetch <= heights.mailboxes + 4 * heights.uid, "FETCH, \(what)")
        let bySequence = try count(touches) {
            let view = try #require(try store.snapshot().view(pin!.mark))
            #expect(try view.uid(at: messages / 3) == uid)
        }
        #expect(bySequence <= heights.mailboxes + 2 * heights.uid, "UID of a number, \(what)")
        let idle = try count(touches) {
            let view = try #require(try store.snapshot().view(pin!.mark))
            #expect(try view.changed(since: view.mark.changed).isEmpty)
            #expect(try view.vanished(since: view.mark.vanished).isEmpty)
        }
        // The view: mailboxes, rank. Vanished: at the end of a mailbox' ranges, one leaf may be looked at in vain.
        #expect(idle <= heights.mailboxes + heights.uid + 2 * heights.vanished, "NOOP, \(what)")
        let store1 = try count(touches) {
            try store.commit { _ = try $0.changeFlags(.add([.flagged]), of: UIDSet(uid), in: inbox) }
        }
        // Row: looked at, found for the change, copied; two neighbours. Range: floor from both ends, the old one looked for
        // and taken out, three put in. The mailbox' row: read, written; its place among the changes: looked for, out, in.
        let bound = 4 * heights.uid + 6 * (heights.changed + 1) + 3 * heights.mailboxes + 4 * heights.mailboxChanges
        #expect(store1 <= bound, "STORE: \(store1) of \(bound), \(what)")
        let news = try count(touches) {
            let view = try #require(try store.snapshot().view(pin!.mark))
            #expect(try view.changed(since: view.mark.changed).map(\.description) == ["\(uid)"])
            #expect(try view.vanished(since: view.mark.vanished).isEmpty)
        }
        #expect(
            news <= heights.mailboxes + heights.uid + 2 * (heights.changed + 1) + 2 * heights.vanished,
            "NOOP with news, \(what)")
        // As it was.
        try store.commit { try $0.changeFlags(.remove([.flagged]), of: UIDSet(uid), in: inbox) }
    }

    @Test func commandsTouchNoMorePagesThanTheTreesAreHigh() throws {
        let touches = PageTouchCounter()
        let store = try Store.open(at: "store", options(touches))
        let inbox = try store.mailbox("INBOX").id
        let message = try PreparedMessage(Array("Subject: one of many\r\n\r\n".utf8))
        try store.commit { tx in
            for i in 0..<1000 { try tx.append(message, to: inbox, flags: i < 500 ? [.seen] : [], internalDate: noon) }
        }
        try measure(store, touches, messages: 1000)
        // Each copy doubles the mailbox; the half that is unseen has to lie behind again.
        var messages = 1000
        for target in [100_000, 1_000_000] {
            try grow(store, from: messages, to: target)
            messages = target
            try measure(store, touches, messages: messages)
        }
        try bulk(store, messages: messages)
        try store.close()
    }

    private func options(_ touches: PageTouchCounter) -> StoreOptions {
        var options = StoreOptions()
        options.fileSystem = SimulatedDisk(modelsPower: false)
        options.backgroundMaintenance = false
        options.pageTouches = touches
        return options
    }

    private func grow(_ store: Store, from: Int, to target: Int) throws {
        let inbox = try store.mailbox("INBOX").id
        var count = from
        while count < target {
            let more = min(count, target - count)
            try store.commit { try $0.copy(UIDSet(UIDRange(1, UID(UInt32(more)))), from: inbox, to: inbox) }
            count += more
        }
        let half = UID(UInt32(target / 2))
        try store.commit { tx in
            try tx.changeFlags(.add([.seen]), of: UIDSet(UIDRange(1, half)), in: inbox)
            try tx.changeFlags(.remove([.seen]), of: UIDSet(UIDRange(UID(half.rawValue + 1), .max)), in: inbox)
        }
    }

    /// A change of all is one range, an expunge of a run is one range, and leaves the range of the change as it is.
    private func bulk(_ store: Store, messages: Int) throws {
        let inbox = try store.mailbox("INBOX").id
        var before = store.snapshot().modSeq
        try store.commit { try $0.changeFlags(.add([.deleted]), of: UIDSet(UIDRange(.min, .max)), in: inbox) }
        #expect(try store.mailbox("INBOX").view().changed(since: 0).map(\.description) == ["1:\(messages)"])
        before = store.snapshot().modSeq
        try store.commit { try $0.expunge(UIDSet(UIDRange(1001, 900_000)), in: inbox) }
        let view = try store.mailbox("INBOX").view()
        #expect(try view.vanished(since: before).description == "1001:900000")
        #expect(
            try store.snapshot().root.state.vanished.ranges(
                of: inbox.rawValue, from: 0, through: .max, store.snapshot().root.pages
            ).count == 1)
        // Nobody is left in its middle, and nothing was split for that.
        #expect(try view.changed(since: 0).map(\.description) == ["1:\(messages)"])
        #expect(try view.count == messages - 899_000)
        #expect(try view.uid(at: 1001) == 900_001)
    }
}
