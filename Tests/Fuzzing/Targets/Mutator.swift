import TestSupport

/// Changes inputs, the same way each time for one seed.
struct Mutator {
    private var random: SeededGenerator
    private let target: FuzzTarget

    init(_ target: FuzzTarget, seed: UInt64) {
        self.target = target
        random = SeededGenerator(seed: seed)
    }

    /// A changed copy of one of `inputs`.
    mutating func next(_ inputs: [[UInt8]]) -> [UInt8] {
        var input = inputs.randomElement(using: &random)!
        let other = inputs.randomElement(using: &random)!
        for _ in 0..<(1 << Int.random(in: 0...4, using: &random)) { change(&input, other) }
        if input.count > target.maximumSize { input.removeSubrange(target.maximumSize...) }
        // Where the sums hold, what lies behind them is looked at; where not, that they are noticed.
        if !random.once(in: 8) { target.seal(&input) }
        return input
    }

    private mutating func change(_ input: inout [UInt8], _ other: [UInt8]) {
        let at = Int.random(in: 0...input.count, using: &random)
        let span = at..<min(input.count, at + Int.random(in: 0...(random.once(in: 4) ? 400 : 8), using: &random))
        let word = target.dictionary.randomElement(using: &random)!
        switch Int.random(in: 0..<10, using: &random) {
        case 0: if at < input.count { input[at] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
        case 1: if at < input.count { input[at] = UInt8.random(in: 0...255, using: &random) }
        case 2: if at < input.count { input[at] &+= Bool.random(using: &random) ? 1 : 255 }
        // Over what stands there: in files whose fields have places that says more than an insertion.
        case 3, 4: for (i, byte) in word.enumerated() where at + i < input.count { input[at + i] = byte }
        case 5: input.insert(contentsOf: word, at: at)
        case 6: input.removeSubrange(span)
        case 7: input.insert(contentsOf: input[span], at: at)
        case 8:
            let from = Int.random(in: 0...other.count, using: &random)
            input.replaceSubrange(span, with: other[from..<min(other.count, from + span.count)])
        default:
            let from = Int.random(in: 0...other.count, using: &random)
            if random.once(in: 4) { input.replaceSubrange(at..., with: other[from...]) }
        }
    }
}
