import MailModel
import Testing
import VarveFormat

/// `Formats/records.md`: a commit's head and each kind of record.
@Suite struct RecordFormatTests {
    let page = FormatPage("records.md")

    static let victims = Victims(uids: [3, 4, 5, 9], count: 4, digest: 0xfeed_f00d)

    static let records: [(name: String, record: Record)] = [
        ("createMailbox", .createMailbox(id: 7, uidValidity: 1_700_000_000, name: "Käse/alt")),
        ("deleteMailbox", .deleteMailbox(id: 7)),
        ("renameMailbox", .renameMailbox(id: 7, name: "Archive")),
        ("subscribe", .subscribe(name: "Archive")),
        ("unsubscribe", .unsubscribe(name: "Archive")),
        (
            "append",
            .append(
                AppendRecord(
                    mailbox: 7, uid: 12, identity: 0x0123_4567, location: LogPosition(segment: 3, offset: 0x2a0),
                    size: 1500, internalDate: InternalDate(seconds: -2, zoneMinutes: -210),
                    flags: Flags([.seen, .flagged], keywords: ["$Forwarded", "work"])))
        ),
        (
            "changeFlags",
            .changeFlags(mailbox: 7, operation: .remove, flags: Flags(.deleted, keywords: ["work"]), uids: [1, 2, 3, 20])
        ),
        ("expunge", .expunge(mailbox: 7, victims: victims)),
        ("copy", .copy(from: 7, to: 8, firstUID: 100, victims: victims)),
        ("move", .move(from: 7, to: 8, firstUID: 100, victims: victims)),
        ("claimRecent", .claimRecent(mailbox: 7, uid: 13)),
        (
            "relocate",
            .relocate(
                RelocateRecord(
                    from: LogPosition(segment: 3, offset: 0x2a0), to: LogPosition(segment: 9, offset: 0x40),
                    identity: 0x0123_4567,
                    rows: [
                        RelocateRecord.RowKey(mailbox: 7, uid: 12), RelocateRecord.RowKey(mailbox: 8, uid: 100),
                    ]))
        ),
        ("dropSegments", .dropSegments([3, 5, 6])),
        ("forgetVanished", .forgetVanished(mailbox: 7, floor: 0x1200)),
        ("renewUIDValidity", .renewUIDValidity(mailbox: 7, uidValidity: 1_700_000_001)),
        ("setSpecialUse", .setSpecialUse(mailbox: 7, use: [.drafts, .important])),
        ("setSyncMode", .setSyncMode(mailbox: 7, mode: .noExpungeLog)),
    ]

    static let codes: [UInt16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x8010, 0x8011]

    private func decode(_ bytes: [UInt8]) throws -> Record? {
        try bytes.withBytes { bytes throws(FormatError) in
            var reader = ByteReader(bytes)
            let record = try Record.decode(&reader)
            guard reader.remaining == 0 else { throw .invalid("\(reader.remaining) bytes are left") }
            return record
        }
    }

    @Test func commitHeader() throws {
        let expected = CommitHeader(modSeq: 0x1234, time: 1_700_000_000_123, records: 2)
        var encoded: [UInt8] = []
        expected.encode(into: &encoded)
        try page.expect("commit head", equals: encoded)
        let bytes = try page.block("commit head")
        #expect(try bytes.withBytes { bytes throws(FormatError) in try CommitHeader(bytes) } == expected)
        let short = Array(bytes.dropLast())
        #expect(throws: FormatError.self) { try short.withBytes { bytes throws(FormatError) in try CommitHeader(bytes) } }
    }

    @Test(arguments: records.indices) func record(_ index: Int) throws {
        let (name, record) = RecordFormatTests.records[index]
        var encoded: [UInt8] = []
        record.encode(into: &encoded)
        try page.expect("record \(name)", equals: encoded)
        let bytes = try page.block("record \(name)")
        #expect(try decode(bytes) == record)
        #expect(UInt16(bytes[0]) | UInt16(bytes[1]) << 8 == RecordFormatTests.codes[index], "the kinds are frozen")
        // Cut off anywhere it is no record, nor does its reader look beyond it.
        for count in bytes.indices { #expect(throws: FormatError.self) { try decode(Array(bytes[..<count])) } }
        // A field that a later minor version added is passed over.
        var longer = bytes + [1, 2, 3]
        longer.withUnsafeMutableBytes { $0.baseAddress!.store32($0.baseAddress!.load32(4) + 3, 4) }
        #expect(try decode(longer) == record)
    }

    @Test func everyKindIsShown() {
        #expect(Set(RecordFormatTests.records.map(\.record.kind)).count == RecordFormatTests.codes.count)
    }

    @Test func unknownKinds() throws {
        let skippable = try page.block("record of an unknown kind that may be passed over")
        #expect(try decode(skippable) == nil)
        var needed = skippable
        needed[1] = 0x00
        #expect(throws: FormatError.self) { try decode(needed) }
        #expect(throws: FormatError.self) { try decode([0, 0, 0, 0, 0, 0, 0, 0]) }
    }

    @Test func malformedRecords() throws {
        let flags = try page.block("record changeFlags")
        var other = flags
        other[12] = 4
        #expect(throws: FormatError.self, "an unknown operation") { try decode(other) }
        let expunge = try page.block("record expunge")
        // The ranges stand behind mailbox, count, digest and their number: 3 to 5 and 9.
        for (at, value) in [(24, UInt8(0)), (28, 2), (32, 5), (36, 8)] {
            var damaged = expunge
            damaged[at] = value
            #expect(throws: FormatError.self, "byte \(at)") { try decode(damaged) }
        }
        let name = try page.block("record subscribe")
        var notUTF8 = name
        notUTF8[10] = 0xff
        #expect(throws: FormatError.self) { try decode(notUTF8) }
    }

    @Test func attributes() throws {
        var use = try page.block("record setSpecialUse")
        use[12] = 0xff
        use[13] = 0xff
        #expect(try decode(use) == .setSpecialUse(mailbox: 7, use: .every), "bits that mean nothing yet")
        var mode = try page.block("record setSyncMode")
        mode[12] = 2
        #expect(try decode(mode) == .setSyncMode(mailbox: 7, mode: .noModSeq))
        mode[12] = 3
        #expect(throws: FormatError.self, "no such mode") { try decode(mode) }
        #expect(SpecialUse.names.map(\.use.rawValue) == (0..<8).map { 1 << $0 }, "the bits are frozen")
        #expect(SpecialUse(SpecialUse.names.map(\.use)) == .every)
    }

    @Test func digests() {
        // CRC-32C of 1 and 2 as eight bytes each, the lowest first.
        let bytes: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]
        let whole = bytes.withUnsafeBytes { crc32c(0, $0) }
        #expect(Victims.extend(Victims.extend(0, with: 1), with: 2) == whole)
    }
}
