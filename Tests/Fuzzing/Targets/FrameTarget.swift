import VarveFormat

/// Frames and what they hold, decoded as a recovery does.
enum FrameTarget {
    /// - Precondition: `bytes` ends at a multiple of 8.
    static func append(kind: UInt8, _ payload: [UInt8], to bytes: inout [UInt8]) {
        let segment = bytes.withBytes { $0.count >= SegmentHeader.size ? $0.baseAddress!.load32(32) : 1 }
        let tag = bytes.withBytes { $0.count >= SegmentHeader.size ? $0.baseAddress!.load32(24) : 0 }
        let position = LogPosition(segment: segment, offset: UInt32(bytes.count))
        let length = FrameHeader.frameLength(payload: payload.count)
        let padded = payload + [UInt8](repeating: 0, count: length - FrameHeader.size - payload.count)
        var header = [UInt8](repeating: 0, count: FrameHeader.size)
        let sum = padded.withBytes { crc32c(0, $0) }
        header.withUnsafeMutableBytes {
            FrameHeader(length: UInt32(payload.count), position: position, synced: position, kind: kind, tag: tag)
                .encode(into: $0.baseAddress!, payloadChecksum: sum)
        }
        bytes += header + padded
    }

    static func commit(_ head: [UInt8], records: [UInt8], count: UInt32) -> [UInt8] {
        var payload = head + records
        payload.withUnsafeMutableBytes { if $0.count >= CommitHeader.size { $0.baseAddress!.store32(count, 16) } }
        return payload
    }

    /// Makes the checksums of the header and of each frame right, as far as lengths lead from one to the next; those of
    /// message heads too.
    static func seal(_ input: inout [UInt8]) {
        input.withUnsafeMutableBytes { bytes in
            guard bytes.count >= SegmentHeader.size, let base = bytes.baseAddress else { return }
            base.store32(crc32c(0, UnsafeRawBufferPointer(start: base, count: 60)), 60)
            let segment = base.load32(32)
            var at = SegmentHeader.size
            while at + FrameHeader.size <= bytes.count {
                let length = FrameHeader.frameLength(payload: Int(base.load32(at + 4)))
                guard at + length <= bytes.count else { return }
                base.store64(LogPosition(segment: segment, offset: UInt32(at)).rawValue, at + 8)
                base.store32(base.load32(24), at + 28)
                let payload = UnsafeMutableRawBufferPointer(rebasing: bytes[(at + FrameHeader.size)..<(at + length)])
                if base.load8(at + 24) == FrameKind.message.rawValue { sealHead(payload) }
                let header = UnsafeRawBufferPointer(start: base + at + 4, count: FrameHeader.size - 4)
                base.store32(crc32c(crc32c(0, UnsafeRawBufferPointer(payload)), header), at)
                at += length
            }
        }
    }

    private static func sealHead(_ payload: UnsafeMutableRawBufferPointer) {
        guard payload.count >= MessageHead.fixedSize, let base = payload.baseAddress else { return }
        let size = Int(base.load32(4))
        guard size >= MessageHead.fixedSize, size <= payload.count else { return }
        base.store32(crc32c(0, UnsafeRawBufferPointer(start: base + 4, count: size - 4)), 0)
    }

