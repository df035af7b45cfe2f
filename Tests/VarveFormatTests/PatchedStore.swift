import Foundation
import VarveFormat

@testable import Varve

/// A copy of a golden store whose files are changed as another program could have written them: with checksums that hold.
struct PatchedStore {
    let path: String
    /// Ascending in number.
    let segments: [String]

    var superblock: String { FileNames.superblock }
    var index: String { FileNames.index }

    init(_ golden: GoldenStore, at path: String) throws {
        self.path = path
        try golden.copy(to: path)
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(FileNames.segments)")
        segments = names.compactMap(FileNames.segmentNumber).sorted().map(FileNames.segment)
    }

    /// Every file's bytes, but for the lock's.
    func files() throws -> [String: [UInt8]] {
        var result: [String: [UInt8]] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: path) where name != FileNames.lock {
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: "\(path)/\(name)", isDirectory: &isFolder)
            result[name] = isFolder.boolValue ? [] : try contents(of: "\(path)/\(name)")
        }
        return result
    }

    func change(_ name: String, _ body: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
        var bytes = try contents(of: "\(path)/\(name)")
        try bytes.withUnsafeMutableBytes(body)
        try write(bytes, to: "\(path)/\(name)")
    }

    // MARK: Checksums

    private static func sum(_ bytes: UnsafeMutableRawBufferPointer, _ range: Range<Int>, at place: Int) {
        let sum = crc32c(0, UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[range]))
        bytes.baseAddress!.store32(sum, place)
    }

    /// Changes a slot of the superblock; nil: both.
    func changeSuperblock(_ slot: Int?, _ body: (UnsafeMutableRawPointer) -> Void) throws {
        try change(superblock) { bytes in
            for number in 0..<2 where number == slot ?? number {
                let start = number * Superblock.slotSize
                body(bytes.baseAddress! + start)
                PatchedStore.sum(bytes, start..<(start + Superblock.slotSize - 4), at: start + Superblock.slotSize - 4)
            }
        }
    }

    func changeHeader(ofSegment name: String, _ body: (UnsafeMutableRawPointer) -> Void) throws {
        try change(name) { bytes in
            body(bytes.baseAddress!)
            PatchedStore.sum(bytes, 0..<60, at: 60)
        }
    }

    func changePage(_ number: Int, _ body: (UnsafeMutableRawPointer) -> Void) throws {
        try change(index) { bytes in
            let start = number * Format.pageSize
            body(bytes.baseAddress! + start)
            PatchedStore.sum(bytes, (start + 4)..<(start + Format.pageSize), at: start)
        }
    }

    // MARK: The log

    /// The superblock that holds.
    func newest() throws -> (slot: Int, block: Superblock) {
        let bytes = try contents(of: "\(path)/\(superblock)")
        let found = try (0..<2).map { slot in
            try Array(bytes[(slot * Superblock.slotSize)...].prefix(Superblock.slotSize)).withBytes {
                bytes throws(FormatError) in try Superblock(bytes)
            }
        }
        let slot = found[0].sequence > found[1].sequence ? 0 : 1
        return (slot, found[slot])
    }

    /// Where the frames of the last segment end, and its last commit.
    func logEnd() throws -> (number: UInt32, offset: Int, modSeq: UInt64, tag: UInt32) {
        let bytes = try contents(of: "\(path)/\(segments[segments.count - 1])")
        let number = bytes.withBytes { $0.baseAddress!.load32(32) }
        let tag = try newest().block.store.tag
        var offset = SegmentHeader.size
        var modSeq: UInt64 = 0
        bytes.withBytes { bytes in
            let base = bytes.baseAddress!
            while let header = FrameHeader(
                base + offset, at: LogPosition(segment: number, offset: UInt32(offset)), tag: tag,
                limit: bytes.count - offset)
            {
                if header.kind == FrameKind.commit.rawValue { modSeq = base.load64(offset + FrameHeader.size) }
                offset += header.frameLength
            }
        }
        return (number, offset, modSeq, tag)
    }

    /// Puts a frame behind the log's end.
    /// - Parameter reserved: what stands in its reserved bytes.
    func append(kind: UInt8, _ payload: [UInt8], reserved: UInt8 = 0) throws {
        let end = try logEnd()
        let position = LogPosition(segment: end.number, offset: UInt32(end.offset))
        let header = FrameHeader(
            length: UInt32(payload.count), position: position, synced: position, kind: kind, tag: end.tag)
        try change(segments[segments.count - 1]) { bytes in
            let frame = bytes.baseAddress! + end.offset
            payload.withUnsafeBytes { (frame + FrameHeader.size).copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
            header.encode(into: frame, payloadChecksum: 0)
            for i in 25..<28 { frame.store8(reserved, i) }
            let filled = UnsafeRawBufferPointer(
                start: frame + FrameHeader.size, count: header.frameLength - FrameHeader.size)
            let sum = crc32c(crc32c(0, filled), UnsafeRawBufferPointer(start: frame + 4, count: FrameHeader.size - 4))
            frame.store32(sum, 0)
        }
    }

    /// Puts a commit behind the log's end. - Parameter records: encoded, one behind the other.
    func commit(_ records: [[UInt8]], behind: [UInt8] = [], reserved: UInt32 = 0) throws {
        var payload: [UInt8] = []
        CommitHeader(modSeq: try logEnd().modSeq + 1, time: 1_700_000_100_000, records: UInt32(records.count)).encode(
            into: &payload)
        payload.withUnsafeMutableBytes { $0.baseAddress!.store32(reserved, 20) }
        try append(kind: FrameKind.commit.rawValue, payload + records.joined() + behind, reserved: reserved == 0 ? 0 : 7)
    }
}

/// A record as it stands in a commit.
/// - Parameter more: fields of a later minor version behind the known ones.
func encoded(_ record: Record, more: [UInt8] = [], reserved: UInt16 = 0) -> [UInt8] {
    var bytes: [UInt8] = []
    record.encode(into: &bytes)
    bytes.append(contentsOf: more)
    bytes.withUnsafeMutableBytes { bytes in
        bytes.baseAddress!.store16(reserved, 2)
        bytes.baseAddress!.store32(UInt32(bytes.count - Record.headerSize), 4)
    }
    return bytes
}

func unknownRecord(_ kind: UInt16, _ fields: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append16(kind)
    bytes.append16(0xffff)
    bytes.append32(UInt32(fields.count))
    return bytes + fields
}
