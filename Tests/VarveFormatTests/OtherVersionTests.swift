import Foundation
import MailModel
import TestSupport
import Testing
import VarveDump
import VarveFormat

@testable import Varve

/// The rules of `Formats/versions.md`: a newer major version is refused by all that read stores; additions of a later minor
/// version are passed over, and kept where a store keeps them.
@Suite struct OtherVersionTests {
    private static let newer = Format.major + 1

    private func options(_ change: (inout Dump.Options) -> Void) -> Dump.Options {
        var options = Dump.Options()
        change(&options)
        return options
    }

    private var messages: Dump.Options {
        options {
            $0.messages = true
            $0.json = true
        }
    }

    // MARK: Major

    enum Place: CaseIterable {
        case newerSlot, olderSlot, bothSlots, firstSegment, lastSegment, everything
    }

    private func make(_ version: UInt16, _ place: Place, _ store: PatchedStore) throws {
        let newest = try store.newest().slot
        func patchSegment(_ name: String) throws { try store.changeHeader(ofSegment: name) { $0.store16(version, 8) } }
        switch place {
        case .newerSlot: try store.changeSuperblock(newest) { $0.store16(version, 8) }
        case .olderSlot: try store.changeSuperblock(1 - newest) { $0.store16(version, 8) }
        case .bothSlots: try store.changeSuperblock(nil) { $0.store16(version, 8) }
        case .firstSegment: try patchSegment(store.segments[0])
        case .lastSegment: try patchSegment(store.segments[store.segments.count - 1])
        case .everything:
            try store.changeSuperblock(nil) { $0.store16(version, 8) }
            for name in store.segments { try patchSegment(name) }
            try store.changePage(0) { $0.store16(version, 40) }
        }
    }

    @Test(arguments: Place.allCases) func aNewerMajorVersionIsRefused(place: Place) throws {
        let folder = TemporaryFolder()
        let store = try PatchedStore(GoldenStore.released.last!, at: "\(folder.path)/store")
        try make(OtherVersionTests.newer, place, store)
        let before = try store.files()

        let error = #expect(throws: StoreError.self) { try Store.open(at: store.path, SampleStore.options()) }
        #expect(error?.kind == .unsupportedVersion)
        let words = "format version \(OtherVersionTests.newer)"
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        for options in [Dump.Options(), messages, options { $0.tree = "uid" }] {
            let error = #expect(throws: DumpError.self) { try dump(store.path, options) }
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        }
        if PythonReader.isInstalled {
            let found = try PythonReader.read(store.path)
            #expect(found.status == 1 && found.text.isEmpty)
            #expect(found.complaint.contains("\(words)."), "\(found.complaint)")
        }
        #expect(try store.files() == before, "nothing is changed")
    }

    /// The index is derived: one that cannot be read is built anew.
    @Test func anIndexOfANewerMajorVersionIsBuiltAnew() throws {
        let golden = GoldenStore.released.last!
        let folder = TemporaryFolder()
        let store = try PatchedStore(golden, at: folder.path)
        try store.changePage(0) { $0.store16(OtherVersionTests.newer, 40) }
        let expected = try dump(golden.path, messages).text
        if PythonReader.isInstalled {
            #expect(try PythonReader.read(store.path).text == expected)
            let found = try PythonReader.read(store.path, ["--index"])
            #expect(found.complaint.contains("format version \(OtherVersionTests.newer)."), "\(found.complaint)")
        }
        let opened = try Store.open(at: store.path, SampleStore.options())
        #expect(Check.run(opened).isEmpty)
        try opened.close()
        #expect(try dump(store.path, messages).text == expected)
    }

