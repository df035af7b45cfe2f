import Foundation
import TestSupport
import Testing
import VarveFormat

@testable import Varve
@testable import VarveDump

/// What can be told of an encrypted store without its key, and that no more is.
@Suite struct EncryptedDumpTests {
    private func sample() throws -> TemporaryFolder {
        let folder = TemporaryFolder()
        try SampleStore.make(at: folder.path, masterKey: key())
        return folder
    }

    private func key() throws -> MasterKey {
        try Array<UInt8>(0..<32).withBytes { bytes throws(StoreError) in try MasterKey(bytes) }
    }

    private func dump(
        _ path: String, _ change: (inout Dump.Options) -> Void = { _ in }
    ) throws -> (text: String, damages: Int) {
        var options = Dump.Options()
        change(&options)
        var bytes: [UInt8] = []
        let damages = try Dump.run(path, options) { bytes += $0 }
        return (String(decoding: bytes, as: UTF8.self), damages)
    }

    @Test func allOfItIsShownAsSealed() throws {
        let folder = try sample()
        let files = ["", "/superblock", "/index", "/key", "/segments/000000000001.seg"]
        for file in files {
            for json in [false, true] {
                for bodies in [false, true] {
                    let (text, damages) = try dump(folder.path + file) {
                        $0.json = json
                        $0.bodies = bodies
                    }
                    #expect(damages == 0, "\(file): \(text)")
                    for name in ["INBOX", "Attic", "Hello", "Forwarded", "quick brown"] {
                        #expect(!text.contains(name), "\(file) shows \(name)")
                    }
                }
            }
        }
        let all = try dump(folder.path).text
        #expect(all.contains("previous end 0, encrypted\n") && all.contains("sealed pages "), "\(all)")
        let frames = try dump("\(folder.path)/segments/000000000001.seg").text
        #expect(frames.contains("sealed bytes "))
        // The first commit is what was sealed first; all messages and commits say with what they were.
        #expect(frames.contains("counter 1\n"))
        #expect(frames.components(separatedBy: "session ").count > 20)
        let key = try dump("\(folder.path)/key").text
        #expect(key.contains("slot 0") && key.contains("slot 1") && key.contains("master key "))
        #expect(try dump("\(folder.path)/index") { $0.page = 1 }.text.contains("page 1 sealed"))
        #expect(try dump("\(folder.path)/index") { $0.page = 0 }.text.contains("header"))
    }

    @Test func withTheKeyMessagesAreShown() throws {
        let folder = try sample()
        let plain = TemporaryFolder()
        try SampleStore.make(at: plain.path)
        let expected = try dump(plain.path) { $0.messages = true }.text.split(separator: "\n").dropFirst()
        let found = try dump(folder.path) {
            $0.messages = true
            $0.masterKey = try! key()
        }.text.split(separator: "\n").dropFirst()
        #expect(found == expected)
        #expect(expected.count > 10)
        #expect { try dump(folder.path) { $0.messages = true } } throws: {
            ($0 as? DumpError)?.message.contains("key") ?? false
        }
    }

    @Test func whatTakesTheKeySaysSo() throws {
        let folder = try sample()
        for change: (inout Dump.Options) -> Void in [
            { $0.tree = "uid" }, { $0.tree = "free" }, { $0.message = "INBOX:1" },
        ] {
            #expect { try dump(folder.path, change) } throws: { ($0 as? DumpError)?.message.contains("key") ?? false }
        }
    }

    @Test func aDamagedOrMissingKeyIsReported() throws {
        let folder = try sample()
        let path = "\(folder.path)/key"
        var bytes = try contents(of: path)
        bytes[KeySlot.size + 100] ^= 1
        try write(bytes, to: path)
        let (text, damages) = try dump(folder.path)
        #expect(damages == 1 && text.contains("key, slot 1"))
        TemporaryFolder.remove(path)
        #expect(try dump(folder.path).damages == 1)
    }
}
