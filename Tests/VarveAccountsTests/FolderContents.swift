import Glibc
import TestSupport

extension TemporaryFolder {
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
