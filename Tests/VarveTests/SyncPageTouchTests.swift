import MailModel
import Testing
import VarveSimulation

@testable import Varve

/// What synchronising costs, in index pages: it follows from what changed and from how high the trees are, and not from how
/// many messages a mailbox has, or how many mailboxes there are.
@Suite struct SyncPageTouchTests {
    private let touches = PageTouchCounter()

    private func open() throws -> Store {
        var options = StoreOptions()
        options.fileSystem = SimulatedDisk(modelsPower: false)
        options.backgroundMaintenance = false
        options.pageTouches = touches
        return try Store.open(at: "store", options)
    }

    private func count(_ body: () throws -> Void) rethrows -> Int {
        let before = touches.count
        try body()
        return touches.count - before
    }

    /// Pages on the way down each tree.
    private struct Heights: CustomStringConvertible {
        let mailboxes, names, uid, changed, vanished, mailboxChanges: Int

        init(_ store: Store) {
            let state = store.snapshot().root.state
            mailboxes = Int(state.mailboxes.root.height)
            names = Int(state.names.root.height)
            uid = Int(state.uid.root.height)
            changed = Int(state.changed.root.height)
            vanished = Int(state.vanished.root.height)
            mailboxChanges = Int(state.mailboxChanges.root.height)
        }

        /// A scan of so many ranges: down, and through the leaves, each at least half full but the first and last.
        func scan(_ height: Int, _ rows: Int) -> Int { 2 * height + rows / 50 + 1 }

        var description: String {
            "mailboxes \(mailboxes), names \(names), uid \(uid), changed \(changed), vanished \(vanished)"
        }
    }

    // MARK: One mailbox

    @Test func aResynchronisationCostsWhatChanged() throws {
        let store = try open()
        let inbox = try store.mailbox("INBOX").id
        let message = try PreparedMessage(Array("Subject: one of many\r\n\r\n".utf8))
        try store.commit { tx in for _ in 0..<1000 { try tx.append(message, to: inbox, internalDate: noon) } }
        var messages = 1000
        for target in [1000, 100_000, 1_000_000] {
            while messages < target {
                let more = min(messages, target - messages)
                try copyFirst(more, store)
                messages += more
            }
            for k in [1, 100] {
                try measure(store, changes: k, messages: messages)
                // What was expunged comes again, so that there are as many as before.
                try copyFirst(k, store)
            }
        }
        try store.close()
    }

    private func copyFirst(_ count: Int, _ store: Store) throws {
        let inbox = try store.mailbox("INBOX")
        let last = try #require(try inbox.view().uid(at: count))
        try store.commit { try $0.copy(UIDSet(UIDRange(1, last)), from: inbox.id, to: inbox.id) }
    }

    /// `k` messages far from each other get a keyword, `k` others are expunged, by another session, each by a commit of its own.
    private func measure(_ store: Store, changes k: Int, messages: Int) throws {
        let inbox = try store.mailbox("INBOX").id
        let pin = try #require(try store.pin(inbox))
        let known = pin.mark
        // From the second third on: the first stays, to be copied from.
        func uids(_ part: Int) throws -> [UID] {
            let view = try #require(try store.snapshot().view(of: inbox))
            return try (0..<k).map { i in
                try #require(try view.uid(at: part * messages / 4 + 1 + i * (messages / 4 / k)))
            }
        }
        let (flagged, gone) = (try uids(2), try uids(3))
        // One that none of them has.
        let flags = Flags([], keywords: ["\(k) of \(messages)"])
        for uid in flagged { try store.commit { try $0.changeFlags(.add(flags), of: UIDSet(uid), in: inbox) } }
        for uid in gone { try store.commit { try $0.expunge(UIDSet(uid), in: inbox, onlyDeleted: false) } }
        let heights = Heights(store)
        let what: Comment = "\(k) changes, \(messages) messages, heights: \(heights)"
        func expect(_ pages: Int, atMost bound: Int, _ command: String) {
            #expect(pages <= bound, "\(command): \(pages) pages of \(bound); \(what)")
        }
        // A mailbox' row, its rank among the rows of all messages.
        let view = heights.mailboxes + heights.uid
        let changed = heights.scan(heights.changed, k)
        let vanished = heights.scan(heights.vanished, k)
        // Of each message its row, found by itself, and its number.
        let rows = k * 2 * heights.uid

        // SELECT (QRESYNC (… known)): the newest state, what changed, what vanished.
        expect(
            try count {
                let id = try #require(try store.snapshot().mailbox(named: "INBOX")).id
                let view = try #require(try store.snapshot().view(of: id))
                try synchronise(view, since: known.changed, flagged, gone)
            }, atMost: heights.names + heights.mailboxes + view + changed + vanished + rows, "SELECT QRESYNC")
        // UID FETCH 1:* (FLAGS) (CHANGEDSINCE n VANISHED), by a session that has been told all.
        let told = try #require(try store.pin(inbox))
        expect(
            try count {
                let view = try #require(try store.snapshot().view(told.mark))
                try synchronise(view, since: known.changed, flagged, gone)
            }, atMost: view + heights.vanished + 1 + changed + vanished + rows, "UID FETCH CHANGEDSINCE VANISHED")
        // NOOP of a session that has been told nothing of it: the view looks at what vanished, too.
        expect(
            try count {
                let view = try #require(try store.snapshot().view(known))
                #expect(try view.count == messages)
                try synchronise(view, since: known.changed, flagged, gone)
                pin.advance(to: view.newest)
            }, atMost: view + changed + 2 * vanished + rows, "NOOP")
        expect(
            try count {
                let info = try #require(try store.snapshot().mailbox(named: "INBOX"))
                #expect(info.messages == messages - k && info.highestModSeq > known.changed)
            }, atMost: heights.names + heights.mailboxes, "STATUS")
        // STORE 1:* (UNCHANGEDSINCE n): which ones changed; a transaction that changes nothing.
        expect(
            try count {
                let all = UIDSet(UIDRange(.min, .max))
                let found = try store.commit { try $0.changed(of: all, in: inbox, since: known.changed) }
                #expect(found == UIDSet(flagged))
            }, atMost: 2 * heights.mailboxes + changed + k * heights.uid, "UNCHANGEDSINCE")
    }

