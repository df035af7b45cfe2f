import Foundation
import Glibc

/// A folder of its own for one test, gone when the test ends.
final class TemporaryFolder {
    let path: String

    init() {
        var template = Array("/tmp/varve-accounts-XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil, "no temporary folder")
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func read(_ name: String) -> String? {
        guard let file = fopen("\(path)/\(name)", "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    func write(_ name: String, _ text: String) {
        let file = fopen("\(path)/\(name)", "w")!
        fwrite(text, 1, text.utf8.count, file)
        fclose(file)
    }

    func mode(_ name: String) -> UInt32 {
        var status = stat()
        precondition(stat("\(path)/\(name)", &status) == 0)
        return status.st_mode & 0o777
    }
}
