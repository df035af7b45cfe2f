import Foundation
import TestSupport

/// What a run begins with: `Tests/Fuzzing/Corpus/TARGET/`, each file one input; and for the store's own formats the blocks of
/// bytes in the pages of `Formats/`, which are always those of the format as it is.
public enum Corpus {
    /// - Throws: what keeps a file from being read.
    public static func load(_ target: FuzzTarget) throws -> [[UInt8]] {
        let folder = "\(Repository.path)/Tests/Fuzzing/Corpus/\(target.rawValue)"
        let names = FileManager.default.fileExists(atPath: folder)
            ? try FileManager.default.contentsOfDirectory(atPath: folder).sorted() : []
        let files = try names.map { [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)"))) }
        switch target {
        case .frames: return files + [try segment()]
        case .pages: return files + (try blocks("index.md") + blocks("superblock.md")).map(\.bytes)
        case .messages, .commands: return files
        }
    }

    /// A segment with a frame for each block of the pages that is a payload.
    private static func segment() throws -> [UInt8] {
        var bytes: [UInt8] = try blocks("segment.md").first { $0.name == "segment header" }?.bytes ?? []
        var records: [UInt8] = []
        var count: UInt32 = 0
        for block in try blocks("records.md") where block.name.hasPrefix("record ") {
            records += block.bytes
            count += 1
        }
        let head = try blocks("records.md").first { $0.name == "commit head" }?.bytes ?? []
        for block in try blocks("message.md") where block.name == "message payload" {
            FrameTarget.append(kind: 1, block.bytes, to: &bytes)
        }
        FrameTarget.append(kind: 2, FrameTarget.commit(head, records: records, count: count), to: &bytes)
        let footer = try blocks("segment.md").first { $0.name == "footer frame" }?.bytes.dropFirst(32)
        FrameTarget.append(kind: 3, Array(footer ?? []), to: &bytes)
        return bytes
    }

    /// The hex blocks of a page: each line an offset and up to 16 bytes; what no line gives is zero.
    private static func blocks(_ page: String) throws -> [(name: String, bytes: [UInt8])] {
        var found: [(name: String, bytes: [UInt8])] = []
        var isInside = false
        for line in try Repository.text("Formats/\(page)").split(separator: "\n") {
            if line.hasPrefix("```hex ") {
                found.append((String(line.dropFirst(7)), []))
                isInside = true
            } else if line == "```" {
                isInside = false
            } else if isInside, let offset = line.split(separator: " ").first.flatMap({ Int($0, radix: 16) }) {
                let missing = max(0, offset - found[found.count - 1].bytes.count)
                found[found.count - 1].bytes += [UInt8](repeating: 0, count: missing)
                found[found.count - 1].bytes += line.split(separator: " ").dropFirst().compactMap { UInt8($0, radix: 16) }
            }
        }
        return found
    }
}