    static func examine(_ input: [UInt8], _ met: inout Set<Int>) throws {
        try input.withBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            var tag: UInt32 = 0
            var segment: UInt32 = 1
            try reading(&met) { met in
                let header = try SegmentHeader(bytes)
                tag = header.store.tag
                segment = header.number
                met.insert(1)
            }
            var at = SegmentHeader.size
            while at + FrameHeader.size <= bytes.count {
                let position = LogPosition(segment: segment, offset: UInt32(at))
                guard let header = FrameHeader(base + at, at: position, tag: tag, limit: bytes.count - at) else {
                    at += Format.frameAlignment
                    continue
                }
                guard header.verify(base + at) else {
                    met.insert(2)
                    at += Format.frameAlignment
                    continue
                }
                met.insert(0x100 + Int(header.kind))
                let payload = UnsafeRawBufferPointer(start: base + at + FrameHeader.size, count: Int(header.length))
                try reading(&met) { met in
                    switch FrameKind(rawValue: header.kind) {
                    case .message: try message(payload, &met)
                    case .smallMessage: try smallMessage(payload, &met)
                    case .dictionary: try dictionary(payload, &met)
                    case .commit: try commit(payload, &met)
                    case .footer: try footer(payload)
                    default: break
                    }
                }
                at += header.frameLength
            }
        }
    }

    /// What is refused is no failure, and the next frame is read.
    private static func reading(_ met: inout Set<Int>, _ body: (inout Set<Int>) throws -> Void) throws {
        do { try body(&met) } catch let error as FormatError { met.insert(FuzzTarget.feature(error)) }
    }

    private static func footer(_ payload: UnsafeRawBufferPointer) throws {
        let footer = try SegmentFooter(payload)
        try FuzzTarget.require(
            footer.encode().withBytes { (try? SegmentFooter($0)) == footer }, "a footer is not what it was")
    }

    private static func message(_ payload: UnsafeRawBufferPointer, _ met: inout Set<Int>) throws {
        let head = try MessageHead(payload, payloadLength: payload.count)
        met.insert(0x200 + min(head.chunks.count, 16))
        let stored = head.size + head.summaryStoredLength + head.chunks.reduce(0) { $0 + $1.storedLength }
        try FuzzTarget.require(
            stored == payload.count, "a head's parts have \(stored) bytes, the payload \(payload.count)")
        let body = head.chunks.indices.reduce(0) { $0 + head.chunkLength($1) }
        try FuzzTarget.require(body == head.messageSize, "chunks for \(body) bytes of \(head.messageSize)")
        var again = [UInt8](repeating: 0, count: head.size)
        again.withUnsafeMutableBytes { head.encode(into: $0.baseAddress!) }
        try FuzzTarget.require(
            again.withBytes { (try? MessageHead($0, payloadLength: payload.count))?.chunks } == head.chunks,
            "a head is not what it was")
    }

    private static func smallMessage(_ payload: UnsafeRawBufferPointer, _ met: inout Set<Int>) throws {
        let head = try SmallMessageHead(payload)
        met.insert(0x300 + (head.isPlain ? 1 : 0) + (head.seal == nil ? 0 : 2))
        try FuzzTarget.require(
            head.size + head.storedLength == payload.count,
            "head and block have \(head.size + head.storedLength) bytes, the payload \(payload.count)")
        var again = [UInt8](repeating: 0, count: head.size)
        again.withUnsafeMutableBytes { head.encode(into: $0.baseAddress!) }
        try FuzzTarget.require(again.elementsEqual(payload[..<head.size]), "a head is not what it was")
    }

    private static func dictionary(_ payload: UnsafeRawBufferPointer, _ met: inout Set<Int>) throws {
        let head = try DictionaryHead(payload)
        met.insert(0x310 + (head.isPlain ? 1 : 0))
        var again = [UInt8](repeating: 0, count: DictionaryHead.size)
        again.withUnsafeMutableBytes { head.encode(into: $0.baseAddress!) }
        try FuzzTarget.require(again.elementsEqual(payload[..<DictionaryHead.size]), "a head is not what it was")
    }

    private static func commit(_ payload: UnsafeRawBufferPointer, _ met: inout Set<Int>) throws {
        let header = try CommitHeader(payload)
        var reader = ByteReader(payload)
        _ = reader.take(CommitHeader.size)
        for _ in 0..<header.records {
            let before = reader.offset
            let record = try Record.decode(&reader)
            try FuzzTarget.require(reader.offset > before, "a record of no bytes")
            guard let record else {
                met.insert(3)
                continue
            }
            met.insert(0x300 + Int(record.kind.rawValue))
            var encoded: [UInt8] = []
            record.encode(into: &encoded)
            let again = encoded.withBytes { bytes in
                var reader = ByteReader(bytes)
                return (try? Record.decode(&reader)) ?? nil
            }
            try FuzzTarget.require(again == record, "a record is not what it was: \(record)")
        }
    }
}
