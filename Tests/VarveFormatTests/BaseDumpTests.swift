import Glibc
import MailModel
import TestSupport
import Testing
import Varve
import VarveDump
import VarveFormat

/// Dumps of a store whose log was given up from its beginning.
@Suite struct BaseDumpTests {
    /// The sample store, with all that nobody needs gone.
    private func compacted(_ path: String) throws {
        try SampleStore.make(at: path)
        let store = try Store.open(at: path, SampleStore.options())
        var options = CompactionOptions()
        options.minimumDeadBytes = 1
        let report = try store.compact(options)
        #expect(report.segmentsRemoved == 1)
        try store.commit { tx in
            try tx.changeFlags(.add([.answered]), of: [1], in: try #require(try tx.mailbox(named: "INBOX")).id)
        }
        try store.close()
    }

    private func expect(_ name: String, _ text: String) throws {
        let path = repository() + "/Formats/golden/\(name)"
        if isRecording {
            try write(text, to: path)
            Issue.record("\(path) was recorded; look at what changed and run the tests again")
            return
        }
        #expect(text == String(decoding: try contents(of: path), as: UTF8.self), "\(name)")
    }

    @Test func aBaseAndWhatFollowsIt() throws {
        let folder = TemporaryFolder()
        try compacted(folder.path)
        let overview = try dump(folder.path)
        #expect(overview.damages == 0, "\(overview.text)")
        let base = try dump("\(folder.path)/segments/000000000003.base")
        #expect(base.damages == 0)
        let copies = try dump("\(folder.path)/segments/000000000002.seg")
        let segment = try dump("\(folder.path)/segments/000000000003.seg")
        #expect(copies.damages == 0 && segment.damages == 0)
        var options = Dump.Options()
        options.message = "INBOX:1"
        options.bodies = true
        let history = try dump(folder.path, options)
        #expect(history.damages == 0)
        try expect("base.txt", base.text + copies.text + segment.text + history.text)
    }

    /// A flipped bit anywhere is damage, and never the end of the dump.
    @Test func aDamagedBase() throws {
        let folder = TemporaryFolder()
        try compacted(folder.path)
        let path = "\(folder.path)/segments/000000000003.base"
        let sound = try contents(of: path)
        for at in stride(from: 0, to: sound.count, by: 37) where !(36..<40 ~= at) {
            var bytes = sound
            bytes[at] ^= 0x10
            try write(bytes, to: path)
            #expect(try dump(path).damages > 0, "byte \(at)")
            #expect(try dump(folder.path).damages > 0, "byte \(at)")
        }
        for count in [0, 8, 63, 64, 100, sound.count - 1] {
            try write(Array(sound[..<count]), to: path)
            if count >= 8 { #expect(try dump(path).damages > 0, "\(count) bytes") }
        }
        try write(sound + [0], to: path)
        #expect(try dump(path).damages > 0)
    }
}
