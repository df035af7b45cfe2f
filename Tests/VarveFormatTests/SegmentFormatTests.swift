import Testing
import VarveFormat

/// `Formats/segment.md`.
@Suite struct SegmentFormatTests {
    let page = FormatPage("segment.md")

    @Test func header() throws {
        let expected = SegmentHeader(store: sampleStore, number: 3, firstModSeq: 0x1200, previousEnd: 0x0400_0128)
        try page.expect("segment header", equals: expected.encode())
        let bytes = try page.block("segment header")
        #expect(try bytes.withBytes { bytes throws(FormatError) in try SegmentHeader(bytes) } == expected)
        for at in 0..<64 {
            var damaged = bytes
            damaged[at] ^= 0x20
            #expect(throws: FormatError.self, "byte \(at)") {
                try damaged.withBytes { bytes throws(FormatError) in try SegmentHeader(bytes) }
            }
        }
    }

    /// A frame whole: header, payload, fill.
    static func frame(_ header: FrameHeader, _ payload: [UInt8]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: FrameHeader.size) + payload
        while bytes.count % Format.frameAlignment != 0 { bytes.append(0) }
        let checksum = bytes[FrameHeader.size...].withUnsafeBytes { crc32c(0, $0) }
        bytes.withUnsafeMutableBytes { header.encode(into: $0.baseAddress!, payloadChecksum: checksum) }
        return bytes
    }

    @Test func frame() throws {
        let place = LogPosition(segment: 3, offset: 0x2a0)
        let payload = Array("a payload of 21 bytes".utf8)
        let expected = FrameHeader(
            length: 21, position: place, synced: LogPosition(segment: 3, offset: 0x240), kind: FrameKind.message.rawValue,
            tag: sampleStore.tag)
        try page.expect("frame", equals: SegmentFormatTests.frame(expected, payload))
        let bytes = try page.block("frame")
        bytes.withUnsafeBytes { bytes in
            let p = bytes.baseAddress!
            let header = FrameHeader(p, at: place, tag: sampleStore.tag, limit: bytes.count)
            #expect(header == expected)
            #expect(header?.frameLength == bytes.count)
            #expect(header?.verify(p) == true)
            #expect(Array(bytes[32..<(32 + 21)]) == payload)
            // What the header's fields are for.
            #expect(FrameHeader(p, at: LogPosition(segment: 3, offset: 0x2a8), tag: sampleStore.tag, limit: 64) == nil)
            #expect(FrameHeader(p, at: LogPosition(segment: 2, offset: 0x2a0), tag: sampleStore.tag, limit: 64) == nil)
            #expect(FrameHeader(p, at: place, tag: sampleStore.tag &+ 1, limit: 64) == nil)
            #expect(FrameHeader(p, at: place, tag: sampleStore.tag, limit: bytes.count - 1) == nil)
        }
        for at in bytes.indices {
            var damaged = bytes
            damaged[at] ^= 1
            let holds = damaged.withUnsafeBytes {
                let p = $0.baseAddress!
                return FrameHeader(p, at: place, tag: sampleStore.tag, limit: $0.count)?.verify(p) ?? false
            }
            #expect(!holds, "byte \(at)")
        }
    }

    @Test func zerosAreNoFrame() {
        let zeros = [UInt8](repeating: 0, count: 4096)
        zeros.withUnsafeBytes {
            #expect(FrameHeader($0.baseAddress!, at: LogPosition(rawValue: 0), tag: 0, limit: 4096) == nil)
        }
    }

    @Test func footer() throws {
        let expected = SegmentFooter(
            firstModSeq: 0x1200, lastModSeq: 0x1300, commits: 257, messages: 190, messageBytes: 0x03f0_0000,
            digest: Array(0xc0..<0xe0))
        let place = LogPosition(segment: 3, offset: 0x0400_0058)
        let header = FrameHeader(
            length: UInt32(SegmentFooter.size), position: place, synced: place, kind: FrameKind.footer.rawValue,
            tag: sampleStore.tag)
        try page.expect("footer frame", equals: SegmentFormatTests.frame(header, expected.encode()))
        let bytes = try page.block("footer frame")
        try bytes.withUnsafeBytes { bytes in
            let found = FrameHeader(bytes.baseAddress!, at: place, tag: sampleStore.tag, limit: bytes.count)
            #expect(found == header)
            #expect(found?.verify(bytes.baseAddress!) == true)
            let footer = try SegmentFooter(UnsafeRawBufferPointer(rebasing: bytes[32..<(32 + 72)]))
            #expect(footer == expected)
        }
        let short = [UInt8](repeating: 0, count: 71)
        #expect(throws: FormatError.self) { try short.withBytes { bytes throws(FormatError) in try SegmentFooter(bytes) } }
    }
}
