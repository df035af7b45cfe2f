import MailModel
import Testing
import VarveFormat

@testable import Varve

/// `Formats/encryption.md`.
@Suite struct EncryptionFormatTests {
    let page = FormatPage("encryption.md")
    let session = SessionID(first: 0x8786_8584_8382_8180, second: 0x8f8e_8d8c_8b8a_8988)

    private func secret(_ bytes: Range<UInt8>) -> Secret {
        Secret(count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    private func cipher(sealed count: Int) throws(StoreError) -> StoreCipher {
        let cipher = try StoreCipher(secret(0x20..<0x40), store: sampleStore, session: session)
        for _ in 0..<count { _ = cipher.nextSeal() }
        return cipher
    }

    private func masterKey() throws(StoreError) -> MasterKey { try MasterKey(secret(0..<0x20)) }

    @Test func keySlot() throws {
        let slot = try StoreKeyFile.wrap(
            secret(0x20..<0x40), of: sampleStore, with: masterKey(), salt: Array(0x40..<0x60))
        try page.expect("key slot", equals: slot.encode())
        let bytes = try page.block("key slot")
        let found = try bytes.withBytes { bytes throws(FormatError) in try KeySlot(bytes) }
        #expect(found == slot)
        let file = StoreKeyFile("store", DiskFileSystem())
        #expect(try file.unwrap(found, with: masterKey()) == secret(0x20..<0x40))
        for at in stride(from: 0, to: 4096, by: 7) {
            var damaged = bytes
            damaged[at] ^= 1
            #expect(throws: FormatError.self, "byte \(at)") {
                try damaged.withBytes { bytes throws(FormatError) in try KeySlot(bytes) }
            }
        }
        // The checksum holds, the seal does not.
        for change in 0..<3 {
            var other = found
            if change == 0 { other.wrapped[5] ^= 1 }
            if change == 1 { other.salt[5] ^= 1 }
            if change == 2 { other.store = StoreUUID(high: other.store.high, low: other.store.low ^ 1) }
            #expect { try file.unwrap(other, with: masterKey()) } throws: { ($0 as? StoreError)?.kind == .corrupt }
        }
        #expect { try file.unwrap(found, with: nil) } throws: { ($0 as? StoreError)?.kind == .keyMissing }
        let stranger = try MasterKey(secret(1..<0x21))
        #expect { try file.unwrap(found, with: stranger) } throws: { ($0 as? StoreError)?.kind == .wrongKey }
    }

    @Test func message() throws {
        let plain = try FormatPage("message.md").block("message payload")
        let prepared = try PreparedMessage(payload: plain).sealed(by: cipher(sealed: 0))
        let encoded = Array(prepared.payload.bytes[..<prepared.payloadLength])
        try page.expect("sealed message payload", equals: encoded)
        let bytes = try page.block("sealed message payload")
        let head = try bytes.withBytes { bytes throws(FormatError) in try MessageHead(bytes, payloadLength: bytes.count) }
        #expect(head.size == 64)
        #expect(head.seal == Seal(session: session, counter: 1))
        #expect(head.messageSize == 146 && head.summaryLength == 4 && head.summaryStoredLength == 20 && head.summaryIsPlain)
        #expect(head.chunks.count == 1 && head.chunks[0].storedLength == 32 && !head.chunks[0].isPlain)
        let summary = Array(bytes[64..<84])
        let chunk = Array(bytes[84..<116])
        #expect(try open(summary, part: 0, head.summaryContext) == Array(plain[40..<44]))
        #expect(try open(chunk, part: 1, head.chunkContext(0)) == Array(plain[44...]))
        #expect(try open(summary, part: 1, head.summaryContext) == nil)
        #expect(try open(summary, part: 0, head.chunkContext(0)) == nil)
        for at in chunk.indices {
            var damaged = chunk
            damaged[at] ^= 0x40
            #expect(try open(damaged, part: 1, head.chunkContext(0)) == nil, "byte \(at)")
        }
        for at in 0..<head.size {
            var damaged = bytes
            damaged[at] ^= 1
            #expect(throws: FormatError.self, "byte \(at)") {
                try damaged.withBytes { bytes throws(FormatError) in try MessageHead(bytes, payloadLength: bytes.count) }
            }
        }
    }

