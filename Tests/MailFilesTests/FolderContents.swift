import Foundation
import Glibc
import TestSupport

extension TemporaryFolder {
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