    /// A flipped bit is none.
    @Test func aSlotWhoseChecksumDoesNotHoldIsOfNoVersion() throws {
        let golden = GoldenStore.released.last!
        let folder = TemporaryFolder()
        let store = try PatchedStore(golden, at: folder.path)
        let slot = try store.newest().slot
        try store.change(store.superblock) { bytes in
            bytes.baseAddress!.store16(OtherVersionTests.newer, slot * Superblock.slotSize + 8)
        }
        let expected = try dump(golden.path, messages).text
        if PythonReader.isInstalled { #expect(try PythonReader.read(store.path, ["--log-only"]).text == expected) }
        let opened = try Store.open(at: store.path, SampleStore.options())
        try opened.close()
        #expect(try dump(store.path, messages).text == expected)
    }

    /// A crash may leave anything of a header that was not synced: also one that looks like another version's.
    @Test(arguments: [0, 9, 300] as [UInt16]) func aTornHeaderIsOfNoVersion(version: UInt16) throws {
        let folder = TemporaryFolder()
        let store = try Store.open(at: "\(folder.path)/store", SampleStore.options())
        try store.commit { tx in _ = try tx.createMailbox("mail") }
        try store.close()
        let path = "\(folder.path)/store"
        let expected = try dump(path, messages).text
        var header = SegmentHeader(
            store: StoreUUID(high: 1, low: 2), number: 2, firstModSeq: 3, previousEnd: 4
        ).encode()
        header[8] = UInt8(version & 255)
        header[9] = UInt8(version >> 8)
        try write(header + [UInt8](repeating: 0, count: 4096), to: "\(path)/\(FileNames.segment(2))")
        if PythonReader.isInstalled { try compareWithReader(path, "a torn header") }
        var reading = SampleStore.options()
        reading.access = .readOnly
        let shown = try Store.open(at: path, reading)
        #expect(shown.damage == nil, "\(String(describing: shown.damage))")
        try shown.close()
        let opened = try Store.open(at: path, SampleStore.options())
        try opened.close()
        #expect(!FileManager.default.fileExists(atPath: "\(path)/\(FileNames.segment(2))"), "it never was")
        #expect(try dump(path, messages).text == expected)
        // With a byte behind it, it had begun.
        try write(header + [UInt8](repeating: 1, count: 4096), to: "\(path)/\(FileNames.segment(2))")
        #expect(throws: StoreError.self) { try Store.open(at: path, SampleStore.options()) }
        if PythonReader.isInstalled { #expect(try PythonReader.read(path).status == 1) }
    }

    // MARK: Minor

    /// All that a later minor version may add at once, in each released version's store.
    @Test(arguments: GoldenStore.released) func additionsOfALaterMinorVersion(golden: GoldenStore) throws {
        let folder = TemporaryFolder()
        let store = try PatchedStore(golden, at: folder.path)
        let tree = try addToIndex(store)
        try addToLog(store)
        let comment: Comment = "\(golden)"
        let (expected, damages) = try dump(store.path, messages)
        #expect(damages == 0, comment)
        #expect(expected.contains(#""name":"Later""#) && expected.contains(#""keywords":["later"]"#), "\(expected)")
        if PythonReader.isInstalled { try compareWithReader(store.path, comment) }

        var opened = try Store.open(at: store.path, SampleStore.options())
        #expect(try opened.snapshot().mailbox(named: "Later") != nil)
        // A flag that is none may not make a message look expunged.
        let changed = try #require(try opened.mailbox("INBOX").view().message(1))
        #expect(changed.flags == .all && !changed.isExpunged)
        try opened.commit { tx in _ = try tx.createMailbox("Now") }
        try opened.checkpoint()
        if try store.newest().block.indexNumber == tree.indexNumber {
            #expect(try store.newest().block.roots.last == tree.root, "a tree that is not known is kept")
            #expect(try contents(of: "\(store.path)/index")[tree.bytes] == tree.page[...], "and its pages")
        }
        try opened.close()
        opened = try Store.open(at: store.path, SampleStore.options())
        #expect(try opened.snapshot().mailbox(named: "Now") != nil)
        try opened.close()
        if PythonReader.isInstalled { try compareWithReader(store.path, "\(golden), gone on with") }
    }

    private struct AddedTree {
        let root: TreeRoot
        let bytes: Range<Int>
        let page: [UInt8]
        let indexNumber: UInt64
    }

    /// One more tree, and something in every reserved byte.
    private func addToIndex(_ store: PatchedStore) throws -> AddedTree {
        let (_, block) = try store.newest()
        let isOld = try contents(of: "\(store.path)/\(store.superblock)")[8] < 2
        let known = isOld ? 8 : TreeID.allCases.count
        let root = TreeRoot(page: block.pageCount, height: 1)
        let start = Int(root.page) * Format.pageSize
        try store.changePage(Int(root.page)) { page in
            Page.initialise(
                page, kind: .cellLeaf, level: 0, tree: UInt16(known + 1), number: root.page, birth: 1, tag: block.store.tag)
            page.store64(0x1234_5678, 1000)
        }
        try store.changePage(0) { page in
            page.store16(9, 42)
            for i in 72..<Format.pageSize { page.store8(0xee, i) }
        }
        // Not in one that is sealed: its footer has the SHA-256 of what stands before it.
        try store.changeHeader(ofSegment: store.segments[store.segments.count - 1]) { header in
            header.store16(9, 10)
            for i in 49..<60 { header.store8(0xee, i) }
        }
        let slot = try store.newest().slot
        try store.changeSuperblock(slot) { slot in
            slot.store16(9, 10)
            slot.store32(block.pageCount + 1, 64)
            slot.store32(UInt32(known + 1), 100)
            slot.store32(root.page, 104 + 8 * known)
            slot.store32(UInt32(root.height), 108 + 8 * known)
            for i in (112 + 8 * known)..<(isOld ? 4092 : 4080) { slot.store8(0xee, i) }
        }
        let page = try contents(of: "\(store.path)/\(store.index)")[start..<(start + Format.pageSize)]
        return AddedTree(
            root: root, bytes: start..<(start + Format.pageSize), page: Array(page), indexNumber: block.indexNumber)
    }

    private func addToLog(_ store: PatchedStore) throws {
        try store.append(kind: 200, Array("a frame of a kind that is not known".utf8), reserved: 0xff)
        let next = try store.newest().block.nextMailbox
        let flags = Flags([], keywords: ["later"])
        try store.commit(
            [
                unknownRecord(0x8000, []),
                encoded(.createMailbox(id: next, uidValidity: 9, name: "Later"), more: [1, 2, 3, 4, 5], reserved: 0xffff),
                unknownRecord(0xffff, Array(repeating: 7, count: 100)),
                encoded(.changeFlags(mailbox: 1, operation: .add, flags: flags, uids: [1]), more: [9]),
            ], behind: [6, 6, 6], reserved: 0xffff_fffe)
        // Bits of flags that mean nothing yet.
        var record = encoded(.changeFlags(mailbox: 1, operation: .add, flags: [.seen], uids: [1]))
        record.withUnsafeMutableBytes { $0.baseAddress!.store16(0xffff, Record.headerSize + 5) }
        try store.commit([record])
        try store.append(kind: 255, [], reserved: 1)
    }

    /// What must be understood and is not ends the reading, and changes nothing.
    @Test func aRecordThatMustBeUnderstood() throws {
        let folder = TemporaryFolder()
        let store = try PatchedStore(GoldenStore.released.last!, at: folder.path)
        try store.commit([unknownRecord(0x7fff, [1, 2, 3])])
        let before = try store.files()
        let error = #expect(throws: StoreError.self) { try Store.open(at: store.path, SampleStore.options()) }
        #expect(error?.kind == .corrupt && error?.message.contains("kind 32767") == true)
        #expect(try dump(store.path, messages).damages == 1)
        if PythonReader.isInstalled {
            let found = try PythonReader.read(store.path)
            #expect(found.status == 1 && found.complaint.contains("kind 32767"), "\(found.complaint)")
        }
        let after = try store.files()
        for (name, bytes) in before where name != FileNames.index { #expect(after[name] == bytes, "\(name)") }
    }
}
