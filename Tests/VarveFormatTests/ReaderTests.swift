import Foundation
import TestSupport
import Testing
import VarveDump

@testable import Varve

/// The reader of `Formats/reader`, which was written from the pages alone, against the engine: what one writes the other
/// one reads.
@Suite(.enabled(if: PythonReader.isInstalled, PythonReader.missing)) struct ReaderTests {
    private func copy(_ store: String, to path: String) throws {
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.copyItem(atPath: store, toPath: path)
    }

    @Test func sampleStores() throws {
        let folder = TemporaryFolder()
        try SampleStore.make(at: "\(folder.path)/sample")
        try compareWithReader("\(folder.path)/sample", "the sample store")
        let both = try PythonReader.read("\(folder.path)/sample")
        #expect(both.status == 0, "both ways: \(both.complaint)")
        try SampleStore.makeLarge(at: "\(folder.path)/large")
        try compareWithReader("\(folder.path)/large", "the large sample store")
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>) func randomStores(seed: UInt64) throws {
        let folder = TemporaryFolder()
        let made = try RandomStore(at: "\(folder.path)/store", seed: seed)
        defer { print("reader, seed \(seed): \(made.segmentsRemoved) segments were given up") }
        let copied = "\(folder.path)/copy"
        for round in 1...3 {
            try made.run(commits: 30)
            // As a crash of the process would leave it: commits behind the superblock, dead rows, unsealed segments.
            try copy(made.path, to: copied)
            try compareWithReader(copied, "seed \(seed), round \(round)")
        }
        try made.store.close()
        try compareWithReader(made.path, "seed \(seed), closed")
        try FileManager.default.removeItem(atPath: "\(made.path)/index")
        try compareWithReader(made.path, hasIndex: false, "seed \(seed), without an index")
    }

    // MARK: Torn tails and damage

    /// A store whose last segment ends with two commits, each of them a batch of its own, and where these begin.
    private func withLastCommits(seed: UInt64, at path: String) throws -> (segment: String, ends: [Int]) {
        let made = try RandomStore(at: "\(path)/made", seed: seed)
        try made.run(commits: 20)
        let inbox = try made.store.mailbox("INBOX").id
        func commit() throws {
            try made.store.commit { tx in
                try tx.append(Array("more mail".utf8), to: inbox, internalDate: .init(seconds: 0))
            }
        }
        // The first one may begin a segment.
        try commit()
        let number = made.store.writer.log.current.number
        var ends: [Int] = []
        for _ in 0..<2 {
            ends.append(made.store.writer.log.current.end)
            try commit()
        }
        try #require(made.store.writer.log.current.number == number)
        try copy(made.path, to: "\(path)/store")
        try made.store.close()
        return ("\(path)/store/\(FileNames.segment(number))", ends)
    }

    private func flip(_ path: String, at offset: Int) throws {
        var bytes = try contents(of: path)
        bytes[offset] ^= 0x40
        try write(bytes, to: path)
    }

    /// Of the last batch some bytes are missing: its commit was told to nobody.
    @Test(arguments: 11...12 as ClosedRange<UInt64>) func tornTails(seed: UInt64) throws {
        let folder = TemporaryFolder()
        let (segment, ends) = try withLastCommits(seed: seed, at: folder.path)
        let whole = try PythonReader.read("\(folder.path)/store").text
        try flip(segment, at: ends[1] + 40)
        try compareWithReader("\(folder.path)/store", "seed \(seed)")
        let torn = try PythonReader.read("\(folder.path)/store").text
        #expect(torn != whole && !torn.isEmpty, "seed \(seed): the last commit is gone")
        // Cut off anywhere.
        try write(Array(try contents(of: segment).prefix(ends[1] + 17)), to: segment)
        try compareWithReader("\(folder.path)/store", "seed \(seed), cut off")
        #expect(try PythonReader.read("\(folder.path)/store").text == torn, "seed \(seed)")
    }

    /// A batch that was on disk when the next one was made.
    @Test(arguments: 11...12 as ClosedRange<UInt64>) func damage(seed: UInt64) throws {
        let folder = TemporaryFolder()
        let (segment, ends) = try withLastCommits(seed: seed, at: folder.path)
        try flip(segment, at: ends[0] + 40)
        var options = Dump.Options()
        options.messages = true
        #expect(try dump("\(folder.path)/store", options).damages > 0, "seed \(seed)")
        for way in [["--log-only"], ["--index"], []] {
            let found = try PythonReader.read("\(folder.path)/store", way)
            #expect(found.status == 1 && found.text.isEmpty, "seed \(seed), \(way)")
            let place = "\(segment.split(separator: "/").suffix(2).joined(separator: "/")), offset \(ends[0])"
            #expect(found.complaint.contains(place), "seed \(seed), \(way): \(found.complaint)")
        }
    }

    /// One flipped bit in each file, anywhere in what is used of it: no crash, and nothing false is said.
    @Test(arguments: 21...22 as ClosedRange<UInt64>) func flippedBits(seed: UInt64) throws {
        let folder = TemporaryFolder()
        var random = SeededGenerator(seed: seed)
        let golden = GoldenStore.released.last!
        let expected = try PythonReader.read(golden.path).text
        var options = Dump.Options()
        options.messages = true
        options.json = true
        let segments = try FileManager.default.contentsOfDirectory(atPath: "\(golden.path)/\(FileNames.segments)").sorted()
        for name in [FileNames.superblock, FileNames.index] + segments.map({ "\(FileNames.segments)/\($0)" }) {
            for _ in 0..<3 {
                let store = "\(folder.path)/store"
                try? FileManager.default.removeItem(atPath: store)
                try golden.copy(to: store)
                var bytes = try contents(of: "\(store)/\(name)")
                let used = bytes.indices.filter { bytes[$0] != 0 }
                let at = used.randomElement(using: &random)!
                bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                try write(bytes, to: "\(store)/\(name)")
                let found = try PythonReader.read(store)
                let comment: Comment = "seed \(seed), \(name), offset \(at): \(found.complaint)"
                #expect(!found.complaint.contains("Traceback"), comment)
                guard found.status == 0 else {
                    #expect(found.text.isEmpty, comment)
                    continue
                }
                // A page that nothing reaches, a slot that does not hold; or the last batch, which then is a torn tail.
                let isWhole = found.text == expected
                let isTorn = try found.text == dump(store, options).text
                #expect(isWhole || isTorn, comment)
            }
        }
    }

    @Test func anEncryptedStore() throws {
        let folder = TemporaryFolder()
        let key = try MasterKey.create(file: "\(folder.path)/master")
        let made = try RandomStore(at: "\(folder.path)/store", seed: 31, masterKey: key)
        try made.run(commits: 10)
        try made.store.close()
        let found = try PythonReader.read(made.path)
        #expect(found.status == 1 && found.text.isEmpty)
        #expect(found.complaint.contains("encrypted"), "\(found.complaint)")
        var options = Dump.Options()
        options.messages = true
        let error = #expect(throws: DumpError.self) { try dump(made.path, options) }
        #expect(error?.message.contains("key") == true, "\(error?.message ?? "")")
    }
}
