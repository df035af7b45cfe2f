import TestSupport
import Testing
import Varve
import VarveDump
import VarveFormat

/// Nonsense of all sorts: whatever the files hold, a dump comes to its end.
@Suite struct DumpNoiseTests {
    private func history(_ message: String) -> Dump.Options {
        var options = Dump.Options()
        options.message = message
        return options
    }

    /// Offsets of the commit frames of a segment.
    private func commits(_ path: String) throws -> [Int] {
        try dump(path).text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            return words.count > 2 && words[0] == "frame" && words[2] == "commit," ? Int(words[1]) : nil
        }
    }

    @Test func noiseEndsNoDump() throws {
        let seed: UInt64 = 0xda3a6e
        var random = Random(seed)
        let folder = TemporaryFolder()
        try SampleStore.make(at: folder.path)
        var options = Dump.Options()
        options.bodies = true
        for round in 0..<150 {
            let name = ["superblock", "index", FileNames.segment(1)][Int(random.next() % 3)]
            let path = "\(folder.path)/\(name)"
            let sound = try contents(of: path)
            var bytes = sound
            for _ in 0..<(1 + random.next() % 8) {
                let at = Int(random.next() % UInt64(min(bytes.count, 100_000)))
                let count = min(Int(random.next() % 40), bytes.count - at)
                for i in 0..<count { bytes[at + i] = UInt8(truncatingIfNeeded: random.next()) }
            }
            if random.next() % 5 == 0 { bytes.removeLast(Int(random.next() % UInt64(bytes.count))) }
            try write(bytes, to: path)
            do {
                _ = try dump(folder.path, options)
                _ = try dump(path)
                _ = try dump(folder.path, history("INBOX:6"))
            } catch is DumpError {
            } catch {
                Issue.record("seed \(seed), round \(round): \(error)")
            }
            try write(sound, to: path)
        }
    }

    /// Nonsense whose checksums hold: what a checksum lets through must not end a dump either.
    @Test func nonsenseWithGoodChecksumsEndsNoDump() throws {
        let seed: UInt64 = 0x60_0d5e
        var random = Random(seed)
        let folder = TemporaryFolder()
        try SampleStore.makeLarge(at: folder.path)
        let names = ["superblock", "index", FileNames.segment(3)]
        let sound = try names.map { try contents(of: "\(folder.path)/\($0)") }
        let places = try commits("\(folder.path)/\(FileNames.segment(3))")
        for round in 0..<70 {
            let which = Int(random.next() % 3)
            var bytes = sound[which]
            for _ in 0..<(1 + random.next() % 4) {
                switch which {
                case 0: nonsense(&bytes, Int(random.next() % 2) * 4096, 0..<200, checksumAt: 4092, sums: 0..<4092, &random)
                case 1:
                    let page = Int(random.next() % UInt64(bytes.count / 4096)) * 4096
                    let area = random.next() % 2 == 0 ? 4..<48 : 32..<4096
                    nonsense(&bytes, page, area, checksumAt: 0, sums: 4..<4096, &random)
                default:
                    let place = places[Int(random.next() % UInt64(places.count))]
                    nonsenseFrame(&bytes, place, &random)
                }
            }
            try write(bytes, to: "\(folder.path)/\(names[which])")
            for options in [Dump.Options(), history("INBOX:40"), tree("uid"), tree("names"), tree("free")] {
                do {
                    _ = try dump(folder.path, options)
                } catch is DumpError {
                } catch {
                    Issue.record("seed \(seed), round \(round): \(error)")
                }
            }
            if which == 1 {
                for page in 0..<UInt32(bytes.count / 4096) {
                    var options = Dump.Options()
                    options.page = page
                    _ = try dump(folder.path, options)
                }
            }
            if which == 2 { _ = try dump("\(folder.path)/\(FileNames.segment(3))") }
            try write(sound[which], to: "\(folder.path)/\(names[which])")
        }
    }

    private func tree(_ name: String) -> Dump.Options {
        var options = Dump.Options()
        options.tree = name
        return options
    }

    /// Changes bytes of a block and sets its checksum.
    private func nonsense(
        _ bytes: inout [UInt8], _ start: Int, _ area: Range<Int>, checksumAt: Int, sums: Range<Int>, _ random: inout Random
    ) {
        for _ in 0..<(1 + random.next() % 3) {
            let at = start + area.lowerBound + Int(random.next() % UInt64(area.count))
            bytes[at] = [0, 1, 0x7f, 0x80, 0xff, UInt8(truncatingIfNeeded: random.next())][Int(random.next() % 6)]
        }
        let sum = bytes[(start + sums.lowerBound)..<(start + sums.upperBound)].withUnsafeBytes { crc32c(0, $0) }
        bytes.withUnsafeMutableBytes { $0.baseAddress!.store32(sum, start + checksumAt) }
    }

    private func nonsenseFrame(_ bytes: inout [UInt8], _ place: Int, _ random: inout Random) {
        let length = bytes.withUnsafeBytes { Int($0.baseAddress!.load32(place + 4)) }
        guard length > 0, place + FrameHeader.frameLength(payload: length) <= bytes.count else { return }
        for _ in 0..<(1 + random.next() % 3) {
            let at = place + FrameHeader.size + Int(random.next() % UInt64(min(length, 120)))
            bytes[at] = [0, 1, 0x7f, 0x80, 0xff, UInt8(truncatingIfNeeded: random.next())][Int(random.next() % 6)]
        }
        bytes.withUnsafeMutableBytes { bytes in
            let end = place + FrameHeader.frameLength(payload: length)
            let payload = UnsafeRawBufferPointer(rebasing: bytes[(place + FrameHeader.size)..<end])
            let head = UnsafeRawBufferPointer(rebasing: bytes[(place + 4)..<(place + FrameHeader.size)])
            bytes.baseAddress!.store32(crc32c(crc32c(0, payload), head), place)
        }
    }
}
