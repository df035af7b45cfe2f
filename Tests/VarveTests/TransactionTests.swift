import MailModel
import Testing
import VarveSimulation

@testable import Varve

@Suite struct TransactionTests {
    private func open(_ disk: SimulatedDisk) throws -> Store { try Store.open(at: Workload.path, Workload.options(disk)) }

    @Test func anErrorThatTheBodyHidesUndoesItAll() throws {
        let store = try open(SimulatedDisk())
        try store.commit { tx in for name in ["a/x", "b", "b/x"] { try tx.createMailbox(name) } }
        try store.commit { try $0.deleteMailbox(try $0.mailbox(named: "b")!.id) }
        let before = try Summary(store)
        // a becomes b; a/x cannot become b/x.
        #expect {
            try store.commit { tx in
                try tx.subscribe("b")
                try? tx.renameMailbox(try tx.mailbox(named: "a")!.id, to: "b")
            }
        } throws: { ($0 as? StoreError)?.kind == .alreadyExists }
        #expect(try Summary(store).difference(before) == "")
        // What is refused before anything is changed does no harm.
        try store.commit { tx in
            _ = try? tx.createMailbox("a")
            try tx.subscribe("b")
        }
        #expect(try store.snapshot().isSubscribed("b"))
        try store.checkAndClose()
    }

    @Test func aFullDiskAmidATransactionLeavesTheStateBefore() throws {
        let disk = SimulatedDisk()
        let store = try open(disk)
        let inbox = try store.mailbox("INBOX").id
        try store.commit { tx in for _ in 0..<200 { try tx.append([7], to: inbox, internalDate: noon) } }
        let before = try Summary(store)
        for hides in [false, true] {
            disk.fail(at: disk.calls.count + 1, with: .error(.outOfSpace))
            #expect {
                try store.commit { tx in
                    // The index has to grow: the only call that a transaction makes.
                    for _ in 0..<12 {
                        do { try tx.copy(UIDSet(UIDRange(.min, .max)), from: inbox, to: inbox) } catch {
                            if !hides { throw error } else { return }
                        }
                    }
                }
            } throws: { ($0 as? StoreError)?.kind == .outOfSpace }
            #expect(try Summary(store).difference(before) == "")
            #expect(Check.run(store).isEmpty)
        }
        // There is room again.
        try store.commit { tx in try tx.copy(UIDSet(UIDRange(.min, .max)), from: inbox, to: inbox) }
        #expect(try store.mailbox("INBOX").view().count == 400)
        try store.checkAndClose()
    }

    @Test func bitsThatAreNoFlagsDoNotGetIn() throws {
        let store = try open(SimulatedDisk())
        let inbox = try store.mailbox("INBOX").id
        let odd = SystemFlags(rawValue: 0xffff)
        try store.commit { tx in
            try tx.append([1], to: inbox, flags: Flags(odd), internalDate: noon)
            try tx.append([2], to: inbox, internalDate: noon)
            try tx.changeFlags(.replace(Flags(odd)), of: [2], in: inbox)
        }
        #expect(try store.mailbox("INBOX").view().count == 2)
        #expect {
            try store.commit { try $0.append([1], to: inbox, internalDate: InternalDate(seconds: 0, zoneMinutes: 1440)) }
        } throws: { ($0 as? StoreError)?.kind == .limit }
        try store.checkAndClose()
    }

    @Test func aSlashCountsBesideEveryCharacter() throws {
        let store = try open(SimulatedDisk())
        // U+0600 and a slash behind it, or a slash and U+0301, are one Character.
        for name in ["a\u{600}", "b"] {
            try store.commit { try $0.createMailbox("\(name)/\u{301}c/d") }
            #expect(try store.snapshot().mailbox(named: "\(name)/\u{301}c") != nil)
            let id = try #require(try store.snapshot().mailbox(named: name)).id
            try store.commit { try $0.renameMailbox(id, to: "new\(name)") }
            #expect(try store.snapshot().mailbox(named: "new\(name)/\u{301}c/d") != nil)
        }
        try store.checkAndClose()
    }

    /// Rows of expunged messages go also if other mailboxes, which a session holds, cannot be tidied up.
    @Test func heldMailboxesDoNotKeepOthersFromBeingTidiedUp() throws {
        let store = try open(SimulatedDisk())
        let names = (0..<12).map { "m\($0)" }
        var pins: [ViewPin] = []
        for name in names {
            try store.commit { tx in
                let id = try tx.createMailbox(name).id
                for _ in 0..<3 { try tx.append([1], to: id, internalDate: noon) }
            }
        }
        for name in names.dropLast() { pins.append(try #require(try store.pin(try store.mailbox(name).id))) }
        for name in names {
            try store.commit { _ = try $0.expunge([1, 2], in: try $0.mailbox(named: name)!.id, onlyDeleted: false) }
        }
        for i in 0..<6 { try store.commit { try $0.subscribe("s\(i)") } }
        #expect(store.writer.state.deadRows == UInt64(2 * pins.count))
        pins.removeAll()
        for i in 6..<12 { try store.commit { try $0.subscribe("s\(i)") } }
        #expect(store.writer.state.deadRows == 0)
        try store.checkAndClose()
    }

    /// Messages that came with other mailboxes behind theirs still fill their leaves.
    @Test func leavesAreFullAlsoWhereOtherMailboxesFollow() throws {
        let store = try open(SimulatedDisk())
        let inbox = try store.mailbox("INBOX").id
        try store.commit { tx in
            let other = try tx.createMailbox("other").id
            for _ in 0..<5 { try tx.append([1], to: other, internalDate: noon) }
        }
        try store.commit { tx in for _ in 0..<7200 { try tx.append([1], to: inbox, internalDate: noon) } }
        let state = store.snapshot().root.state
        var leaves = 0
        try state.uid.forEachLeaf(0, .max, store.snapshot().root.pages) { _, _ in
            leaves += 1
            return true
        }
        #expect(leaves <= 105, "\(leaves) leaves for 7205 rows of 72")
        try store.checkAndClose()
    }
}
