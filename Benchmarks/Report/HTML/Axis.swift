import Foundation

/// A direction of a plot: from which value to which, and where it is marked.
struct Axis {
    let title: String
    let low: Double
    let high: Double
    let ticks: [Double]
    let text: (Double) -> String
    private let isLogarithmic: Bool

    /// - Parameter isByDecades: marked at powers of ten alone.
    init(_ title: String, _ values: [Double], isLogarithmic: Bool, isByDecades: Bool = false, _ text: @escaping (Double) -> String) {
        self.title = title
        self.text = text
        let values = values.filter { $0.isFinite && (!isLogarithmic || $0 > 0) }
        let least = values.min() ?? 1
        let most = max(values.max() ?? 1, least)
        self.isLogarithmic = isLogarithmic
        guard isLogarithmic else {
            // From nothing on, so that a line's height tells how much it is.
            let step = Axis.step(most / 5)
            low = 0
            high = max(step, (most / step).rounded(.up) * step)
            ticks = Array(stride(from: 0, through: high + step / 2, by: step))
            return
        }
        // Up to the next marks below and above.
        let decades = Int(floor(log10(least)))...Int(ceil(log10(most)))
        let marks = isByDecades || decades.count > 4 ? [1.0] : decades.count > 2 ? [1, 3] : [1, 2, 5]
        let all = decades.flatMap { decade in marks.map { $0 * pow(10, Double(decade)) } }
        // A mark is a power of ten but for what doubles lose.
        let slack = 1 + 1e-9
        low = all.last { $0 <= least * slack } ?? least
        high = max(all.first { $0 * slack >= most } ?? most, low * 2)
        let (first, last) = (low, high)
        ticks = all.filter { $0 * slack >= first && $0 <= last * slack }
    }

    /// Where a value lies between the ends: from 0 to 1.
    func share(_ value: Double) -> Double {
        isLogarithmic ? log(max(value, low) / low) / log(high / low) : (value - low) / (high - low)
    }

    /// The next of 1, 2, 5, 10, … that is not below a value.
    private static func step(_ value: Double) -> Double {
        guard value > 0 else { return 1 }
        let decade = pow(10, floor(log10(value)))
        return ([1, 2, 5, 10].first { $0 * decade >= value } ?? 10) * decade
    }
}
