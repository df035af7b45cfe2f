import MailModel
import Synchronization
import Testing
import VarveSimulation

@testable import Varve

/// Who is woken by a commit.
@Suite struct SubscriptionTests {
    private final class Calls: Sendable {
        private let modSeqs = Mutex<[ModSeq]>([])
        func add(_ modSeq: ModSeq) { modSeqs.withLock { $0.append(modSeq) } }
        /// Since the last time that this was asked.
        func take() -> [ModSeq] {
            modSeqs.withLock { modSeqs in
                defer { modSeqs.removeAll() }
                return modSeqs
            }
        }
    }

    private func store() throws -> Store {
        let store = try Store.open(at: Workload.path, Workload.options(SimulatedDisk(modelsPower: false)))
        try store.commit { tx in for name in ["a", "b", "c"] { _ = try tx.createMailbox(name) } }
        return store
    }

    private func subscribe(_ store: Store, _ name: String) throws -> (Calls, Subscription) {
        let calls = Calls()
        return (calls, store.subscribe(to: try store.mailbox(name).id) { calls.add($0) })
    }

    @Test func onlyHoldersOfWhatChangedAreWoken() throws {
        let store = try store()
        let (a, first) = try subscribe(store, "a")
        let (alsoA, second) = try subscribe(store, "a")
        let (b, third) = try subscribe(store, "b")
        let all = Calls()
        let fourth = store.subscribe { all.add($0) }
        func expect(_ inA: Bool, _ inB: Bool, _ what: Comment) {
            let now = [store.snapshot().modSeq]
            #expect(a.take() == (inA ? now : []), what)
            #expect(alsoA.take() == (inA ? now : []), what)
            #expect(b.take() == (inB ? now : []), what)
            #expect(all.take() == now, what)
        }
        let (idA, idB, idC) = (try store.mailbox("a").id, try store.mailbox("b").id, try store.mailbox("c").id)
        try store.commit { try $0.append([1], to: idA, internalDate: noon) }
        expect(true, false, "an append")
        try store.commit { try $0.append([1], to: idC, internalDate: noon) }
        expect(false, false, "an append elsewhere")
        try store.commit { try $0.copy([1], from: idA, to: idB) }
        expect(false, true, "a copy")
        try store.commit { try $0.changeFlags(.add([.seen]), of: [1], in: idA) }
        expect(true, false, "a flag")
        try store.commit { try $0.move([1], from: idA, to: idB) }
        expect(true, true, "a move")
        try store.commit { tx in
            try tx.claimRecent(in: idB)
            try tx.setSpecialUse(.junk, of: idA)
            try tx.subscribe("x")
        }
        expect(false, false, "what is no change of a mailbox")
        try store.commit { try $0.renameMailbox(idA, to: "d") }
        expect(true, false, "a rename")
        try store.commit { try $0.expunge([1], in: idB, onlyDeleted: false) }
        expect(false, true, "an expunge")
        try store.commit { try $0.deleteMailbox(idA) }
        expect(true, false, "a deletion")
        // Both in one transaction.
        try store.commit { tx in
            try tx.append([1], to: idB, internalDate: noon)
            try tx.deleteMailbox(idB)
        }
        expect(false, true, "a change and a deletion")
        try store.commit { _ in }
        #expect(all.take().isEmpty, "nothing was published")
        withExtendedLifetime((first, second, third, fourth)) {}
        try store.checkAndClose()
    }

    /// Several transactions that are published together wake once, also those of the first one.
    @Test func oneCallForAPublication() throws {
        var options = Workload.options(SimulatedDisk(modelsPower: false))
        options.backgroundFlushing = false
        let store = try Store.open(at: Workload.path, options)
        try store.commit { tx in for name in ["a", "b"] { _ = try tx.createMailbox(name) } }
        let (a, first) = try subscribe(store, "a")
        let (b, second) = try subscribe(store, "b")
        let (idA, idB) = (try store.mailbox("a").id, try store.mailbox("b").id)
        for id in [idA, idA, idB, idA, idB] {
            try store.commit(.relaxed) { try $0.append([1], to: id, internalDate: noon) }
        }
        #expect(a.take().isEmpty && b.take().isEmpty, "nobody is told of what is not on disk")
        try store.flush()
        let now = [store.snapshot().modSeq]
        #expect(a.take() == now && b.take() == now)
        withExtendedLifetime((first, second)) {}
        try store.close()
    }

    @Test func whoCancelledIsNotWoken() throws {
        let store = try store()
        let id = try store.mailbox("a").id
        let (a, first) = try subscribe(store, "a")
        let b: Calls
        var second: Subscription?
        (b, second) = try subscribe(store, "a")
        let (c, third) = try subscribe(store, "a")
        first.cancel()
        first.cancel()
        second = nil
        try store.commit { try $0.append([1], to: id, internalDate: noon) }
        #expect(a.take().isEmpty && b.take().isEmpty && c.take().count == 1)
        third.cancel()
        try store.commit { try $0.append([1], to: id, internalDate: noon) }
        #expect(c.take().isEmpty)
        _ = second
        try store.close()
    }
}
