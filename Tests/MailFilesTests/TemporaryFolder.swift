import Foundation
import Glibc

/// A folder of its own for one test, gone when the test ends.
final class TemporaryFolder {
    let path: String

    init() {
        var template = Array("/tmp/varve-files-XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil, "no temporary folder")
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8], time: Int? = nil) -> String {
        let full = "\(path)/\(name)"
        let file = fopen(full, "w")!
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
        if let time {
            let stamp = timespec(tv_sec: time, tv_nsec: 0)
            precondition(utimensat(AT_FDCWD, full, [stamp, stamp], 0) == 0)
        }
        return full
    }

    @discardableResult
    func write(_ name: String, _ text: String, time: Int? = nil) -> String { write(name, Array(text.utf8), time: time) }

    func makeFolder(_ name: String) { precondition(mkdir("\(path)/\(name)", 0o700) == 0) }

    func read(_ name: String) -> [UInt8]? { FileManager.default.contents(atPath: "\(path)/\(name)").map(Array.init) }

    func list(_ name: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(name)")) ?? []).sorted()
    }
}

/// splitmix64: the same numbers for a seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// A message made of what is awkward in files: no bare LF, which no store that was imported into has.
func awkwardMessage(_ generator: inout SeededGenerator, endsLine: Bool) -> [UInt8] {
    let parts = [
        "From ", "From alice Mon Jun  3 12:50:27 1996", "From - ", ">", ">>", ">From ", "\r\n", "\r\n", "\r\n\r\n", "\r",
        "\r\r\n", "x", "Status: RO", "\0", "\u{E9}", "Fro", "m ", "From", "F", "Subject: s",
    ]
    var message: [UInt8] = []
    for _ in 0..<Int.random(in: 0...30, using: &generator) { message += Array(parts.randomElement(using: &generator)!.utf8) }
    if endsLine, !message.isEmpty { message += [13, 10] }
    return message
}
