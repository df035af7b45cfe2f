import Foundation
import TestSupport
import Testing

/// What must hold of the source text itself.
@Suite struct SourceTests {
    /// Whoever embeds the engine gets these and no more: neither Foundation nor an event loop.
    static let engine = ["MailModel", "VarveFormat", "MailMessage", "Varve"]
    /// What each module may import of the project's own.
    static let below: [String: Set<String>] = [
        "MailModel": [], "VarveFormat": ["MailModel", "CCRC32C"], "MailMessage": ["MailModel"],
        "Varve": ["MailModel", "MailMessage", "VarveFormat", "CRetain", "CLZ4", "COpenSSL"],
    ]
    static let outside: Set<String> = ["Glibc", "Musl", "Synchronization", "HashTreeCollections"]

    private static func files(_ module: String) throws -> [String] {
        let folder = "\(Repository.path)/Sources/\(module)"
        let files = try #require(FileManager.default.enumerator(atPath: folder))
        return files.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.map { "Sources/\(module)/\($0)" }
    }

    @Test(arguments: engine) func theEngineLooksDownwardsOnly(_ module: String) throws {
        let files = try SourceTests.files(module)
        #expect(files.count > 3, "\(module) has hardly any files")
        for file in files {
            for line in try Repository.text(file).split(separator: "\n") {
                let words = line.split(separator: " ")
                guard let keyword = words.firstIndex(of: "import"), words[..<keyword].allSatisfy({ $0.hasPrefix("@") || $0 == "public" })
                else { continue }
                let imported = String(words[keyword + 1])
                let isAllowed = SourceTests.outside.contains(imported) || SourceTests.below[module]!.contains(imported)
                #expect(isAllowed, "\(file) imports \(imported)")
            }
        }
    }

    /// Only `Storage/` reaches the operating system's files: everything else goes through `FileSystem`, where a test can put
    /// a simulated disk.
    @Test func onlyStorageReachesFiles() throws {
        let calls = ["pwrite", "pread(", "fdatasync", "fsync(", "mmap(", "ftruncate", "unlink(", "opendir", "flock("]
        for file in try SourceTests.files("Varve") where !file.hasPrefix("Sources/Varve/Storage/") {
            for line in try Repository.text(file).split(separator: "\n") {
                let code = line.trimmingCharacters(in: .whitespaces)
                guard !code.hasPrefix("//") else { continue }
                for call in calls { #expect(!code.contains(call), "\(file): \(code)") }
            }
        }
    }

    @Test(arguments: engine + ["VarveAccounts", "MailFiles", "VarveDump", "IMAPCodec", "IMAPServer", "varved", "varve", "varve-dump", "simulate"])
    func filesAreShort(_ module: String) throws {
        for file in try SourceTests.files(module) {
            let lines = try Repository.text(file).split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.count <= 400, "\(file) has \(lines.count) lines: does it hold one concern?")
            #expect(!file.contains(" "), "\(file): a space in a file's name")
        }
    }
}
