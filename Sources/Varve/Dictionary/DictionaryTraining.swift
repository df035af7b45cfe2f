/// Chooses what small messages of a store have in common.
///
/// Of the samples' stretches, those are taken whose strings of 8 bytes stand in the most samples, each string being counted for
/// the first stretch that has it; of a stretch those runs alone that are covered by strings that stand in at least three
/// samples. So what only one message or two have said gets into no dictionary, where it would outlive them.
struct DictionaryTraining {
    /// A string must stand in so many samples.
    static let leastSamples: UInt32 = 3
    static let stringLength = 8
    private static let stretchLength = 256

    private let samples: [[UInt8]]
    /// In how many samples each string stands; less by all for those that are taken, or that stand in too few.
    private var table: StringTable

    /// - Parameter samples: fewer than 2^31, of 1 MiB each at most.
    init(_ samples: [[UInt8]]) {
        self.samples = samples
        table = StringTable(strings: samples.reduce(0) { $0 + max(0, $1.count - DictionaryTraining.stringLength + 1) })
        for (number, sample) in samples.enumerated() {
            sample.withBytes { bytes in
                DictionaryTraining.forEachString(bytes) { table.count($0, in: UInt32(number)) }
            }
        }
    }

    private static func forEachString(_ bytes: UnsafeRawBufferPointer, _ body: (UInt64) -> Void) {
        guard bytes.count >= stringLength else { return }
        for at in 0...(bytes.count - stringLength) { body(bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)) }
    }

    /// - Parameter size: bytes of the content at most.
    /// - Returns: the content; what is worth most stands at its end. Empty if the samples have nothing in common.
    /// - Complexity: O(bytes of all samples), as often as it takes to fill it.
    mutating func content(size: Int) -> [UInt8] {
        var pieces: [ArraySlice<UInt8>] = []
        var left = size
        // Samples take turns in groups, so that each kind of message gets its share.
        let groups = max(1, size / DictionaryTraining.stretchLength)
        let perGroup = max(1, (samples.count + groups - 1) / groups)
        var from = 0
        var inVain = 0
        while left >= DictionaryTraining.stringLength, inVain < samples.count {
            let group = from..<min(from + perGroup, samples.count)
            from = group.upperBound == samples.count ? 0 : group.upperBound
            let runs = takeBest(of: group)
            inVain = runs.isEmpty ? inVain + group.count : 0
            for run in runs where left >= DictionaryTraining.stringLength {
                pieces.append(run.suffix(left))
                left -= min(left, run.count)
            }
        }
        return Array(pieces.reversed().joined())
    }

    /// The runs of the group's best stretch, whose strings then count for nothing more.
    private mutating func takeBest(of group: Range<Int>) -> [ArraySlice<UInt8>] {
        var best = (score: UInt64(0), sample: 0, start: 0)
        for number in group {
            let (score, start) = samples[number].withBytes { bestStretch(of: $0) }
            if score > best.score { best = (score, number, start) }
        }
        guard best.score > 0 else { return [] }
        let sample = samples[best.sample]
        let stretch = best.start..<min(best.start + DictionaryTraining.stretchLength, sample.count)
        var covered = [Bool](repeating: false, count: stretch.count)
        sample.withBytes { bytes in
            let stretch = UnsafeRawBufferPointer(rebasing: bytes[stretch])
            var at = 0
            DictionaryTraining.forEachString(stretch) { string in
                if table.worth(string) > 0 {
                    for i in at..<(at + DictionaryTraining.stringLength) { covered[i] = true }
                }
                at += 1
            }
            DictionaryTraining.forEachString(stretch) { table.take($0) }
        }
        var runs: [ArraySlice<UInt8>] = []
        var start: Int?
        for at in 0...covered.count {
            let isCovered = at < covered.count && covered[at]
            if isCovered, start == nil { start = at }
            if !isCovered, let begin = start {
                runs.append(sample[(stretch.lowerBound + begin)..<(stretch.lowerBound + at)])
                start = nil
            }
        }
        return runs
    }

    /// The stretch whose different strings are worth the most.
    private mutating func bestStretch(of bytes: UnsafeRawBufferPointer) -> (score: UInt64, start: Int) {
        let length = DictionaryTraining.stringLength
        guard bytes.count >= length else { return (0, 0) }
        let strings = bytes.count - length + 1
        let window = DictionaryTraining.stretchLength - length + 1
        func string(_ at: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self) }
        var score: UInt64 = 0
        var best = (score: UInt64(0), start: 0)
        for at in 0..<strings {
            score += table.enter(string(at))
            if at >= window { score -= table.leave(string(at - window)) }
            if score > best.score { best = (score, max(0, at - window + 1)) }
        }
        for at in max(0, strings - window)..<strings { _ = table.leave(string(at)) }
        return best
    }
}

/// Strings of 8 bytes, and in how many samples each stands. Open addressing.
private struct StringTable {
    private struct Entry {
        var string: UInt64 = 0
        var samples: UInt32 = 0
        /// One more than the last sample that it was counted in.
        var lastSample: UInt32 = 0
        /// How often it stands in the stretch that is looked at.
        var inStretch: UInt32 = 0
    }

    private var entries: [Entry]
    private let shift: Int

    init(strings: Int) {
        var bits = 4
        while 1 << bits < 2 * strings { bits += 1 }
        entries = [Entry](repeating: Entry(), count: 1 << bits)
        shift = 64 - bits
    }

    /// Where a string stands, or is to stand.
    private func place(_ string: UInt64) -> Int {
        var at = Int(truncatingIfNeeded: (string &* 0x9E37_79B9_7F4A_7C15) >> UInt64(shift))
        while entries[at].lastSample != 0, entries[at].string != string { at = (at + 1) & (entries.count - 1) }
        return at
    }

    mutating func count(_ string: UInt64, in sample: UInt32) {
        let at = place(string)
        guard entries[at].lastSample != sample + 1 else { return }
        entries[at].string = string
        entries[at].lastSample = sample + 1
        entries[at].samples += 1
    }

    private static func worth(_ entry: Entry) -> UInt64 {
        entry.samples < DictionaryTraining.leastSamples ? 0 : UInt64(entry.samples - 1)
    }

    func worth(_ string: UInt64) -> UInt64 { StringTable.worth(entries[place(string)]) }

    mutating func take(_ string: UInt64) { entries[place(string)].samples = 0 }

    /// - Returns: what it adds to the stretch.
    mutating func enter(_ string: UInt64) -> UInt64 {
        let at = place(string)
        entries[at].inStretch += 1
        return entries[at].inStretch == 1 ? StringTable.worth(entries[at]) : 0
    }

    /// - Returns: what it takes from the stretch.
    mutating func leave(_ string: UInt64) -> UInt64 {
        let at = place(string)
        entries[at].inStretch -= 1
        return entries[at].inStretch == 0 ? StringTable.worth(entries[at]) : 0
    }
}
