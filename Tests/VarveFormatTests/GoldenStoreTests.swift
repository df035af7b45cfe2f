import Foundation
import MailModel
import TestSupport
import Testing
import VarveDump
import VarveFormat

@testable import Varve

/// Stores that released versions wrote stay readable.
@Suite struct GoldenStoreTests {
    private func messages(_ path: String) throws -> String {
        var options = Dump.Options()
        options.messages = true
        options.json = true
        let (text, damages) = try dump(path, options)
        #expect(damages == 0, "\(text)")
        return text
    }

    private func expectation(_ golden: GoldenStore) throws -> String {
        String(decoding: try contents(of: golden.expectationPath), as: UTF8.self)
    }

    /// With `VARVE_RECORD_STORE=1` the store of this version is made, unless there is one: what was released stays.
    @Test func thisVersionHasOne() throws {
        let golden = GoldenStore.current
        if isRecordingStore, !FileManager.default.fileExists(atPath: golden.path) {
            try golden.record()
            try write(try messages(golden.path), to: golden.expectationPath)
            Issue.record("\(golden.path) was made; look at it, and run the tests again")
        }
        #expect(
            FileManager.default.fileExists(atPath: golden.path),
            "this version of the format has no golden store: VARVE_RECORD_STORE=1 makes it (Formats/versions.md)")
    }

    private var isRecordingStore: Bool { ProcessInfo.processInfo.environment["VARVE_RECORD_STORE"] == "1" }

    @Test(arguments: GoldenStore.released) func itIsWhatItWas(golden: GoldenStore) throws {
        let expected = try expectation(golden)
        #expect(expected.split(separator: "\n").count > 20, "an expectation that expects something")
        let folder = TemporaryFolder()
        try golden.copy(to: folder.path)
        let overview = try dump(folder.path)
        #expect(overview.damages == 0, "\(overview.text)")
        #expect(try messages(folder.path) == expected)
        // Nothing was written, and nothing is missed that can be derived.
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names == [FileNames.index, FileNames.segments, FileNames.superblock])
        try FileManager.default.removeItem(atPath: "\(folder.path)/index")
        try FileManager.default.removeItem(atPath: "\(folder.path)/superblock")
        #expect(try messages(folder.path) == expected)
    }

    /// The engine reads it, by its index or by one that it builds, goes on in it, and reads it again.
    @Test(arguments: GoldenStore.released, [false, true]) func theEngineGoesOnInIt(
        golden: GoldenStore, withoutIndex: Bool
    ) throws {
        let expected = try expectation(golden)
        let folder = TemporaryFolder()
        try golden.copy(to: folder.path)
        if withoutIndex { try FileManager.default.removeItem(atPath: "\(folder.path)/index") }
        var store = try Store.open(at: folder.path, SampleStore.options())
        #expect(Check.run(store).isEmpty)
        try store.close()
        #expect(try messages(folder.path) == expected, "opened and closed")

        store = try Store.open(at: folder.path, SampleStore.options())
        let inbox = try store.mailbox("INBOX").id
        let before = try store.mailbox("INBOX").view().mailbox
        let added = try store.commit { tx in
            _ = try tx.expunge([1], in: inbox, onlyDeleted: false)
            return try tx.append(
                Array("more".utf8), to: inbox, flags: Flags(.seen, keywords: ["WORK"]), internalDate: .init(seconds: 0))
        }
        #expect(added == before.uidNext, "the UID that its clients were told of")
        #expect(store.snapshot().modSeq.rawValue == before.highestModSeq.rawValue + 1)
        try store.close()

        store = try Store.open(at: folder.path, SampleStore.options())
        #expect(Check.run(store).isEmpty)
        let view = try store.mailbox("INBOX").view()
        #expect(try view.vanished(since: before.highestModSeq) == [1])
        let message = try #require(try view.message(added))
        #expect(try store.body(of: message).bytes() == Array("more".utf8))
        #expect(store.snapshot().keywords(of: message) == ["Work"], "in the spelling that came first")
        try store.close()
        // What was not touched is as it was.
        func others(_ text: String) -> [Substring] {
            text.split(separator: "\n").filter { line in
                line.hasPrefix(#"{"type":"message""#) && !line.contains(#""mailbox":1,"uid":1,"#)
            }
        }
        let now = try messages(folder.path)
        #expect(others(now).filter { !$0.contains(#""uid":\#(added.rawValue),"#) } == others(expected))
    }

    @Test(.enabled(if: PythonReader.isInstalled, PythonReader.missing), arguments: GoldenStore.released)
    func theReaderReadsIt(golden: GoldenStore) throws {
        let expected = try expectation(golden)
        for way in [["--log-only"], ["--index"], []] {
            let found = try PythonReader.read(golden.path, way)
            #expect(found.status == 0, "\(way): \(found.complaint)")
            #expect(found.text == expected, "\(way)")
        }
    }
}
