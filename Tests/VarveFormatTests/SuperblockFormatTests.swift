import Testing
import VarveFormat

let sampleStore = StoreUUID(high: 0x0011_2233_4455_6677, low: 0x8899_aabb_ccdd_eeff)

/// `Formats/superblock.md`: its hex block against the decoder and the encoder.
@Suite struct SuperblockFormatTests {
    let page = FormatPage("superblock.md")

    private var expected: Superblock {
        var block = Superblock(store: sampleStore)
        block.sequence = 7
        block.modSeq = 0x1234
        block.logPosition = LogPosition(segment: 3, offset: 0x0010_0040)
        block.indexNumber = 2
        block.pageCount = 90
        block.freeList = 17
        block.nextMailbox = 12
        block.lastUIDValidity = 1_700_000_000
        block.nextIdentity = 5000
        block.deadRows = 4
        block.deadBytes = 0x0123_4567
        block.roots = [
            TreeRoot(page: 20, height: 2), TreeRoot(page: 21, height: 2), TreeRoot(page: 22, height: 1),
            TreeRoot(page: 23, height: 3), TreeRoot(page: 24, height: 2), TreeRoot(page: 25, height: 1),
            .empty, TreeRoot(page: 26, height: 1), TreeRoot(page: 27, height: 1),
        ]
        return block
    }

    @Test func slot() throws {
        try page.expect("superblock slot", equals: expected.encode())
        let bytes = try page.block("superblock slot")
        let block = try bytes.withBytes { bytes throws(FormatError) in try Superblock(bytes) }
        #expect(block == expected)
        #expect(block.roots[TreeID.uid.slot] == TreeRoot(page: 23, height: 3))
    }

    /// Each validity condition, broken alone.
    @Test func conditions() throws {
        let sound = try page.block("superblock slot")
        func reason(_ change: (inout [UInt8]) -> Void, sealed: Bool = true) -> FormatError.Reason? {
            var bytes = sound
            change(&bytes)
            if sealed {
                let crc = bytes[..<4092].withUnsafeBytes { crc32c(0, $0) }
                bytes.withUnsafeMutableBytes { $0.baseAddress!.store32(crc, 4092) }
            }
            do throws(FormatError) {
                _ = try bytes.withBytes { bytes throws(FormatError) in try Superblock(bytes) }
                return nil
            } catch {
                return error.reason
            }
        }
        #expect(reason { _ in } == nil)
        #expect(reason { $0[0] ^= 1 } == .foreign)
        #expect(reason { $0.removeLast() } == .foreign)
        #expect(reason { $0[8] = UInt8(Format.major + 1) } == .unsupportedVersion(Format.major + 1))
        #expect(reason { $0[8] = 0 } == .unsupportedVersion(0))
        #expect(reason({ $0[3000] = 1 }, sealed: false) == .checksum)
        #expect(reason { $0[10] = 9 } == nil, "a later minor version is read")
        #expect(reason { $0[97] = 0x20 } == .invalid("pages of 8192 bytes, this program's have 4096"))
        #expect(reason { $0[100] = 8 } == .invalid("a superblock with 8 trees"))
        #expect(reason { $0[100] = 7; $0[8] = 1 } == .invalid("a superblock with 7 trees"))
        #expect(reason { $0[101] = 2 } == .invalid("a superblock with 521 trees"))
        #expect(reason { $0[108] = 17 } == .invalid("a tree of height 17"))
        #expect(reason { $0[52] = 0 } == .invalid("a log position 0:1048640"))
        // Version 1.0 had a tree less.
        var old = sound
        old[8] = 1
        old[100] = 8
        let crc = old[..<4092].withUnsafeBytes { crc32c(0, $0) }
        old.withUnsafeMutableBytes { $0.baseAddress!.store32(crc, 4092) }
        let read = try old.withBytes { bytes throws(FormatError) in try Superblock(bytes) }
        #expect(read.major == 1 && read.roots.count == TreeID.allCases.count)
        #expect(read.roots[TreeID.keywords.slot] == TreeRoot(page: 26, height: 1))
        #expect(read.roots[TreeID.segments.slot] == .empty)
        // A later minor version may have a tree more: it is kept.
        var more = expected
        more.roots.append(TreeRoot(page: 30, height: 1))
        let encoded = more.encode()
        #expect(try encoded.withBytes { bytes throws(FormatError) in try Superblock(bytes) } == more)
    }
}
