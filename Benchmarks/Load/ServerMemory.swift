import Foundation

/// What a server takes of the memory: its processes' shares, what several of them share being divided among them.
enum ServerMemory {
    /// - Parameter process: with all that descend from it.
    static func bytes(of process: Int32, _ server: String) throws -> Int {
        var children: [Int32: [Int32]] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let number = Int32(name), let text = read("/proc/\(name)/stat") else { continue }
            // Behind the program's name, which may hold anything: the state, and the parent.
            guard let close = text.lastIndex(of: ")") else { continue }
            let fields = text[text.index(after: close)...].split(separator: " ")
            if fields.count > 1, let parent = Int32(fields[1]) { children[parent, default: []].append(number) }
        }
        var sum = 0
        var waiting = [process]
        while let next = waiting.popLast() {
            waiting += children[next] ?? []
            // Some end while one looks.
            guard let text = read("/proc/\(next)/smaps_rollup") else {
                guard next != process else { throw LoadError(server, "the memory of process \(process) cannot be read") }
                continue
            }
            for line in text.split(separator: "\n") where line.hasPrefix("Pss:") { sum += (Int(line.filter(\.isNumber)) ?? 0) << 10 }
        }
        return sum
    }

    private static func read(_ path: String) -> String? {
        guard let bytes = try? FileHandle(forReadingAtPath: path)?.readToEnd() else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
