import MailModel
import TestSupport
import Testing
import VarveSimulation
import VarveFormat
import VarveSimulation

@testable import Varve

/// Bytes of an encrypted store that are not what was written, be it by chance or on purpose.
@Suite struct EncryptedDamageTests {
    private let path = Workload.path
    private let index = Workload.index

    private func finished() throws -> (SimulatedDisk, Summary) {
        let disk = SimulatedDisk()
        var workload = Workload(seed: 3, records: true) { EncryptedSample.encrypt(&$0, seed: 9) }
        try workload.run(on: disk)
        return (disk, try #require(workload.states[workload.acknowledged]))
    }

    private func open(_ disk: SimulatedDisk) throws(StoreError) -> Store {
        disk.kill()
        return try Store.open(at: path, EncryptedSample.options(disk, seed: 10))
    }

    private func failure(_ body: () throws -> Void) -> StoreError? {
        do {
            try body()
            return nil
        } catch {
            return error as? StoreError
        }
    }

    @Test func aFlippedBitIsAnErrorOrNoHarm() throws {
        let (pristine, expected) = try finished()
        let files = [Workload.superblock, index, Workload.segment(1), Workload.segment(2), "\(path)/\(FileNames.key)"]
        var random = SeededGenerator(seed: 12)
        var refused = 0
        for round in 0..<100 {
            let disk = pristine.afterPowerFailure(seed: 1)
            let file = files[round % files.count]
            let size = try #require(disk.size(file))
            let offset = Int.random(in: 0..<(Bool.random(using: &random) ? min(size, 4096) : size), using: &random)
            let bit = UInt8(1) << UInt8.random(in: 0...7, using: &random)
            disk.damage(file, at: offset) { $0 ^ bit }
            if round % 2 == 0 { try disk.remove(index) }
            let what = "\(file), offset \(offset), bit \(bit)"
            do throws(StoreError) {
                let store = try open(disk)
                let found = try? Summary(store)
                // A page that nobody had looked at may prove damaged now.
                if let found { #expect(found.difference(expected) == "", "\(what)") } else { refused += 1 }
                try? store.close()
            } catch {
                #expect(error.kind == .corrupt || error.kind == .unsupportedVersion, "\(what): \(error)")
                refused += 1
            }
        }
        #expect(refused > 10)
    }

    // MARK: With checksums made to hold

    private func frames(_ disk: SimulatedDisk, _ segment: UInt32, _ kind: FrameKind) throws -> [FrameHeader] {
        let bytes = try #require(disk.contents(Workload.segment(segment)))
        return bytes.withUnsafeBytes { bytes in
            var result: [FrameHeader] = []
            var at = SegmentHeader.size
            while at + FrameHeader.size <= bytes.count {
                let p = bytes.baseAddress! + at
                guard
                    let header = FrameHeader(
                        p, at: LogPosition(segment: segment, offset: UInt32(at)), tag: p.load32(28), limit: bytes.count - at)
                else { break }
                if header.kind == kind.rawValue { result.append(header) }
                at += header.frameLength
            }
            return result
        }
    }

    /// Changes a frame's payload, and sets the frame's checksum to what it then is.
    private func forge(_ disk: SimulatedDisk, _ frame: FrameHeader, _ change: (inout [UInt8]) -> Void) throws {
        let file = Workload.segment(frame.position.segment)
        let start = Int(frame.position.offset)
        let bytes = try #require(disk.contents(file))
        var payload = Array(bytes[(start + FrameHeader.size)..<(start + frame.frameLength)])
        change(&payload)
        var whole = [UInt8](repeating: 0, count: FrameHeader.size) + payload
        let checksum = payload.withBytes { crc32c(0, $0) }
        whole.withUnsafeMutableBytes { frame.encode(into: $0.baseAddress!, payloadChecksum: checksum) }
        for (i, byte) in whole.enumerated() { disk.damage(file, at: start + i) { _ in byte } }
    }

    @Test func recordsThatWereChangedAreRefused() throws {
        let (pristine, _) = try finished()
        let commits = try frames(pristine, 1, .commit)
        #expect(commits.count > 10)
        for (i, frame) in commits.enumerated() where i % 5 == 0 {
            for part in ["head", "seal", "records", "tag", "in the clear"] {
                let disk = pristine.afterPowerFailure(seed: 1)
                try forge(disk, frame) { payload in
                    switch part {
                    case "head": payload[8] ^= 1  // The time.
                    case "seal": payload[SealedRecords.sealOffset + 17] ^= 1
                    case "records": payload[SealedRecords.recordsOffset + 1] ^= 1
                    case "tag": payload[Int(frame.length) - 3] ^= 1
                    default: payload[20] = 0
                    }
                }
                try disk.remove(index)
                let error = failure { _ = try open(disk) }
                #expect(error?.kind == .corrupt, "\(part)")
                let place = "\(FileNames.segment(1)), offset \(frame.position.offset)"
                #expect(error?.message.contains(place) == true, "\(part): \(String(describing: error))")
            }
        }
    }

    /// A disk with one message of so many bytes on it.
    private func filled(_ size: Int) throws -> (disk: SimulatedDisk, message: Message) {
        let disk = SimulatedDisk()
        let store = try Store.open(at: path, EncryptedSample.options(disk, seed: 9))
        let text = Array(("Subject: sealed\r\n\r\n" + String(repeating: "line\r\n", count: size / 6)).utf8)
        let uid = try store.commit { tx in
            try tx.append(text, to: try store.mailbox("INBOX").id, internalDate: InternalDate(seconds: 0, zoneMinutes: 0))
        }
        let message = try #require(try store.mailbox("INBOX").view().message(uid))
        try store.close()
        return (disk, message)
    }

    @Test func aSmallMessageThatWasChangedIsRefused() throws {
        let (pristine, message) = try filled(600)
        let frame = try #require(try frames(pristine, 1, .smallMessage).first { $0.position == message.location })
        for part in ["block", "tag", "summary's length", "seal", "as it is"] {
            let disk = pristine.afterPowerFailure(seed: 1)
            try forge(disk, frame) { payload in
                switch part {
                case "block": payload[SmallMessageHead.fixedSize + Seal.size] ^= 1
                case "tag": payload[Int(frame.length) - 1] ^= 1
                case "summary's length": payload[0] ^= 1
                case "seal": payload[SmallMessageHead.fixedSize + 16] ^= 1
                default: payload[7] &= 0x7f
                }
            }
            let store = try open(disk)
            let error = failure { _ = try store.body(of: message).bytes() }
            #expect(error?.kind == .corrupt, "\(part)")
            let place = "\(FileNames.segment(1)), offset \(frame.position.offset)"
            #expect(error?.message.contains(place) == true, "\(part): \(String(describing: error))")
            try store.close()
        }
    }

    @Test func aBodyThatWasChangedIsRefused() throws {
        let (pristine, message) = try filled(20_000)
        let frame = try #require(try frames(pristine, 1, .message).first { $0.position == message.location })
        for part in ["summary", "chunk", "seal", "as it is"] {
            let disk = pristine.afterPowerFailure(seed: 1)
            try forge(disk, frame) { payload in
                // Copied: the buffer is changed below.
                let bytes = Array(payload[..<Int(frame.length)])
                var head = try! bytes.withBytes { bytes throws(FormatError) in
                    try MessageHead(bytes, payloadLength: bytes.count)
                }
                func sum(_ range: Range<Int>) -> UInt32 {
                    payload.withUnsafeBytes { crc32c(0, UnsafeRawBufferPointer(rebasing: $0[range])) }
                }
                let chunks = head.size + head.summaryStoredLength
                switch part {
                case "summary":
                    payload[head.size] ^= 1
                    head.summaryChecksum = sum(head.size..<chunks)
                case "chunk":
                    payload[chunks] ^= 1
                    head.chunks[0].checksum = sum(chunks..<(chunks + head.chunks[0].storedLength))
                case "seal": head.seal!.counter += 1
                default: head.seal = nil
                }
                payload.withUnsafeMutableBytes { head.encode(into: $0.baseAddress!) }
            }
            let store = try open(disk)
            var parts: [StoreError?] = []
            parts.append(failure { _ = try store.body(of: message).withSummary { _ in } })
            parts.append(failure { _ = try store.body(of: message).bytes() })
            let place = "\(FileNames.segment(1)), offset \(frame.position.offset)"
            let expected = [part != "chunk", part != "summary"]
            #expect(parts.map { $0?.kind == .corrupt } == expected, "\(part): \(parts)")
            for error in parts.compactMap({ $0 }) { #expect(error.message.contains(place), "\(part): \(error)") }
            try store.close()
        }
    }

    @Test(arguments: ["page", "tag", "seal", "other"]) func pagesThatWereChangedAreBuiltAnew(part: String) throws {
        let (disk, expected) = try finished()
        let bytes = try #require(disk.contents(index))
        var pages = 0
        for number in 1..<(bytes.count / SealedPage.stride) {
            let start = number * SealedPage.stride
            var page = Array(bytes[start..<(start + SealedPage.stride)])
            page.withUnsafeMutableBytes { page in
                let p = page.baseAddress!
                let tag = p.load32(Format.pageSize + 48)
                guard let seal = try? SealedPage.validate(p, number: UInt32(number), tag: tag) else { return }
                switch part {
                case "page": p.store8(p.load8(77) ^ 1, 77)
                case "tag": p.store8(p.load8(SealedPage.tagOffset) ^ 1, SealedPage.tagOffset)
                case "seal": break
                default:
                    // A genuine page, of another place.
                    let from = (number == 1 ? 2 : 1) * SealedPage.stride
                    bytes.withUnsafeBytes { p.copyMemory(from: $0.baseAddress! + from, byteCount: SealedPage.stride) }
                }
                var sealed = part == "other" ? Seal(p + SealedPage.sealOffset) : seal
                if part == "seal" { sealed.counter += 1 }
                SealedPage.finish(p, number: UInt32(number), seal: sealed, tag: tag)
                pages += 1
            }
            for (i, byte) in page.enumerated() { disk.damage(index, at: start + i) { _ in byte } }
        }
        #expect(pages > 5)
        let store = try open(disk)
        #expect(store.writer.superblock.indexNumber == 2)
        #expect(try Summary(store).difference(expected) == "")
        #expect(Check.run(store).isEmpty)
        try store.close()
    }
}
