import TestSupport

/// Runs a target on changed inputs. What meets something that no input before has met joins those that are changed
/// further. The same seed makes the same run.
public struct Fuzzer {
    public struct Failed: Error, Sendable {
        public let round: Int
        public let input: [UInt8]
        public let what: String
    }

    public let target: FuzzTarget
    /// Inputs that are changed, those that were kept among them.
    public private(set) var inputs: [[UInt8]]
    /// How many different things were met.
    public var met: Int { seen.count }
    private var seen: Set<Int> = []
    private var mutator: Mutator

    /// Inputs kept at most: what is met last is met rarely.
    private static let maximumInputs = 4096

    /// - Throws: what the corpus itself does not hold to.
    public init(_ target: FuzzTarget, seed: UInt64, corpus: [[UInt8]]) throws(Failed) {
        precondition(!corpus.isEmpty, "a corpus without inputs")
        self.target = target
        mutator = Mutator(target, seed: seed)
        inputs = corpus
        for (index, input) in corpus.enumerated() { seen.formUnion(try examine(input, round: -1 - index)) }
    }

    /// - Parameter willExamine: told of each input before it is read, for what a trap leaves no time to say.
    public mutating func run(
        rounds: Range<Int>, willExamine: (_ round: Int, _ input: [UInt8]) -> Void = { _, _ in }
    ) throws(Failed) {
        for round in rounds {
            let input = mutator.next(inputs)
            willExamine(round, input)
            let met = try examine(input, round: round)
            guard !met.isSubset(of: seen) else { continue }
            seen.formUnion(met)
            if inputs.count < Fuzzer.maximumInputs { inputs.append(input) }
        }
    }

    private func examine(_ input: [UInt8], round: Int) throws(Failed) -> Set<Int> {
        do {
            return try target.examine(input)
        } catch {
            throw Failed(round: round, input: input, what: error.description)
        }
    }
}
