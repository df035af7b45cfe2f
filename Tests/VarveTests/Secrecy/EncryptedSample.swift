import MailModel
import Synchronization
import TestSupport
import Testing
import VarveSimulation
import VarveFormat
import VarveSimulation

@testable import Varve

/// Keys that are the same each time, and what tests of encrypted stores look at.
enum EncryptedSample {
    static func masterKey(_ first: UInt8 = 0) -> MasterKey {
        try! (0..<32).map { UInt8($0) &+ first }.withBytes { bytes throws(StoreError) in try MasterKey(bytes) }
    }

    /// Goes on where it was: no two sessions of a test are the same.
    static func entropy(seed: UInt64) -> Entropy.Source {
        let random = Mutex(SeededGenerator(seed: seed))
        return { buffer throws(StoreError) in
            random.withLock { random in
                for i in buffer.indices { buffer[i] = UInt8(truncatingIfNeeded: random.next()) }
            }
        }
    }

    static func encrypt(_ options: inout StoreOptions, seed: UInt64) {
        options.masterKey = masterKey()
        options.entropy = entropy(seed: seed)
    }

    static func options(_ disk: SimulatedDisk, seed: UInt64 = 1) -> StoreOptions {
        var options = Workload.options(disk)
        encrypt(&options, seed: seed)
        return options
    }

    /// All files of a store, by their names.
    static func files(_ disk: SimulatedDisk) throws -> [String: [UInt8]] {
        var result: [String: [UInt8]] = [:]
        for folder in [Workload.path, "\(Workload.path)/\(FileNames.segments)"] {
            for name in try disk.list(folder) {
                if let bytes = disk.contents("\(folder)/\(name)") { result["\(folder)/\(name)"] = bytes }
            }
        }
        return result
    }

    /// Looks for texts in all files of a store.
    static func expectNone(of texts: [String], on disk: SimulatedDisk, _ what: String = "") throws {
        for (name, bytes) in try files(disk) {
            for text in texts {
                #expect(!contains(bytes, Array(text.utf8)), "\(what): \(name) has the text \(text) in the clear")
            }
        }
    }

    static func contains(_ bytes: [UInt8], _ needle: [UInt8]) -> Bool {
        bytes.withUnsafeBufferPointer { bytes in
            guard bytes.count >= needle.count else { return false }
            var at = 0
            while at <= bytes.count - needle.count {
                if bytes[at] == needle[0], needle.indices.allSatisfy({ bytes[at + $0] == needle[$0] }) { return true }
                at += 1
            }
            return false
        }
    }
}
