import Foundation
import Testing
import VarveDump

/// `Formats/reader/varve_reader.py`, run on a store.
enum PythonReader {
    struct Output {
        let status: Int32
        /// What it printed.
        let text: String
        /// What it complained of.
        let complaint: String
    }

    static let isInstalled = (try? start(["-c", "import sys; sys.exit(sys.version_info < (3, 9))"]))?.status == 0
    static let missing: Comment = "python3 (3.9 or later) is not there: apt-get install python3"

    static func read(_ store: String, _ options: [String] = []) throws -> Output {
        // -B: no compiled modules are left beside the sources.
        try start(["-B", repository() + "/Formats/reader/varve_reader.py"] + options + [store])
    }

    private static func start(_ arguments: [String]) throws -> Output {
        let folder = NSTemporaryDirectory() + "varve-reader-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // Files, not pipes: neither of two pipes can be full while the other one is waited for.
        let paths = ["out", "err"].map { "\(folder)/\($0)" }
        let handles = try paths.map { path in
            try Data().write(to: URL(fileURLWithPath: path))
            return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = handles[0]
        process.standardError = handles[1]
        try process.run()
        process.waitUntilExit()
        let texts = try paths.map { String(decoding: try Data(contentsOf: URL(fileURLWithPath: $0)), as: UTF8.self) }
        return Output(status: process.terminationStatus, text: texts[0], complaint: texts[1])
    }
}

/// Compares what the reader says of a store, in both of its ways, with what `varve-dump --messages --json` says.
/// - Parameter hasIndex: whether the store has an index that its superblock speaks of.
func compareWithReader(
    _ store: String, hasIndex: Bool = true, _ comment: Comment, _ location: SourceLocation = #_sourceLocation
) throws {
    var options = Dump.Options()
    options.messages = true
    options.json = true
    let (expected, damages) = try dump(store, options)
    #expect(damages == 0, "\(comment): \(expected)", sourceLocation: location)
    for way in [["--log-only"], ["--index"]] {
        let found = try PythonReader.read(store, way)
        if way == ["--index"], !hasIndex {
            #expect(found.status == 1 && found.complaint.contains("index"), "\(comment)", sourceLocation: location)
            continue
        }
        guard found.status == 0 else {
            Issue.record("\(comment), \(way): \(found.complaint)", sourceLocation: location)
            continue
        }
        let pairs = zip(found.text.split(separator: "\n"), expected.split(separator: "\n"))
        let first = pairs.first { $0 != $1 }
        let areEqual = found.text == expected
        #expect(
            areEqual,
            "\(comment), \(way): the reader says\n\(first?.0 ?? "less")\nvarve-dump says\n\(first?.1 ?? "more")",
            sourceLocation: location)
    }
}