    @Test func smallMessage() throws {
        let plain = try FormatPage("message.md").block("small message payload")
        let prepared = try PreparedMessage(smallPayload: plain).sealed(by: cipher(sealed: 0))
        let encoded = Array(prepared.payload.bytes[..<prepared.payloadLength])
        try page.expect("sealed small message payload", equals: encoded)
        let bytes = try page.block("sealed small message payload")
        let head = try bytes.withBytes { bytes throws(FormatError) in try SmallMessageHead(bytes) }
        #expect(head.size == 32)
        #expect(head.seal == Seal(session: session, counter: 1))
        #expect(head.messageSize == 146 && head.summaryLength == 4 && !head.isPlain)
        let block = Array(bytes[32...])
        #expect(block.count == plain.count - 8 + Seal.tagSize)
        #expect(try open(block, part: 0, head.context) == Array(plain[8...]))
        #expect(try open(block, part: 1, head.context) == nil)
        for at in 0..<4 {
            // What the head says of sizes is authenticated.
            var damaged = bytes
            damaged[at] ^= 1
            let other = try? damaged.withBytes { bytes throws(FormatError) in try SmallMessageHead(bytes) }
            if let other { #expect(try open(block, part: 0, other.context) == nil, "byte \(at)") }
        }
        for at in block.indices {
            var damaged = block
            damaged[at] ^= 0x40
            #expect(try open(damaged, part: 0, head.context) == nil, "byte \(at)")
        }
    }

    private func open(_ piece: [UInt8], part: UInt32, _ context: SealContext) throws -> [UInt8]? {
        let out = ByteBlock(capacity: piece.count - Seal.tagSize)
        // Another session than the one that sealed: its key is made from what the seal says.
        let reader = try StoreCipher(secret(0x20..<0x40), store: sampleStore, session: SessionID(first: 1, second: 2))
        let isGenuine = try piece.withBytes { piece throws(StoreError) in
            try reader.open(piece, Seal(session: session, counter: 1), part: part, context, into: out.bytes.baseAddress!)
        }
        return isGenuine ? Array(out.bytes) : nil
    }

    @Test func commit() throws {
        var plain: [UInt8] = []
        CommitHeader(modSeq: 0x1234, time: 1_700_000_000_123, records: 1).encode(into: &plain)
        Record.subscribe(name: "INBOX").encode(into: &plain)
        try page.expect("sealed commit payload", equals: cipher(sealed: 1).sealRecords(plain, .commit))
        let bytes = try page.block("sealed commit payload")
        let head = try bytes.withBytes { bytes throws(FormatError) in try CommitHeader(bytes) }
        #expect(head == CommitHeader(modSeq: 0x1234, time: 1_700_000_000_123, records: 1, isSealed: true))
        let parts = try bytes.withBytes { bytes throws(FormatError) in try SealedRecords(bytes) }
        #expect(parts.seal == Seal(session: session, counter: 2))
        #expect(parts.length == plain.count - 24)
        let opened = try bytes.withBytes { bytes throws(StoreError) in
            try cipher(sealed: 0).openRecords(bytes, .commit)
        }
        #expect(Array(opened.bytes) == Array(plain[24...]))
        for at in bytes.indices where at != 20 {
            var damaged = bytes
            damaged[at] ^= 1
            #expect(throws: StoreError.self, "byte \(at)") {
                try damaged.withBytes { bytes throws(StoreError) in _ = try cipher(sealed: 0).openRecords(bytes, .commit) }
            }
        }
        for count in 0..<(CommitHeader.size + SealedRecords.overhead) {
            #expect(throws: FormatError.self) {
                try Array(bytes[..<count]).withBytes { bytes throws(FormatError) in try SealedRecords(bytes) }
            }
        }
    }

    @Test func indexPage() throws {
        let plain = try FormatPage("index.md").block("cell leaf of subscriptions")
        let cipher = try cipher(sealed: 2)
        let seal = cipher.nextSeal()
        let sealed = ByteBlock(capacity: SealedPage.stride)
        let out = sealed.bytes.baseAddress!
        try plain.withBytes { plain throws(StoreError) in
            try cipher.seal(
                plain, tag: out + SealedPage.tagOffset, seal, part: 0, .page(0x1b, index: 2), into: out)
        }
        SealedPage.finish(out, number: 0x1b, seal: seal, tag: sampleStore.tag)
        try page.expect("page trailer", equals: Array(sealed.bytes[4096...]))
        #expect(try SealedPage.validate(out, number: 0x1b, tag: sampleStore.tag) == Seal(session: session, counter: 3))
        #expect(throws: FormatError.self) { try SealedPage.validate(out, number: 0x1c, tag: sampleStore.tag) }
        #expect(throws: FormatError.self) { try SealedPage.validate(out, number: 0x1b, tag: sampleStore.tag ^ 1) }
        for at in 0..<SealedPage.stride {
            out.store8(out.load8(at) ^ 4, at)
            #expect(throws: FormatError.self, "byte \(at)") {
                try SealedPage.validate(out, number: 0x1b, tag: sampleStore.tag)
            }
            out.store8(out.load8(at) ^ 4, at)
        }
        let opened = ByteBlock(capacity: Format.pageSize)
        let stored = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(sealed.bytes)[..<4096])
        let tag = UnsafeRawPointer(out + SealedPage.tagOffset)
        let target = opened.bytes.baseAddress!
        #expect(try cipher.open(stored, tag: tag, seal, part: 0, .page(0x1b, index: 2), into: target))
        #expect(Array(opened.bytes) == plain)
        #expect(try !cipher.open(stored, tag: tag, seal, part: 0, .page(0x1a, index: 2), into: target))
        #expect(try !cipher.open(stored, tag: tag, seal, part: 0, .page(0x1b, index: 3), into: target))
    }

    @Test func flagsInHeaders() throws {
        let header = SegmentHeader(store: sampleStore, number: 3, firstModSeq: 9, previousEnd: 64, isEncrypted: true)
        let bytes = header.encode()
        #expect(bytes[48] == 1)
        #expect(try bytes.withBytes { bytes throws(FormatError) in try SegmentHeader(bytes) } == header)
        let index = ByteBlock(capacity: Format.pageSize)
        IndexHeader(store: sampleStore, number: 2, isSealed: true).encode(into: index.bytes.baseAddress!)
        #expect(index.bytes[72] == 1)
        #expect(try IndexHeader(UnsafeRawPointer(index.bytes.baseAddress!)).isSealed)
    }
}

extension PreparedMessage {
    /// A payload as it stands in a frame.
    fileprivate init(payload: [UInt8]) throws {
        let head = try payload.withBytes { bytes throws(FormatError) in try MessageHead(bytes, payloadLength: bytes.count) }
        self.init(.message, size: head.messageSize, PreparedMessage.roomy(payload), length: payload.count)
    }

    fileprivate init(smallPayload payload: [UInt8]) throws {
        let head = try payload.withBytes { bytes throws(FormatError) in try SmallMessageHead(bytes) }
        self.init(.smallMessage, size: head.messageSize, PreparedMessage.roomy(payload), length: payload.count)
    }

    private static func roomy(_ payload: [UInt8]) -> ByteBlock {
        ByteBlock(payload + [UInt8](repeating: 0, count: Format.frameAlignment))
    }
}
