import Foundation

extension BenchReport.Machine {
    /// The machine that this runs on.
    public static var current: BenchReport.Machine {
        let processor = field("model name", in: "/proc/cpuinfo", separator: ":") ?? "a processor without a name"
        let distribution = field("PRETTY_NAME", in: "/etc/os-release", separator: "=")?.trimmingCharacters(in: ["\""])
        var system = utsname()
        uname(&system)
        let kernel = withUnsafeBytes(of: &system.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return BenchReport.Machine(
            processor: processor, cores: ProcessInfo.processInfo.activeProcessorCount,
            memory: Int(ProcessInfo.processInfo.physicalMemory), system: [distribution, "Linux \(kernel)"].compactMap { $0 }.joined(separator: ", "),
            date: ISO8601DateFormatter().string(from: Date()))
    }

    private static func field(_ name: String, in path: String, separator: Character) -> String? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            guard let end = line.firstIndex(of: separator) else { continue }
            return line[line.index(after: end)...].trimmingCharacters(in: .whitespaces)
        }
        return nil
    }
}