    /// Reads what changed and what vanished since a state, the messages with their numbers.
    private func synchronise(_ view: View, since: ModSeq, _ flagged: [UID], _ gone: [UID]) throws {
        #expect(try view.vanished(since: since) == UIDSet(gone))
        var found: [UID] = []
        for range in try view.changed(since: since) {
            try view.forEachMessage(in: range) { _, message in
                found.append(message.uid)
                return true
            }
        }
        #expect(found == flagged)
    }

    // MARK: All mailboxes

    /// LIST "" * RETURN (STATUS (…)): one scan of the names, and of each mailbox its row. Which ones changed since: those
    /// alone.
    @Test(arguments: [10, 1000, 20_000]) func aScanOfAllMailboxesTouchesEachOnce(mailboxes: Int) throws {
        let store = try open()
        var made = 1
        while made < mailboxes {
            let more = min(1000, mailboxes - made)
            try store.commit { tx in for i in made..<(made + more) { _ = try tx.createMailbox("mailbox \(i)") } }
            made += more
        }
        let heights = Heights(store)
        var seen = 0
        let pages = try count {
            try store.snapshot().forEachMailbox { info in
                seen += info.messages == 0 && info.uidNext == 1 ? 1 : 0
                return true
            }
        }
        #expect(seen == mailboxes)
        // Names have some 20 bytes: a leaf has at least 80 of them.
        let bound = mailboxes * heights.mailboxes + mailboxes / 40 + heights.names + 1
        #expect(pages <= bound, "\(pages) pages of \(bound); \(mailboxes) mailboxes, heights: \(heights)")

        let before = store.snapshot().modSeq
        let some = try ["mailbox 1", "mailbox \(mailboxes / 2)", "mailbox \(mailboxes - 1)"].map { try store.mailbox($0).id }
        for id in some { try store.commit { try $0.append([1], to: id, internalDate: noon) } }
        var changed: [MailboxID] = []
        let news = try count {
            try store.snapshot().mailboxesChanged(since: before) { id, _ in
                changed.append(id)
                return true
            }
        }
        #expect(changed == some)
        #expect(news <= 2 * heights.mailboxChanges + 1, "\(news) pages; \(mailboxes) mailboxes")
        try store.close()
    }

    // MARK: Bytes

    /// Of log and index together.
    @Test func anEmptyMailboxCostsAFewHundredBytes() throws {
        let store = try open()
        func bytes() -> Int {
            Int(store.writer.log.end.offset) + Int(store.writer.allocator.pageCount) * 4096
        }
        try store.checkpoint()
        let before = bytes()
        try store.commit { tx in
            for i in 0..<1000 { _ = try tx.createMailbox("chats/session \(i)", specialUse: i % 2 == 0 ? .archive : []) }
        }
        try store.checkpoint()
        let each = (bytes() - before) / 1000
        #expect(each <= 400, "\(each) bytes for each")
        #expect(each >= 100, "something is not counted")
        try store.close()
    }
}
