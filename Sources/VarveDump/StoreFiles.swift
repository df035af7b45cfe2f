import Varve
import VarveFormat

/// The files of a store as they lie in its folder.
struct StoreFiles {
    struct Segment {
        let number: UInt32
        let path: String
        /// Relative to the store.
        let name: String
    }

    let path: String
    /// Ascending in number.
    let segments: [Segment]
    /// The same for bases.
    let bases: [Segment]
    /// Numbers between those that are there, from the newest base on: before it some may have been given up.
    let missing: [UInt32]

    init(_ path: String) throws(DumpError) {
        self.path = path
        let folder = "\(path)/\(FileNames.segments)"
        let names = Folder.exists(folder) ? try Folder.list(folder) : []
        segments = names.compactMap(FileNames.segmentNumber).sorted().map {
            Segment(number: $0, path: "\(path)/\(FileNames.segment($0))", name: FileNames.segment($0))
        }
        bases = names.compactMap(FileNames.baseNumber).sorted().map {
            Segment(number: $0, path: "\(path)/\(FileNames.base($0))", name: FileNames.base($0))
        }
        var missing: [UInt32] = []
        let first = bases.last?.number ?? 1
        var expected = UInt64(first)
        for segment in segments where segment.number >= first {
            // A folder with a far number in it is reported as a gap, not number by number.
            while expected < UInt64(segment.number), missing.count < StoreFiles.maximumMissing {
                missing.append(UInt32(expected))
                expected += 1
            }
            expected = UInt64(segment.number) + 1
        }
        self.missing = missing
    }

    private static let maximumMissing = 16

    /// A folder that holds what a store's folder holds.
    static func isStore(_ path: String) -> Bool {
        Folder.isFolder("\(path)/\(FileNames.segments)") || Folder.exists("\(path)/\(FileNames.superblock)")
    }

    /// Both slots of the superblock.
    func superblock() throws(DumpError) -> SuperblockFile? {
        let path = "\(path)/\(FileNames.superblock)"
        guard Folder.exists(path) else { return nil }
        return try SuperblockFile(InputFile(path, name: FileNames.superblock))
    }

    /// The part of the store's UUID that frames repeat: from the superblock, else from a segment.
    func tag(_ superblock: SuperblockFile?) throws(DumpError) -> UInt32? {
        if let block = superblock?.newest { return block.store.tag }
        for segment in segments {
            if let tag = try SegmentContext.tag(InputFile(segment.path, name: segment.name), segment.number) { return tag }
        }
        return nil
    }

    /// What is known of a segment from the other files.
    func context(_ index: Int, _ superblock: SuperblockFile?, tag: UInt32?) throws(DumpError) -> SegmentContext {
        let segment = segments[index]
        var context = SegmentContext(number: segment.number, tag: tag)
        context.store = superblock?.newest?.store
        if let block = superblock?.newest, block.logPosition.segment == segment.number {
            context.checkpoint = Int(block.logPosition.offset)
            context.reaches = Int(block.logPosition.offset)
        }
        if index + 1 < segments.count, segments[index + 1].number == segment.number + 1 {
            let next = try InputFile(segments[index + 1].path, name: segments[index + 1].name)
            let bytes = try next.read(at: 0, SegmentHeader.size)
            if let header = bytes.withBytes({ try? SegmentHeader($0) }) {
                context.end = Int(header.previousEnd)
                context.reaches = max(context.reaches, Int(header.previousEnd))
            }
        }
        return context
    }
}

/// What is known of a segment beside its own bytes.
struct SegmentContext {
    let number: UInt32
    var tag: UInt32?
    /// The store that the superblock is of.
    var store: StoreUUID?
    /// The log was on disk up to here.
    var reaches = SegmentHeader.size
    /// Where the next segment says that this one's frames end.
    var end: Int?
    /// Where a recovery begins to read.
    var checkpoint: Int?

    /// The store's tag as a segment itself has it: in its header, or if that is damaged, in its first frame.
    static func tag(_ file: InputFile, _ number: UInt32) throws(DumpError) -> UInt32? {
        let bytes = try file.read(at: 0, SegmentHeader.size + FrameHeader.size)
        return bytes.withBytes { bytes -> UInt32? in
            if let header = try? SegmentHeader(bytes) { return header.store.tag }
            guard bytes.count == SegmentHeader.size + FrameHeader.size, let p = bytes.baseAddress else { return nil }
            let place = LogPosition(segment: number, offset: UInt32(SegmentHeader.size))
            return p.load64(SegmentHeader.size + 8) == place.rawValue ? p.load32(SegmentHeader.size + 28) : nil
        }
    }
}

extension StoreFiles {
    /// How a dump names a segment's file.
    static func name(_ number: UInt32) -> String { FileNames.segment(number) }
}
