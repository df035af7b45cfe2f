import Glibc
import Synchronization
import Testing

/// A page of `Formats/`, whose hex blocks are the test vectors.
///
/// A block is fenced by three backticks and `hex NAME`. Each of its lines has an offset and up to 16 bytes, all in
/// hexadecimal; bytes that no line gives are zeros; the last line gives the length alone.
struct FormatPage {
    let path: String

    init(_ name: String, _ file: String = #filePath) {
        path = repository(file) + "/Formats/" + name
    }

    /// The bytes of a block.
    func block(_ name: String) throws -> [UInt8] {
        let lines = try text().split(separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex(of: "```hex \(name)"), "\(path) has no block \(name)")
        var bytes: [UInt8] = []
        for line in lines[(start + 1)...].prefix(while: { $0 != "```" }) {
            let words = line.split(separator: " ")
            guard let first = words.first, first != "*" else { continue }
            let offset = try #require(Int(first, radix: 16), "\(path): \(line)")
            #expect(offset >= bytes.count, "\(path): \(line)")
            bytes.append(contentsOf: repeatElement(0, count: max(0, offset - bytes.count)))
            for word in words.dropFirst() { bytes.append(try #require(UInt8(word, radix: 16), "\(path): \(line)")) }
        }
        try #require(!bytes.isEmpty, "\(path): the block \(name) is empty")
        return bytes
    }

    /// Compares what the encoder makes with the block. Where `VARVE_RECORD_GOLDEN` is 1, the block is written instead,
    /// and the test fails, so that nobody takes it for passed.
    func expect(_ name: String, equals encoded: [UInt8]) throws {
        if isRecording {
            // Tests run side by side, and several write to one page.
            try FormatPage.lock.withLock { _ in try record(name, encoded) }
            Issue.record("\(path): the block \(name) was recorded; look at it and run the tests again")
            return
        }
        let bytes = try block(name)
        #expect(bytes == encoded, "\(path), block \(name); the encoder makes\n\(FormatPage.lines(encoded))")
    }

    private static let lock = Mutex<Void>(())

    private func record(_ name: String, _ encoded: [UInt8]) throws {
        var lines = try text().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let start = try #require(lines.firstIndex(of: "```hex \(name)"), "\(path) has no block \(name)")
        let end = try #require(lines[(start + 1)...].firstIndex(of: "```"))
        lines.replaceSubrange((start + 1)..<end, with: FormatPage.lines(encoded).split(separator: "\n").map(String.init))
        try write(lines.joined(separator: "\n"), to: path)
    }

    private func text() throws -> String { String(decoding: try contents(of: path), as: UTF8.self) }

    private static func lines(_ bytes: [UInt8]) -> String {
        func hex(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        var out = ""
        var isElided = false
        for at in stride(from: 0, to: bytes.count, by: 16) {
            let line = bytes[at..<min(at + 16, bytes.count)]
            if line.allSatisfy({ $0 == 0 }) {
                if !isElided { out += "*\n" }
                isElided = true
                continue
            }
            isElided = false
            out += hex(at, 4) + "  " + line.map { hex(Int($0), 2) }.joined(separator: " ") + "\n"
        }
        return out + hex(bytes.count, 4)
    }
}

var isRecording: Bool { getenv("VARVE_RECORD_GOLDEN").map { String(cString: $0) } == "1" }

/// The repository's folder, from a file of these tests.
func repository(_ file: String = #filePath) -> String {
    file.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
}

struct FileFailure: Error { let path: String, code: Int32 }

func contents(of path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { throw FileFailure(path: path, code: errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = read(descriptor, &piece, piece.count)
        guard count >= 0 else { throw FileFailure(path: path, code: errno) }
        if count == 0 { return bytes }
        bytes.append(contentsOf: piece[..<count])
    }
}

func write(_ bytes: [UInt8], to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard descriptor >= 0 else { throw FileFailure(path: path, code: errno) }
    defer { close(descriptor) }
    var done = 0
    while done < bytes.count {
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done) }
        guard count > 0 else { throw FileFailure(path: path, code: errno) }
        done += count
    }
}

func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }
