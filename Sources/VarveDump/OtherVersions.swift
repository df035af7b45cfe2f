import Varve
import VarveFormat

/// A store of another major version is not dumped: what its bytes mean is not known, and none of it is damage. A version is
/// believed where the checksum beside it holds, as at an opening (`Formats/versions.md`).
enum OtherVersions {
    /// - Throws: in words that say so, if the superblock or a segment was written by a program of another major version.
    static func refuse(in files: StoreFiles) throws(DumpError) {
        let path = "\(files.path)/\(FileNames.superblock)"
        if Folder.exists(path) { try refuse(superblock: InputFile(path, name: FileNames.superblock)) }
        for segment in files.segments { try refuse(segment: InputFile(segment.path, name: segment.name)) }
    }

    static func refuse(superblock file: InputFile) throws(DumpError) {
        for slot in 0..<2 {
            let bytes = try file.read(at: slot * Superblock.slotSize, Superblock.slotSize)
            guard bytes.count == Superblock.slotSize else { return }
            let error = bytes.withBytes { bytes -> FormatError? in
                guard Superblock.checksumHolds(bytes) else { return nil }
                do throws(FormatError) { _ = try Superblock(bytes) } catch { return error }
                return nil
            }
            try refuse(error, file)
        }
    }

    static func refuse(segment file: InputFile) throws(DumpError) {
        let bytes = try file.read(at: 0, SegmentHeader.size)
        let error = bytes.withBytes { bytes -> FormatError? in
            guard SegmentHeader.checksumHolds(bytes) else { return nil }
            do throws(FormatError) { _ = try SegmentHeader(bytes) } catch { return error }
            return nil
        }
        try refuse(error, file)
    }

    private static func refuse(_ error: FormatError?, _ file: InputFile) throws(DumpError) {
        guard let error, case .unsupportedVersion = error.reason else { return }
        throw DumpError("\(file.name): \(error)")
    }
}
