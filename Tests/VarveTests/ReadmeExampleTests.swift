import TestSupport
import Testing
import Varve

/// The README's embedding example stands here once more, compiled and run; the two must not differ.
@Suite struct ReadmeExampleTests {
    @Test func theExampleRuns() throws {
        let folder = TemporaryFolder()
        let (changed, vanished) = try ReadmeExampleTests.example(
            path: "\(folder.path)/alice.varve", received: InternalDate(seconds: 1_700_000_000))
        #expect(changed == [UIDRange(1, 1)])
        #expect(vanished.isEmpty)
    }

    static func example(path: String, received: InternalDate) throws -> ([UIDRange], UIDSet) {
        // README
        let store = try Store.open(at: path)
        let inbox = try store.mailbox("INBOX")
        let message = try store.prepare(Array("Subject: Hello\r\n\r\nWorld\r\n".utf8))
        let known = store.snapshot().modSeq
        try store.commit { tx in
            let uid = try tx.append(message, to: inbox.id, flags: [.seen], internalDate: received)
            let archive = try tx.createMailbox("Archive/2026")
            try tx.copy(UIDSet(uid), from: inbox.id, to: archive.id)
        }
        let changed = try inbox.view().changed(since: known)  // one range scan
        let vanished = try inbox.view().vanished(since: known)  // one range scan
        try store.close()
        // README
        return (changed, vanished)
    }

    @Test func theReadmeShowsIt() throws {
        let pieces = try Repository.text("Tests/VarveTests/ReadmeExampleTests.swift").split(separator: "        // README\n")
        let code = pieces[1].split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.hasPrefix("        ") ? $0.dropFirst(8) : $0 }.joined(separator: "\n")
        #expect(try Repository.text("README.md").contains("```swift\nimport Varve\n\n" + code + "```"))
    }
}
