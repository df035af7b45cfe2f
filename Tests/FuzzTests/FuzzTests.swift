import FuzzTargets
import TestSupport
import Testing

/// A bounded run of each target. `swift run fuzz` goes on for as long as one likes, and makes a small input of what breaks.
@Suite struct FuzzTests {
    /// A run takes some seconds in a debug build.
    private static let rounds: [FuzzTarget: Int] = [.frames: 20_000, .pages: 20_000, .messages: 4_000, .commands: 4_000]

    @Test(arguments: FuzzTarget.allCases, [1, 2] as [UInt64]) func nothingBreaks(target: FuzzTarget, seed: UInt64) throws {
        let rounds = try #require(FuzzTests.rounds[target])
        // Should a round trap, this is what the output ends with.
        print("to repeat: swift run fuzz \(target) --seed \(seed) --rounds \(rounds)")
        let corpus = try Corpus.load(target)
        do {
            var fuzzer = try Fuzzer(target, seed: seed, corpus: corpus)
            let metByCorpus = fuzzer.met
            try fuzzer.run(rounds: 0..<rounds)
            #expect(fuzzer.met > metByCorpus + 10, "seed \(seed): the changes met no more than the corpus did")
        } catch {
            Issue.record("\(target), seed \(seed), round \(error.round): \(error.what); input \(error.input.prefix(2000))")
        }
    }

    /// The same seed makes the same run, so that what it found is found again.
    @Test func aRunRepeats() throws {
        var inputs: [[[UInt8]]] = []
        for _ in 0..<2 {
            var fuzzer = try Fuzzer(.messages, seed: 7, corpus: Corpus.load(.messages))
            var seen: [[UInt8]] = []
            try fuzzer.run(rounds: 0..<200) { seen.append($1) }
            inputs.append(seen)
        }
        #expect(inputs[0] == inputs[1])
    }

    /// The corpus leads to where it is meant to lead: all kinds of frames, pages and records are met.
    @Test func theCorpusReachesEveryKind() throws {
        let frames = try Corpus.load(.frames).reduce(into: Set<Int>()) { try $0.formUnion(FuzzTarget.frames.examine($1)) }
        for kind in 1...3 { #expect(frames.contains(0x100 + kind), "frame kind \(kind)") }
        for record in 1...11 { #expect(frames.contains(0x300 + record), "record \(record)") }
        let pages = try Corpus.load(.pages).reduce(into: Set<Int>()) { try $0.formUnion(FuzzTarget.pages.examine($1)) }
        for kind in [1, 2, 3, 4, 5, 6] { #expect(pages.contains(0x100 + kind), "page kind \(kind)") }
        #expect(pages.contains(1), "a superblock")
    }
}
