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

    @Test(arguments: 1...6 as ClosedRange<UInt64>) func randomStores(seed: UInt64) throws {
        let folder = TemporaryFolder()
        let made = try RandomStore(at: "\(folder.path)/store", seed: seed)
        let copied = "\(folder.path)/copy"
        for round in 1...4 {
            try made.run(commits: 25)
            // As a crash of the process would leave it: commits behind the superblock, dead rows, unsealed segments.
            try copy(made.path, to: copied)
            try compareWithReader(copied, "seed \(seed), round \(round)")
        }
        try made.store.close()
        try compareWithReader(made.path, "seed \(seed), closed")
        try FileManager.default.removeItem(atPath: "\(made.path)/index")
        try compareWithReader(made.path, hasIndex: false, "seed \(seed), without an index")
    }
}
