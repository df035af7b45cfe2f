/// When a store makes dictionaries for its small messages, and how large.
package struct DictionaryPolicy: Sendable {
    /// Bytes of a dictionary at most.
    var size: Int
    /// Messages that one is made from.
    var samples: Int
    /// Messages that it is tried on.
    var tests: Int

    package init(size: Int = 32 << 10, samples: Int = 256, tests: Int = 64) {
        self.size = size
        self.samples = samples
        self.tests = tests
    }

    /// A new one is made when the store has had so many times as many messages as before the last one.
    static let growth: UInt64 = 8
    /// A new one must make messages smaller by so much, in percent.
    static let leastGain = 3

    /// The identity at which the next one is due. What a store says of its identities may be any number.
    static func due(after identity: UInt64) -> UInt64 {
        let (due, isTooMuch) = identity.multipliedReportingOverflow(by: growth)
        return isTooMuch ? .max : due
    }

    /// A store with segments that are too short for a dictionary in each has none.
    static func standard(segmentSize: Int) -> DictionaryPolicy? { segmentSize >= 1 << 20 ? DictionaryPolicy() : nil }
}
