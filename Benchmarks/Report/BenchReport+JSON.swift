import Foundation

extension BenchReport {
    /// One JSON object, its members in the order of their names; `BenchReport` decodes it. Times are in seconds.
    public func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
