import Glibc
import TestSupport
import Testing
import Varve
import VarveDump

/// Damaged copies of stores: each dump names the damage and goes on.
@Suite struct DumpDamageTests {
    private func damages(_ text: String) -> [String] {
        text.split(separator: "\n").filter { $0.hasPrefix("damage: ") }.map { String($0.dropFirst(8)) }
    }

    private func change(_ path: String, _ body: (inout [UInt8]) -> Void) throws {
        var bytes = try contents(of: path)
        body(&bytes)
        try write(bytes, to: path)
    }

    private func segment(_ folder: TemporaryFolder, _ number: UInt32 = 1) -> String {
        "\(folder.path)/\(FileNames.segment(number))"
    }

    // MARK: Segments

    /// Offsets of the sample's frames, in the order of the log.
    private func frames(_ text: String, _ kind: String) -> [Int] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            return words.count > 2 && words[0] == "frame" && words[2] == kind + "," ? Int(words[1]) : nil
        }
    }

    @Test func aBitOfAFrame() throws {
        let folder = TemporaryFolder()
        try SampleStore.make(at: folder.path)
        let path = segment(folder)
        let sound = try dump(path).text
        let victim = frames(sound, "commit")[3]
        let sum = "the checksum of the commit frame"
        for (at, what) in [(40, sum), (0, sum), (9, "no valid frame")] {
            try change(path) { $0[victim + at] ^= 4 }
            let (text, count) = try dump(path)
            #expect(count == 1, "\(text)")
            let line = try #require(damages(text).first)
            #expect(line.hasPrefix("000000000001.seg, offset \(victim): \(what)"), "\(line)")
            #expect(line.contains("up to the valid one at offset"))
            #expect(frames(text, "commit") == frames(sound, "commit").filter { $0 != victim }, "all others are shown")
            let inStore = try #require(damages(try dump(folder.path).text).first)
            #expect(inStore.hasPrefix("segments/000000000001.seg, offset \(victim): "))
            try change(path) { $0[victim + at] ^= 4 }
        }
        #expect(try dump(path).text == sound)
    }

    @Test func everyByteOfTheLogCounts() throws {
        let folder = TemporaryFolder()
        try SampleStore.make(at: folder.path)
        let path = segment(folder)
        // A store that was closed has no zeros ahead.
        for at in stride(from: 0, to: try contents(of: path).count, by: 5) {
            try change(path) { $0[at] ^= 0x10 }
            let (text, count) = try dump(path)
            #expect(count > 0, "byte \(at)\n\(text)")
            try change(path) { $0[at] ^= 0x10 }
        }
    }

    @Test func zeroesInTheMiddle() throws {
        let folder = TemporaryFolder()
        try SampleStore.make(at: folder.path)
        let path = segment(folder)
        let all = frames(try dump(path).text, "commit")
        try change(path) { for i in all[2]..<all[4] { $0[i] = 0 } }
        let (text, _) = try dump(path)
        #expect(damages(text).count == 1)
        let line = try #require(damages(text).first)
        #expect(line.hasPrefix("000000000001.seg, offset \(all[2]): no valid frame, up to the valid one"))
        #expect(frames(text, "commit") == Array(all[..<2]) + Array(all[4...]))
    }

    @Test func aTruncatedSegment() throws {
        let folder = TemporaryFolder()
        try SampleStore.make(at: folder.path)
        let path = segment(folder)
        let last = try #require(frames(try dump(path).text, "commit").last)
        #expect(truncate(path, off_t(last + 10)) == 0)
        let (text, _) = try dump(folder.path)
        let expected = "the segment ends at \(last + 10), its frames at \(last + 72)"
        #expect(damages(text).first == "segments/000000000001.seg, offset \(last): \(expected)")
        #expect(text.contains("mailbox 1, name \"INBOX\""), "the index is shown all the same")
        #expect(damages(try dump(path).text).count == 1, "the superblock beside it tells")
        // A segment by itself cannot know: a crash leaves the same.
        let alone = "\(folder.path)/000000000001.seg"
        try write(try contents(of: path), to: alone)
        let (lone, count) = try dump(alone)
        #expect(count == 0)
        #expect(lone.hasSuffix("  end \(last) torn, bytes 10, frames 0\n"), "\(lone)")
    }

    @Test func aTornTailIsNoDamage() throws {
        let folder = TemporaryFolder()
        try SampleStore.make(at: folder.path)
        let path = segment(folder)
        let end = try contents(of: path).count
        // What a crash may leave: part of a frame, made when the log reached to its begin.
        try change(path) { bytes in
            bytes += bytes[(end - 72)..<(end - 20)]
        }
        let (text, count) = try dump(path)
        #expect(count == 0)
        #expect(text.contains("  end \(end) torn, "))
        #expect(try dump(folder.path).damages == 0)
    }

    @Test func sealedSegments() throws {
        let folder = TemporaryFolder()
        try SampleStore.makeLarge(at: folder.path)
        let path = segment(folder, 2)
        let sound = try contents(of: path)
        let logs = try dump(folder.path).text.split(separator: "\n").filter { $0.hasPrefix("  log ") }
        let summary = try #require(logs.count == 3 ? logs[1] : nil)
        let lastModSeq = try #require(summary.split(separator: ":").last?.prefix { $0 != "," })
        // A frame in the middle: the footer's digest does not hold either.
        try change(path) { $0[500_000] ^= 1 }
        var found = damages(try dump(folder.path).text)
        #expect(found.count == 2)
        #expect(found[0].hasPrefix("segments/000000000002.seg, offset "))
        #expect(found[1].hasSuffix("the footer's SHA-256 is not that of the segment"))
        // Cut off in the middle.
        try write(Array(sound[..<600_000]), to: path)
        found = damages(try dump(folder.path).text)
        #expect(found.count == 1)
        #expect(found[0].hasPrefix("segments/000000000002.seg, offset "))
        #expect(found == damages(try dump(path).text).map { "segments/" + $0 })
        // Gone.
        #expect(unlink(path) == 0)
        let (text, _) = try dump(folder.path)
        #expect(damages(text).first == "segments/000000000002.seg: the segment is missing")
        #expect(text.contains("\nsegment 3, ") && text.contains("tree uid, "))
        #expect(damages(try dump(folder.path, history("INBOX:1")).text).count == 1)
        // The last one gone.
        try write(sound, to: path)
        #expect(unlink(segment(folder, 3)) == 0)
        found = damages(try dump(folder.path).text)
        #expect(found.count == 3)
        #expect(found[0].hasPrefix("segments/000000000003.seg: the segment is missing: the one before is sealed"))
        #expect(found[1] == "segments: the log ends with commit \(lastModSeq), the superblock has seen 47")
        #expect(found[2].hasPrefix("segments/000000000003.seg: the segment is missing, from which the log"))
    }

    private func history(_ message: String) -> Dump.Options {
        var options = Dump.Options()
        options.message = message
        return options
    }

    @Test func aSegmentsHeader() throws {
        let folder = TemporaryFolder()
        try SampleStore.make(at: folder.path)
        let path = segment(folder)
        let sound = try dump(path).text
        for at in [0, 20, 28, 33, 63] {
            try change(path) { $0[at] ^= 1 }
            let (text, count) = try dump(path)
            #expect(count == 1)
            #expect(damages(text).first?.hasPrefix("000000000001.seg: header: ") == true)
            #expect(frames(text, "commit") == frames(sound, "commit"))
            #expect(try dump(folder.path).damages == 1)
            try change(path) { $0[at] ^= 1 }
        }
    }

    @Test func aLastSegmentThatNeverBegan() throws {
        let folder = TemporaryFolder()
        try SampleStore.make(at: folder.path)
        let sound = try dump(folder.path)
        let next = segment(folder, 2)
        // Made ready, and nothing written to it but zeros; or not even these.
        for size in [65_536, 0] {
            try write([UInt8](repeating: 0, count: size), to: next)
            let (text, count) = try dump(folder.path)
            #expect(count == 0)
            #expect(text.contains("\nsegment 2, empty\n"), "\(text)")
            #expect(text.contains("modseqs 1:15"))
        }
        #expect(unlink(next) == 0)
        #expect(try dump(folder.path) == sound)
        // Zeros in place of a header whose frames prove that it was there.
        let path = segment(folder)
        try change(path) { for i in 0..<64 { $0[i] = 0 } }
        #expect(unlink("\(folder.path)/superblock") == 0)
        let lost = try dump(path)
        #expect(lost.damages == 1)
        #expect(damages(lost.text) == ["000000000001.seg: header: not a structure of this kind"])
    }

    // MARK: The superblock and the index

    @Test(arguments: [0, 1]) func aSlotOfTheSuperblock(_ slot: Int) throws {
        let folder = TemporaryFolder()
        try SampleStore.make(at: folder.path)
        let path = "\(folder.path)/superblock"
        for at in [0, 9, 40, 100, 2000, 4095] {
            try change(path) { $0[slot * 4096 + at] ^= 1 }
            for text in [try dump(path).text, try dump(folder.path).text] {
                #expect(damages(text).first?.hasPrefix("superblock, slot \(slot): ") == true)
                #expect(text.contains("superblock slot \(1 - slot), newest"))
            }
            #expect(try dump(folder.path).text.contains("modseqs 1:15"), "the log is shown all the same")
            try change(path) { $0[slot * 4096 + at] ^= 1 }
        }
    }

    @Test func bothSlotsOfTheSuperblock() throws {
        let folder = TemporaryFolder()
        try SampleStore.make(at: folder.path)
        try change("\(folder.path)/superblock") {
            $0[100] ^= 1
            $0[4196] ^= 1
        }
        let (text, _) = try dump(folder.path)
        #expect(damages(text).count == 3)
        #expect(damages(text).last == "superblock: no valid slot: the index is to be built from the log")
        #expect(text.contains("modseqs 1:15"))
        #expect(try dump(folder.path, history("INBOX:1")).damages == 0, "the log alone tells a message's history")
    }

    @Test func theSuperblockOfAnotherStore() throws {
        let folder = TemporaryFolder()
        try SampleStore.make(at: folder.path)
        let other = TemporaryFolder()
        var options = SampleStore.options()
        options.random = { 77 }
        try Store.open(at: other.path, options).close()
        try write(try contents(of: "\(other.path)/superblock"), to: "\(folder.path)/superblock")
        let (text, _) = try dump(folder.path)
        let uuids = "it is of store 0123456789abcdef0369d0369d0369cd, the superblock of 000000000000004d000000000000004d"
        #expect(damages(text).contains("segments/000000000001.seg: \(uuids)"))
        #expect(damages(text).contains { $0.hasPrefix("index, page 0: it belongs to store 0123456789abcdef") })
        #expect(text.contains("modseqs 1:15"), "the log is shown all the same")
    }

    @Test func aPageOfTheIndex() throws {
        let folder = TemporaryFolder()
        try SampleStore.makeLarge(at: folder.path)
        let path = "\(folder.path)/index"
        let sound = try dump(path).text
        for line in sound.split(separator: "\n") where line.hasPrefix("  tree ") && !line.contains("root 0") {
            let words = line.split { " ,".contains($0) }
            let (tree, page) = (words[1], Int(words[3])!)
            try change(path) { $0[page * 4096 + 1000] ^= 2 }
            let (text, _) = try dump(path)
            #expect(damages(text) == ["index, page \(page), tree \(tree): checksum does not hold"])
            let shown = text.split(separator: "\n").filter { $0.hasPrefix("  tree ") && !$0.hasPrefix("  tree \(tree),") }
            #expect(shown.allSatisfy { sound.contains($0) }, "the other trees are shown")
            #expect(damages(try dump(folder.path).text) == damages(text))
            try change(path) { $0[page * 4096 + 1000] ^= 2 }
        }
        // Page 0 says whose the index is.
        try change(path) { $0[60] ^= 1 }
        #expect(damages(try dump(path).text) == ["index, page 0: checksum does not hold"])
        try change(path) { $0[60] ^= 1 }
        // The list of free pages.
        let free = Int(try #require(try dump(folder.path).text.split(separator: "free list ").last).prefix { $0 != "," })!
        try change(path) { $0[free * 4096 + 33] ^= 1 }
        #expect(damages(try dump(path).text) == ["index, page \(free), free list: checksum does not hold"])
        try change(path) { $0[free * 4096 + 33] ^= 1 }
        // Cut off.
        #expect(truncate(path, 4096 * 3) == 0)
        #expect(try dump(path).damages > 1)
        // Deleted: nothing is lost.
        #expect(unlink(path) == 0)
        let (text, count) = try dump(folder.path)
        #expect(count == 0)
        #expect(text.contains("index missing"))
    }
}
