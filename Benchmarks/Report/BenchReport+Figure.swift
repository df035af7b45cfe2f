import Histogram

extension BenchReport {
    /// One measured quantity.
    public struct Figure: Codable, Sendable {
        /// The medians of the repetitions, in their order.
        public var repetitions: [Double]
        /// Latencies of the single operations over all repetitions, as shares (0 … 1) and values; empty where only a total was
        /// taken.
        public var percentiles: [Percentile]

        public init(repetitions: [Double], percentiles: [Percentile] = []) {
            self.repetitions = repetitions
            self.percentiles = percentiles
        }

        /// - Parameter histogram: of nanoseconds.
        public init(_ histogram: Histogram<UInt64>?, repetitions: [Double]) {
            self.init(repetitions: repetitions)
            guard let histogram, histogram.totalCount > 0 else { return }
            // A share is told as far as there are operations beyond it.
            percentiles = Figure.shares.filter { $0 == 1 || (1 - $0) * Double(histogram.totalCount) >= 1 }.map {
                Percentile(share: $0, value: Double(histogram.valueAtPercentile($0 * 100)) / 1e9)
            }
        }

        private static let shares = [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 0.99999, 1]

        public var median: Double {
            let sorted = repetitions.sorted()
            guard !sorted.isEmpty else { return .nan }
            let middle = sorted.count / 2
            return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        }
        public var low: Double { repetitions.min() ?? .nan }
        public var high: Double { repetitions.max() ?? .nan }
    }

    public struct Percentile: Codable, Sendable {
        public var share: Double
        public var value: Double

        public init(share: Double, value: Double) {
            self.share = share
            self.value = value
        }
    }

    /// How a figure goes with a size: one line for each candidate.
    public struct Curve: Codable, Sendable {
        public var id: String
        public var title: String
        public var xTitle: String
        public var unit: Unit
        public var isXLogarithmic: Bool
        public var isYLogarithmic: Bool
        /// By the candidate's name.
        public var lines: [String: [Point]]

        public init(
            id: String, title: String, xTitle: String, unit: Unit, isXLogarithmic: Bool = true, isYLogarithmic: Bool = true
        ) {
            self.id = id
            self.title = title
            self.xTitle = xTitle
            self.unit = unit
            self.isXLogarithmic = isXLogarithmic
            self.isYLogarithmic = isYLogarithmic
            lines = [:]
        }
    }

    public struct Point: Codable, Sendable {
        public var x: Double
        public var y: Double

        public init(x: Double, y: Double) {
            self.x = x
            self.y = y
        }
    }
}
