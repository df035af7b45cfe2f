import Testing
import VarveFormat

/// `Formats/base.md`.
@Suite struct BaseFormatTests {
    let page = FormatPage("base.md")

    @Test func header() throws {
        let expected = BaseHeader(store: sampleStore, number: 9, firstModSeq: 0x1235, time: 1_700_000_000_123)
        #expect(expected.modSeq == 0x1234)
        try page.expect("base header", equals: expected.encode())
        let bytes = try page.block("base header")
        #expect(try bytes.withBytes { bytes throws(FormatError) in try BaseHeader(bytes) } == expected)
        for at in 0..<64 {
            var damaged = bytes
            damaged[at] ^= 0x20
            #expect(throws: FormatError.self, "byte \(at)") {
                try damaged.withBytes { bytes throws(FormatError) in try BaseHeader(bytes) }
            }
        }
        let first = BaseHeader(store: sampleStore, number: 1, firstModSeq: 1, time: 0).encode()
        #expect(throws: FormatError.self, "a base before the first commit") {
            try first.withBytes { bytes throws(FormatError) in try BaseHeader(bytes) }
        }
    }

    private static let message = MessageRow(
        uid: 12, flags: 5, zoneMinutes: -210, keywordSet: 1, modSeq: 0x1200,
        location: LogPosition(segment: 3, offset: 0x2a0), identity: 0x1267, internalDate: -2, size: 1500,
        saveDate: 0x074c_0480)

    static let records: [(name: String, record: BaseRecord)] = [
        (
            "account",
            .account(
                BaseAccount(nextMailbox: 12, lastUIDValidity: 1_700_000_000, nextIdentity: 5000, deadBytes: 0x0123_4567))
        ),
        ("keyword", .keyword(id: 2, name: "work")),
        ("keywordSet", .keywordSet(number: 1, members: [1, 2])),
        (
            "mailbox",
            .mailbox(
                BaseMailbox(
                    id: 7, uidValidity: 1_700_000_000, uidNext: 100, firstRecent: 90, highestModSeq: 0x1234,
                    vanishedFloor: 0x0110, created: 0x0100, name: "Käse", specialUse: [.drafts, .important], syncMode: .noExpungeLog))
        ),
        ("subscription", .subscription(name: "Archive")),
        ("messages", .messages(mailbox: 7, [message])),
        ("vanished", .vanished(mailbox: 7, [VanishedRange(modSeq: 0x1200, first: 3, last: 9)])),
        ("segments", .segments([SegmentCell(number: 3, end: 0x0400_0128), SegmentCell(number: 8, end: 0)])),
    ]

    private func decode(_ bytes: [UInt8]) throws -> BaseRecord? {
        try bytes.withBytes { bytes throws(FormatError) in
            var reader = ByteReader(bytes)
            let record = try BaseRecord.decode(&reader)
            guard reader.remaining == 0 else { throw .invalid("\(reader.remaining) bytes are left") }
            return record
        }
    }

    @Test(arguments: records.indices) func record(_ index: Int) throws {
        let (name, record) = BaseFormatTests.records[index]
        var encoded: [UInt8] = []
        record.encode(into: &encoded)
        try page.expect("base record \(name)", equals: encoded)
        let bytes = try page.block("base record \(name)")
        #expect(try decode(bytes) == record)
        #expect(bytes[0] == UInt8(0x20 + index), "the kinds are frozen")
        for count in bytes.indices { #expect(throws: FormatError.self) { try decode(Array(bytes[..<count])) } }
        // A field that a later minor version added is passed over.
        var longer = bytes + [1, 2, 3]
        longer.withUnsafeMutableBytes { $0.baseAddress!.store32($0.baseAddress!.load32(4) + 3, 4) }
        #expect(try decode(longer) == record)
        // It is none of a commit's.
        #expect(throws: FormatError.self) {
            try bytes.withBytes { bytes throws(FormatError) in
                var reader = ByteReader(bytes)
                _ = try Record.decode(&reader)
            }
        }
    }

    /// As version 2.0 wrote it.
    @Test func aMailboxWithoutAttributes() throws {
        var bytes = try page.block("base record mailbox")
        bytes.removeLast(4)
        bytes.withUnsafeMutableBytes { $0.baseAddress!.store32($0.baseAddress!.load32(4) - 4, 4) }
        guard case .mailbox(let mailbox) = try decode(bytes) else { throw FormatError.invalid("no mailbox") }
        #expect(mailbox.name == "Käse" && mailbox.specialUse == [] && mailbox.syncMode == .full)
        var short = bytes + [5]
        short.withUnsafeMutableBytes { $0.baseAddress!.store32($0.baseAddress!.load32(4) + 1, 4) }
        #expect(throws: FormatError.self) { try decode(short) }
        var other = try page.block("base record mailbox")
        other[other.count - 2] = 3
        #expect(throws: FormatError.self, "no such mode") { try decode(other) }
    }

    @Test func unknownKinds() throws {
        #expect(try decode([0x34, 0x92, 0, 0, 1, 0, 0, 0, 7]) == nil)
        #expect(throws: FormatError.self) { try decode([0x28, 0, 0, 0, 1, 0, 0, 0, 7]) }
        #expect(throws: FormatError.self) { try decode([0, 0, 0, 0, 0, 0, 0, 0]) }
    }

    /// Counts that lead beyond the record, and ranges that run backwards.
    @Test func malformedRecords() throws {
        for (name, at) in [("messages", 12), ("vanished", 12), ("segments", 8), ("keywordSet", 12)] {
            var damaged = try page.block("base record \(name)")
            damaged[at] = 200
            #expect(throws: FormatError.self, "\(name)") { try decode(damaged) }
        }
        var backwards = try page.block("base record vanished")
        backwards[28] = 1
        #expect(throws: FormatError.self) { try decode(backwards) }
    }
}
