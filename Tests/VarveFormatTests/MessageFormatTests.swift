import Testing
import VarveFormat

@testable import Varve
@testable import VarveDump

/// `Formats/message.md`.
@Suite struct MessageFormatTests {
    let page = FormatPage("message.md")

    private func head(_ bytes: [UInt8], _ length: Int) throws -> MessageHead {
        try bytes.withBytes { bytes throws(FormatError) in try MessageHead(bytes, payloadLength: length) }
    }

    private func crc(_ bytes: some Collection<UInt8>) -> UInt32 { Array(bytes).withBytes { crc32c(0, $0) } }

    @Test func payload() throws {
        // 24 times "varve " and a line's end; LZ4 writes the first six bytes and a match of the rest.
        let body = Array(String(repeating: "varve ", count: 24).utf8) + [13, 10]
        let chunk: [UInt8] = [0x6f] + Array("varve ".utf8) + [0x06, 0x00, 0x74] + [0x50] + Array("ve \r\n".utf8)
        let summary: [UInt8] = [0x53, 0x55, 0x4d, 0x4d]
        let expected = MessageHead(
            messageSize: body.count, summaryStoredLength: 4, summaryLength: 4, summaryChecksum: crc(summary),
            chunks: [.init(storedLength: chunk.count, isPlain: false, checksum: crc(chunk))])
        var encoded = [UInt8](repeating: 0, count: expected.size)
        encoded.withUnsafeMutableBytes { expected.encode(into: $0.baseAddress!) }
        try page.expect("message payload", equals: encoded + summary + chunk)
        let bytes = try page.block("message payload")
        let found = try head(bytes, bytes.count)
        #expect(found.size == 40)
        #expect(found.messageSize == 146)
        #expect(found.summaryStoredLength == 4 && found.summaryLength == 4 && found.summaryChecksum == crc(summary))
        #expect(found.chunks == expected.chunks)
        #expect(found.chunkLength(0) == 146)
        #expect(Array(bytes[40..<44]) == summary)
        var out = [UInt8](repeating: 0, count: Format.chunkSize)
        let stored = Array(bytes[44...])
        let length = stored.withUnsafeBytes { stored in
            out.withUnsafeMutableBytes { MessageFrameDump.inflate(stored, into: $0) }
        }
        #expect(length == 146)
        #expect(Array(out[..<max(length, 0)]) == body)
    }

    private func smallHead(_ bytes: [UInt8]) throws -> SmallMessageHead {
        try bytes.withBytes { bytes throws(FormatError) in try SmallMessageHead(bytes) }
    }

    @Test func smallMessage() throws {
        let body = Array(String(repeating: "varve ", count: 24).utf8) + [13, 10]
        let summary: [UInt8] = [0x53, 0x55, 0x4d, 0x4d]
        // The summary and the first six bytes, and a match of the rest.
        let block: [UInt8] = [0xaf] + summary + Array("varve ".utf8) + [0x06, 0x00, 0x74] + [0x50] + Array("ve \r\n".utf8)
        let expected = SmallMessageHead(messageSize: 146, summaryLength: 4, storedLength: block.count)
        var encoded = [UInt8](repeating: 0, count: expected.size)
        encoded.withUnsafeMutableBytes { expected.encode(into: $0.baseAddress!) }
        try page.expect("small message payload", equals: encoded + block)
        let bytes = try page.block("small message payload")
        let found = try smallHead(bytes)
        #expect(found == expected)
        #expect(found.size == 8 && found.contentLength == 150 && !found.isPlain)
        var out = [UInt8](repeating: 0, count: 150)
        let stored = Array(bytes[8...])
        let length = stored.withUnsafeBytes { stored in
            out.withUnsafeMutableBytes { MessageFrameDump.inflate(stored, into: $0) }
        }
        #expect(length == 150)
        #expect(out == summary + body)
    }

