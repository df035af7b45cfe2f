import MailModel
import TestSupport
import Testing

@Suite struct UIDSetTests {
    @Test func writesRangesAsIMAPDoes() {
        var set = UIDSet()
        for uid: UID in [3, 4, 5, 9, 7, 6] { set.insert(uid) }
        #expect(set.description == "3:7,9")
        #expect(set.count == 6)
    }

    @Test func endsOfTheRangeOfUIDs() {
        var set = UIDSet(UIDRange(.max, .max))
        set.insert(UIDRange(UID(1), UID(.max - 1)))
        #expect(set.ranges == [UIDRange(.min, .max)])
        #expect(set.subtracting(UIDSet(UID.max)).ranges == [UIDRange(1, UID(.max - 1))])
    }

    /// Every operation against `Set<UInt32>`, over small UIDs, where ranges meet often.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func agreesWithAPlainSet(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        func draw(_ random: inout SeededGenerator) -> (UIDSet, Set<UInt32>) {
            var set = UIDSet()
            var plain = Set<UInt32>()
            for _ in 0..<Int.random(in: 0...8, using: &random) {
                let first = UInt32.random(in: 1...40, using: &random)
                let last = first + UInt32.random(in: 0...5, using: &random)
                set.insert(UIDRange(UID(first), UID(last)))
                plain.formUnion(first...last)
            }
            return (set, plain)
        }
        func members(_ set: UIDSet) -> [UInt32] { set.ranges.flatMap { $0.first.rawValue...$0.last.rawValue } }
        for _ in 0..<2_000 {
            let (a, plainA) = draw(&random)
            let (b, plainB) = draw(&random)
            #expect(members(a) == plainA.sorted(), "seed \(seed)")
            #expect(members(a.union(b)) == plainA.union(plainB).sorted(), "seed \(seed)")
            #expect(members(a.intersection(b)) == plainA.intersection(plainB).sorted(), "seed \(seed)")
            #expect(members(a.subtracting(b)) == plainA.subtracting(plainB).sorted(), "seed \(seed)")
            let probe = UInt32.random(in: 1...46, using: &random)
            #expect(a.contains(UID(probe)) == plainA.contains(probe), "seed \(seed)")
            #expect(a.count(below: UID(probe)) == plainA.filter { $0 < probe }.count, "seed \(seed)")
            let gaps = zip(a.union(b).ranges, a.union(b).ranges.dropFirst())
            #expect(gaps.allSatisfy { $0.last.rawValue + 1 < $1.first.rawValue }, "ranges must not touch; seed \(seed)")
        }
    }
}
