import Foundation

extension BenchReport.Unit {
    /// A quantity as people read it, in three digits or so: `4.5 µs`, `31,800/s`, `1.2 MiB`.
    public func text(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        switch self {
        case .seconds:
            for (scale, name) in [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs")] where value >= scale {
                return "\(digits(value / scale)) \(name)"
            }
            return "\(digits(value * 1e9)) ns"
        case .perSecond:
            return "\(digits(value))/s"
        case .bytes:
            for (scale, name) in [(Double(1 << 30), "GiB"), (Double(1 << 20), "MiB"), (1024.0, "KiB")] where value >= scale {
                return "\(digits(value / scale)) \(name)"
            }
            return "\(digits(value)) B"
        }
    }

    private func digits(_ value: Double) -> String {
        if value < 10 { return String(format: "%.2f", value) }
        if value < 100 { return String(format: "%.1f", value) }
        // Beyond three digits the rest says nothing.
        let step = pow(10, max(0, floor(log10(value)) - 2))
        var left = Int((value / step).rounded() * step)
        var groups: [String] = []
        while left >= 1000 {
            groups.insert(String(format: "%03d", left % 1000), at: 0)
            left /= 1000
        }
        return ([String(left)] + groups).joined(separator: ",")
    }
}
