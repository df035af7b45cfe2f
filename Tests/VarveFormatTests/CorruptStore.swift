import Foundation
import TestSupport
import VarveFormat

@testable import Varve

/// A copy of a sample store that is changed as a case of `Formats/corrupt/` says.
struct CorruptStore {
    private static func files(_ make: (String) throws -> Void) -> [String: [UInt8]] {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/store"
        try! make(path)
        var files: [String: [UInt8]] = [:]
        for name in FileManager.default.enumerator(atPath: path)!.compactMap({ $0 as? String }).sorted() {
            if let bytes = try? contents(of: "\(path)/\(name)"), name != FileNames.segments { files[name] = bytes }
        }
        return files
    }

    /// Made once; the same bytes each time.
    private static let samples: [String: [String: [UInt8]]] = [
        "sample": files { try SampleStore.make(at: $0) },
        "large": files { try SampleStore.makeLarge(at: $0) },
        "compacted": files { try SampleStore.makeCompacted(at: $0) },
        "other": files { try SampleStore.makeLarge(at: $0, SampleStore.options(firstRandom: 77)) },
    ]

    struct Unreadable: Error { let text: String }

    private(set) var files: [String: [UInt8]]

    /// - Parameter sample: the name of one.
    init(_ sample: String) throws {
        guard let files = CorruptStore.samples[sample] else { throw Unreadable(text: "there is no sample \(sample)") }
        self.files = files
    }

    func write(to path: String) throws {
        try FileManager.default.createDirectory(atPath: "\(path)/\(FileNames.segments)", withIntermediateDirectories: true)
        for (name, bytes) in files { try VarveFormatTests.write(bytes, to: "\(path)/\(name)") }
    }

    // MARK: Changes

    /// Makes one change; the page `Formats/corrupt/README.md` says how they are written.
    mutating func change(_ line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        func fail() -> Unreadable { Unreadable(text: "not a change: \(line)") }
        func number(_ i: Int) throws -> Int {
            guard i < words.count, let number = Int(words[i]) else { throw fail() }
            return number
        }
        guard words.count >= 2, let bytes = files[words[1]] else { throw fail() }
        let file = words[1]
        switch words[0] {
        case "flip":
            // flip FILE PLACE… + OFFSET
            guard let plus = words.firstIndex(of: "+") else { throw fail() }
            let place = try self.place(Array(words[2..<plus]), in: file, bytes) + number(plus + 1)
            guard place < bytes.count else { throw fail() }
            files[file]![place] ^= 0x10
        case "cut": files[file] = Array(bytes.prefix(try number(2)))
        case "extend":
            let count = try number(2)
            files[file]! += (0..<count).map { words.last == "zeros" ? 0 : UInt8(truncatingIfNeeded: $0 &* 7 + 1) }
        case "zero":
            let (from, to) = (try number(2), min(try number(3), bytes.count))
            guard from <= to else { throw fail() }
            files[file]!.replaceSubrange(from..<to, with: repeatElement(0, count: to - from))
        case "swap":
            guard words.count == 3, let other = files[words[2]] else { throw fail() }
            files[file] = other
            files[words[2]] = bytes
        case "remove": files[file] = nil
        case "replace":
            guard words.count == 4, let other = CorruptStore.samples[words[2]]?[words[3]] else { throw fail() }
            files[file] = other
        default: throw fail()
        }
    }

    private func place(_ words: [String], in file: String, _ bytes: [UInt8]) throws -> Int {
        let place: Int?
        switch words.first {
        case "byte": place = 0
        case "frame" where words.count == 3: place = frame(words[1], Int(words[2]) ?? 0, file, bytes)
        case "page" where words.count == 3: place = try page(words[1], words[2])
        default: place = nil
        }
        guard let place else { throw Unreadable(text: "there is no place \(words) in \(file)") }
        return place
    }

    /// The n-th frame of a kind, from 0.
    private func frame(_ kind: String, _ index: Int, _ file: String, _ bytes: [UInt8]) -> Int? {
        let kinds: [String: FrameKind] = ["message": .message, "smallMessage": .smallMessage, "commit": .commit, "footer": .footer, "base": .base]
        let digits = file.split(separator: "/").last?.prefix(12) ?? ""
        guard let number = UInt32(digits), let wanted = kinds[kind] else { return nil }
        return bytes.withBytes { bytes in
            let start = bytes.baseAddress!
            let tag = start.load32(24)
            var at = SegmentHeader.size
            var left = index
            while at + FrameHeader.size <= bytes.count,
                let header = FrameHeader(
                    start + at, at: LogPosition(segment: number, offset: UInt32(at)), tag: tag, limit: bytes.count - at)
            {
                if header.kind == wanted.rawValue {
                    if left == 0 { return at }
                    left -= 1
                }
                at += header.frameLength
            }
            return nil
        }
    }

    /// The first page of a kind and tree that the superblock reaches.
    private func page(_ kind: String, _ tree: String) throws -> Int? {
        let disk = TemporaryFolder()
        try write(to: disk.path)
        let system = DiskFileSystem()
        let file = try system.open("\(disk.path)/\(FileNames.superblock)", create: false, writable: false)
        guard let block = try Recovery.readSuperblock(file, "superblock").newest else { return nil }
        if kind == "header" { return 0 }
        if kind == "freeList" { return block.freeList == 0 ? nil : Int(block.freeList) * Format.pageSize }
        let index = try system.open("\(disk.path)/\(FileNames.index)", create: false, writable: false)
        let pages = Pages(
            mapping: try index.map(index.size(), writable: false),
            verifier: PageVerifier(pageCount: 0, tag: block.store.tag, newest: 0), touches: nil)
        let kinds: [String: PageKind] = [
            "rowLeaf": .rowLeaf, "rowInner": .rowInner, "cellLeaf": .cellLeaf, "cellInner": .cellInner,
        ]
        guard let wanted = kinds[kind], let id = TreeID.allCases.first(where: { "\($0)" == tree }) else { return nil }
        for number in Check.violations(ofTreesIn: IndexState(block), pages).reached.sorted() {
            let page = UnsafeRawPointer(pages.base + Int(number) * Format.pageSize)
            if page.load8(Page.kindOffset) == wanted.rawValue, page.load16(Page.treeOffset) == id.rawValue {
                return Int(number) * Format.pageSize
            }
        }
        return nil
    }
}
