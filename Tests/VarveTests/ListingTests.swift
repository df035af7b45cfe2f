import MailModel
import TestSupport
import Testing
import VarveSimulation

@testable import Varve

/// `Snapshot.proceed`: a walk over names, and what it costs.
@Suite struct ListingTests {
    private func options(_ touches: PageTouchCounter? = nil) -> StoreOptions {
        var options = StoreOptions()
        options.fileSystem = SimulatedDisk(modelsPower: false)
        options.backgroundMaintenance = false
        options.pageTouches = touches
        return options
    }

    private func store(_ mailboxes: [String], deleted: [String] = [], subscribed: [String] = []) throws -> Store {
        let store = try Store.open(at: "store", options())
        try store.commit { tx in
            for name in mailboxes where try tx.mailbox(named: name) == nil { try tx.createMailbox(name) }
            for name in deleted { try tx.deleteMailbox(try #require(try tx.mailbox(named: name)).id) }
            for name in subscribed { try tx.subscribe(name) }
        }
        return store
    }

    /// Each name with `m` for a mailbox, `s` for one subscribed to, `+` for one with mailboxes below it.
    private func walked(
        _ store: Store, _ listing: Listing, pausing: Bool = false, _ step: (String) -> Listing.Step = { _ in [] }
    ) throws -> [String] {
        var listing = listing
        var names: [String] = []
        var rounds = 0
        while !listing.isAtEnd {
            rounds += 1
            try #require(rounds < 1000, "it comes to no end")
            let snapshot = store.snapshot()
            try snapshot.proceed(&listing) { listed throws(StoreError) in
                let name = String(decoding: listed.name, as: UTF8.self)
                let below = try snapshot.hasInferiors(listed) ? "+" : ""
                names.append("\(name):\(listed.mailbox == nil ? "" : "m")\(listed.isSubscribed ? "s" : "")\(below)")
                return step(name).union(pausing ? .pause : [])
            }
        }
        return names
    }

    private func ranges(_ prefixes: String...) -> [Listing.Range] {
        prefixes.map { $0.hasSuffix("=")
            ? Listing.Range(prefix: Array($0.utf8.dropLast()), isExact: true) : Listing.Range(prefix: Array($0.utf8)) }
    }

    @Test(arguments: [false, true]) func names(pausing: Bool) throws {
        let store = try store(
            ["a/b/c", "a-b", "a0", "b", "ü/x"], deleted: ["a", "a/b"], subscribed: ["b", "c/d/e", "a/b/c/d", "c-"])
        func listed(_ source: Listing.Source, _ prefixes: String...) throws -> [String] {
            let all = prefixes.flatMap { self.ranges($0) }
            return try walked(store, Listing(source, in: all), pausing: pausing)
        }
        #expect(
            try listed(.mailboxes, "") == ["INBOX:m", "a-b:m", "a:+", "a/b:+", "a/b/c:m", "a0:m", "b:m", "ü:m+", "ü/x:m"])
        #expect(
            try listed(.mailboxesAndSubscriptions, "") == [
                "INBOX:m", "a-b:m", "a:+", "a/b:+", "a/b/c:m", "a/b/c/d:s", "a0:m", "b:ms", "c-:s", "c:", "c/d:", "c/d/e:s",
                "ü:m+", "ü/x:m",
            ])
        #expect(
            try listed(.subscriptions, "") == [
                "a:", "a/b:", "a/b/c:", "a/b/c/d:s", "b:s", "c-:s", "c:", "c/d:", "c/d/e:s",
            ])
        // In one range: names above it are no part of it.
        #expect(try listed(.mailboxes, "a/b") == ["a/b:+", "a/b/c:m"])
        #expect(try listed(.mailboxes, "a/") == ["a/b:+", "a/b/c:m"])
        #expect(try listed(.mailboxes, "x").isEmpty)
        // In several, which overlap.
        #expect(try listed(.mailboxes, "b", "a/b/", "a/", "b=") == ["a/b:+", "a/b/c:m", "b:m"])
        #expect(try listed(.mailboxes, "a=", "a=", "b=", "x=", "INBOX=", "ü=") == ["INBOX:m", "a:+", "b:m", "ü:m+"])
        #expect(try listed(.mailboxesAndSubscriptions, "b=", "c=", "c-=", "a/b=") == ["a/b:+", "b:ms", "c-:s"])
        #expect(try listed(.mailboxes).isEmpty)
        try store.close()
    }

    @Test(arguments: [false, true]) func skipping(pausing: Bool) throws {
        let store = try store(["a/b/c", "a/d", "a-b/c", "b/c", "c/d"], deleted: ["b"], subscribed: ["a/x", "d/e/f"])
        func listed(skipping skipped: String...) throws -> [String] {
            try walked(store, Listing(.mailboxesAndSubscriptions, in: ranges("")), pausing: pausing) {
                skipped.contains($0) ? .skipInferiors : []
            }
        }
        #expect(
            try listed(skipping: "a/b", "a-b", "b", "d") == [
                "INBOX:m", "a:m+", "a-b:m+", "a/b:m+", "a/d:m", "a/x:s", "b:+", "c:m+", "c/d:m", "d:",
            ])
        // Between `a` and what is below it stands `a-b`, which is not below it.
        #expect(try listed(skipping: "a", "c", "d/e").contains("a-b:m+"))
        #expect(try listed(skipping: "c").contains("d/e/f:s"))
        #expect(try !listed(skipping: "c").contains("c/d:m"))
        try store.close()
    }

    /// Names come and go between two pieces.
    @Test func changesBetweenPieces() throws {
        let store = try store(["a", "b", "c", "d"])
        var listing = Listing(.mailboxes, in: ranges(""))
        var names: [String] = []
        while !listing.isAtEnd {
            var name = ""
            try store.snapshot().proceed(&listing) { listed throws(StoreError) in
                name = String(decoding: listed.name, as: UTF8.self)
                return .pause
            }
            names.append(name)
            try store.commit { tx in
                guard name == "b" else { return }
                try tx.deleteMailbox(try #require(try tx.mailbox(named: "b")).id)
                try tx.deleteMailbox(try #require(try tx.mailbox(named: "c")).id)
                try tx.createMailbox("aa")
                try tx.createMailbox("cc")
            }
        }
        #expect(names == ["INBOX", "a", "b", "cc", "d"])
        try store.close()
    }

    /// A mailbox costs the same number of pages however many there are: its row, and its part of a leaf of names.
    @Test func costOfAMailbox() throws {
        let touches = PageTouchCounter()
        let store = try Store.open(at: "store", options(touches))
        var count = 1
        for target in [10, 1_000, 20_000] {
            try store.commit { tx in
                // A few levels, and names with `-` between a name and what is below it.
                while count < target {
                    let name = "folder \(count / 100)\(count % 10 == 0 ? "-x" : "/\(count)")"
                    if try tx.mailbox(named: name) == nil { try tx.createMailbox(name) }
                    count += 1
                }
                for number in 0..<(target / 10) { try tx.subscribe("folder \(number)/\(number)") }
            }
            let total = try store.snapshot().mailboxCount
            try measure(store, touches, total)
        }
        try store.close()
    }

    private func measure(_ store: Store, _ touches: PageTouchCounter, _ total: Int) throws {
        let state = store.snapshot().root.state
        let heights = (
            names: Int(state.names.root.height), mailboxes: Int(state.mailboxes.root.height),
            subscriptions: Int(state.subscriptions.root.height)
        )
        let what = "\(total) mailboxes, heights \(heights)"
        func walk(
            _ source: Listing.Source, _ ranges: [Listing.Range], piece: Int, status: Bool
        ) throws -> (Int, pages: Int) {
            var listing = Listing(source, in: ranges)
            var visited = 0
            let before = touches.count
            while !listing.isAtEnd {
                let snapshot = store.snapshot()
                var statuses = snapshot.statuses
                try snapshot.proceed(&listing) { listed throws(StoreError) in
                    visited += 1
                    if status, let mailbox = listed.mailbox {
                        guard try statuses.status(of: mailbox)?.id == mailbox else { throw StoreError(.notFound, "") }
                    }
                    return visited % piece == 0 ? .pause : []
                }
            }
            return (visited, touches.count - before)
        }
        // Of a leaf of names, which is at least half full but for the last ones of a tree, each page is looked at once; its
        // inner pages are 100 times fewer.
        let leaves = total / 20 + 2
        let (all, pages) = try walk(.mailboxes, ranges(""), piece: .max, status: false)
        #expect(all == total)
        #expect(pages <= heights.names + leaves, "names: \(pages), \(what)")
        let (_, withStatus) = try walk(.mailboxes, ranges(""), piece: .max, status: true)
        #expect(withStatus <= heights.names + leaves + total * heights.mailboxes, "status: \(withStatus), \(what)")
        // In pieces: each finds its place again, and at most one name is looked up for each visited.
        let (merged, inPieces) = try walk(.mailboxesAndSubscriptions, ranges(""), piece: 100, status: false)
        let finding = (merged / 100 + 1) * (heights.names + heights.subscriptions)
        #expect(inPieces <= finding + 2 * leaves + leaves, "pieces: \(inPieces), \(what)")
        // One name, one folder.
        let (_, one) = try walk(.mailboxesAndSubscriptions, ranges("folder 0="), piece: .max, status: true)
        #expect(one <= 2 * heights.names + heights.subscriptions + heights.mailboxes, "one: \(one), \(what)")
        let (few, folder) = try walk(.mailboxes, ranges("folder 0/1"), piece: .max, status: true)
        #expect(folder <= heights.names + few / 20 + 1 + few * heights.mailboxes, "folder: \(folder), \(what)")
    }
}
