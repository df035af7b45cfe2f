import MailModel
import TestSupport
import Testing
import Varve
import VarveDump

/// The dump of a path as text or JSON, and how many places are damaged.
func dump(_ path: String, _ options: Dump.Options = Dump.Options()) throws -> (text: String, damages: Int) {
    var bytes: [UInt8] = []
    let damages = try Dump.run(path, options) { bytes.append(contentsOf: $0) }
    return (String(decoding: bytes, as: UTF8.self), damages)
}

/// Compares dumps with the ones in `Formats/golden`.
@Suite struct DumpTests {
    private func expect(_ name: String, _ dump: (text: String, damages: Int)) throws {
        let path = repository() + "/Formats/golden/\(name)"
        if isRecording {
            try write(dump.text, to: path)
            Issue.record("\(path) was recorded; look at what changed and run the tests again")
            return
        }
        let golden = String(decoding: try contents(of: path), as: UTF8.self)
        let found = dump.text.split(separator: "\n", omittingEmptySubsequences: false)
        let expected = golden.split(separator: "\n", omittingEmptySubsequences: false)
        for (i, (a, b)) in zip(found, expected).enumerated() where a != b {
            Issue.record("\(name), line \(i + 1): found\n\(a)\nexpected\n\(b)\n(VARVE_RECORD_GOLDEN=1 records it anew)")
            return
        }
        #expect(found.count == expected.count, "\(name): lines (VARVE_RECORD_GOLDEN=1 records it anew)")
    }

    private func options(_ change: (inout Dump.Options) -> Void) -> Dump.Options {
        var options = Dump.Options()
        change(&options)
        return options
    }

    @Test func aSoundStore() throws {
        let folder = TemporaryFolder()
        try SampleStore.make(at: folder.path)
        let overview = try dump(folder.path)
        #expect(overview.damages == 0)
        try expect("store.txt", overview)
        try expect("store.json", try dump(folder.path, options { $0.json = true }))
        let segment = try dump("\(folder.path)/segments/000000000001.seg")
        #expect(segment.damages == 0)
        try expect("segment.txt", segment)
        try expect("superblock.txt", try dump("\(folder.path)/superblock"))
        try expect("index.txt", try dump("\(folder.path)/index"))
        var trees = ""
        for tree in Dump.treeNames {
            let text = try dump(folder.path, options { $0.tree = tree }).text
            #expect(text == (try dump("\(folder.path)/index", options { $0.tree = tree }).text))
            trees += text
        }
        try expect("trees.txt", (trees, 0))
    }

    @Test func theHistoryOfAMessage() throws {
        let folder = TemporaryFolder()
        try SampleStore.make(at: folder.path)
        // Appended, changed, copied, moved, renamed around.
        let moved = try dump(folder.path, options { $0.message = "Attic/2023 \"old\"/Käse:3" })
        #expect(moved.damages == 0)
        try expect("history-moved.txt", moved)
        try expect("history-expunged.txt", try dump(folder.path, options { $0.message = "INBOX:6" }))
        try expect("history-deleted.txt", try dump(folder.path, options { $0.message = "Scratch:1" }))
        let bodies = options {
            $0.message = "INBOX:1"
            $0.bodies = true
        }
        try expect("history-bodies.txt", try dump(folder.path, bodies))
        for unknown in ["INBOX:99", "Nowhere:1", "INBOX", "INBOX:0", "INBOX:x"] {
            #expect(throws: DumpError.self, "\(unknown)") { try dump(folder.path, options { $0.message = unknown }) }
        }
    }

    @Test func aStoreOfSeveralSegments() throws {
        let folder = TemporaryFolder()
        try SampleStore.makeLarge(at: folder.path)
        let overview = try dump(folder.path)
        #expect(overview.damages == 0)
        try expect("large.txt", overview)
        // The first segment alone: its footer, and where it goes on.
        let lines = try dump("\(folder.path)/segments/000000000001.seg").text.split(separator: "\n")
        try expect("large-segment-end.txt", (lines.suffix(4).joined(separator: "\n") + "\n", 0))
    }

    @Test func eachPageOfAnIndex() throws {
        let folder = TemporaryFolder()
        try SampleStore.makeLarge(at: folder.path)
        let size = try contents(of: "\(folder.path)/index").count
        var kinds: Set<String> = []
        for page in 0..<UInt32(size / 4096) {
            let text = try dump(folder.path, options { $0.page = page }).text
            #expect(text.hasPrefix("page \(page) "))
            kinds.insert(String(text.split(separator: " ")[2].prefix { $0 != "," }))
        }
        #expect(kinds.isSuperset(of: ["header", "freeList", "rowLeaf", "rowInner", "cellLeaf", "cellInner"]))
        #expect(throws: DumpError.self) { try dump(folder.path, options { $0.page = UInt32(size / 4096) }) }
    }

    @Test func whatIsNoStore() throws {
        let folder = TemporaryFolder()
        #expect(throws: DumpError.self) { try dump("\(folder.path)/nothing") }
        #expect(throws: DumpError.self) { try dump(folder.path) }
        let file = "\(folder.path)/letter"
        try write("Dear Sir or Madam", to: file)
        #expect(throws: DumpError.self) { try dump(file) }
        try write([], to: file)
        #expect(throws: DumpError.self) { try dump(file) }
    }

    @Test func itRunsBesideAnOpenStore() throws {
        let folder = TemporaryFolder()
        let store = try Store.open(at: folder.path, SampleStore.options())
        let inbox = try store.mailbox("INBOX").id
        for i in 0..<50 {
            try store.commit { tx in try tx.append(Array("m\(i)".utf8), to: inbox, internalDate: .init(seconds: 0)) }
            if i % 10 == 3 { try store.checkpoint() }
            let (text, damages) = try dump(folder.path)
            #expect(damages == 0, "after \(i):\n\(text)")
        }
        try store.close()
    }

    /// Whatever a writer does meanwhile, nothing looks damaged.
    @Test func itRunsWhileAStoreIsWrittenTo() async throws {
        let folder = TemporaryFolder()
        let path = folder.path
        let store = try Store.open(at: path, SampleStore.options())
        let inbox = try store.mailbox("INBOX").id
        let writer = Task.detached {
            for i in 0..<200 {
                try store.commit { tx in
                    try tx.append(Array(repeating: UInt8(i), count: i * 50), to: inbox, internalDate: .init(seconds: 0))
                    try tx.changeFlags(.add([.seen]), of: [UID(UInt32(i))], in: inbox)
                }
                if i % 2 == 0 { try store.checkpoint() }
                store.maintain()
            }
            try store.close()
        }
        for round in 0..<40 {
            do {
                let (text, damages) = try dump(path)
                #expect(damages == 0, "round \(round):\n\(text)")
                _ = try dump(path, options { $0.tree = "uid" })
            } catch let error as DumpError {
                // The one thing that may happen, and says so.
                #expect(error.message.contains("written to so quickly"), "\(error)")
            }
        }
        try await writer.value
        #expect(try dump(path).damages == 0)
    }
}