    @Test func dictionary() throws {
        let content = Array("Content-Type: text/plain; charset=utf-8\r\nMIME-Version: 1\r\n".utf8)
        #expect(content.count == 58)
        let number = content.withBytes { DictionaryHead.number(of: $0) }
        let expected = DictionaryHead(
            number: number, contentLength: content.count, nextIdentity: 321, storedLength: content.count)
        var encoded = [UInt8](repeating: 0, count: DictionaryHead.size)
        encoded.withUnsafeMutableBytes { expected.encode(into: $0.baseAddress!) }
        try page.expect("dictionary payload", equals: encoded + content)
        let bytes = try page.block("dictionary payload")
        let found = try bytes.withBytes { bytes throws(FormatError) in try DictionaryDump(bytes) }
        #expect(found.head == expected && found.content == content && found.head.isPlain)
        for (at, value) in [(0, bytes[0] ^ 1), (4, 57), (6, 1), (4, 0), (15, 0x80), (20, bytes[20] ^ 1)] {
            var damaged = bytes
            damaged[at] = value
            #expect(throws: FormatError.self, "byte \(at)") {
                try damaged.withBytes { bytes throws(FormatError) in try DictionaryDump(bytes) }
            }
        }
        // The summary, 39 bytes and a line's end of 58 bytes before, and what stands there once more.
        let body = Array("Content-Type: text/plain; charset=utf-8\r\n\r\nContent-Type: tex".utf8)
        let summary: [UInt8] = [0x53, 0x55, 0x4d, 0x4d]
        let block: [UInt8] = [0x4f] + summary + [62, 0, 22] + [0x28, 13, 10, 43, 0] + [0x50] + Array(": tex".utf8)
        let head = SmallMessageHead(
            messageSize: body.count, summaryLength: 4, dictionary: number, storedLength: block.count)
        var message = [UInt8](repeating: 0, count: head.size)
        message.withUnsafeMutableBytes { head.encode(into: $0.baseAddress!) }
        try page.expect("small message payload with a dictionary", equals: message + block)
        let stored = try page.block("small message payload with a dictionary")
        #expect(try smallHead(stored) == head)
        var out = [UInt8](repeating: 0, count: head.contentLength)
        let length = Array(stored[8...]).withUnsafeBytes { stored in
            out.withUnsafeMutableBytes { MessageFrameDump.inflate(stored, with: content, into: $0) }
        }
        #expect(length == head.contentLength && out == summary + body)
        // What the engine does with it: the dictionary before the message.
        let known = try #require(CompressionDictionary(ByteBlock(content), nextIdentity: 321))
        #expect(known.number == number)
        let inflated = stored.withBytes { stored in
            CompressionWorkspace.with { workspace in
                workspace.inflate(
                    UnsafeRawBufferPointer(rebasing: stored[8...]), length: head.contentLength, wanted: 50, with: known
                ).map { Array($0) }
            }
        }
        #expect(inflated == Array((summary + body)[..<50]))
        let (payload, payloadLength) = known.encode()
        #expect(try DictionaryDump(UnsafeRawBufferPointer(rebasing: payload.bytes[..<payloadLength])).content == content)
    }

    @Test func smallMessageConditions() throws {
        func payload(summary: Int, body: Int, word: UInt32 = 0, stored: Int) -> [UInt8] {
            var bytes = [UInt8](repeating: 7, count: 8 + stored)
            bytes.withUnsafeMutableBytes {
                $0.baseAddress!.store16(UInt16(summary), 0)
                $0.baseAddress!.store16(UInt16(body), 2)
                $0.baseAddress!.store32(word, 4)
            }
            return bytes
        }
        let limit = Format.smallMessageSize
        #expect(try smallHead(payload(summary: limit, body: limit, stored: 2 * limit)).isPlain)
        #expect(try !smallHead(payload(summary: 3, body: 4, stored: 6)).isPlain)
        #expect(try smallHead(payload(summary: 0, body: 0, stored: 0)).isPlain)
        for wrong in [
            payload(summary: limit + 1, body: 0, stored: 9), payload(summary: 0, body: limit + 1, stored: 9),
            payload(summary: 3, body: 4, stored: 8), payload(summary: 3, body: 4, word: 1, stored: 7),
            // Sealed, and not even the seal has room; or the tag has none.
            payload(summary: 3, body: 4, word: 1 << 31, stored: 23), payload(summary: 3, body: 4, word: 1 << 31, stored: 39),
            Array(payload(summary: 0, body: 0, stored: 0)[..<7]),
        ] {
            #expect(throws: FormatError.self) { try smallHead(wrong) }
        }
    }

    @Test func headOfSeveralChunks() throws {
        let expected = MessageHead(
            messageSize: 150_000, summaryStoredLength: 700, summaryLength: 1900, summaryChecksum: 0x0102_0304,
            chunks: [
                .init(storedLength: 40_000, isPlain: false, checksum: 0x1111_1111),
                .init(storedLength: 65_536, isPlain: true, checksum: 0x2222_2222),
                .init(storedLength: 15_000, isPlain: false, checksum: 0x3333_3333),
            ])
        var encoded = [UInt8](repeating: 0, count: expected.size)
        encoded.withUnsafeMutableBytes { expected.encode(into: $0.baseAddress!) }
        try page.expect("message head", equals: encoded)
        let bytes = try page.block("message head")
        let length = 56 + 700 + 40_000 + 65_536 + 15_000
        let found = try head(bytes, length)
        #expect(found.chunks == expected.chunks)
        #expect((0..<3).map(found.chunkLength) == [65_536, 65_536, 18_928])
        #expect(try bytes.withBytes { bytes throws(FormatError) in try MessageHead.size(of: bytes) } == 56)
        for wrong in [length - 1, length + 1] { #expect(throws: FormatError.self) { try head(bytes, wrong) } }
        for at in bytes.indices {
            var damaged = bytes
            damaged[at] ^= 1
            #expect(throws: FormatError.self, "byte \(at)") { try head(damaged, length) }
        }
        // The checksum holds, a condition does not.
        for (at, value) in [(12, UInt8(2)), (28, 1), (35, 0x80), (43, 0), (20, 0)] {
            var damaged = bytes
            damaged[at] = value
            if at == 20 { damaged[21] = 0 }
            let sum = crc(damaged[4...])
            damaged.withUnsafeMutableBytes { $0.baseAddress!.store32(sum, 0) }
            #expect(throws: FormatError.self, "byte \(at)") { try head(damaged, length) }
        }
    }
}
